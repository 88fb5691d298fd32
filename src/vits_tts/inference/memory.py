"""Returning free memory to the system. Only glibc needs it; elsewhere nothing is done."""

import ctypes
import sys
from typing import Final

from vits_tts.cores import available_cores

_LARGE: Final = 128 * 1024
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def trim() -> None:
    """Return free memory of the C heap to the system (malloc_trim(3))."""
    _glibc("malloc_trim", 0)


def keep_little() -> None:
    """Configure the C heap to keep little free memory (mallopt(3)).

    By default glibc raises its threshold to the size of the largest block that was freed, and from
    then on serves blocks of that size from the heap, one heap for each thread. So freed samples and
    tensors leave more and more holes in the heaps. Here blocks above ``_LARGE`` are mapped on their
    own and returned when freed, and there are no more heaps than cores.
    """
    _glibc("mallopt", _M_MMAP_THRESHOLD, _LARGE)
    _glibc("mallopt", _M_TRIM_THRESHOLD, 8 * _LARGE)
    _glibc("mallopt", _M_ARENA_MAX, available_cores())


def _glibc(name: str, *numbers: int) -> None:
    """Call a function of the C library if it has one of this name."""
    if sys.platform == "linux" and (function := getattr(ctypes.CDLL(None), name, None)):
        function(*numbers)
