"""Turns of requests: how many may begin before the event loop looks at other sockets again."""

import asyncio
from collections import deque
from typing import Final

_AT_ONCE: Final = 16
"""Requests that begin in one round of the event loop, which takes a few milliseconds."""


class Turns:
    """Lets a limited number of requests begin in each round of the event loop.

    In one round the loop runs everything that is ready. If hundreds of clients send a request at
    the same moment, a health check on the operations port would wait until all have begun.
    """

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        """Let up to ``at_once`` requests begin in a round."""
        self._at_once = at_once
        self._left = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._renewal: asyncio.Handle | None = None

    def take(self) -> "asyncio.Future[None] | None":
        """Return None if a request may begin now, else a future that is done when it may."""
        loop = asyncio.get_running_loop()
        if self._renewal is None:
            self._renewal = loop.call_soon(self._renew)
        if self._left:
            self._left -= 1
            return None
        turn = loop.create_future()
        self._waiting.append(turn)
        return turn

    def _renew(self) -> None:
        """Begin a new round: requests that wait are first."""
        self._left = self._at_once
        self._renewal = None
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled: its connection was closed
                turn.set_result(None)
                self._left -= 1
        if self._waiting or not self._left:
            self._renewal = asyncio.get_running_loop().call_soon(self._renew)
