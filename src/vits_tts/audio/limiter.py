"""Gain for a stream of samples whose true peak stays below -1 dB of full scale.

The gain is lowered smoothly around each peak, from a few milliseconds before it. So the output is a
few milliseconds behind the input; the last window returns the rest.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.audio.true_peak import TAPS, Floats, may_exceed, true_peak

CEILING: Final = 10 ** (-1.5 / 20)
"""Half a decibel below -1 dB, because peaks between samples are measured at four times the rate."""
_HALF_SECONDS: Final = 0.0015
"""Half of the length of each of the two means that smooth the gain."""
_BESIDE: Final = TAPS // 2


class Limiter:
    """The samples of one stream times ``gain``, limited.

    The result does not depend on the lengths of the windows. The output is as long as the input. It
    is computed in the input's precision, and in float64 where the gain is lowered.
    """

    def __init__(self, gain: float, sample_rate: int) -> None:
        """Begin a stream at ``sample_rate`` in hertz."""
        # Not a float of numpy, which would turn float32 samples into float64.
        self._gain = float(gain)
        self._half = half = max(1, round(_HALF_SECONDS * sample_rate))
        self._reach = 4 * half + _BESIDE
        """Samples before and after a sample that its gain depends on."""
        self._held: NDArray[np.floating] = np.zeros(self._reach, np.float32)
        """The input that the next samples depend on, times the gain."""

    def push(self, samples: NDArray[np.floating], *, last: bool = False) -> NDArray[np.floating]:
        """Return the samples that are ready, of full scale 1; with ``last``, all remaining ones.

        No window may follow the last one.
        """
        ends = [np.zeros(self._reach, np.float32)] if last else []
        held = np.concatenate([self._held, samples * self._gain, *ends])
        ready = len(held) - 2 * self._reach
        if ready <= 0:
            self._held = held
            return held[:0]
        self._held = held[ready:]
        made = held[self._reach : self._reach + ready]
        if may_exceed(held, CEILING):
            made = made * self._gains(np.asarray(held, np.float64))
        return made

    def _gains(self, signal: Floats) -> Floats:
        """Return the gains of all samples of a signal but the first and the last ``reach``."""
        peaks = np.pad(true_peak(signal, padded=False), (1, 0))
        peaks = np.maximum(peaks[:-1], peaks[1:])  # a peak lies between a sample and the next
        wanted = np.minimum(1.0, CEILING / np.maximum(peaks, CEILING))
        size = 2 * self._half + 1
        least = _sliding_minimum(wanted, 2 * size - 1)
        gains = _sliding_mean(_sliding_mean(least, size), size)
        return np.round(gains[1:], 9)  # sums differ in their last bits with the windows' lengths


def _sliding_minimum(values: Floats, size: int) -> Floats:
    """Return the minimum of each ``size`` neighbours."""
    done = 1
    while done < size:
        step = min(done, size - done)
        values = np.minimum(values[: len(values) - step], values[step:])
        done += step
    return values


def _sliding_mean(values: Floats, size: int) -> Floats:
    """Return the mean of each ``size`` neighbours."""
    sums = np.cumsum(np.pad(values, (1, 0)))
    means: Floats = (sums[size:] - sums[:-size]) / size
    return means
