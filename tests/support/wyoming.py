"""The reference client of the Wyoming protocol."""

import asyncio
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

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
