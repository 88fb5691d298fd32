"""The number of places for one client, and when one is free again."""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.conftest import Starter
from tests.support.server import Server, until
from tests.support.wire import connect
from tests.web.test_slow_readers import BYTES_A_SECOND, settings, stream
from vits_tts import config
from vits_tts.web.auth.api_keys import make_key


@contextlib.contextmanager
def held(server: Server, count: int, *headers: str) -> Iterator[list[socket.socket]]:
    """Hold ``count`` places, like a client that reads only the first bytes."""
    asked = stream(60).replace(b"\r\n\r\n", "\r\n".join(["", *headers, "", ""]).encode())
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(count):
            one = stack.enter_context(connect(server, receives=4096))
            one.sendall(asked)
            assert b" 200 OK" in one.recv(100)
            connections.append(one)
        yield connections


def ask(server: Server, **headers: str) -> httpx.Response:
    """Request a short text."""
    return httpx.get(f"{server.url}/tts/stream?text=nam", headers=headers, timeout=30)


def test_an_address_has_only_some_places(start: Starter, tmp_path: Path) -> None:
    """By default an address may use half of the places; other clients still find room."""
    with start(settings(tmp_path, max_concurrent=4)) as server:
        with held(server, 2, "X-Forwarded-For: 10.0.0.1"):
            refused = ask(server, **{"X-Forwarded-For": "10.0.0.1"})
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "busy"
            assert "of this caller" in refused.json()["error"]["message"]
            assert int(refused.headers["Retry-After"]) > 1
            assert ask(server, **{"X-Forwarded-For": "10.0.0.2"}).status_code == 200
            assert server.counted('vits_tts_refusals_total{reason="caller"}') == 1
        until(lambda: ask(server, **{"X-Forwarded-For": "10.0.0.1"}).status_code == 200, "room")
        with held(server, 4):  # of a proxy that does not name its clients
            assert ask(server, **{"X-Forwarded-For": "10.0.0.2"}).status_code == 503


def test_a_key_has_only_some_places(start: Starter, tmp_path: Path) -> None:
    """The places of a key are limited at all addresses together; another key has its own."""
    (one, line), (other, other_line) = make_key("one"), make_key("other")
    limits = settings(tmp_path, max_concurrent=4, max_concurrent_per_caller=1)
    headers = (f"X-API-Key: {one}", "X-Forwarded-For: 10.0.0.1")
    limits["access"] = {"keys": [line, other_line]}
    with start(limits) as server, held(server, 1, *headers):
        mine = ask(server, **{"X-API-Key": one, "X-Forwarded-For": "10.0.0.2"})
        assert mine.status_code == 503
        assert ask(server, **{"X-API-Key": other}).status_code == 200


def test_how_many_places_of_one_caller() -> None:
    """By default one client may use half of the places, and at least one."""
    assert config.Limits().concurrent_per_caller == 32
    assert config.Limits(max_concurrent=1).concurrent_per_caller == 1
    assert config.Limits(max_concurrent_per_caller=64).concurrent_per_caller == 64


def freed_after(server: Server) -> tuple[int, float]:
    """Return the `Retry-After` of a refusal, and the true seconds until a place is free."""
    refused = ask(server)
    assert refused.status_code == 503, refused.text
    begun = time.monotonic()
    until(lambda: ask(server).status_code == 200, "a place")
    return int(refused.headers["Retry-After"]), time.monotonic() - begun


def test_when_to_come_again_where_readers_have_stopped(start: Starter, tmp_path: Path) -> None:
    """A place becomes free once the first of several stopped clients is dropped."""
    limits = settings(tmp_path, max_concurrent=2, slow_client_seconds=6)
    with start(limits) as server, held(server, 2):
        threading.Event().wait(4)
        said, seconds = freed_after(server)
        assert abs(said - seconds) < 3
        assert said > 1


def test_when_to_come_again_where_somebody_listens(start: Starter, tmp_path: Path) -> None:
    """With an active listener, a place is free once it has read the rest at its current rate."""
    with start(settings(tmp_path, max_concurrent=1)) as server, held(server, 1) as (listener,):
        enough = threading.Event()

        def listen() -> None:
            begun, taken = time.monotonic(), 0
            while not enough.is_set() and (data := listener.recv(32768)):
                taken += len(data)
                enough.wait(max(0.0, begun + taken / (4 * BYTES_A_SECOND) - time.monotonic()))

        listening = threading.Thread(target=listen)
        listening.start()
        enough.wait(4)
        said, seconds = freed_after(server)
        enough.set()
        listening.join()
        assert seconds / 2 - 1 < said <= math.ceil(seconds * 1.5) + 1
