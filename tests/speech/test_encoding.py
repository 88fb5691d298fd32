"""Encoding a stream: window by window, in threads, until its listener leaves."""

import asyncio
import threading
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from tests.support.decoding import by_ffmpeg
from tests.support.server import until
from vits_tts.audio import formats
from vits_tts.audio.encoder import Encoder
from vits_tts.speech.encoding import encoded
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.worker_pool import WorkerPool
from vits_tts.types import Pcm

RATE = 16000


class Told(Encoder):
    """An encoder that records its threads, and whether it was closed."""

    def __init__(self, name: str) -> None:
        """Start with an open encoder."""
        super().__init__(formats.encoding(name, None, None, RATE), RATE)
        self.threads: set[str] = set()
        self.closed = threading.Event()

    def encode(self, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> bytes:
        """Encode, and record the thread."""
        self.threads.add(threading.current_thread().name)
        return super().encode(samples)

    def close(self) -> None:
        """Close, and record it."""
        super().close()
        self.closed.set()


async def windows(count: int, asked: list[int]) -> AsyncGenerator[Pcm, None]:
    """Yield half seconds of noise, and record the requested ones."""
    noise = np.random.default_rng(1)
    for number in range(count):
        asked.append(number)
        yield Pcm(noise.normal(0, 3000, RATE // 2).astype(np.int16), RATE)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "aac"])
async def test_bytes_before_the_next_window(name: str) -> None:
    """The bytes of one window come before the next one is requested; all of them can be decoded."""
    asked: list[int] = []
    helpers, encoder = WorkerPool(4), Told(name)
    parts = []
    async for data in encoded(windows(6, asked), encoder, helpers):
        parts.append(data)
        assert len(parts) >= len(asked)
    assert encoder.closed.wait(10)
    assert all(thread.startswith("helper") for thread in encoder.threads)
    helpers.close()
    assert by_ffmpeg(b"".join(parts)).seconds == pytest.approx(3, abs=0.2)


async def test_who_leaves_ends_the_encoder() -> None:
    """After the listener leaves, no window is requested, and the encoder is closed."""
    asked: list[int] = []
    helpers, encoder = WorkerPool(4), Told("mp3")
    stream = encoded(windows(100, asked), encoder, helpers)
    await anext(stream)
    await stream.aclose()
    assert asked == [0]
    until(encoder.closed.is_set, "the end of the encoder")
    helpers.close()


async def test_who_leaves_while_it_works() -> None:
    """If the listener leaves while a window is encoded, the encoder is closed after the window."""
    helpers = WorkerPool(4)
    encoders = [Told(name) for name in ("flac", "mp3", "opus", "aac") for _ in range(3)]
    asked: list[int] = []
    for encoder in encoders:

        async def listen(encoder: Encoder = encoder) -> None:
            async for _ in encoded(windows(50, asked), encoder, helpers):
                pass

        listening = asyncio.ensure_future(listen())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
    until(lambda: all(encoder.closed.is_set() for encoder in encoders), "their end")
    helpers.close()


async def test_encoding_is_counted() -> None:
    """The time of encoding counts as part of a request's cost."""
    helpers, tally = WorkerPool(1), RequestStats()
    async for _ in encoded(windows(20, []), Told("mp3"), helpers, tally):
        pass
    helpers.close()
    assert tally.work["encoding"] > 0
