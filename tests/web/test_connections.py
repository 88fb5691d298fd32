"""Limits on connections: number, duration, and behaviour without free file descriptors."""

import contextlib
import resource
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Starter
from tests.support.certificates import make_certificate
from tests.support.ports import free_port
from tests.support.server import Server, Settings, serving, until
from tests.support.voices import install_pair
from tests.support.wire import LAST, answer_to, closed, connect, received, request, statuses
from vits_tts import config

_ROOM = 6
_PAGE = request("/docs/rapidoc-min.js")


def quick(folder: Path, **server: object) -> Settings:
    """Return settings of a server that starts quickly."""
    install_pair(folder / "voices")
    return {"server": dict(server), "voice": {"name": "pair"}}


def speech(seconds: int) -> bytes:
    """Return the request for a stream of about ``seconds``, of a voice with 80 samples a second."""
    sentence = "nam%20" * 39 + "nam.%20"
    return request(f"/tts/stream?text={sentence * (seconds // 2)}")


@contextlib.contextmanager
def several(
    server: Server, count: int = _ROOM, *, sent: bytes = b"", source: str = "", receives: int = 0
) -> Iterator[list[socket.socket]]:
    """Hold ``count`` connections, each of which has sent the bytes ``sent``."""
    with contextlib.ExitStack() as held:
        connections = []
        for _ in range(count):
            one = held.enter_context(connect(server, source=source, receives=receives or None))
            one.sendall(sent)
            connections.append(one)
        yield connections


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with room for few connections, which waits for a request as long as it takes."""
    folder = tmp_path_factory.mktemp("crowded")
    with serving(folder, quick(folder, max_connections=_ROOM, request_seconds=600)) as server:
        yield server


def test_the_longest_idle_connection_goes(start: Starter, tmp_path: Path) -> None:
    """At the limit, the longest idle connection is closed, and recently used ones stay."""
    with start(quick(tmp_path / "server", max_connections=_ROOM)) as server:
        with several(server) as idle:
            for used in (idle[0], idle[2]):
                used.sendall(request("/healthz"))
                assert statuses(used.recv(65536)) == [200]
            for _ in range(2):
                assert statuses(answer_to(server, LAST)) == [200]
            until(lambda: closed(idle[1]), "the longest idle one to be closed")
            assert [closed(one) for one in (idle[0], idle[2], idle[5])] == [False] * 3
        until(lambda: dropped(server, "room") >= 1, "it to be counted")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{",
        b"POST /tts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_slow_senders_lock_nobody_out(crowded: Server, sent: bytes) -> None:
    """Clients that send their requests slowly do not keep other clients out.

    This holds at every place of a request, even if they always send a little more.
    """
    before = crowded.workers()
    with several(crowded, sent=sent) as slow:
        for _ in range(8):
            for one in slow:
                with contextlib.suppress(ConnectionError):
                    one.sendall(sent and b" ")
            assert statuses(answer_to(crowded, LAST)) == [200]
        assert crowded.workers() == before


def test_readers_of_nothing_lock_nobody_out(crowded: Server) -> None:
    """Clients that request a page and do not read it do not keep later clients out."""
    with several(crowded, sent=_PAGE * 9, receives=4096):
        for _ in range(8):
            assert statuses(answer_to(crowded, LAST)) == [200]


def test_handshakes_that_never_end_lock_nobody_out(tmp_path: Path) -> None:
    """Connections that never finish their TLS handshake do not keep other clients out."""
    certificate, key = make_certificate(tmp_path, "own")
    settings = quick(tmp_path / "server", max_connections=_ROOM, request_seconds=600)
    settings["server"] |= {"tls_certificate": str(certificate), "tls_key": str(key)}
    with serving(tmp_path / "server", settings, ready=False) as server:
        trusting = ssl.create_default_context(cafile=str(certificate))
        healthy = f"{server.url}/healthz"
        until(lambda: httpx.get(healthy, verify=trusting, timeout=30).status_code == 200, "alive")
        with several(server, 3), several(server, 3, sent=b"\x16\x03\x01\x02\x00\x01"):
            for _ in range(8):
                assert httpx.get(healthy, verify=trusting, timeout=30).status_code == 200
        assert not [line for line in server.lines() if line["level"] == "error"]


def test_who_is_served_stays(start: Starter, tmp_path: Path) -> None:
    """Many silent connections do not end a stream, however slowly it is read."""
    install_pair(tmp_path / "server" / "voices")
    with start(quick(tmp_path / "server", max_connections=_ROOM)) as server:
        old = speech(20).replace(b"HTTP/1.1", b"HTTP/1.0")  # ends by closing, without chunks
        whole = answer_to(server, old).partition(b"\r\n\r\n")[2]
        with connect(server, receives=4096) as listener:
            listener.sendall(old)
            taken = listener.recv(1)
            pause = threading.Event()
            with several(server, 8 * _ROOM):
                end = time.monotonic() + 4
                while time.monotonic() < end:
                    taken += listener.recv(4096)
                    pause.wait(0.05)
                taken += received(listener)
        assert taken.partition(b"\r\n\r\n")[2] == whole
        assert dropped(server, "room") >= _ROOM


def dropped(server: Server, reason: str) -> float:
    """Return how many connections were dropped for a reason."""
    return server.counted(f'vits_tts_connections_dropped_total{{reason="{reason}"}}')


def test_operations_have_room_of_their_own(tmp_path: Path) -> None:
    """The port for operations answers at once while the other port has no free connections."""
    port = free_port()
    settings = quick(tmp_path / "server", max_connections=_ROOM, operations_port=port)
    with serving(tmp_path / "server", settings, ready=False) as server:
        health = f"http://127.0.0.1:{port}"
        until(lambda: alive(f"{health}/readyz"), "ready")
        busy = several(server, _ROOM, sent=speech(60), receives=4096)
        with busy as listeners:
            for listener in listeners:
                assert listener.recv(1)
            with connect(server) as waiting:
                waiting.sendall(request("/voices"))
                for _ in range(5):
                    assert httpx.get(f"{health}/healthz", timeout=5).status_code == 200
                assert not readable(waiting)  # none is closed for it: all are in use
        with contextlib.ExitStack() as held:
            for _ in range(150):
                held.enter_context(connect(server, port=port))
            assert httpx.get(f"{health}/healthz", timeout=30).status_code == 200


def alive(url: str) -> bool:
    """Return whether a URL answers 200."""
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def readable(connection: socket.socket) -> bool:
    """Return whether bytes have come."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True


