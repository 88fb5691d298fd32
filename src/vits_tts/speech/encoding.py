"""The speech of a request as bytes, encoded by threads window by window."""

from collections.abc import AsyncGenerator

from vits_tts.audio.encoder import Encoder
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.worker_pool import WorkerPool, timed
from vits_tts.types import Pcm


async def encoded(
    stream: AsyncGenerator[Pcm, None],
    encoder: Encoder,
    helpers: WorkerPool,
    tally: RequestStats | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a stream as soon as they are encoded, and close the encoder at the end.

    A slow reader delays the stream. A reader that leaves closes this iterator, which ends the
    encoder. The seconds of encoding are added to ``tally``.
    """
    tally = tally or RequestStats()
    try:
        async for pcm in stream:
            data, seconds = await helpers.run(timed, encoder.encode, pcm.samples)
            tally.encoding_seconds += seconds
            if data:
                yield data
        data, seconds = await helpers.run(timed, encoder.finish)
        tally.encoding_seconds += seconds
        if data:
            yield data
    finally:
        helpers.later(encoder.close)
