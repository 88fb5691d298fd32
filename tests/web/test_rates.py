"""Rate limits: requests and characters, by key or address, shared through Redis."""

import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.conftest import Starter
from tests.support.redis import redis_server
from tests.support.server import Server, Settings, serving, until
from tests.support.voices import install_pair
from vits_tts.web.auth.api_keys import make_key


def settings(folder: Path, **access: object) -> Settings:
    """Return settings of a fast server with limits."""
    install_pair(folder / "voices")
    return {"voice": {"name": "pair"}, "access": access, "server": {"max_text_chars": 100}}


def early_in_a_minute() -> None:
    """Wait until the next requests are sure to fall into one window of the server."""
    if (left := 60 - time.time() % 60) < 12:
        threading.Event().wait(left)


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that takes five requests in a minute from each caller."""
    folder = tmp_path_factory.mktemp("five")
    with serving(folder, settings(folder, requests_per_minute=5)) as server:
        yield server


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that takes 100 characters, and as many requests, in a minute."""
    folder = tmp_path_factory.mktemp("hundred")
    limits = settings(folder, characters_per_minute=100, requests_per_minute=100)
    with serving(folder, limits) as server:
        yield server


def refusals(server: Server) -> float:
    """Return how many requests were refused by the limit of requests."""
    return server.counted('vits_tts_rate_limited_total{limit="requests"}')


def test_requests_in_a_minute(five: Server) -> None:
    """The last allowed answer has 0 remaining; the next is 429 with the time to retry."""
    refused_before = refusals(five)
    with httpx.Client(base_url=five.url, headers={"X-Forwarded-For": "192.0.2.9"}) as client:
        early_in_a_minute()
        for left in (4, 3, 2, 1, 0):
            answer = client.get("/tts?text=xin")
            assert answer.status_code == 200
            assert answer.headers["RateLimit-Limit"] == "5"
            assert answer.headers["RateLimit-Remaining"] == str(left)
            assert answer.headers["RateLimit-Policy"] == "5;w=60"
            assert 0 < int(answer.headers["RateLimit-Reset"]) <= 60
        refused = client.get("/voices")
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "rate_limited"
        assert 1 <= int(refused.headers["Retry-After"]) <= 120
        assert refused.headers["RateLimit-Remaining"] == "0"
        for path in ("/healthz", "/", "/page/app.js"):  # never limited
            assert client.get(path).status_code == 200
        assert refusals(five) == refused_before + 1


def test_by_address(five: Server) -> None:
    """Clients behind a trusted proxy are counted separately; an IPv6 network is one client."""
    early_in_a_minute()
    with httpx.Client(base_url=five.url) as client:

        def status(address: str, requests: int = 1) -> int:
            headers = {"X-Forwarded-For": address}
            answers = [client.get("/voices", headers=headers) for _ in range(requests)]
            return answers[-1].status_code

        assert status("192.0.2.1", 5) == 200
        assert status("192.0.2.1") == 429
        assert status("198.51.100.9, 192.0.2.1") == 429
        assert status("192.0.2.2", 5) == 200
        assert status("::ffff:192.0.2.2") == 429
        assert status("2001:db8:0:1::1", 5) == 200
        assert status("2001:db8:0:1:ffff::2") == 429
        assert status("2001:db8:0:2::1") == 200


def test_by_key(start: Starter, tmp_path: Path) -> None:
    """Each key has its own limit at every address; trying keys is limited by address."""
    (lan, one), (minh, two) = make_key("lan"), make_key("minh")
    limits = settings(tmp_path / "server", keys=[one, two], requests_per_minute=2)
    with start(limits) as server:
        early_in_a_minute()

        def status(key: str, address: str = "192.0.2.1") -> int:
            headers = {"X-API-Key": key, "X-Forwarded-For": address}
            return httpx.get(f"{server.url}/voices", headers=headers).status_code

        assert [status(lan), status(lan, "192.0.2.2"), status(lan)] == [200, 200, 429]
        assert status(minh) == 200
        assert [status("x"), status("y"), status("z")] == [401, 401, 429]
        assert status(minh) == 200


