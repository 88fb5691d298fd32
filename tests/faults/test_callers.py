"""Clients that are slow, or that send invalid requests."""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Row, Starter
from tests.support.fuzzing import fuzzed
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair

_MANY = 200
_MALFORMED = 1000
_DESCRIBED = 100


def settings(folder: Path) -> Settings:
    """Return settings of a fast voice and short times."""
    install_pair(folder / "server" / "voices")
    return {
        "server": {"request_seconds": 2},
        # Many ask at once, and on a slow machine their texts wait for long to be read.
        "limits": {"max_concurrent": 300, "slow_client_seconds": 3, "max_start_delay": 30},
        "voice": {"name": "pair"},
    }


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server of these settings."""
    folder = tmp_path_factory.mktemp("hurried")
    with serving(folder / "server", settings(folder)) as server:
        yield server


def connect(server: Server, receives: int | None = None) -> socket.socket:
    """Return a plain connection; ``receives`` is how much of the answer the kernel buffers."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.socket()
    if receives:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    connection.settimeout(30)
    connection.connect((host, int(port)))
    return connection


def memory(process: int) -> int:
    """Return a process's resident megabytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


class Ordinary(threading.Thread):
    """A normal client in the background, which stores the seconds of the slowest answer."""

    def __init__(self, server: Server) -> None:
        """Begin at once."""
        super().__init__(daemon=True)
        self.server = server
        self.slowest = 0.0
        self.problems: list[str] = []
        self._enough = threading.Event()
        self.start()

    def run(self) -> None:
        """Request short texts until stopped."""
        number = 0
        while not self._enough.wait(0.1):
            number += 1
            begun = time.monotonic()
            try:
                query = {"text": f"so {number}"}
                answer = httpx.get(f"{self.server.url}/tts/stream", params=query, timeout=30)
                if answer.status_code not in {200, 503}:
                    self.problems.append(answer.text)
            except httpx.HTTPError as problem:
                self.problems.append(repr(problem))
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def stop(self) -> None:
        """Stop, and wait for the thread."""
        self._enough.set()
        self.join(30)


def until_closed(connections: list[socket.socket], every: float, sent: bytes = b"") -> float:
    """Send or read single bytes of all connections; return the seconds until all are closed."""
    begun = time.monotonic()
    left = set(connections)
    pause = threading.Event()
    while left and time.monotonic() - begun < 60:
        for connection in list(left):
            try:
                if sent:
                    connection.sendall(sent)
                connection.settimeout(0.001)
                if connection.recv(1) == b"":
                    left.discard(connection)
            except TimeoutError:
                pass
            except OSError:
                left.discard(connection)
        pause.wait(every)
    assert not left
    return time.monotonic() - begun


def test_slow_readers(hurried: Server, row: Row) -> None:
    """Slow readers are disconnected in time, use little memory, and do not slow down others."""
    server = hurried
    with contextlib.ExitStack() as stack:
        (worker,) = server.workers()
        before = memory(worker)
        # 200 bytes a character: far more than the kernel's buffers hold.
        text = ("a" * 60 + ".+") * 40
        request = f"GET /tts/stream?text={text} HTTP/1.1\r\nHost: x\r\n\r\n"
        # Cached before, so that none is refused because of its cost.
        assert len(httpx.get(f"{server.url}/tts/stream?text={text}").content) > 300_000
        ordinary = Ordinary(server)
        slow = [stack.enter_context(connect(server, 4096)) for _ in range(_MANY)]
        for connection in slow:
            connection.sendall(request.encode())
        server.wait_for("caller reads too slowly, dropped", count=_MANY)
        most = memory(worker)
        ordinary.stop()
        assert ordinary.problems == []
        assert ordinary.slowest < 10
        assert most - before < 400
        assert server.workers() == [worker]
    row(
        f"{_MANY} clients that open a stream and read nothing",
        f"all disconnected, {most - before} MB more memory; slowest answer to another client "
        f"{ordinary.slowest * 1000:.0f} ms",
    )


def test_slow_senders(hurried: Server, row: Row) -> None:
    """A client that sends one byte a second is disconnected in time; others are not slowed down."""
    server = hurried
    with contextlib.ExitStack() as stack:
        ordinary = Ordinary(server)
        slow = [stack.enter_context(connect(server)) for _ in range(_MANY)]
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        seconds = until_closed(slow, 0.5, b"x")
        ordinary.stop()
        assert ordinary.problems == []
        assert ordinary.slowest < 10
        assert seconds < 15
    row(
        f"{_MANY} clients that send one byte a second (server.request_seconds: 2)",
        f"all disconnected after {seconds:.1f} s; slowest answer to another client "
        f"{ordinary.slowest * 1000:.0f} ms",
    )


def malformed(chance: random.Random) -> bytes:
    """Return the bytes of an invalid request, in one of many ways."""
    junk = chance.randbytes(chance.randrange(1, 400))
    name = junk[:20].hex().encode()
    word = chance.choice([b"GET", b"POST", b"PUT", b"BREW", b"\x00", b"get", b""])
    path = chance.choice([b"/tts", b"/tts/stream", b"/audio/x.wav", b"*", b"/" * 99])
    query = chance.choice([b"", b"?text=%ff%fe", b"?text=%", b"?speed=nan&text=a", b"?" + junk])
    kind = chance.choice([b"application/json", b"multipart/form-data", b"text/x", name])
    body = chance.choice([b"{", b"[]", b'{"text": 1}', b'{"text": "\\ud800"}', b"null", junk, b""])
    length = chance.choice([str(len(body)).encode(), b"-1", b"9" * 30, b"x", b"1, 2", b"0"])
    whole = b"%s %s%s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %s\r\n\r\n%s" % (
        word,
        path,
        query,
        kind,
        length,
        body,
    )
    chunked = b"POST /tts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + junk
    cut = whole[: chance.randrange(1, len(whole))]
    flipped = bytearray(whole)
    for _ in range(3):
        flipped[chance.randrange(len(flipped))] = chance.randrange(256)
    headers = b"GET / HTTP/1.1\r\n" + b"\r\n".join([b"A: b"] * 500) + b"\r\n\r\n"
    return chance.choice([whole, whole, whole, chunked, cut, bytes(flipped), junk, headers])


def test_malformed_requests(start: Starter, tmp_path: Path, row: Row) -> None:
    """Invalid requests of every kind cause no 5xx and no crash, and the next one is served."""
    chance = random.Random(20)  # noqa: S311  # the same every time
    few = settings(tmp_path)
    few["server"]["max_text_chars"] = 200
    with start(few) as server:
        workers = server.workers()
        statuses: dict[str, int] = {}
        for _ in range(_MALFORMED):
            with connect(server) as connection:
                connection.settimeout(0.3)
                with contextlib.suppress(OSError):
                    connection.sendall(malformed(chance))
                    connection.shutdown(socket.SHUT_WR)
                answer = b""
                with contextlib.suppress(OSError):
                    answer = connection.recv(4096)
                status = answer[9:12].decode("latin-1") if answer else "none"
                statuses[status] = statuses.get(status, 0) + 1
        assert sum(statuses.values()) == _MALFORMED
        assert not [status for status in statuses if status.startswith("5")]
        before = len(server.lines("request"))
        # tests/web/test_openapi.py sends its several thousand systematic ones.
        fuzz = fuzzed(server.url, "--mode=negative", "--phases=fuzzing")
        assert fuzz.returncode == 0, fuzz.stdout
        described = len(server.lines("request")) - before
        assert described > _DESCRIBED
        assert not [line for line in server.lines() if line["level"] == "error"]
        assert not [line for line in server.lines("request") if line["status"] >= 500]
        assert server.workers() == workers
        assert httpx.get(f"{server.url}/tts?text=xin").status_code == 200
    shares = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    row(
        f"{_MALFORMED} malformed requests, and {described} generated from the OpenAPI description",
        f"no 5xx and no crash of a worker; statuses: {shares}",
    )
