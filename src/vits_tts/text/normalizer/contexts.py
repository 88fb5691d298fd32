"""A log-linear model that chooses among several syllables by the words around without marks.

The model complements the pairs of ``restore``, which see only the neighbouring syllables. Its
features are the groups of words in :data:`GROUPS`, such as the two words before, or the words on
both sides. Each group of words and each syllable together have a weight; the sum over all groups
is added to the logarithm of a syllable's probability.

``data/contexts.bin`` is a hash table. First comes the number of cells (4 bytes, little-endian),
then each cell as 2 bytes. Its ten upper bits check the hash, and are 0 if the cell is empty. Its
six lower bits are the weight plus :data:`MIDDLE`, in steps of 1/:data:`STEPS`. A weight whose cell
was taken by a more useful one is lost. The file is made by ``training/reading/contexts.py``.
"""

import re
import sys
import zlib
from array import array
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Final

GROUPS: Final = (
    (-1,), (1,), (-2, -1), (1, 2), (-1, 1), (-3, -2, -1), (1, 2, 3), (-2, -1, 1), (-1, 1, 2),
    (-2,), (2,),
)  # fmt: skip
"""The words of each feature, by their distance from the word that is restored."""
REACH: Final = 3
"""How many words on each side are examined."""
STEPS: Final = 8
MIDDLE: Final = 32
CHECKS: Final = 1024
"""Number of values of the bits that check a hash."""
MULTIPLIERS: Final = (
    0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1, 0x2545F491, 0x5851F42D,
)  # fmt: skip
"""Odd factors that give each distance from -3 to 3 another hash."""
NOTHING: Final = 0
NUMBER: Final = 1
STOP: Final = 2
MARK: Final = 3
"""Codes of an edge, a number, a mark that ends a sentence, and another mark."""
TOKEN: Final = re.compile(r"[^\W\d_]+|\d[\d.,:/]*|[^\w\s]")
_32_BITS: Final = 0xFFFFFFFF


@lru_cache(maxsize=4096)
def code(written: str) -> int:
    """Return 32 bits that stand for a word in small letters and without marks, or for a mark."""
    if written[0].isdigit():
        return NUMBER
    if not written[0].isalpha():
        return STOP if written in ".!?;" else MARK
    return zlib.crc32(written.encode())


_SEEDS: Final = tuple(0x632BE5AB * (number + 1) for number in range(len(GROUPS)))
_PARTS: Final = tuple(
    tuple((distance, MULTIPLIERS[distance + REACH]) for distance in group) for group in GROUPS
)
"""The distances of the words of each group, with their factors."""


class _Weights:
    def __init__(self) -> None:
        data = resources.files("vits_tts.text").joinpath("data/contexts.bin").read_bytes()
        self._cells = array("H")
        self._cells.frombytes(memoryview(data)[4:])
        if sys.byteorder == "big":
            self._cells.byteswap()

    def sums(self, codes: Sequence[int], place: int, ranks: Sequence[int]) -> list[float]:
        """Return the sum of the weights of each syllable at a place."""
        found = [0] * len(ranks)
        cells = self._cells
        size = len(cells)
        seeds = [(at, rank * 0x9E3779B1) for at, rank in enumerate(ranks)]
        for mixed, parts in zip(_SEEDS, _PARTS, strict=True):
            for distance, multiplier in parts:
                mixed += codes[place + distance] * multiplier  # noqa: PLW2901
            mixed &= _32_BITS  # noqa: PLW2901
            group = ((mixed ^ (mixed >> 15)) * 0x85EBCA6B) & _32_BITS
            for at, seed in seeds:
                key = (group + seed) & _32_BITS
                key = ((key ^ (key >> 16)) * 0x7FEB352D) & _32_BITS
                key ^= key >> 15
                cell = cells[key * size >> 32]
                if cell >> 6 == (key & CHECKS - 1 or 1):
                    found[at] += (cell & 63) - MIDDLE
        return [value / STEPS for value in found]


@lru_cache(maxsize=1)
def _weights() -> _Weights:
    return _Weights()


def sums(codes: Sequence[int], place: int, ranks: Sequence[int]) -> list[float]:
    """Return the evidence for each of several syllables at a place, in natural logarithms.

    Args:
        codes: The codes of the words and marks of a line, at least :data:`REACH` on each side.
        place: The place of the word in the codes.
        ranks: The ranks of the syllables that it may stand for.

    """
    return _weights().sums(codes, place, ranks)