def test_characters_in_a_minute(hundred: Server) -> None:
    """Characters are counted in the spoken text, from JSON too; the nearer limit is shown."""
    caller = {"X-Forwarded-For": "192.0.2.1"}
    with httpx.Client(base_url=hundred.url, headers=caller) as client:
        early_in_a_minute()
        first = client.post("/tts", json={"text": "mưa " * 14 + "nắng"})
        assert first.status_code == 200
        assert first.headers["RateLimit-Limit"] == "100"
        assert first.headers["RateLimit-Remaining"] == "40"
        assert first.headers["RateLimit-Policy"] == "100;w=60, 100;w=60"
        refused = client.post("/tts/stream", json={"text": "mưa " * 9 + "nhiều"})
        assert refused.status_code == 429
        assert "characters" in refused.json()["error"]["message"]
        assert int(refused.headers["Retry-After"]) >= 1
        fits = client.get("/tts/stream", params={"text": "mưa " * 9 + "nắng"})
        assert (fits.status_code, fits.headers["RateLimit-Remaining"]) == (200, "0")
        assert client.get("/voices").status_code == 200


def test_a_short_text_with_a_long_reading(hundred: Server) -> None:
    """A lexicon or a number that becomes long counts by its spoken length."""
    caller = {"X-Forwarded-For": "192.0.2.2"}
    with httpx.Client(base_url=hundred.url, headers=caller) as client:
        early_in_a_minute()
        asked = {"text": "mưa", "lexicon": {"mưa": "nắng " * 15}}
        first = client.post("/tts", json=asked)
        assert first.status_code == 200
        assert first.headers["RateLimit-Remaining"] == "26"  # 74 are spoken
        assert client.post("/tts", json=asked).status_code == 200  # admitted with 3 left
        assert client.post("/tts", json=asked).status_code == 429


def test_files_that_are_made_again(tmp_path: Path) -> None:
    """Making another replica's file costs a request as much as its text would."""
    with redis_server(tmp_path / "redis") as redis:

        def replica(name: str) -> Settings:
            limited = settings(tmp_path / name, characters_per_minute=100)
            limited["cache"] = {
                "redis": {"url": redis.url, "command_timeout": 5, "connect_timeout": 5}
            }
            return limited

        with (
            serving(tmp_path / "a", replica("a")) as first,
            serving(tmp_path / "b", replica("b")) as second,
        ):
            early_in_a_minute()
            urls = []
            for number, text in enumerate(("mưa " * 9 + "nắng", "nắng " * 13 + "mưa", "gió")):
                made = httpx.get(
                    f"{first.url}/tts",
                    params={"text": text},
                    headers={"X-Forwarded-For": f"192.0.2.{number}"},
                ).json()
                until(partial(redis.keys, f"vits-tts:r*{made['hash']}"), "the recipe")
                urls.append(f"{second.url}/audio/{made['hash']}.wav")

            def fetched(number: int, address: str = "192.0.2.9") -> httpx.Response:
                return httpx.get(urls[number], headers={"X-Forwarded-For": address})

            assert fetched(0).headers["RateLimit-Remaining"] == "60"
            assert "RateLimit-Remaining" not in fetched(0).headers  # it exists by now
            refused = fetched(1)
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
            assert fetched(2).status_code == 200
            assert fetched(1, "192.0.2.10").status_code == 200
            assert fetched(1).status_code == 200  # made for another client, so it is free


def test_a_minute_that_passes(hundred: Server) -> None:
    """A retry before `Retry-After` is refused, and one after it succeeds."""
    caller = {"X-Forwarded-For": "192.0.2.3"}
    with httpx.Client(base_url=hundred.url, headers=caller) as client:
        early_in_a_minute()
        codes = [client.get("/voices").status_code for _ in range(100)]
        assert set(codes) == {200}
        wait = int(client.get("/voices").headers["Retry-After"])
    assert wait <= 61


