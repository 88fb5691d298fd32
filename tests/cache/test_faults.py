"""Faults of Redis under load: no failed or wrong answer, and only short delays.

Eight clients ask for sentences before, during and after a fault. The number of samples of the voice
follows from the text, so that every answer can be checked. The memory cache is off, so that every
sentence goes to Redis. The server is shared, and has to recover from each fault for the next.
"""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest
from redis.exceptions import RedisError

from tests.support.redis import RedisServer, Resetter, redis_server
from tests.support.server import Server, Settings, serving, until
from tests.support.voices import install_pair

SYLLABLES = ["an", "ba", "cam", "hoa", "mai", "xanh"]
"""Read as they are written, so that the length of a text determines the number of samples."""

CLIENTS = 8
THINK_SECONDS = 0.2
"""Pause of a client after each answer: a client that is always busy would delay the others."""
BEFORE, TROUBLE, AFTER = 0.7, 2.5, 1.5
"""Seconds of load. The breaker opens at once; the calls on trial are after 1 s and 3 s."""
COMMAND_TIMEOUT = 2.0
SLACK = 1.8
"""Additional seconds for a busy machine: less than the time limit of a second command."""


class Served(NamedTuple):
    """A server and its Redis."""

    redis: RedisServer
    server: Server


Fault = Callable[[RedisServer], None]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a Redis and a server that uses it."""
    folder = tmp_path_factory.mktemp("faults")
    with redis_server(folder / "redis") as redis, started(folder, redis.url) as server:
        yield Served(redis, server)


@pytest.fixture
def served(shared: Served) -> Served:
    """Return the shared server, in order and with an empty log."""
    until(lambda: status(shared.server) == "ready", "ready", shared.server.explain)
    settled(shared.server)
    shared.server.forget()
    return shared


def started(folder: Path, url: str) -> AbstractContextManager[Server]:
    """Start a server that keeps all sentences in the Redis at ``url``."""
    install_pair(folder / "server" / "voices")
    settings: Settings = {
        "voice": {"name": "pair"},
        "cache": {
            "memory": {"max_bytes": 0},
            "redis": {"url": url, "command_timeout": COMMAND_TIMEOUT},
        },
    }
    return serving(folder / "server", settings)


class Load:
    """Clients that ask, check answers and record the time to the first byte."""

    def __init__(self, server: Server) -> None:
        """Ask ``server``."""
        self.server = server
        self.waits: list[float] = []
        self.problems: list[str] = []
        self.over = threading.Event()

    def run(self, number: int) -> None:
        """Send requests as one client until the load is over; every second text is an old one."""
        chooser = random.Random(number)  # noqa: S311
        texts: list[str] = []
        with httpx.Client(base_url=self.server.url, timeout=30) as client:
            while not self.over.wait(THINK_SECONDS):
                texts.append(" ".join(chooser.choices(SYLLABLES, k=chooser.randint(1, 30))))
                self._ask(client, texts[-1])
                self._ask(client, chooser.choice(texts))

    def _ask(self, client: httpx.Client, text: str) -> None:
        start = time.monotonic()
        with client.stream("GET", "/tts/stream", params={"text": text}) as response:
            self.waits.append(time.monotonic() - start)
            body = response.read()
        samples = np.frombuffer(body[44:], np.int16)
        ids = 2 * len(text) + 3
        if response.status_code != 200:
            self.problems.append(body.decode(errors="replace"))
        elif len(samples) != 100 * ids or set(samples.tolist()) != {8192}:
            self.problems.append(f"wrong sound for {text}: {len(samples)} samples")


def kill(redis: RedisServer) -> None:
    """Kill Redis; start it empty after a while."""
    redis.stop()
    pause(TROUBLE)
    redis.start()


def hang(redis: RedisServer) -> None:
    """Stop the process for a while: it accepts connections and answers nothing."""
    redis.signal(signal.SIGSTOP)
    pause(2 * COMMAND_TIMEOUT + 1)  # a command, the breaker's pause, and another try
    redis.signal(signal.SIGCONT)


def restart(redis: RedisServer) -> None:
    """Restart Redis empty, several times."""
    for _ in range(4):
        redis.stop()
        redis.start()
        pause(0.7)


def fill(redis: RedisServer) -> None:
    """Use up its memory, without eviction."""
    with redis.client() as client:
        client.flushall()
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        pause(TROUBLE)
        client.config_set("maxmemory", 0)


def lock_out(redis: RedisServer) -> None:
    """Change the password while servers are connected."""
    with redis.client() as client:
        client.config_set("requirepass", "another")
        client.execute_command("AUTH", "another")
        client.client_kill_filter(_type="normal", skipme=True)
        pause(TROUBLE)
        client.config_set("requirepass", "")


def make_read_only(redis: RedisServer) -> None:
    """Make Redis a replica, which refuses writes."""
    with redis.client() as client:
        client.replicaof("127.0.0.1", "1")
        pause(TROUBLE)
        client.replicaof("NO", "ONE")


def spoil(redis: RedisServer) -> None:
    """Shorten, change and replace stored values all the time."""
    chooser = random.Random(1)  # noqa: S311
    end = time.monotonic() + TROUBLE
    with redis.client() as client:
        while time.monotonic() < end:
            for key in client.keys("vits-tts:s*"):
                spoil_one(redis, key, chooser)
            pause(0.05)


def spoil_one(redis: RedisServer, key: bytes, chooser: random.Random) -> None:
    """Damage one value in one of several ways."""
    with redis.client() as client:
        try:
            value = client.get(key) or b""
        except RedisError:
            return  # it is a list now
        spoilt = [
            b"",
            b"garbage",
            value[: len(value) // 2],
            value[:-1],
            value[:30] + bytes([value[30] ^ 1]) + value[31:] if len(value) > 30 else b"x",
            value + b"x",
            b"VTS" + bytes(40),
        ]
        choice = chooser.randrange(len(spoilt) + 1)
        if choice < len(spoilt):
            client.set(key, spoilt[choice])
        else:
            client.delete(key)
            client.rpush(key, "a list")


def pause(seconds: float) -> None:
    """Let the fault last."""
    threading.Event().wait(seconds)


@pytest.mark.parametrize("fault", [kill, hang, restart, fill, lock_out, make_read_only, spoil])
def test_fault(served: Served, fault: Fault) -> None:
    """Answers stay right and come in time; after the fault Redis is used again."""
    under_load(served, lambda: fault(served.redis))


def test_resets_in_the_middle_of_a_value(tmp_path: Path) -> None:
    """A connection that breaks while a value is read is a miss, not an error."""
    with redis_server(tmp_path / "redis") as redis:
        way = Resetter(redis.port)

        def trouble() -> None:
            way.resetting = True
            pause(TROUBLE)
            way.resetting = False

        with started(tmp_path, f"redis://127.0.0.1:{way.port}/0") as server:
            under_load(Served(redis, server), trouble)
        assert way.resets >= 3
        way.close()


def under_load(served: Served, trouble: Callable[[], None]) -> None:
    """Run the clients, cause the fault, and check answers, times and recovery."""
    redis, server = served
    load = Load(server)
    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [threads.submit(load.run, number) for number in range(CLIENTS)]
        try:
            pause(BEFORE)
            trouble()
            pause(AFTER)
            until(lambda: len(load.waits) > 100, "a load", server.explain)  # on a busy machine
        finally:
            load.over.set()
        for client in clients:
            client.result()
    assert load.problems == []
    assert len(load.waits) > 100
    assert max(load.waits) < COMMAND_TIMEOUT + SLACK
    until(lambda: status(server) == "ready", "used again", server.explain)
    with redis.client() as client:
        before = client.info("stats")["keyspace_hits"]

        def found() -> bool:
            httpx.get(f"{server.url}/tts/stream?text=again")
            return bool(client.info("stats")["keyspace_hits"] > before)

        until(found, "a sentence found in Redis", server.explain)
    settled(server)
    refused = [line for line in server.lines("request") if line["status"] >= 500]
    assert refused == []

    def changes(state: str) -> int:
        return len(server.lines(f"breaker {state}"))

    until(lambda: changes("open") == changes("closed"), "all breakers closed", server.explain)
    assert changes("open") <= 12  # one line at each change, not at each failure


def status(server: Server) -> str:
    """Return the body of `/readyz`, which is 200 with or without Redis."""
    response = httpx.get(f"{server.url}/readyz")
    assert response.status_code == 200
    return str(response.json()["status"])


def settled(server: Server) -> None:
    """Wait until everything that the worker has logged so far is in the log."""
    response = httpx.get(f"{server.url}/tts/stream?text=last")
    server.wait_for("request", request_id=response.headers["X-Request-ID"])


def test_trouble_is_told(served: Served) -> None:
    """While Redis cannot be reached, readiness (still 200), metrics and one log line say so."""
    redis, server = served
    redis.stop()
    until(lambda: status(server) == "degraded", "degraded", server.explain)
    assert httpx.get(f"{server.url}/readyz").json()["degraded"] == "redis"
    page = httpx.get(f"{server.url}/metrics").text
    assert 'vits_tts_breaker_open{breaker="redis"} 1.0' in page
    redis.start()
    until(lambda: status(server) == "ready", "ready", server.explain)
    settled(server)
    assert len(server.lines("breaker open")) == len(server.lines("breaker closed")) == 1


def test_full_is_told(served: Served) -> None:
    """A full Redis is reported, although locks in it can be released."""
    redis, server = served
    with redis.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        for number in range(6):
            assert httpx.get(f"{server.url}/tts?text=xin+{number}").status_code == 200
        until(lambda: status(server) == "degraded", "degraded", server.explain)
        assert httpx.get(f"{server.url}/readyz").json()["degraded"] == "redis_writes"
        client.config_set("maxmemory", 0)
    until(lambda: status(server) == "ready", "ready", server.explain)
    settled(server)
    assert len(server.lines("breaker open")) == len(server.lines("breaker closed")) == 1


def test_never_there(tmp_path: Path) -> None:
    """A Redis that never existed prevents neither the start nor speech."""
    with started(tmp_path, "redis://127.0.0.1:1/0") as server:
        assert httpx.get(f"{server.url}/tts?text=xin").status_code == 200
        until(lambda: status(server) == "degraded", "degraded", server.explain)
