"""The state of a process: its requests under way, and whether it accepts more."""

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_PUT_AWAY_SECONDS: Final = 1.0


class UnderWay(Protocol):
    """A request that is being answered."""

    def cut_off(self) -> "asyncio.Future[Any] | None":
        """Stop answering; return the task that is ending, if there is one."""


class State:
    """Holds the requests under way, and whether the process is draining."""

    def __init__(self) -> None:
        """Start without requests."""
        self.accepting = False
        self.draining = False
        self.replaced = False
        """True if another process takes over, so that `/readyz` stays ready during the drain."""
        self.idle = asyncio.Event()
        self.idle.set()
        self.served = 0
        self.connections: Callable[[], int] = lambda: 0
        """Returns the number of connections; the listener replaces it when it starts."""
        self._under_way: set[UnderWay] = set()

    def __len__(self) -> int:
        """Return the number of requests under way."""
        return len(self._under_way)

    def enter(self, request: UnderWay) -> None:
        """Count a request as under way."""
        self._under_way.add(request)
        self.idle.clear()

    async def cut_off(self) -> None:
        """Stop the requests under way, and wait up to a short time for the end of their work."""
        works = [work for request in list(self._under_way) if (work := request.cut_off())]
        if works:
            await asyncio.wait(works, timeout=_PUT_AWAY_SECONDS)

    def leave(self, request: UnderWay) -> None:
        """Count a request as done; a second call does nothing."""
        if request in self._under_way:
            self._under_way.discard(request)
            self.served += 1
        if not self._under_way:
            self.idle.set()