def test_one_address_takes_only_some_of_the_room(start: Starter, tmp_path: Path) -> None:
    """At the limit for one address, its own longest idle connection is closed.

    If none of them is idle, the new connection gets ``Retry-After``.
    """
    settings = quick(
        tmp_path / "server",
        max_connections=12,
        max_connections_per_address=3,
        trusted_proxies=["127.0.0.3"],
    )
    with start(settings) as server:
        with several(server, 2) as others, several(server, 3, source="127.0.0.2") as own:
            time.sleep(1.1)  # new connections are left alone for a second
            with connect(server, source="127.0.0.2") as another:
                another.sendall(LAST)
                assert statuses(received(another)) == [200]
            until(lambda: closed(own[0]), "its first one to go")
            assert not any(closed(one) for one in (*own[1:], *others))
        busy = several(server, 3, sent=speech(60), source="127.0.0.2", receives=4096)
        with busy as listeners:
            for listener in listeners:
                assert listener.recv(1)
            with connect(server, source="127.0.0.2") as refused:
                refused.sendall(request("/healthz"))
                answer = received(refused)
                assert statuses(answer) == [503]
                assert b'"code": "busy"' in answer
                assert b"Retry-After: " in answer
            assert statuses(answer_to(server, LAST)) == [200]
            with several(server, 6, source="127.0.0.3") as carried:  # of one proxy for many clients
                assert not any(closed(one) for one in carried)
        assert dropped(server, "address") >= 2