def test_shared_by_replicas_and_through_faults(tmp_path: Path) -> None:
    """Two servers count together; with Redis frozen, each counts alone without delay.

    After that they count together again.
    """
    with redis_server(tmp_path / "redis") as redis:

        def replica(name: str) -> Settings:
            shared = settings(tmp_path / name, requests_per_minute=1000)
            shared["cache"] = {"redis": {"url": redis.url, "command_timeout": 0.2}}
            return shared

        with (
            serving(tmp_path / "a", replica("a")) as first,
            serving(tmp_path / "b", replica("b")) as second,
        ):
            assert [remaining(first), remaining(second), remaining(first)] == [999, 998, 997]
            assert redis.keys("vits-tts:limits*")
            redis.signal(signal.SIGSTOP)
            slowest = 0.0
            for _ in range(20):
                begun = time.monotonic()
                assert remaining(first) >= 900
                slowest = max(slowest, time.monotonic() - begun)
            assert slowest < 1
            health = time.monotonic()
            assert httpx.get(f"{first.url}/healthz").status_code == 200
            assert time.monotonic() - health < 0.2
            redis.signal(signal.SIGCONT)
            first.wait_until(lambda: remaining(first) < 998 and shared(first, second), "together")


def remaining(server: Server) -> int:
    """Make a request and return the remaining number."""
    answer = httpx.get(f"{server.url}/voices")
    assert answer.status_code == 200
    return int(answer.headers["RateLimit-Remaining"])


def shared(first: Server, second: Server) -> bool:
    """Return whether both servers decrease the same number."""
    return remaining(first) - 1 == remaining(second)


def test_many_at_once_get_no_more_than_their_share(tmp_path: Path) -> None:
    """With two workers and Redis, exactly 20 of 60 simultaneous requests are admitted."""
    with redis_server(tmp_path / "redis") as redis:
        limits = settings(tmp_path / "server", requests_per_minute=20)
        limits["server"]["workers"] = 2
        limits["cache"] = {"redis": {"url": redis.url, "command_timeout": 5, "connect_timeout": 5}}
        with serving(tmp_path / "server", limits) as server:
            early_in_a_minute()
            codes: list[int] = []

            def call() -> None:
                codes.extend(httpx.get(f"{server.url}/voices").status_code for _ in range(6))

            callers = [threading.Thread(target=call) for _ in range(10)]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
            assert sorted(set(codes)) == [200, 429]
            assert codes.count(200) == 20


@pytest.mark.parametrize("value", ["garbage", "1" + "0" * 400, "inf", "nan"])
def test_counters_that_are_no_numbers(tmp_path: Path, value: str) -> None:
    """A counter in Redis that is not a number does not stop the server from answering."""
    with redis_server(tmp_path / "redis") as redis:
        limits = settings(tmp_path / "server", requests_per_minute=1000)
        limits["cache"] = {"redis": {"url": redis.url, "command_timeout": 5, "connect_timeout": 5}}
        with serving(tmp_path / "server", limits) as server, redis.client() as client:
            assert httpx.get(f"{server.url}/voices").status_code == 200
            counters = redis.keys("vits-tts:limits*")
            assert counters
            for name in counters:
                client.set(name, value)
            for _ in range(3):
                assert httpx.get(f"{server.url}/voices").status_code in {200, 429}


def test_limits_that_could_never_be_met(tmp_path: Path) -> None:
    """The longest allowed text must fit into a minute's characters."""
    from vits_tts.config import load
    from vits_tts.errors import ConfigError

    path = tmp_path / "config.yaml"
    path.write_text("access: {characters_per_minute: 50}\nserver: {max_text_chars: 100}")
    with pytest.raises(ConfigError, match=r"access.characters_per_minute: .*max_text_chars \(100"):
        load(path)
