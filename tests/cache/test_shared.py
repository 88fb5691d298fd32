"""The cache shared by processes: no process repeats the synthesis of another."""

import os
import re
import signal
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server, Settings, serving, until
from tests.support.sound import assert_speech, decode
from tests.support.voices import install_joe
from vits_tts.cache.memory import MemoryCache
from vits_tts.cache.redis_client import RedisClient
from vits_tts.cache.redis_sentences import Lock, RedisSentences
from vits_tts.cache.sentence_store import SentenceStore
from vits_tts.cache.serialization import VERSION, pack
from vits_tts.cache.time_budget import TimeBudget
from vits_tts.config import EMBEDDED_VOICE, MemoryCacheSettings, RedisCacheSettings
from vits_tts.scheduling.urgency import Urgency
from vits_tts.types import Pcm
from vits_tts.voice import manifest

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá."


@dataclass(frozen=True)
class Wanted:
    """A sentence that is requested."""

    voice: str
    key: str
    make: Callable[[Callable[[], Urgency]], AsyncGenerator[Pcm, None]]
    work: float


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Run one Redis."""
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


def settings_for(redis: RedisServer, **more: object) -> Settings:
    """Return settings of a server with this Redis, with long timeouts for a busy machine."""
    shared = {"url": redis.url, "command_timeout": 2, "connect_timeout": 2, **more}
    return {"cache": {"redis": shared}, "logging": {"level": "debug"}}


@pytest.fixture(scope="module")
def pair(
    redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Run two servers that share it, each with its own files."""
    settings = {**settings_for(redis), "vbee": {"voices": {"hn_female": EMBEDDED_VOICE}}}
    with ExitStack() as stack:
        folders = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
        one, two = (stack.enter_context(serving(folder, settings)) for folder in folders)
        yield one, two


@pytest.fixture(scope="module")
def slow(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server whose voice takes seconds, and which waits that long for other processes."""
    folder = tmp_path_factory.mktemp("slow")
    install_joe(folder / "voices")
    settings = settings_for(redis, command_timeout=20)
    with serving(
        folder, {**settings, "voice": {"name": "joe", "threads": 1, "length_scale": 3}}
    ) as server:
        yield server


def metric(server: Server, name: str, **labels: str) -> float:
    """Return a metric's value; 0 if it was never counted."""
    page = httpx.get(f"{server.url}/metrics").text
    wanted = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    pattern = rf"^{name}{re.escape('{' + wanted + '}') if wanted else ''} (\S+)$"
    found = re.search(pattern, page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def stream(server: Server, text: str) -> bytes:
    """Return the samples of a text."""
    response = httpx.get(f"{server.url}/tts/stream", params={"text": text}, timeout=60)
    assert response.status_code == 200
    assert_speech(decode(response.content, streamed=True), shortest=0.2, longest=60)
    return response.content[44:]


def scripts_run(redis: RedisServer) -> int:
    """Return how many scripts Redis has run: each command about a lock is one."""
    with redis.client() as client:
        return int(client.info("commandstats").get("cmdstat_eval", {}).get("calls", 0))


def stored(redis: RedisServer, count: int) -> None:
    """Wait until this many sentences are in Redis."""
    until(lambda: len(redis.keys("vits-tts:s*")) >= count, f"{count} sentences stored")


def test_what_one_has_said_the_other_does_not_make(
    pair: tuple[Server, Server], redis: RedisServer
) -> None:
    """The second server returns the first one's samples without inference, by its metrics."""
    one, two = pair
    with redis.client() as client:
        client.flushall()
    first = stream(one, TEXT)
    stored(redis, 2)
    assert metric(one, "vits_tts_syntheses_total") == 2
    assert stream(two, TEXT) == first
    assert metric(two, "vits_tts_syntheses_total") == 0
    assert metric(two, "vits_tts_cache_lookups_total", outcome="hit", tier="redis") == 2
    assert metric(two, "vits_tts_cache_redis_bytes_total", direction="in") > 1000
    line = two.wait_for("request", route="stream")[-1]
    assert (line["cache_hits"], line["real_time_factor"]) == (2, None)
    assert stream(two, TEXT) == first
    assert metric(two, "vits_tts_cache_lookups_total", outcome="hit", tier="memory") == 2
    assert metric(two, "vits_tts_cache_memory_bytes") > 10_000


def test_times_come_along(pair: tuple[Server, Server], redis: RedisServer) -> None:
    """Times are the same from synthesis, memory, Redis and an existing file."""
    one, two = pair
    query = {"text": "Giá 35k, tăng 15,2%. Hẹn gặp lại lúc 7h30!", "timestamps": "true"}
    before = len(redis.keys("vits-tts:s*")), metric(two, "vits_tts_syntheses_total")

    def times(server: Server) -> dict[str, Any]:
        answer = httpx.get(f"{server.url}/tts", params=query, timeout=60).json()
        return dict(answer["timestamps"])

    made, kept = times(one), times(one)
    stored(redis, before[0] + 2)
    shared, again = times(two), times(two)
    assert made["sentences"][0]["words"][1]["spoken"] == "ba"
    assert made == kept == shared == again
    assert metric(two, "vits_tts_syntheses_total") == before[1]


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "aac", "alaw"])
def test_files_are_made_again_by_any_replica(
    pair: tuple[Server, Server], redis: RedisServer, name: str
) -> None:
    """Another server serves the same file with the same bytes, ranges and ETag."""
    one, two = pair
    params: dict[str, str] = {"text": "Một tệp cho hai máy.", "format": name}
    params["sample_rate"] = "24000"
    answer = httpx.get(f"{one.url}/tts", params=params).json()
    until(lambda: redis.keys(f"vits-tts:r*:{answer['hash']}"), "recipe")
    stored(redis, 1)
    path = f"/audio/{answer['hash']}.{name}"
    here, there = (httpx.get(f"{server.url}{path}") for server in (one, two))
    assert there.status_code == 200
    assert there.content == here.content
    assert there.headers["ETag"] == here.headers["ETag"]
    part = httpx.get(f"{two.url}{path}", headers={"Range": "bytes=44-99"})
    assert (part.status_code, part.content) == (206, here.content[44:100])
    unknown = httpx.get(f"{two.url}/audio/{'0' * 40}.wav")
    assert unknown.status_code == 404


