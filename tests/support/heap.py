"""Read the state of glibc's heaps (mallinfo2(3))."""

import ctypes

_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
    "keepcost",
)  # fmt: skip


class Mallinfo(ctypes.Structure):
    """Counts and bytes: ``hblkhd`` in mapped blocks, ``uordblks`` in use on heaps."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


def libc() -> ctypes.CDLL:
    """Return the C library, with the types of the functions that are called here."""
    library = ctypes.CDLL(None)
    library.malloc.restype = library.fdopen.restype = ctypes.c_void_p
    library.free.argtypes = (ctypes.c_void_p,)
    library.mallinfo2.restype = Mallinfo
    return library
