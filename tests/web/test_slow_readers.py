"""Clients that read sound slowly, and the number of places for one client."""

import contextlib
import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Starter
from tests.support.server import Server, Settings, until
from tests.support.voices import install_pair
from tests.support.wire import connect, request
from vits_tts import config
from vits_tts.web.auth.api_keys import make_key

_BYTES_A_SECOND = 96_000  # of the voice in these tests
_SENTENCE = "nam " * 60  # four seconds at a quarter of its speed


def settings(folder: Path, **limits: object) -> Settings:
    """Return settings of a fast voice with many bytes a second."""
    install_pair(folder / "server" / "voices", sample_rate=48000)
    return {"voice": {"name": "pair"}, "limits": dict(limits)}


def text(seconds: int) -> str:
    """Return a text that plays for about ``seconds``."""
    return ". ".join([_SENTENCE.strip()] * (seconds // 4))


def stream(seconds: int, more: str = "") -> bytes:
    """Return the request for a stream that plays for about ``seconds``."""
    query = f"speed=0.25&text={text(seconds).replace(' ', '%20')}{more}"
    return request(f"/tts/stream?{query}", version="1.0")


def openai(seconds: int) -> bytes:
    """Return a request for events with sound in them."""
    asked = {"model": "tts-1", "input": text(seconds), "speed": 0.25}
    body = json.dumps(asked | {"response_format": "wav", "stream_format": "sse"}).encode()
    length = f"Content-Length: {len(body)}"
    kind = "Content-Type: application/json"
    return request("/v1/audio/speech", kind, length, method="POST") + body


def trickled(connection: socket.socket, bytes_a_second: float, seconds: float) -> bool:
    """Read a few bytes at a time; return whether the server closes the connection meanwhile."""
    pause = threading.Event()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if not connection.recv(int(bytes_a_second / 4)):
                return True
        except ConnectionError:
            return True
        pause.wait(0.25)
    return False


def test_trickling_readers_are_given_up(start: Starter, tmp_path: Path) -> None:
    """A client that always reads too little is dropped, for streams of all kinds and for files."""
    limits = settings(tmp_path, slow_client_seconds=4)
    with start(limits) as server:
        saved = httpx.get(f"{server.url}/tts", params={"text": text(30), "speed": 0.25})
        path = saved.json()["audio_url"].removeprefix(server.url)
        asked = {
            "stream": stream(30),
            "lines": stream(30, "&timestamps=true"),
            "mulaw": stream(30, "&format=mulaw&sample_rate=48000"),
            "events": openai(30),
            "file": request(path),
        }
        given_up: dict[str, bool] = {}

        def read(name: str) -> None:
            with connect(server, receives=4096) as connection:
                connection.sendall(asked[name])
                given_up[name] = trickled(connection, 1200, 60)

        readers = [threading.Thread(target=read, args=(name,)) for name in asked]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert given_up == dict.fromkeys(asked, True)
        assert len(server.lines("caller reads too slowly, dropped")) == len(asked)


@pytest.mark.parametrize("burst", [1, 4])
def test_players_are_not_given_up(start: Starter, tmp_path: Path, burst: int) -> None:
    """A client that reads as fast as it plays is kept, even with long pauses between reads."""
    with start(settings(tmp_path, slow_client_seconds=0.5)) as server:
        with connect(server, receives=65536) as player:
            player.sendall(stream(16))
            sound = b""
            begun = time.monotonic()
            pause = threading.Event()
            number = 0
            while True:
                number += 1  # the buffer is filled before the first of it is played
                most = number * burst * _BYTES_A_SECOND
                while len(sound) < most and (data := player.recv(min(65536, most - len(sound)))):
                    sound += data
                if len(sound) < most:
                    break
                pause.wait(max(0.0, begun + number * burst - time.monotonic()))
        assert len(sound) > 12 * _BYTES_A_SECOND
        line = server.wait_for("request", route="stream")[0]
        assert line["status"] == 200, server.explain()
        assert not server.lines("caller reads too slowly, dropped")


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
            page = server.metrics()
            assert 'vits_tts_refusals_total{reason="caller"} 1.0' in page
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
                enough.wait(max(0.0, begun + taken / (4 * _BYTES_A_SECOND) - time.monotonic()))

        listening = threading.Thread(target=listen)
        listening.start()
        enough.wait(4)
        said, seconds = freed_after(server)
        enough.set()
        listening.join()
        assert seconds / 2 - 1 < said <= math.ceil(seconds * 1.5) + 1
