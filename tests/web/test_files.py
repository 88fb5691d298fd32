"""The folder of audio files: access, size, and files from other processes."""

import os
import signal
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import pytest

from tests.support.load import LONG
from tests.support.redis import redis_server
from tests.support.server import Server, Settings, serving, until
from tests.support.sound import decode
from tests.support.voices import install_joe, install_pair
from vits_tts.cache.key import encoded_hash, file_hash, sentence_key, speech_hash
from vits_tts.types import Level
from vits_tts.voice import manifest
from vits_tts.web.auth.api_keys import make_key

MIB = 1024 * 1024
LEVEL = Level(loudness=-19.0)
"""That of the default settings."""
TEXT = "mot hai ba bon nam"


@contextmanager
def speaking(
    folder: Path,
    audio: dict[str, Any] | None = None,
    workers: int = 1,
    **more: Any,
) -> Iterator[Server]:
    """Run a server with a fast voice."""
    if not (folder / "voices").exists():
        install_pair(folder / "voices")
    settings: Settings = {
        "server": {"workers": workers},
        "voice": {"name": "pair"},
        "audio": audio or {},
        **more,
    }
    with serving(folder, settings) as server:
        yield server


def said(server: Server, text: str = TEXT, **headers: str) -> str:
    """Return the hash of a text's file."""
    answer = httpx.post(f"{server.url}/tts", json={"text": text}, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["hash"])


def fetched(server: Server, audio_hash: str, **headers: str) -> httpx.Response:
    """Request a file."""
    return httpx.get(f"{server.url}/audio/{audio_hash}.wav", headers=headers, timeout=60)


def total(folder: Path) -> int:
    """Return the bytes of sound in a folder, including unfinished files."""
    size = 0
    for path in folder.iterdir():
        if path.suffix in {".wav", ".part"}:
            try:
                size += path.stat().st_size
            except FileNotFoundError:  # removed just now
                continue
    return size


# --- access --------------------------------------------------------------------------------------


def test_nobody_can_work_out_a_hash(tmp_path: Path) -> None:
    """A hash cannot be computed from the text, the voice and the program."""
    with speaking(tmp_path / "server") as server:
        voice = manifest.read(tmp_path / "server" / "voices" / "pair.onnx")
        sentence = httpx.get(f"{server.url}/normalize", params={"text": TEXT}).json()["sentences"][
            0
        ]
        key = sentence_key(voice.digest, sentence["text"], voice.prosody(), LEVEL)
        guess = speech_hash([(key, sentence["pause"])], voice.sample_rate)
        assert said(server) != guess
        assert fetched(server, guess).status_code == 404
        assert len(said(server)) == 40


def test_a_hash_stays(tmp_path: Path) -> None:
    """The same words have the same hash after a restart; only the owner can read the secret."""
    hashes = []
    for _ in range(2):
        with speaking(tmp_path / "server", workers=2) as server:
            hashes += [said(server) for _ in range(4)]
    assert len(set(hashes)) == 1
    secret = tmp_path / "server" / "audio" / ".secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    with speaking(tmp_path / "other") as server:
        assert said(server) not in hashes


def test_replicas_may_be_given_a_secret(tmp_path: Path) -> None:
    """Servers with the same secret have equal hashes without sharing anything else."""
    hashes = {}
    for name, secret in (("one", "a" * 16), ("two", "a" * 16), ("three", "b" * 16)):
        with speaking(tmp_path / name, {"secret": secret}) as server:
            hashes[name] = said(server)
        assert not (tmp_path / name / "audio" / ".secret").exists()
    assert hashes["one"] == hashes["two"] != hashes["three"]


