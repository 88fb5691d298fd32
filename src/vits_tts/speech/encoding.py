"""A speech as bytes: encoded by threads, window by window, as it comes."""

from collections.abc import AsyncGenerator

from vits_tts.audio.encoder import Encoder
from vits_tts.speech.helpers import Helpers
from vits_tts.types import Pcm


async def encoded(
    stream: AsyncGenerator[Pcm, None], encoder: Encoder, helpers: Helpers
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a stream as they are ready, and close the encoder at the end.

    Whoever reads slowly holds up the stream; whoever leaves, and closes this, ends the encoder.
    """
    try:
        async for pcm in stream:
            if data := await helpers.run(encoder.encode, pcm.samples):
                yield data
        if data := await helpers.run(encoder.finish):
            yield data
    finally:
        helpers.later(encoder.close)
