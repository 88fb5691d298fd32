"""Clients of the Wyoming protocol: the reference client, and raw bytes."""

import asyncio
import json
import socket
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.support.ports import free_port
from tests.support.server import Settings

with warnings.catch_warnings():  # it imports `audioop`, which Python has deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    client = pytest.importorskip("wyoming.client", reason="needs the group `clients`")
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.error import Error
    from wyoming.event import Event
    from wyoming.tts import (
        Synthesize,
        SynthesizeChunk,
        SynthesizeStart,
        SynthesizeStop,
        SynthesizeStopped,
        SynthesizeVoice,
    )

__all__ = [
    "Event",
    "Synthesize",
    "SynthesizeChunk",
    "SynthesizeStart",
    "SynthesizeStop",
    "SynthesizeVoice",
]


@dataclass
class Heard:
    """The events that answered one request."""

    rate: int = 0
    data: bytes = b""
    chunks: int = 0
    error: str | None = None
    complete: bool = False
    stopped: bool = False

    @property
    def samples(self) -> Any:
        """The sound, int16."""
        return np.frombuffer(self.data, "<i2")

    @property
    def level(self) -> float:
        """The loudest sample, as a share of full scale."""
        return float(np.abs(self.samples.astype(int)).max()) / 32768


@dataclass
class Settled:
    """The settings of a Wyoming server, and its port."""

    port: int
    settings: Settings = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The URI that the client gets."""
        return f"tcp://127.0.0.1:{self.port}"


def settled(**sections: dict[str, Any]) -> Settled:
    """Return settings of a server that speaks Wyoming on a free port."""
    port = free_port()
    wyoming = {"uri": f"tcp://127.0.0.1:{port}", **sections.pop("wyoming", {})}
    voice = {"noise_scale": 0, "noise_w": 0, **sections.pop("voice", {})}
    return Settled(port, {**sections, "wyoming": wyoming, "voice": voice})


async def hear(connected: Any, begun: Heard | None = None, *, streamed: bool = False) -> Heard:
    """Read one answer to its end or the connection's; some of it may have been read already."""
    heard = begun or Heard()
    while event := await connected.read_event():
        if AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            assert (start.width, start.channels) == (2, 1)
            heard.rate = start.rate
        elif AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (heard.rate, 2, 1)
            heard.data += chunk.audio
            heard.chunks += 1
        elif AudioStop.is_type(event.type):
            heard.complete = True
            if not streamed:
                return heard
        elif SynthesizeStopped.is_type(event.type):
            heard.stopped = True
            return heard
        elif Error.is_type(event.type):
            heard.error = Error.from_event(event).code
    return heard


def say(uri: str, text: str, **voice: str) -> Heard:
    """Return the answer of the server to one text of the reference client."""

    async def said() -> Heard:
        async with client.AsyncClient.from_uri(uri) as connected:
            wanted = SynthesizeVoice(**voice) if voice else None
            await connected.write_event(Synthesize(text=text, voice=wanted).event())
            return await hear(connected)

    return asyncio.run(asyncio.wait_for(said(), 60))


def exchange(port: int, sent: Iterable[bytes]) -> list[dict[str, Any]]:
    """Send bytes and return the events that come, without payloads, until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            for part in sent:
                connection.sendall(part)
        except ConnectionError:  # the server closes before it has read all of it
            pass
        received = b""
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionError:
            pass
    events = []
    while received:
        line, _, received = received.partition(b"\n")
        header = json.loads(line)
        body = received[: header.get("data_length", 0)]
        received = received[len(body) + header.get("payload_length", 0) :]
        events.append({"type": header["type"], **(json.loads(body) if body else {})})
    return events
