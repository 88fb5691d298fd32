"""Ports that stay free until a process listens there."""

import os
import random
import socket
from typing import Final

_RANGE: Final = range(12_000, 22_000)
"""Below the ports that systems give to outgoing connections (from 32,768 in Linux).

Any connection may take one of those ports at any time. One to the very port is even made with
itself where no process listens: while a server restarts, its clients that try again would take its
place.
"""


def free_port(beside: int = 0) -> int:
    """Return a port on which no process listens, and so at the port that is ``beside`` higher.

    The processes that run tests side by side draw from parts of their own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    own = _RANGE[worker::4]
    for port in random.sample(own, len(own)):
        if _is_free(port) and _is_free(port + beside):
            return port
    raise AssertionError(f"no port from {_RANGE.start} to {_RANGE.stop} is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do; otherwise closed connections that time out would count as listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
