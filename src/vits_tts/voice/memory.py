"""What loaded voices take of the memory, and giving it back."""

import ctypes
import sys
from typing import Final

from vits_tts.cores import available_cores

_OF_WEIGHTS: Final = 1.5
_AT_WORK: Final = 32 * 1024 * 1024
"""What a voice takes beyond its weights; docs/VOICES.md has measurements."""
_LARGE: Final = 128 * 1024
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def footprint(weights: int) -> int:
    """Return about how many bytes a loaded voice takes whose weights have so many."""
    return int(weights * _OF_WEIGHTS) + _AT_WORK


def trim() -> None:
    """Give the system back what is free; glibc keeps much of it otherwise (malloc_trim(3))."""
    _glibc("malloc_trim", 0)


def keep_little() -> None:
    """Have large blocks go back to the system as soon as they are free (mallopt(3)).

    By itself glibc takes blocks from the heap of each thread that are as large as any that was
    freed before, speech and what it is made from. Holes stay between them, more as time goes on.
    And every thread would have a heap with holes of its own; no more are used at once than cores.
    """
    _glibc("mallopt", _M_MMAP_THRESHOLD, _LARGE)
    _glibc("mallopt", _M_TRIM_THRESHOLD, 8 * _LARGE)
    _glibc("mallopt", _M_ARENA_MAX, available_cores())


def _glibc(name: str, *numbers: int) -> None:
    """Call what only glibc has."""
    if sys.platform == "linux" and (function := getattr(ctypes.CDLL(None), name, None)):
        function(*numbers)