def test_replicas_agree_through_redis(tmp_path: Path) -> None:
    """Servers that share a Redis have equal hashes, even if it was emptied or is away."""
    with redis_server(tmp_path / "redis") as redis:
        cache = {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}}
        with (
            speaking(tmp_path / "one", cache=cache) as one,
            speaking(tmp_path / "two", cache=cache) as two,
        ):
            expected = said(one)
            until(lambda: redis.keys("vits-tts:r*"), "the recipe")
            assert fetched(two, expected).status_code == 200  # which has made no file itself
            assert said(two) == expected
            with redis.client() as client:
                client.flushall()
            with speaking(tmp_path / "one", cache=cache) as again:
                assert said(again) == expected
            with speaking(tmp_path / "three", cache=cache) as three:
                assert said(three) == expected
        redis.stop()
        with speaking(tmp_path / "two", cache=cache) as alone:
            assert said(alone) == expected


def test_a_key_may_be_part_of_the_hash(tmp_path: Path) -> None:
    """With `audio.hash_per_key` clients share no file, and another replica makes the same one."""
    keys = {owner: make_key(owner) for owner in ("an", "binh")}
    access = {"keys": [line for _, line in keys.values()]}
    with redis_server(tmp_path / "redis") as redis:
        more: dict[str, Any] = {
            "access": access,
            "cache": {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}},
        }
        audio = {"hash_per_key": True}
        with (
            speaking(tmp_path / "one", audio, **more) as one,
            speaking(tmp_path / "two", audio, **more) as two,
        ):
            headers = {owner: {"X-API-Key": key} for owner, (key, _) in keys.items()}
            hashes = {owner: said(one, **headers[owner]) for owner in keys}
            assert hashes["an"] != hashes["binh"]
            until(lambda: len(redis.keys("vits-tts:r*")) == 2, "the recipes")
            for owner, audio_hash in hashes.items():
                assert fetched(two, audio_hash, **headers[owner]).status_code == 200
                assert said(two, **headers[owner]) == audio_hash


def test_guessing_is_limited(tmp_path: Path) -> None:
    """A client that requests many unknown files has to wait, and other clients do not."""
    with speaking(tmp_path / "server", {"misses_per_minute": 5}) as server:
        known = said(server)
        guesser, other = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
        answers = [fetched(server, f"{number:040x}", **guesser) for number in range(12)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:5] == [404] * 5
        assert set(statuses[6:]) <= {404, 429}  # the next minute may have begun
        assert 429 in statuses
        refused = answers[statuses.index(429)]
        assert refused.json()["error"]["code"] == "rate_limited"
        assert 1 <= int(refused.headers["Retry-After"]) <= 120
        assert fetched(server, known, **guesser).status_code == 429  # a hit would reveal as much
        assert fetched(server, known, **other).status_code == 200
        assert said(server, **guesser) == known
        assert 'vits_tts_rate_limited_total{limit="misses"}' in server.metrics()


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    """No other user of the machine may read the files.

    Open permissions of files from older versions are corrected.
    """
    folder = tmp_path / "server" / "audio"
    before = os.umask(0)
    try:
        with speaking(tmp_path / "server") as server:
            first = folder / f"{said(server)}.wav"
            modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert modes == {0o600}
            first.chmod(0o644)
        with speaking(tmp_path / "server") as server:
            server.wait_until(lambda: stat.S_IMODE(first.stat().st_mode) == 0o640, "closed")
    finally:
        os.umask(before)


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "folder"])
def test_only_ordinary_files_are_sent(tmp_path: Path, kind: str) -> None:
    """A link, a pipe or a folder in place of a file is refused; nothing hangs or leaks."""
    folder = tmp_path / "server" / "audio"
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"not for everybody")
    with speaking(tmp_path / "server") as server:
        path = folder / f"{said(server)}.wav"
        path.unlink()
        if kind == "link":
            path.symlink_to(outside)
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            os.mknod(path, stat.S_IFSOCK | 0o600)
        else:
            path.mkdir()
        assert fetched(server, path.stem).status_code == 404
        again = httpx.post(f"{server.url}/tts", json={"text": TEXT}, timeout=60)
        if kind == "folder":
            assert (again.status_code, again.json()["error"]["code"]) == (507, "storage_failed")
        else:  # which a rename replaces
            assert again.status_code == 200
            decode(fetched(server, path.stem).content)
        assert outside.read_bytes() == b"not for everybody"
        assert said(server, "sau bay tam")
        assert not list(folder.glob(".*.part"))


