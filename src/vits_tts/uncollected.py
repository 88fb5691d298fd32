"""Creates objects that live as long as their process without the garbage collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector off in a `with` block that imports or creates long-lived objects.

    While thousands of objects are created, the collector would search them for garbage again and
    again. That takes a tenth of the time of a start. At the end of the block, all objects that
    exist are frozen: later collections do not visit them either. In a process that forks, this also
    keeps more of its memory shared. Inside another such block, or where the collector is off,
    nothing changes.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
