"""The limits on the connections of a process, and the choice of the one to close for a new one.

A connection is *waiting* while the next step is the client's: to finish the TLS handshake, to send
a request or the rest of one, or to read the end of an answer. The connection that has waited
longest is closed first. A connection whose request is being answered is *busy*, and never closed.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

_GRACE_SECONDS: Final = 1.0
"""A connection is not closed before it has waited this long: its request may be on the way."""
_LOOK_SECONDS: Final = 1.0
"""Seconds after which to try again if every connection is busy."""


class Connected(Protocol):
    """A connection that counts towards the limits."""

    address: str | None
    """The address or network whose limit it counts towards; None if it counts towards none."""

    def overdue(self, now: float) -> str | None:
        """Return the reason to close it if its client took too long for a step; else None."""

    def drop(self, reason: str) -> None:
        """Close the connection; ``reason`` is a label of ``vits_tts_connections_dropped_total``."""


class Room:
    """Limits the connections of one process, on all of its ports that share the limit.

    Use it from one event loop. ``_waiting`` is ordered by the time since which a connection waits,
    because :meth:`waits` moves it to the end. So the first entry has waited longest.
    """

    def __init__(
        self,
        limit: int,
        per_address: int | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow up to ``limit`` connections, and up to ``per_address`` from one address."""
        self._limit = limit
        self._per_address = per_address
        self._now = now
        self._connections: set[Connected] = set()
        self._addresses: Counter[str] = Counter()
        self._waiting: dict[Connected, float] = {}
        """The time since which each waiting connection waits, in ascending order."""

    def __len__(self) -> int:
        """Return the number of connections."""
        return len(self._connections)

    def enter(self, connection: Connected) -> None:
        """Count a new connection; it waits for its client until it is marked as busy."""
        self._connections.add(connection)
        if connection.address is not None:
            self._addresses[connection.address] += 1
        self._waiting[connection] = self._now()

    def leave(self, connection: Connected) -> None:
        """Stop counting a connection; a second call does nothing."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._waiting.pop(connection, None)
        if connection.address is not None:
            self._addresses[connection.address] -= 1
            if not self._addresses[connection.address]:
                del self._addresses[connection.address]

    def waits(self, connection: Connected) -> None:
        """Mark a connection as waiting for its client from now on."""
        if connection in self._connections:
            self._waiting.pop(connection, None)
            self._waiting[connection] = self._now()

    def busy(self, connection: Connected) -> None:
        """Mark a connection as busy."""
        self._waiting.pop(connection, None)

    @property
    def full(self) -> bool:
        """True if the limit is reached."""
        return len(self._connections) >= self._limit

    def full_for(self) -> float:
        """Close a connection if the limit is reached.

        Returns 0 if one more connection is allowed, else the seconds after which to try again.
        """
        return self.make() if self.full else 0.0

    def make(self) -> float:
        """Drop the connection that has waited longest.

        Returns 0, or the seconds after which to try again if none may be dropped yet.
        """
        for connection, since in self._waiting.items():
            grace = since + _GRACE_SECONDS - self._now()
            if grace > 0:
                return grace
            connection.drop("room")
            return 0.0
        return _LOOK_SECONDS

    def takes(self, address: str | None) -> bool:
        """Return whether an address may open one more connection.

        If it has reached its limit, its connection that has waited longest is dropped for it.
        """
        if address is None or self._per_address is None:
            return True
        if self._addresses[address] < self._per_address:
            return True
        for connection, since in self._waiting.items():
            if connection.address == address:
                if since + _GRACE_SECONDS > self._now():
                    return False
                connection.drop("address")
                return True
        return False

    def sweep(self) -> None:
        """Drop the waiting connections whose clients took too long."""
        now = self._now()
        for connection in list(self._waiting):
            if reason := connection.overdue(now):
                connection.drop(reason)
