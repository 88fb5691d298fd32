"""A log-linear model that chooses among several syllables by the words around without marks.

The model complements the pairs of ``restore``, which see only the neighbouring syllables. Its
features are the groups of words in :data:`GROUPS`, such as the two words before, or the words on
both sides. Each group of words and each syllable together have a weight; the sum over all groups
is added to the logarithm of a syllable's probability.

``data/contexts.bin`` is a hash table. First comes the number of cells (4 bytes, little-endian). One
byte for each cell follows, which checks the hash. Then each cell has a signed byte: the weight, in
steps of 1/:data:`STEPS`. A weight whose cell was taken by a larger one is lost. It is made by
``training/reading/contexts.py``.
"""

import re
import zlib
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
STEPS: Final = 16
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


def group_hash(codes: Sequence[int], place: int, group: int) -> int:
    """Return the hash of the words of one group around a place."""
    mixed = (group + 1) * 0x632BE5AB
    for distance in GROUPS[group]:
        mixed += codes[place + distance] * MULTIPLIERS[distance + REACH]
    mixed &= _32_BITS
    return ((mixed ^ (mixed >> 15)) * 0x85EBCA6B) & _32_BITS


def cell_hash(group: int, rank: int) -> int:
    """Return the hash of a group of words, given as its hash, and a syllable, given as its rank."""
    mixed = (group + rank * 0x9E3779B1) & _32_BITS
    mixed = ((mixed ^ (mixed >> 16)) * 0x7FEB352D) & _32_BITS
    return mixed ^ (mixed >> 15)


class _Weights:
    def __init__(self) -> None:
        data = resources.files("vits_tts.text").joinpath("data/contexts.bin").read_bytes()
        self._cells = int.from_bytes(data[:4], "little")
        view = memoryview(data)  # slices of it are no copies
        self._checks = view[4 : 4 + self._cells]
        self._values = view[4 + self._cells :].cast("b")

    def sums(self, codes: Sequence[int], place: int, ranks: Sequence[int]) -> list[float]:
        """Return the sum of the weights of each syllable at a place."""
        found = [0] * len(ranks)
        checks, values, cells = self._checks, self._values, self._cells
        for group in range(len(GROUPS)):
            words = group_hash(codes, place, group)
            for at, rank in enumerate(ranks):
                mixed = cell_hash(words, rank)
                cell = mixed * cells >> 32
                if checks[cell] == (mixed & 0xFF or 1):
                    found[at] += values[cell]
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