def test_a_replica_knows_the_files_of_others(pair: tuple[Server, Server]) -> None:
    """A client of Vbee's interface may ask any replica for the state of its request."""
    one, two = pair
    asked = {"text": "Một tệp, hỏi hai máy.", "mode": "async", "outputFormat": "wav"}
    request_id = httpx.post(f"{one.url}/v1/tts", json=asked).json()["requestId"]
    path = f"/v1/tts/requests/{request_id}"

    def link() -> str | None:
        told: str | None = httpx.get(f"{two.url}{path}").json().get("audioLink")
        return told

    url = two.wait_until(link, "the file of the other")
    assert url is not None
    assert url.startswith(two.url)
    assert httpx.get(url).content.startswith(b"RIFF")
    asked["text"] = "..."  # a file of silence
    quiet = httpx.post(f"{one.url}/v1/tts", json=asked).json()["requestId"]
    url = two.wait_until(
        lambda: httpx.get(f"{two.url}/v1/tts/requests/{quiet}").json().get("audioLink"), "silence"
    )
    assert not any(httpx.get(url).content[44:])
    other = path.replace("-wav-", "-mp3-")
    assert httpx.get(f"{two.url}{other}").json()["status"] == "IN_PROGRESS"


def test_many_callers_one_synthesis(pair: tuple[Server, Server]) -> None:
    """Fifty simultaneous requests for one text cost one synthesis."""
    server, _ = pair
    text = "Năm mươi người cùng nghe một câu này vào cùng một lúc."
    before = metric(server, "vits_tts_syntheses_total")
    with ThreadPoolExecutor(50) as threads:
        heard = set(threads.map(lambda _: stream(server, text), range(50)))
    assert metric(server, "vits_tts_syntheses_total") - before == 1
    assert metric(server, "vits_tts_cache_lookups_total", outcome="hit", tier="flight") > 0
    assert len(heard) == 1


def test_what_another_is_making_is_waited_for(slow: Server, redis: RedisServer) -> None:
    """A server waits for a sentence that another process is making, and returns its samples."""
    text = " ".join(["máy khác đang đọc câu này"] * 7)
    made = Pcm(np.tile(np.array([3000, -3000], np.int16), 8000), 16000)

    def store_as_another(key: str) -> None:
        with redis.client() as client:
            client.set(f"{key.replace(':lock:', f':s{VERSION}:')}", pack(made))
            client.delete(key)

    stream(slow, text)  # once, to learn the name of its lock
    (name,) = (line["key"] for line in slow.lines("cache miss")[-1:])
    voice = manifest.read(slow.log.parent / "voices" / "joe.onnx").short_digest
    lock = f"vits-tts:lock:{voice}:{{{name}}}"
    until(lambda: redis.keys(lock.replace("lock", f"s{VERSION}")), "stored")
    with redis.client() as client:
        client.flushall()
        client.incr("vits-tts:epoch")  # memory is cleared too
        until(lambda: metric(slow, "vits_tts_cache_memory_bytes") == 0, "cleared")
        client.set(lock, "another", px=60_000)
    waits = metric(slow, "vits_tts_cache_lock_wait_seconds_count")
    before = metric(slow, "vits_tts_syntheses_total")
    scripts = scripts_run(redis)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(stream, slow, text)
        until(lambda: scripts_run(redis) > scripts, "the question for the lock")
        store_as_another(lock)
        assert waiting.result() == made.samples.tobytes()
    assert metric(slow, "vits_tts_syntheses_total") == before
    assert metric(slow, "vits_tts_cache_lock_wait_seconds_count") == waits + 1


