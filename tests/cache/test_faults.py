"""Redis in trouble, under load: no failed answer, no wrong one, and nobody waits for it for long.

Eight clients ask for sentences for twenty seconds while something happens to Redis. The voice hums
a number of samples that follows from the text, so that every answer can be checked, and memory
keeps nothing, so that every sentence goes to Redis.
"""

import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from redis.exceptions import RedisError

from tests.support.redis import RedisServer, Resetter, redis_server
from tests.support.server import Server, Settings, serving, until
from tests.support.voices import install_pair

SYLLABLES = ["an", "ba", "cam", "hoa", "mai", "xanh"]
"""Read as they are written, so that a text's length says how much sound it makes."""

CLIENTS = 8
SECONDS = 20.0
TROUBLE_FROM, TROUBLE_TO = 4.0, 12.0
COMMAND_TIMEOUT = 1.0
SLACK = 0.9
"""What a busy machine may add: less than a second command's time limit."""

Fault = Callable[[RedisServer], None]


class Load:
    """Clients that ask, check and note how long the first byte took."""

    def __init__(self, server: Server) -> None:
        """Ask ``server``."""
        self.server = server
        self.waits: list[float] = []
        self.problems: list[str] = []
        self.end = time.monotonic() + SECONDS

    def run(self, number: int) -> None:
        """Be one client until the time is over."""
        chooser = random.Random(number)  # noqa: S311
        with httpx.Client(base_url=self.server.url, timeout=30) as client:
            while time.monotonic() < self.end:
                words = chooser.choices(SYLLABLES, k=chooser.randint(1, 30))
                self._ask(client, " ".join(words))

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
    """Kill it; it stays dead for a while, then comes back empty."""
    redis.stop()
    pause(TROUBLE_TO - TROUBLE_FROM)
    redis.start()


def hang(redis: RedisServer) -> None:
    """Stop it in its tracks for a while: it accepts connections and answers nothing."""
    redis.signal(signal.SIGSTOP)
    pause(TROUBLE_TO - TROUBLE_FROM)
    redis.signal(signal.SIGCONT)


def restart(redis: RedisServer) -> None:
    """Restart it empty, again and again."""
    for _ in range(4):
        redis.stop()
        redis.start()
        pause(2)


def fill(redis: RedisServer) -> None:
    """Let it have no memory left and evict nothing."""
    with redis.client() as client:
        client.flushall()
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        pause(TROUBLE_TO - TROUBLE_FROM)
        client.config_set("maxmemory", 0)


def lock_out(redis: RedisServer) -> None:
    """Change the password under the servers' feet."""
    with redis.client() as client:
        client.config_set("requirepass", "another")
        client.execute_command("AUTH", "another")
        client.client_kill_filter(_type="normal", skipme=True)
        pause(TROUBLE_TO - TROUBLE_FROM)
        client.config_set("requirepass", "")


def make_read_only(redis: RedisServer) -> None:
    """Make it a replica, which refuses to be written to."""
    with redis.client() as client:
        client.replicaof("127.0.0.1", "1")
        pause(TROUBLE_TO - TROUBLE_FROM)
        client.replicaof("NO", "ONE")


def spoil(redis: RedisServer) -> None:
    """Cut, change and replace values of ours, all the time."""
    chooser = random.Random(1)  # noqa: S311
    end = time.monotonic() + TROUBLE_TO - TROUBLE_FROM
    with redis.client() as client:
        while time.monotonic() < end:
            for key in client.keys("vits-tts:s*"):
                spoil_one(redis, key, chooser)
            pause(0.05)


def spoil_one(redis: RedisServer, key: bytes, chooser: random.Random) -> None:
    """Do one of many things to one value."""
    with redis.client() as client:
        try:
            value = client.get(key) or b""
        except RedisError:
            return  # it is a list by now
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
    """Let the trouble last."""
    threading.Event().wait(seconds)


@pytest.mark.parametrize("fault", [kill, hang, restart, fill, lock_out, make_read_only, spoil])
def test_fault(tmp_path: Path, fault: Fault) -> None:
    """Answers stay right and come in time; when the trouble is over Redis is used again."""
    with redis_server(tmp_path / "redis") as redis:
        under_load(tmp_path, redis, redis.url, lambda: fault(redis))