# --- content -------------------------------------------------------------------------------------

HEADERLESS: list[dict[str, Any]] = [
    {"format": name, **rate}
    for name in ("pcm", "mulaw", "alaw")
    for rate in ({}, {"sample_rate": 16000}, {"sample_rate": 48000})
]


def audio_url(server: Server, asked: dict[str, Any]) -> str:
    """Return the path of a file in a format."""
    answer = httpx.post(f"{server.url}/tts", json={"text": TEXT, **asked}, timeout=60).json()
    return str(httpx.URL(answer["audio_url"]).path)


def content_types(server: Server, path: str) -> set[str]:
    """Return the content types of a file, of a part of it, and of a HEAD request."""
    url = f"{server.url}{path}"
    answers = [
        httpx.get(url),
        httpx.get(url, headers={"Range": "bytes=0-9"}),
        httpx.head(url),
    ]
    assert [answer.status_code for answer in answers] == [200, 206, 200]
    return {answer.headers["Content-Type"] for answer in answers}


def test_samples_without_a_header_have_a_rate(tmp_path: Path) -> None:
    """Raw samples have the Content-Type of a stream.

    This also holds after a restart and from another replica.
    """
    with redis_server(tmp_path / "redis") as redis:
        cache = {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}}
        expected: dict[str, str] = {}
        with speaking(tmp_path / "one", cache=cache) as server:
            for asked in HEADERLESS:
                query = {"text": TEXT, **asked}
                stream = httpx.post(f"{server.url}/tts/stream", json=query, timeout=60)
                path = audio_url(server, asked)
                expected[path] = stream.headers["Content-Type"]
                assert content_types(server, path) == {expected[path]}
            until(lambda: len(redis.keys("vits-tts:r*")) == len(HEADERLESS), "the recipes")
        assert len(set(expected.values())) == len(expected) == len(HEADERLESS)
        assert {"audio/pcm; rate=16000", "audio/PCMU; rate=48000"} <= set(expected.values())
        with speaking(tmp_path / "two", cache=cache) as other:  # which makes them from recipes
            assert {path: content_types(other, path) for path in expected} == {
                path: {media_type} for path, media_type in expected.items()
            }
    with speaking(tmp_path / "one") as again:
        for path, media_type in expected.items():
            assert content_types(again, path) == {media_type}


def test_older_samples_without_a_header(tmp_path: Path) -> None:
    """Files of raw samples from older versions get their rate from Redis.

    If Redis does not know it, they are sent without a rate.
    """
    asked = {"format": "mulaw", "sample_rate": 16000}
    with redis_server(tmp_path / "redis") as redis:
        cache = {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}}
        with speaking(tmp_path / "one", cache=cache) as server:
            path = PurePosixPath(audio_url(server, asked))
            (recipe_key,) = until(lambda: redis.keys("vits-tts:r*"), "the recipe")
            folder = tmp_path / "one" / "audio"
            voice = manifest.read(tmp_path / "one" / "voices" / "pair.onnx")
            query = {"text": TEXT}
            (sentence,) = httpx.get(f"{server.url}/normalize", params=query).json()["sentences"]
            key = sentence_key(voice.digest, sentence["text"], voice.prosody(), LEVEL)
            plain = speech_hash([(key, sentence["pause"])], voice.sample_rate)
            secret = (folder / ".secret").read_text().strip()
            old = file_hash(secret, encoded_hash(plain, "mulaw", 16000, None))
            assert old[:30] == path.stem[:30]
            (folder / path.name).rename(folder / f"{old}.mulaw")
            with redis.client() as client:
                client.rename(recipe_key, recipe_key.decode().replace(path.stem, old))
            assert content_types(server, f"/audio/{old}.mulaw") == {"audio/PCMU; rate=16000"}
            (folder / f"{old}.mulaw").unlink()  # made again, from the recipe
            assert content_types(server, f"/audio/{old}.mulaw") == {"audio/PCMU; rate=16000"}
    with speaking(tmp_path / "one") as alone:
        assert content_types(alone, f"/audio/{old}.mulaw") == {"audio/PCMU"}
        assert content_types(alone, audio_url(alone, asked)) == {"audio/PCMU; rate=16000"}


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "aac"])
def test_a_damaged_file_is_made_again(tmp_path: Path, name: str) -> None:
    """A damaged file is replaced by the next request for its text."""
    query = {"text": TEXT, "format": name}
    with speaking(tmp_path / "server") as server:
        first = httpx.post(f"{server.url}/tts", json=query, timeout=60).json()
        path = tmp_path / "server" / "audio" / f"{first['hash']}.{name}"
        whole = path.read_bytes()
        for damage in (b"", b"RIFF", b"no sound " * 500 if name != "wav" else b""):
            path.write_bytes(damage)
            again = httpx.post(f"{server.url}/tts", json=query, timeout=60)
            assert (again.status_code, again.json()) == (200, first)
            assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["wav", "flac", "aac"])
