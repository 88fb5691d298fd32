"""Settings of the Python interpreter that keep the event loop responsive."""

import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from concurrent.futures import Future

_SWITCH_SECONDS: Final = 0.0005
"""A tenth of Python's default. The event loop releases the interpreter lock at each system call,
about twelve times a request, and waits this long until a thread that reads text gives it back."""
_READ_BYTES: Final = 64 * 1024
"""Bytes that asyncio asks for in one read of a socket, such as that of Redis.

By default it asks for 256 KiB. Because the C heap keeps little free memory, each read would then
map and unmap memory."""


def tune_interpreter(made: "Future[None]") -> None:
    """Shorten the switch interval, and freeze the garbage collector when ``made`` is done.

    ``made`` is done when all long-lived objects exist. A collection that visited them would block
    the event loop for a tenth of a second.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    # A private attribute, which other versions of Python may lack. Without it, reading is slower
    # but works.
    transport = getattr(asyncio.selector_events, "_SelectorTransport", None)
    if transport is not None and hasattr(transport, "max_size"):
        transport.max_size = _READ_BYTES
    made.add_done_callback(lambda _: gc.freeze())
