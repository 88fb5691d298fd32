"""Estimate of the memory that a loaded voice takes, from the size of its weights."""

from typing import Final

_OF_WEIGHTS: Final = 1.5
_AT_WORK: Final = 32 * 1024 * 1024
"""Bytes that a voice takes beyond its weights; docs/VOICES.md has measurements."""


def footprint(weights: int) -> int:
    """Return the estimated bytes that a loaded voice with ``weights`` bytes of weights takes."""
    return int(weights * _OF_WEIGHTS) + _AT_WORK
