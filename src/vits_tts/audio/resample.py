"""Another sample rate, by soxr: as if the whole speech were converted at once, without seams."""

import numpy as np
import soxr
from numpy.typing import NDArray

from vits_tts.types import Samples

_FULL_SCALE = 32768


class Resampler:
    """Converts one speech as it comes.

    soxr reckons in floating point and we round: when it rounds itself it adds noise (dither) from
    a random seed, and equal speech would not be equal bytes.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Begin."""
        self._stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")

    def __call__(self, samples: Samples, *, last: bool = False) -> Samples:
        """Return what is ready with these samples; with the ``last`` ones, all."""
        converted = self._stream.resample_chunk(samples.astype(np.float32), last=last)
        return _rounded(converted)


def _rounded(samples: NDArray[np.float32]) -> Samples:
    clipped = np.clip(np.rint(samples), -_FULL_SCALE, _FULL_SCALE - 1)
    return clipped.astype(np.int16)