def test_a_file_that_is_deleted_at_once(tmp_path: Path, name: str) -> None:
    """Another process may delete a new file for one of its own: its request succeeds all the same.

    Its length must not depend on the file still being there.
    """
    folder = tmp_path / "server" / "audio"
    deleted, enough = set[str](), threading.Event()

    def delete() -> None:
        while not enough.is_set():
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(name):
                        Path(entry.path).unlink()
                        deleted.add(entry.name)

    with speaking(tmp_path / "server") as server:
        said(server)
        deleting = threading.Thread(target=delete)
        deleting.start()
        try:
            for number in range(40):
                query = {"text": f"so {number}", "format": name}
                answer = httpx.post(f"{server.url}/tts", json=query, timeout=60)
                assert answer.status_code == 200, answer.text
                assert 0.1 < answer.json()["seconds"] < 60
            until(lambda: len(deleted) >= 40, "the last file to be deleted")
        finally:
            enough.set()
            deleting.join()


# --- size ----------------------------------------------------------------------------------------


def test_the_limit_counts_what_is_being_written(tmp_path: Path) -> None:
    """The folder stays within its limit at all times while two workers write many long files."""
    audio = {"max_bytes": MIB}
    folder = tmp_path / "server" / "audio"
    most, enough = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not enough.is_set():
            if folder.exists():
                most = max(most, total(folder))

    with speaking(tmp_path / "server", audio, workers=2) as server:
        watching = threading.Thread(target=watch)
        watching.start()
        long = "mot hai ba bon nam sau bay. " * 30

        def ask(number: int) -> int:
            """Ask until there is room; return the number of refusals."""
            for refusals in range(1000):
                query = {"text": f"so {number}. {long}"}
                answer = httpx.post(f"{server.url}/tts", json=query, timeout=120)
                if answer.status_code == 200:
                    return refusals
                assert answer.status_code == 503, answer.text
                assert answer.json()["error"]["code"] == "busy"
                threading.Event().wait(0.1)
            raise AssertionError("never any room")

        with ThreadPoolExecutor(8) as callers:
            refusals = sum(callers.map(ask, range(24)))
        enough.set()
        watching.join()
        assert MIB / 4 < most <= MIB
        assert refusals
        server.wait_until(lambda: not list(folder.glob(".*.part")), "nothing unfinished")
        assert said(server, "mot") == said(server, "mot")
        assert "vits_tts_audio_files_dropped_total" in server.metrics()


