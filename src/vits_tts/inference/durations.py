"""Durations of the phonemes of a sentence, as the voice's graph computes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Durations = NDArray[np.int64]
"""The duration of each phoneme id in frames or samples, int64 ``[n]``."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """The outputs of the text stage from which durations can be read, in frames of ``hop`` samples.

    Graphs have one of two forms. In the first, ``counts`` has the number of frames of each phoneme.
    In the second, ``owners`` has the index of a token for each frame, and ``places`` the index of a
    phoneme for each token. Without ``places`` the tokens are the phonemes.
    """

    hop: int
    counts: str | None = None
    owners: str | None = None
    places: str | None = None

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs that are read."""
        return [name for name in (self.counts, self.owners, self.places) if name]

    def frames(self, text: Mapping[str, NDArray[Any]], phonemes: int) -> Durations | None:
        """Return the frames of each phoneme; None if the outputs are not valid durations.

        Args:
            text: The outputs of the text stage by name.
            phonemes: The number of phoneme ids.

        """
        if self.counts:
            return _whole(text[self.counts].reshape(-1), phonemes)
        if not self.owners:
            return None
        owners = text[self.owners].reshape(-1)
        places = np.arange(phonemes)
        if self.places:
            places = text[self.places].reshape(-1)
        if not _rises(owners, len(places)) or not _rises(places, phonemes):
            return None
        durations = np.zeros(phonemes, np.int64)
        np.add.at(durations, places, np.bincount(owners, minlength=len(places)))
        return durations


def _whole(counts: NDArray[Any], phonemes: int) -> Durations | None:
    good = counts.size == phonemes and np.isfinite(counts).all() and (counts >= 0).all()
    return counts.astype(np.int64) if good and (counts == np.rint(counts)).all() else None


def _rises(numbers: NDArray[Any], end: int) -> bool:
    """Return whether the numbers never decrease and are valid indices of ``end`` items."""
    if not numbers.size:
        return True
    return bool(numbers[0] >= 0 and numbers[-1] < end and (np.diff(numbers) >= 0).all())
