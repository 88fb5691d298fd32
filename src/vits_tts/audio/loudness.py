"""Loudness of speech by ITU-R BS.1770-4, and the gain that brings it to a wanted value."""

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.types import Samples

_BLOCK_SECONDS: Final = 0.4
_STEP: Final = 4
"""Blocks overlap: each begins a quarter of a block after the previous one."""
_ABSOLUTE_GATE: Final = -70.0
_RELATIVE_GATE: Final = -10.0
_OFFSET: Final = -0.691
_FULL_SCALE: Final = 32768.0
_PEAK_DECIBELS: Final = -1.0


class LoudnessMeter:
    """Measures the integrated loudness of samples that come in parts."""

    def __init__(self, sample_rate: int) -> None:
        """Start a measurement at ``sample_rate`` in hertz."""
        self._step = round(sample_rate * _BLOCK_SECONDS / _STEP)
        self._weights = _k_weighting(self._step * _STEP, sample_rate)
        self._rest: Samples = np.zeros(0, np.int16)
        self._powers: list[NDArray[np.float64]] = []
        self.peak = 0

    def add(self, samples: Samples) -> None:
        """Take the next samples."""
        if len(samples):
            self.peak = max(self.peak, int(np.abs(samples.astype(np.int32)).max()))
        joined = np.concatenate([self._rest, samples])
        size = self._step * _STEP
        count = max(0, (len(joined) - size) // self._step + 1)
        if count:
            view = np.lib.stride_tricks.sliding_window_view(joined, size)[:: self._step][:count]
            for part in np.array_split(view, math.ceil(count / 256)):
                spectra = np.fft.rfft(part / _FULL_SCALE, axis=1)
                self._powers.append((np.abs(spectra) ** 2 * self._weights).sum(axis=1))
        self._rest = joined[count * self._step :]

    @property
    def lufs(self) -> float | None:
        """The integrated loudness in LUFS; None if all was silent or shorter than 0.4 seconds."""
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0)
        powers = powers[powers > 10 ** ((_ABSOLUTE_GATE - _OFFSET) / 10)]
        if not len(powers):
            return None
        gate = powers.mean() * 10 ** (_RELATIVE_GATE / 10)
        return float(_OFFSET + 10 * np.log10(powers[powers > gate].mean()))


def gain(meters: Iterable[LoudnessMeter], lufs: float, wanted: float) -> float:
    """Return the factor that brings ``lufs`` to ``wanted``, with peaks of at most -1 dB."""
    peak = max((meter.peak for meter in meters), default=0)
    most = _FULL_SCALE * 10 ** (_PEAK_DECIBELS / 20) / max(peak, 1)
    return float(min(10 ** ((wanted - lufs) / 20), most))


def _k_weighting(size: int, sample_rate: int) -> NDArray[np.float64]:
    """Return factors that turn a spectrum of ``size`` samples into K-weighted mean power.

    BS.1770 gives the coefficients of its two filters for 48 kHz only. So this uses their analogue
    prototypes: a shelf of 4 dB above 1.7 kHz, and a high-pass at 38 Hz.
    """
    s = 2j * np.pi * np.fft.rfftfreq(size, 1 / sample_rate)
    shelf, high = 2 * np.pi * 1681.974450955533, 2 * np.pi * 38.13547087602444
    q_shelf, q_high = 0.7071752369554196, 0.5003270373238773
    top = 10 ** (3.999843853973347 / 20)
    middle = top**0.4996667741545416
    first = (top * s**2 + middle * shelf / q_shelf * s + shelf**2) / (
        s**2 + shelf / q_shelf * s + shelf**2
    )
    second = s**2 / (s**2 + high / q_high * s + high**2)
    sides = np.full(len(s), 2.0)
    sides[0] = 1
    if size % 2 == 0:
        sides[-1] = 1
    weighted: NDArray[np.float64] = np.abs(first * second) ** 2 * sides / size**2
    return weighted
