"""Limits on connections: how many, for how long, and what happens when descriptors run out."""

import contextlib
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import Starter
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair


def connect(server: Server) -> socket.socket:
    """Return a bare connection to a server."""
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def quick(folder: Path, **server: object) -> Settings:
    """Return settings of a server that starts quickly."""
    install_pair(folder / "voices")
    return {"server": dict(server), "voice": {"name": "pair"}}


def test_no_more_connections_than_configured(start: Starter, tmp_path: Path) -> None:
    """Further ones wait, are not refused, and are served when there is room."""
    settings = quick(tmp_path / "server", max_connections=5)
    with start(settings) as server, contextlib.ExitStack() as held:
        first = [held.enter_context(connect(server)) for _ in range(5)]
        waiting = held.enter_context(connect(server))
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        waiting.settimeout(1)
        with pytest.raises(TimeoutError):
            waiting.recv(100)
        first[0].close()
        waiting.settimeout(10)
        assert waiting.recv(100).startswith(b"HTTP/1.1 200")


def test_a_head_that_takes_too_long(start: Starter, tmp_path: Path) -> None:
    """Who connects and says nothing, or too little, is dropped in time; an idle caller is not."""
    settings = quick(tmp_path / "server", request_seconds=1, keep_alive_seconds=60)
    with start(settings) as server:
        for begun in (b"", b"GET /healthz HTTP/1.1\r\nHost:"):
            with connect(server) as slow:
                start_time = time.monotonic()
                slow.sendall(begun)
                assert slow.recv(100) == b""
                assert time.monotonic() - start_time < 4
        with connect(server) as idle:
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


def test_a_body_that_takes_too_long(start: Starter, tmp_path: Path) -> None:
    """A body that does not come is waited for no longer than configured."""
    with start(quick(tmp_path / "server", request_seconds=1)) as server, connect(server) as slow:
        slow.sendall(b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        begun = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while slow.recv(1000):
                pass
        assert time.monotonic() - begun < 4
        assert httpx.get(f"{server.url}/tts?text=abc").status_code == 200


def test_a_head_that_is_too_large(start: Starter, tmp_path: Path) -> None:
    """A head beyond `server.max_header_bytes` ends the connection, and nothing else."""
    with start(quick(tmp_path / "server", max_header_bytes=8192)) as server:
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{server.url}/healthz", headers={"X": "x" * 10_000})
        assert httpx.get(f"{server.url}/healthz", headers={"X": "x" * 5000}).status_code == 200


def test_no_file_descriptors_left(tmp_path: Path) -> None:
    """When they run out the server neither ends nor spins; when callers leave, it serves again."""
    program = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); "
        "sys.argv[1:] = ['serve']; runpy.run_module('vits_tts', run_name='__main__')"
    )
    folder = tmp_path / "server"
    with serving(folder, quick(folder), command=[sys.executable, "-c", program]) as server:
        (worker,) = server.workers()
        with contextlib.ExitStack() as held:
            for _ in range(100):
                held.enter_context(connect(server))
            server.wait_for("cannot take connections", reason="Too many open files")
            before = cpu_seconds(worker)
            server.wait_for("cannot take connections", count=4)
            assert cpu_seconds(worker) - before < 1
        assert httpx.get(f"{server.url}/tts?text=abc", timeout=30).status_code == 200
        assert server.workers() == [worker]
        assert len(server.lines("cannot take connections")) < 20


def cpu_seconds(process: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
