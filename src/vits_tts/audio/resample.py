"""Conversion to another sample rate by soxr, with no seams between the windows of a speech."""

import numpy as np
import soxr
from numpy.typing import NDArray

from vits_tts.types import Samples

_FULL_SCALE = 32768


class Resampler:
    """Converts one speech, window by window.

    soxr returns floating point, which is rounded here. When soxr rounds it adds dither from a
    random seed, so equal speech would not be equal bytes.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Start a conversion between two rates in hertz."""
        self._stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")

    def __call__(self, samples: Samples, *, last: bool = False) -> Samples:
        """Return the converted samples that are ready; with the ``last`` samples, all of them."""
        converted = self._stream.resample_chunk(samples.astype(np.float32), last=last)
        return _rounded(converted)


def converted_length(samples: int, from_rate: int, to_rate: int) -> int:
    """Return the number of samples that a :class:`Resampler` makes of ``samples``."""
    return (2 * samples * to_rate + from_rate) // (2 * from_rate)


def _rounded(samples: NDArray[np.float32]) -> Samples:
    clipped = np.clip(np.rint(samples), -_FULL_SCALE, _FULL_SCALE - 1)
    return clipped.astype(np.int16)
