"""What glibc's heaps hold (mallinfo2(3))."""

import ctypes

_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
    "keepcost",
)  # fmt: skip


class Mallinfo(ctypes.Structure):
    """Counts and bytes: ``hblkhd`` in blocks of the system's own, ``uordblks`` in use on heaps."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


def libc() -> ctypes.CDLL:
    """Return the C library, with the types of what is asked of it here."""
    library = ctypes.CDLL(None)
    library.malloc.restype = library.fdopen.restype = ctypes.c_void_p
    library.free.argtypes = (ctypes.c_void_p,)
    library.mallinfo2.restype = Mallinfo
    return library
