"""Clients that read sound slowly."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx

from tests.conftest import LocalStarter
from tests.support.server import Reachable, Settings
from tests.support.voices import install_pair
from tests.support.wire import connect, request

BYTES_A_SECOND = 96_000  # of the voice in these tests
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


def test_trickling_readers_are_given_up(start_here: LocalStarter, tmp_path: Path) -> None:
    """A client that always reads too little is dropped, for streams of all kinds and for files."""
    limits = settings(tmp_path, slow_client_seconds=1)
    with start_here(limits) as server:
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


def played(server: Reachable, burst: int) -> bytes:
    """Return a stream, read by a player whose buffer takes ``burst`` seconds of sound at once."""
    pause = threading.Event()
    with connect(server, receives=65536) as player:
        player.sendall(stream(16))
        sound = b""
        begun = time.monotonic()
        number = 0
        while True:
            number += 1  # the buffer is filled before the first of it is played
            most = number * burst * BYTES_A_SECOND
            while len(sound) < most and (data := player.recv(min(65536, most - len(sound)))):
                sound += data
            if len(sound) < most:
                return sound
            pause.wait(max(0.0, begun + number * burst - time.monotonic()))


def test_players_are_not_given_up(start_here: LocalStarter, tmp_path: Path) -> None:
    """A client that reads as fast as it plays is kept, even with long pauses between reads."""
    bursts = (1, 4)
    with start_here(settings(tmp_path, slow_client_seconds=0.5)) as server:
        with ThreadPoolExecutor() as pool:  # at the same time: each plays as long as its sound is
            sounds = list(pool.map(partial(played, server), bursts))
        assert min(len(sound) for sound in sounds) > 12 * BYTES_A_SECOND
        lines = server.wait_for("request", count=len(bursts), route="stream")
        assert [line["status"] for line in lines] == [200] * len(bursts), server.explain()
        assert not server.lines("caller reads too slowly, dropped")
