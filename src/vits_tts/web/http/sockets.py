"""Queries to the kernel about a connection."""

import contextlib
import select
import socket
import struct
import sys
from array import array
from typing import Any, Final

if sys.platform == "linux":  # at the start: later there may be no file descriptor to load them
    import fcntl
    import termios

_AT_ONCE: Final = struct.pack("ii", 1, 0)


def hung_up(fd: int | Any) -> bool:
    """Return whether the other end of a socket is closed, even if there are unread bytes."""
    if not hasattr(select, "poll"):  # Windows
        return False
    poll = select.poll()
    poll.register(fd, getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(0))


def unsent(fd: int | Any) -> int:
    """Return the bytes in the kernel's send buffer that the other end has not acknowledged.

    Returns 0 on systems other than Linux.
    """
    if sys.platform != "linux":
        return 0
    held = array("i", [0])
    fcntl.ioctl(fd, termios.TIOCOUTQ, held)  # SIOCOUTQ, see tcp(7)
    return held[0]


def forget_unsent(connection: Any) -> None:
    """Make the kernel discard unsent bytes when the connection is closed.

    Otherwise it keeps them in memory for as long as the other end does not read them.
    """
    stream = getattr(connection, "stream", None)
    if stream is not None and stream.socket is not None:
        with contextlib.suppress(OSError):
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
