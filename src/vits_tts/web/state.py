"""What a process is about, as far as requests care."""

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_PUT_AWAY_SECONDS: Final = 1.0


class UnderWay(Protocol):
    """A request that is being answered."""

    def cut_off(self) -> "asyncio.Future[None] | None":
        """Stop answering; return what is to be waited for."""


class State:
    """Which requests are under way, and whether the process is about to end."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self.accepting = False
        self.draining = False
        self.replaced = False
        """Another process takes over, so that callers need not go elsewhere."""
        self.idle = asyncio.Event()
        self.idle.set()
        self.served = 0
        self.connections: Callable[[], int] = lambda: 0
        """How many callers are connected, once there is somebody who counts them."""
        self._under_way: set[UnderWay] = set()

    def __len__(self) -> int:
        """How many requests are under way."""
        return len(self._under_way)

    def enter(self, request: UnderWay) -> None:
        """Count a request as under way."""
        self._under_way.add(request)
        self.idle.clear()

    async def cut_off(self) -> None:
        """Stop what is under way, and wait a moment until it has been put away."""
        works = [work for request in list(self._under_way) if (work := request.cut_off())]
        if works:
            await asyncio.wait(works, timeout=_PUT_AWAY_SECONDS)

    def leave(self, request: UnderWay) -> None:
        """Count it no more; doing so twice is no harm."""
        if request in self._under_way:
            self._under_way.discard(request)
            self.served += 1
        if not self._under_way:
            self.idle.set()