def test_resets_in_the_middle_of_a_value(tmp_path: Path) -> None:
    """A connection that breaks while a value is being read is a miss, not an error."""
    with redis_server(tmp_path / "redis") as redis:
        way = Resetter(redis.port)

        def trouble() -> None:
            way.resetting = True
            pause(TROUBLE_TO - TROUBLE_FROM)
            way.resetting = False

        under_load(tmp_path, redis, f"redis://127.0.0.1:{way.port}/0", trouble)
        assert way.resets >= 3
        way.close()


def under_load(folder: Path, redis: RedisServer, url: str, trouble: Callable[[], None]) -> None:
    """Run the clients, make the trouble, and hold what was promised."""
    install_pair(folder / "server" / "voices")
    settings: Settings = {
        "voice": {"name": "pair"},
        "cache": {"memory": {"max_bytes": 0}, "redis": {"url": url}},
    }
    settings["cache"]["redis"]["command_timeout"] = COMMAND_TIMEOUT
    with serving(folder / "server", settings) as server:
        load = Load(server)
        with ThreadPoolExecutor(CLIENTS + 1) as threads:
            clients = [threads.submit(load.run, number) for number in range(CLIENTS)]
            pause(TROUBLE_FROM)
            threads.submit(trouble).result()
            for client in clients:
                client.result()
        assert load.problems == []
        assert len(load.waits) > 100
        assert max(load.waits) < COMMAND_TIMEOUT + SLACK
        refused = [line for line in server.lines("request") if line["status"] >= 500]
        assert refused == []
        until(lambda: status(server) == "ready", "used again", server.explain)
        with redis.client() as client:
            before = client.info("stats")["keyspace_hits"]
            for _ in range(2):
                httpx.get(f"{server.url}/tts/stream?text=again")
                until(lambda: client.keys("vits-tts:s*"), "stored")
            assert client.info("stats")["keyspace_hits"] > before
        opened, closed = (len(server.lines(f"breaker {state}")) for state in ("open", "closed"))
        assert opened == closed
        assert opened <= 12  # one line at each change, not at each failure


def status(server: Server) -> str:
    """Return what `/readyz` says, which is 200 with or without Redis."""
    response = httpx.get(f"{server.url}/readyz")
    assert response.status_code == 200
    return str(response.json()["status"])


def test_trouble_is_told(tmp_path: Path) -> None:
    """While Redis is away, readiness (still 200) and metrics say so, and one line in the log."""
    with redis_server(tmp_path / "redis") as redis:
        settings: Settings = {"cache": {"redis": {"url": redis.url}}}
        with serving(tmp_path / "server", settings) as server:
            redis.stop()
            until(lambda: status(server) == "degraded", "degraded", server.explain)
            assert httpx.get(f"{server.url}/readyz").json()["degraded"] == "redis"
            page = httpx.get(f"{server.url}/metrics").text
            assert 'vits_tts_breaker_open{breaker="redis"} 1.0' in page
            redis.start()
            until(lambda: status(server) == "ready", "ready", server.explain)
            assert len(server.lines("breaker open")) == len(server.lines("breaker closed")) == 1


def test_full_is_told(tmp_path: Path) -> None:
    """That Redis takes nothing more is told, though locks can be given back to it."""
    with redis_server(tmp_path / "redis") as redis, redis.client() as client:
        settings: Settings = {"cache": {"redis": {"url": redis.url}}}
        with serving(tmp_path / "server", settings) as server:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", 1)
            for number in range(6):
                assert httpx.get(f"{server.url}/tts?text=xin+{number}").status_code == 200
            until(lambda: status(server) == "degraded", "degraded", server.explain)
            assert httpx.get(f"{server.url}/readyz").json()["degraded"] == "redis_writes"
            client.config_set("maxmemory", 0)
            until(lambda: status(server) == "ready", "ready", server.explain)
            assert len(server.lines("breaker open")) == len(server.lines("breaker closed")) == 1


def test_never_there(tmp_path: Path) -> None:
    """A Redis that was never there is no reason not to start, nor to speak."""
    settings: Settings = {"cache": {"redis": {"url": "redis://127.0.0.1:1/0"}}}
    with serving(tmp_path, settings) as server:
        assert httpx.get(f"{server.url}/tts?text=xin").status_code == 200
        until(lambda: status(server) == "degraded", "degraded", server.explain)
