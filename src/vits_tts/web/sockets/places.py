"""The places of a process for WebSockets.

A socket that has not shown a key yet takes none of the places of callers with keys, so that
strangers cannot lock these out. Such sockets have a few places of their own, only some of them for
one address, and little time.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from vits_tts.errors import Busy
from vits_tts.telemetry.metrics import REFUSALS

_PART: Final = 4
"""Strangers have a quarter as many places as callers with keys, and an address a quarter of these.
"""


class Places:
    """Counts the open WebSockets of a process."""

    def __init__(self) -> None:
        """Start without sockets."""
        self._admitted = 0
        self._strangers: Counter[str] = Counter()

    def check(self, most: int) -> None:
        """Check that one of ``most`` places is free.

        Raises:
            Busy: there is none.

        """
        if self._admitted >= most:
            raise _busy("too many WebSockets are open")

    def check_stranger(self, most: int, address: str | None) -> None:
        """Check that a place is free for a client that has not shown a key.

        Args:
            most: The places of callers with keys.
            address: The client's address; None for a proxy that stands for many clients.

        Raises:
            Busy: there is none.

        """
        own = max(1, most // _PART)
        if self._strangers.total() >= own or (
            address is not None and self._strangers[address] >= max(1, own // _PART)
        ):
            raise _busy("too many WebSockets are open whose clients have not sent their keys")

    def take(self) -> Callable[[], None]:
        """Take a place, and return the function that gives it back."""
        self._admitted += 1

        def leave() -> None:
            self._admitted -= 1

        return leave

    def take_as_stranger(self, address: str | None) -> Callable[[], None]:
        """Take a place for a client without a key; return the function that gives it back."""
        name = address or ""
        self._strangers[name] += 1

        def leave() -> None:
            self._strangers[name] -= 1
            if not self._strangers[name]:
                del self._strangers[name]

        return leave


def _busy(message: str) -> Busy:
    REFUSALS.labels("sockets").inc()
    return Busy(message, retry_after=2)
