"""Encoding a stream: window by window, in threads, and no longer than somebody listens."""

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
from vits_tts.speech.helpers import Helpers
from vits_tts.types import Pcm

RATE = 16000


class Told(Encoder):
    """An encoder that tells in which threads it worked, and when it was closed."""

    def __init__(self, name: str) -> None:
        """Begin."""
        super().__init__(formats.encoding(name, None, None, RATE), RATE)
        self.threads: set[str] = set()
        self.closed = threading.Event()

    def encode(self, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> bytes:
        """Encode, and remember by whom."""
        self.threads.add(threading.current_thread().name)
        return super().encode(samples)

    def close(self) -> None:
        """Close, and tell."""
        super().close()
        self.closed.set()


async def windows(count: int, asked: list[int]) -> AsyncGenerator[Pcm, None]:
    """Yield half seconds of noise, and note which were asked for."""
    noise = np.random.default_rng(1)
    for number in range(count):
        asked.append(number)
        yield Pcm(noise.normal(0, 3000, RATE // 2).astype(np.int16), RATE)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "aac"])
def test_bytes_before_the_next_window(name: str) -> None:
    """What one window gives is there before the next is asked for; all of it is decoded again."""

    async def listen() -> bytes:
        asked: list[int] = []
        helpers, encoder = Helpers(4), Told(name)
        parts = []
        async for data in encoded(windows(6, asked), encoder, helpers):
            parts.append(data)
            assert len(parts) >= len(asked)
        assert encoder.closed.wait(10)
        assert all(thread.startswith("helper") for thread in encoder.threads)
        helpers.close()
        return b"".join(parts)

    assert by_ffmpeg(asyncio.run(listen())).seconds == pytest.approx(3, abs=0.2)


def test_who_leaves_ends_the_encoder() -> None:
    """No window is asked for that nobody hears, and the encoder is let go."""

    async def leave() -> None:
        asked: list[int] = []
        helpers, encoder = Helpers(4), Told("mp3")
        stream = encoded(windows(100, asked), encoder, helpers)
        await anext(stream)
        await stream.aclose()
        assert asked == [0]
        until(encoder.closed.is_set, "the end of the encoder")
        helpers.close()

    asyncio.run(leave())


def test_who_leaves_while_it_works() -> None:
    """Whoever leaves in the middle of a window does not pull the encoder away from its thread."""

    async def leave() -> None:
        helpers = Helpers(4)
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

    asyncio.run(leave())