def test_how_many_of_one_address() -> None:
    """By default an address may use a quarter of all; an IPv6 network counts as one address."""
    assert config.Server().connections_per_address == 250
    assert config.Server(max_connections=3).connections_per_address == 1
    assert config.Server(max_connections_per_address=7).connections_per_address == 7


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that waits for a request for a second, and much longer for the next one."""
    folder = tmp_path_factory.mktemp("hurried")
    with serving(folder, quick(folder, request_seconds=1, keep_alive_seconds=60)) as server:
        yield server


def test_a_head_that_takes_too_long(hurried: Server) -> None:
    """A client that sends no complete head in time is dropped; an idle client is not."""
    for begun in (b"", b"GET /healthz HTTP/1.1\r\nHost:"):
        with connect(hurried) as slow:
            start_time = time.monotonic()
            slow.sendall(begun)
            assert slow.recv(100) == b""
            assert time.monotonic() - start_time < 4
    with connect(hurried) as idle:
        get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        for wait in (0.0, 2.5, 2.5):
            idle.settimeout(wait or None)
            with contextlib.suppress(TimeoutError):
                if wait:
                    assert idle.recv(1)  # nothing comes, and it is not closed
            idle.settimeout(10)
            idle.sendall(get)
            assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        idle.sendall(get[:20])
        assert idle.recv(100) == b""


def test_a_body_that_takes_too_long(hurried: Server) -> None:
    """A body that does not come is waited for no longer than configured."""
    with connect(hurried) as slow:
        slow.sendall(b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        begun = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while slow.recv(1000):
                pass
        assert time.monotonic() - begun < 4
        assert httpx.get(f"{hurried.url}/tts?text=abc").status_code == 200


@contextlib.contextmanager
def with_descriptors(folder: Path, count: int) -> Iterator[Server]:
    """Run a server whose processes may open this many file descriptors."""
    program = (
        f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({count},) * 2); "
        "sys.argv[1:] = ['serve']; runpy.run_module('vits_tts', run_name='__main__')"
    )
    with serving(folder, quick(folder), command=[sys.executable, "-c", program]) as server:
        yield server


def test_few_file_descriptors(tmp_path: Path) -> None:
    """Fewer connections than configured are held, so that descriptors are left for files."""
    with with_descriptors(tmp_path / "server", 64) as server:
        server.wait_for("fewer connections than server.max_connections: file descriptors")
        workers = server.workers()
        with several(server, 100):
            made = httpx.get(f"{server.url}/tts?text=abc", timeout=30)
            assert made.status_code == 200
            assert httpx.get(made.json()["audio_url"], timeout=30).status_code == 200
        assert server.workers() == workers
        assert not server.lines("cannot take connections")


def test_no_file_descriptors_left(tmp_path: Path) -> None:
    """Without free descriptors the server neither ends nor spins; idle connections are closed."""
    with with_descriptors(tmp_path / "server", 300) as server:
        (worker,) = server.workers()
        used = len(list(Path(f"/proc/{worker}/fd").iterdir()))
        with several(server, 40, sent=speech(120), receives=4096) as listeners:
            for listener in listeners[:8]:
                assert listener.recv(1)
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 20, used + 20))
            with several(server, 20):
                server.wait_for("cannot take connections", reason="Too many open files")
                before = cpu_seconds(worker)
                server.wait_for("cannot take connections", count=4)
                assert cpu_seconds(worker) - before < 1
        assert httpx.get(f"{server.url}/tts?text=abc", timeout=30).status_code == 200
        with several(server, 60):
            for _ in range(4):
                assert statuses(answer_to(server, LAST)) == [200]
        assert server.workers() == [worker]
        assert len(server.lines("cannot take connections")) < 60


def cpu_seconds(process: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.parametrize("secured", [False, True])
def test_connections_that_are_reset(tmp_path: Path, secured: bool) -> None:
    """A reset connection affects only itself, even if it is reset before it is accepted."""
    settings = quick(tmp_path / "server")
    trusting: ssl.SSLContext | bool = True
    if secured:
        certificate, key = make_certificate(tmp_path, "own")
        settings["server"] |= {"tls_certificate": str(certificate), "tls_key": str(key)}
        trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(tmp_path / "server", settings, ready=False) as server:
        healthy = f"{server.url}/healthz"
        until(lambda: httpx.get(healthy, verify=trusting, timeout=30).status_code == 200, "alive")
        for number in range(500):
            with connect(server) as connection:
                if number % 3:
                    connection.sendall(LAST[: number % len(LAST)])
                at_once = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        assert httpx.get(healthy, verify=trusting).status_code == 200
        assert not [line for line in server.lines() if line["level"] == "error"]
        until(lambda: open_connections(server, trusting) <= 1, "all to be forgotten")


def open_connections(server: Server, trusting: "ssl.SSLContext | bool") -> float:
    """Return how many connections a server has, including the one that asks."""
    page = httpx.get(f"{server.url}/metrics", verify=trusting).text
    return float(page.split("\nvits_tts_connections ")[1].split("\n")[0])


def test_an_answer_that_is_not_taken(start: Starter, tmp_path: Path) -> None:
    """A connection whose client does not read the answer is closed in time."""
    settings = quick(tmp_path / "server")
    settings["limits"] = {"slow_client_seconds": 1}
    with start(settings) as server, several(server, 3, sent=_PAGE, receives=4096):
        # The minimum is 4 KiB a second, and 64 KiB may be in buffers.
        until(lambda: dropped(server, "slow") == 3, "them to be dropped")
