"""Conversion of sentences whose voice has another sample rate than their stream.

Each sentence is converted by a resampler of its own, so it has an exact length in the stream, and
sounds the same whether it is streamed window by window or whole from the cache.
"""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from typing import Final

import numpy as np

from vits_tts.audio.resample import Resampler, converted_length
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.worker_pool import WorkerPool, timed
from vits_tts.types import Pcm, Samples, Timing

_NOTHING: Final[Samples] = np.zeros(0, np.int16)


class ConvertedAudio:
    """The windows of one sentence at another sample rate; resampling runs in a thread."""

    def __init__(
        self,
        audio: AsyncIterable[Pcm],
        from_rate: int,
        to_rate: int,
        workers: WorkerPool,
        stats: RequestStats,
    ) -> None:
        """Convert the windows of ``audio`` between two rates in hertz."""
        self._windows = aiter(audio)
        self._rates: Final = (from_rate, to_rate)
        self._workers = workers
        self._stats = stats
        self._resampler = Resampler(from_rate, to_rate)
        self._ended = False

    def __aiter__(self) -> AsyncIterator[Pcm]:
        """Return itself."""
        return self

    async def __anext__(self) -> Pcm:
        """Return the next window, which may be empty; the last one completes the sentence."""
        if self._ended:
            raise StopAsyncIteration
        pcm = await anext(self._windows, None)
        self._ended = pcm is None
        samples, seconds = await self._workers.run(
            timed, self._resampler, pcm.samples if pcm else _NOTHING, last=self._ended
        )
        self._stats.encoding_seconds += seconds
        timing = converted_timing(pcm.timing, *self._rates) if pcm and pcm.timing else None
        return Pcm(samples, self._rates[1], timing=timing)


def converted_timing(timing: Timing, from_rate: int, to_rate: int) -> Timing:
    """Return the times of a sentence in samples of another rate."""
    words = timing.words.copy()
    words[:, 2:] = np.rint(words[:, 2:] * (to_rate / from_rate))
    phonemes = timing.phoneme_times.copy()
    phonemes[:, 1:] = np.rint(phonemes[:, 1:] * (to_rate / from_rate))
    samples = converted_length(timing.samples, from_rate, to_rate)
    return replace(timing, samples=samples, words=words, phoneme_times=phonemes)
