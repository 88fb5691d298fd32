"""Give borrowed melody the tones of the speaker.

Speakers of other regions say tones differently, and the mean of many speakers is flat. So the mean
contour of each tone is moved from theirs towards the speaker's own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from training.frontend import SILENCES

POINTS = 8  # of a contour, evenly over the voiced part of a syllable
TOWARDS_OWN = 0.4  # of the way to contours of syllables said alone, wider than in sentences
_SMOOTH = 5  # frames
_FEWEST = 20  # syllables of a tone that have a mean
_GRID = np.linspace(0.0, 1.0, POINTS)

Shapes = dict[tuple[int, int], np.ndarray]
"""The mean log F0 [POINTS] above the speaker's mean, by tone and whether a stop ends it."""


def _syllables(clip: dict[str, Any]) -> Iterator[tuple[tuple[int, int], slice, np.ndarray]]:
    """Yield each syllable's tone, its frames, and how much of its voiced part has passed there."""
    ints, durations = clip["ints"], clip["durations"]
    ends = np.cumsum(durations)
    spoken = np.flatnonzero(~np.isin(ints[:, 0], SILENCES))
    for number in np.unique(ints[spoken, 9]):
        tokens = spoken[ints[spoken, 9] == number]
        start, end = int(ends[tokens[0]] - durations[tokens[0]]), int(ends[tokens[-1]])
        voiced = np.flatnonzero(clip["voiced"][start:end])
        if len(voiced) >= POINTS:
            passed = (np.arange(end - start) - voiced[0]) / (voiced[-1] - voiced[0])
            key = (int(ints[tokens[0], 2]), int(ints[tokens[0], 8]))
            yield key, slice(start, end), np.clip(passed, 0.0, 1.0)


def shapes(clips: Sequence[dict[str, Any]], level: float) -> Shapes:
    """Return the mean contours of aligned clips of a speaker whose mean log F0 is ``level``."""
    found: dict[tuple[int, int], list[np.ndarray]] = {}
    for clip in clips:
        contour = np.log(clip["hertz"]) - level
        for key, frames, passed in _syllables(clip):
            inside = clip["voiced"][frames] > 0
            values = np.interp(_GRID, passed[inside], contour[frames][inside])
            found.setdefault(key, []).append(values)
    return {key: np.mean(rows, axis=0) for key, rows in found.items() if len(rows) >= _FEWEST}


def moved(clip: dict[str, Any], theirs: Shapes, own: Shapes) -> dict[str, Any]:
    """Return a clip whose tones are ``TOWARDS_OWN`` of the way from ``theirs`` to ``own``."""
    count = len(clip["hertz"])
    change = np.full(count, np.nan)
    for key, frames, passed in _syllables(clip):
        if key in theirs and key in own:
            change[frames] = np.interp(passed, _GRID, own[key] - theirs[key])
    known = np.flatnonzero(~np.isnan(change))
    if not len(known):
        return clip
    change = np.interp(np.arange(count), known, change[known])
    change = np.convolve(np.pad(change, _SMOOTH // 2, mode="edge"), np.ones(_SMOOTH) / _SMOOTH)
    change = change[_SMOOTH - 1 : _SMOOTH - 1 + count]
    return clip | {"hertz": (clip["hertz"] * np.exp(TOWARDS_OWN * change)).astype(np.float32)}