def test_a_large_file_in_place_of_very_many(tmp_path: Path) -> None:
    """A large file can replace more small files than one sweep can remember."""
    folder = tmp_path / "server" / "audio"
    folder.mkdir(parents=True)
    for number in range(10_000):
        (folder / f"{number:040x}.wav").write_bytes(bytes(100))
    with speaking(tmp_path / "server", {"max_bytes": MIB}) as server:
        long = "mot hai ba bon nam sau bay. " * 60
        kept = said(server, long)
        assert fetched(server, kept).status_code == 200
        assert total(folder) <= MIB
        assert len(list(folder.glob("*.wav"))) < 5_000


def test_too_long_for_a_file(tmp_path: Path) -> None:
    """A text that is too long for a file gets 413, before synthesis where this can be known."""
    more: dict[str, Any] = {
        "server": {"workers": 1, "max_text_chars": 100_000},
        "cache": {"memory": {"max_bytes": 0}},
    }
    with speaking(tmp_path / "server", {"max_bytes": MIB}, **more) as server:
        kept = said(server)

        def code(text: str) -> tuple[int, str, str]:
            answer = httpx.post(f"{server.url}/tts", json={"text": text}, timeout=120)
            error = answer.json()["error"]
            return answer.status_code, error["code"], error["field"]

        def syntheses() -> str:
            lines = server.metrics().splitlines()
            return next(line for line in lines if line.startswith("vits_tts_syntheses_total "))

        somewhat = "mot hai ba bon nam sau bay. " * 230
        assert code(somewhat) == (413, "speech_too_long", "text")
        folder = tmp_path / "server" / "audio"
        server.wait_until(lambda: not list(folder.glob(".*.part")), "nothing is left of it")
        before = syntheses()
        assert code(somewhat * 15) == (413, "speech_too_long", "text")
        assert syntheses() == before
        assert fetched(server, kept).status_code in {200, 404}
        assert said(server) == kept
        stream = httpx.post(f"{server.url}/tts/stream", json={"text": somewhat}, timeout=120)
        assert len(stream.content) > MIB


def test_many_callers_one_file(tmp_path: Path) -> None:
    """The same text for many clients at once is written once and reserves space once."""
    with speaking(tmp_path / "server", {"max_bytes": MIB}) as server:
        long = "mot hai ba bon nam sau bay. " * 30
        with ThreadPoolExecutor(16) as callers:
            hashes = list(callers.map(lambda _: said(server, long), range(16)))
        assert len(set(hashes)) == 1


# --- files of other processes --------------------------------------------------------------------


def test_what_a_killed_worker_was_writing_goes(tmp_path: Path) -> None:
    """A new worker deletes unfinished files of a killed one and releases their reserved space."""
    folder = tmp_path / "server" / "audio"
    install_joe(tmp_path / "server" / "voices")
    settings: Settings = {"server": {"workers": 1}, "voice": {"name": "joe", "threads": 1}}
    with serving(tmp_path / "server", settings) as server:
        asking = threading.Thread(target=lambda: _ignored(server, LONG * 2), daemon=True)
        asking.start()
        parts = server.wait_until(lambda: list(folder.glob(".*.*.part")), "a file that is begun")
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        server.wait_until(lambda: not parts[0].exists(), "nothing left of it")
        assert said(server)
        page = server.metrics()
        assert 'vits_tts_audio_files_dropped_total{reason="unfinished"} 1.0' in page
        size = next(line for line in page.splitlines() if line.startswith("vits_tts_audio_files_b"))
        assert float(size.split()[-1]) == total(folder)


def _ignored(server: Server, text: str) -> None:
    try:
        httpx.post(f"{server.url}/tts", json={"text": text}, timeout=60)
    except httpx.HTTPError:
        return


def test_a_folder_that_is_removed(tmp_path: Path) -> None:
    """A removed folder is made again for the next file, and hashes stay the same."""
    folder = tmp_path / "server" / "audio"
    with speaking(tmp_path / "server") as server:
        first = said(server)
        moved = folder.rename(tmp_path / "moved")
        assert fetched(server, first).status_code == 404
        assert said(server) == first
        assert fetched(server, first).content == (moved / f"{first}.wav").read_bytes()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
