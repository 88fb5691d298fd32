"""True peak of mono speech, as ITU-R BS.1770-4 measures it: between samples too."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OVERSAMPLING: Final = 4
TAPS: Final = 12
"""Samples from which the signal between two samples is computed."""
_NEARLY: Final = 1 - 1e-5
"""Tolerance for the rounding of a sum of ``TAPS`` products in float32."""


def true_peak(samples: NDArray[np.floating], padded: bool = True) -> Floats:
    """Return the largest magnitude of the signal from each sample to the one after it.

    The signal is interpolated at four times its rate. With ``padded`` the signal is silent before
    and after the samples, and the result has their length; else it is shorter by ``TAPS - 1``.
    """
    signal = np.asarray(samples, np.float64)
    if padded:
        signal = np.pad(signal, (TAPS // 2 - 1, TAPS // 2))
    peaks = np.abs(signal[TAPS // 2 - 1 : len(signal) - TAPS // 2])
    for phase in _phases():
        peaks = np.maximum(peaks, np.abs(np.convolve(signal, phase[::-1], "valid")))
    return peaks


def may_exceed(signal: NDArray[np.floating], ceiling: float) -> bool:
    """Return whether the magnitude of a signal exceeds ``ceiling`` at or between its samples.

    Much faster than :func:`true_peak` for a signal that is rarely loud: places with quiet samples
    only are not interpolated, because :func:`_overshoot` bounds them. It is also true for a peak
    that is lower than ``ceiling`` by less than the precision of float32.
    """
    magnitudes = np.abs(signal)
    loudest = magnitudes.max(initial=0)
    least = ceiling / _overshoot()
    if loudest > ceiling or len(signal) < TAPS:
        return bool(loudest > least)
    if loudest <= least:
        return False
    # Mark each position where any of the next ``TAPS`` samples is loud. Each step doubles the
    # number of samples that a position covers, or adds those that are missing.
    near = magnitudes > least
    seen = 1
    while seen < TAPS:
        step = min(seen, TAPS - seen)
        near = near[:-step] | near[step:]
        seen += step
    places = np.lib.stride_tricks.as_strided(
        signal, (len(near), TAPS), signal.strides * 2, writeable=False
    )
    return bool(np.abs(places[near] @ _filters()).max(initial=0) > ceiling * _NEARLY)


@lru_cache(maxsize=1)
def _filters() -> NDArray[np.float32]:
    """Return the filters of :func:`_phases` as the columns of one matrix."""
    return np.stack(_phases(), axis=1).astype(np.float32)


@lru_cache(maxsize=1)
def _overshoot() -> float:
    """Return by which factor the signal between samples may exceed all samples."""
    return max(1.0, *(float(np.abs(phase).sum()) for phase in _phases()))


@lru_cache(maxsize=1)
def _phases() -> tuple[Floats, ...]:
    """Return the filters that give the signal at one, two and three quarters of a sample."""
    places = np.arange(TAPS) - (TAPS // 2 - 1)
    filters = []
    for quarter in range(1, OVERSAMPLING):
        distance = places - quarter / OVERSAMPLING
        taps = np.sinc(distance) * np.cos(np.pi * distance / (TAPS + 1)) ** 2
        filters.append(taps / taps.sum())
    return tuple(filters)
