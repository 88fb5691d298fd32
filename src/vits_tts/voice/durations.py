"""How long each phoneme of a sentence lasts, as the voice's graph says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Durations = NDArray[np.int64]
"""How long each phoneme id lasts, in frames or in samples, shape ``[n]``."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which outputs of the text's piece tell how long the phonemes last, in frames of ``hop``.

    ``counts`` has a number of frames for each phoneme. Or else ``owners`` has a token for each
    frame, and ``places`` a phoneme for each token; without ``places`` the tokens are phonemes.
    """

    hop: int
    counts: str | None = None
    owners: str | None = None
    places: str | None = None

    @property
    def outputs(self) -> list[str]:
        """The names of what it reads."""
        return [name for name in (self.counts, self.owners, self.places) if name]

    def frames(self, text: Mapping[str, NDArray[Any]], phonemes: int) -> Durations | None:
        """Return the frames of each of ``phonemes``; None if what ``text`` says makes no sense."""
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
    """Whether numbers never fall and are indices of ``end`` items."""
    if not numbers.size:
        return True
    return bool(numbers[0] >= 0 and numbers[-1] < end and (np.diff(numbers) >= 0).all())
