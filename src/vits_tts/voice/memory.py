"""What loaded voices take of the memory, and giving it back."""

import ctypes
import sys
from typing import Final

_OF_WEIGHTS: Final = 1.5
_AT_WORK: Final = 32 * 1024 * 1024
"""What a voice takes beyond its weights; docs/VOICES.md has measurements."""


def footprint(weights: int) -> int:
    """Return about how many bytes a loaded voice takes whose weights have so many."""
    return int(weights * _OF_WEIGHTS) + _AT_WORK


def trim() -> None:
    """Give the system back what is free; glibc keeps much of it otherwise (malloc_trim(3))."""
    if sys.platform == "linux":
        give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if give_back is not None:
            give_back(0)