async def test_what_came_between_looking_and_locking_is_not_made_again(redis: RedisServer) -> None:
    """A sentence that is stored just before the lock is taken is not made again.

    It is read after the lock was taken, and the lock is released.
    """
    made = Pcm(np.full(1000, 7, np.int16), 16000)

    async def nobody(_: object) -> AsyncGenerator[Pcm, None]:
        raise AssertionError("made again")
        yield made

    other = RedisSentences(RedisClient(RedisCacheSettings(url=redis.url, command_timeout=5)))

    class Late(RedisSentences):
        looked = False

        async def get(self, voice: str, key: str, patience: TimeBudget) -> Pcm | None:
            if self.looked:
                return await super().get(voice, key, patience)
            self.looked = True
            lock = await other.lock(voice, key, other.client.patience())
            assert isinstance(lock, Lock)
            assert not lock.stored
            await other._store(voice, key, made, lock)
            return None

    tier = Late(RedisClient(RedisCacheSettings(url=redis.url, command_timeout=5)))
    sentences = SentenceStore(MemoryCache(MemoryCacheSettings()), tier)
    wanted = Wanted("v", "between", make=nobody, work=1.0)
    found, lock = await sentences._found_or_locked(tier, wanted, tier.client.patience())
    await tier.client.finish()
    free = isinstance(await other.lock("v", "between", other.client.patience()), Lock)
    await other.client.finish()
    assert found is not None
    assert found.samples.tolist() == made.samples.tolist()
    assert (lock, free) == (None, True)


def test_one_of_several_may_leave(slow: Server, redis: RedisServer) -> None:
    """One of several clients may leave; the work ends when the last one leaves."""
    sentence = " ".join(["một hai ba bốn năm sáu bảy"] * 7)
    before = metric(slow, "vits_tts_syntheses_total")
    misses = len(slow.lines("cache miss"))
    with ThreadPoolExecutor(2) as threads:
        staying = threads.submit(stream, slow, sentence)
        slow.wait_for("cache miss", misses + 1)
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{slow.url}/tts/stream", params={"text": sentence}, timeout=0.05)
        assert staying.result(60)
        assert metric(slow, "vits_tts_syntheses_total") == before + 1
        other = sentence.replace("một", "mười")
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{slow.url}/tts/stream", params={"text": other}, timeout=0.1)
        slow.wait_for("request", status=499, cache_joins=0)
        until(lambda: not redis.keys("vits-tts:lock:*"), "the lock's release")
        assert metric(slow, "vits_tts_syntheses_total") == before + 1


def test_a_holder_that_dies_is_replaced(redis: RedisServer, tmp_path: Path) -> None:
    """A waiting process takes over when another is killed during synthesis.

    This takes no longer than the lock's time, and one synthesis.
    """
    for name in ("one", "two"):
        install_joe(tmp_path / name / "voices")
    settings = {
        **settings_for(redis, lock_seconds=3),
        "voice": {"name": "joe", "threads": 1},
    }
    sentence = " ".join(["chín tám bảy sáu năm bốn ba"] * 8)
    with serving(tmp_path / "one", settings) as one, serving(tmp_path / "two", settings) as two:
        with ThreadPoolExecutor(2) as threads:
            lost = threads.submit(
                httpx.get, f"{one.url}/tts/stream", params={"text": sentence}, timeout=60
            )
            until(lambda: redis.keys("vits-tts:lock:*"), "the lock")
            waiting = threads.submit(stream, two, sentence)
            two.wait_for("cache miss", tier="memory")
            os.kill(one.workers()[0], signal.SIGKILL)
            assert waiting.result(60)
            assert lost.exception()
        took = two.wait_for("request", route="stream")[-1]["total_ms"] / 1000
        made = stream(two, sentence.replace("chín", "mười"))
        assert made
        once = two.wait_for("request", 2, route="stream")[-1]["total_ms"] / 1000
        assert took < 3 + 2 * once + 1


async def test_a_slow_holder_cannot_overwrite(redis: RedisServer) -> None:
    """A value from a process that has lost its lock is not stored."""

    def speech(value: int) -> Pcm:
        return Pcm(np.full(1000, value, np.int16), 16000)

    settings = RedisCacheSettings(url=redis.url, lock_seconds=0.1, command_timeout=5)
    tier = RedisSentences(RedisClient(settings))
    key = "slow"
    slow = await tier.lock("v", key, tier.client.patience())
    assert isinstance(slow, Lock)
    assert await tier.lock("v", key, tier.client.patience()) == "held"
    until(lambda: not redis.keys(slow.name), "the lock's end")
    quick = await tier.lock("v", key, tier.client.patience())
    assert isinstance(quick, Lock)
    await tier._store("v", key, speech(1), slow)
    between = await tier.get("v", key, tier.client.patience())
    await tier._store("v", key, speech(2), quick)
    await tier._store("v", key, speech(3), slow)
    after = await tier.get("v", key, tier.client.patience())
    assert between is None
    assert after
    await tier.client.finish()
    assert list(set(after.samples.tolist())) == [2]


def test_no_redis_everything_works(tmp_path: Path) -> None:
    """Without an address there is only the memory cache, and everything else works the same."""
    with serving(tmp_path) as server:
        assert stream(server, TEXT) == stream(server, TEXT)
        assert metric(server, "vits_tts_syntheses_total") == 2
        assert httpx.get(f"{server.url}/readyz").json()["status"] == "ready"
