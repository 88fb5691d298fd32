"""Volume of a sentence: samples times a factor, without clipping."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from vits_tts.audio.limiter import Limiter
from vits_tts.types import Samples

MAX_VOLUME: Final = 4.0
_FULL_SCALE: Final = 32767.0
_NOTHING: Final = np.zeros(0, np.int16)


class Amplifier:
    """The samples of one sentence times ``gain``.

    With a gain above 1, no peak of the output is above -1 dB, and the output is a few milliseconds
    late.
    """

    def __init__(self, gain: float, sample_rate: int) -> None:
        """Begin a sentence at ``sample_rate`` in hertz."""
        self._gain = gain
        self._limiter = Limiter(gain, sample_rate) if gain > 1 else None

    def push(self, samples: Samples, *, last: bool = False) -> Samples:
        """Return the samples that are ready; with ``last``, all remaining samples."""
        if self._limiter:
            loud = self._limiter.push(samples / _FULL_SCALE, last=last) * _FULL_SCALE
            louder: Samples = np.rint(loud).astype(np.int16)
            return louder
        if self._gain == 1:
            return samples
        softer: Samples = np.rint(samples * np.float32(self._gain)).astype(np.int16)
        return softer

    def end(self) -> Samples:
        """Return all samples that are left."""
        return self.push(_NOTHING, last=True)


def amplified_windows(
    windows: Iterable[Samples], gain: float, sample_rate: int
) -> Iterator[Samples]:
    """Yield the windows of a stream times ``gain``; none is empty."""
    amplifier = Amplifier(gain, sample_rate)
    for samples in windows:
        if len(made := amplifier.push(samples)):
            yield made
    if len(rest := amplifier.end()):
        yield rest


def amplified(samples: Samples, gain: float, sample_rate: int) -> Samples:
    """Return all samples of a sentence times ``gain``."""
    return Amplifier(gain, sample_rate).push(samples, last=True)
