"""A flight: one sentence on its way to all who want it.

Whoever asks for a sentence that is under way joins the flight, gets what there is of it from the
beginning at once and the rest as it comes. The last who leaves ends it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeAlias

from vits_tts.scheduling.urgency import WHENEVER, Urge, Urgency
from vits_tts.types import Pcm

Source: TypeAlias = Callable[[Callable[[], Urgency]], AsyncGenerator[Pcm, None]]
"""Makes a sentence window by window, given who tells how urgent the next one is."""


class Flight:
    """Windows of a sentence as they come from a source, for any number of listeners."""

    def __init__(self, key: str, source: Source, ended: Callable[["Flight"], None]) -> None:
        """Begin to draw on ``source``; call ``ended`` when it is over or nobody listens."""
        self.key = key
        self._parts: list[Pcm] = []
        self._seconds = 0.0
        self._news = asyncio.Event()
        self._listeners: list[Listener] = []
        self._ended = ended
        self._task = asyncio.create_task(self._fly(source(self.urgency)))
        self._task.add_done_callback(self._landed)

    def join(self, urge: Urge) -> "Listener":
        """Return a new listener, who is in a hurry as ``urge`` tells; close it in the end."""
        listener = Listener(self, urge)
        self._listeners.append(listener)
        return listener

    def urgency(self) -> Urgency:
        """Return how urgent the next window is: as it is for whoever needs it first."""
        return min((ear.urge(self._seconds) for ear in self._listeners), default=WHENEVER)

    def leave(self, listener: "Listener") -> None:
        """Let a listener go; without any, stop the source."""
        self._listeners.remove(listener)
        if not self._listeners and not self._task.done():
            self._ended(self)
            self._task.cancel()

    async def parts(self) -> AsyncIterator[Pcm]:
        """Yield all windows from the first to the last, waiting for those still to come.

        Raises:
            VitsTtsError: the source failed.

        """
        number = 0
        while True:
            while number < len(self._parts):
                yield self._parts[number]
                number += 1
            if self._task.done():
                self._task.result()
                return
            await self._news.wait()

    async def _fly(self, source: AsyncGenerator[Pcm, None]) -> None:
        try:
            async for part in source:
                self._parts.append(part)
                self._seconds += part.seconds
                self._tell()
        finally:
            await source.aclose()

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._ended(self)
        self._tell()
        if not task.cancelled():
            task.exception()  # told to listeners; a flight without any has nobody to tell

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Listener:
    """One caller's ear on a sentence."""

    def __init__(self, flight: Flight, urge: Urge) -> None:
        """Listen to ``flight``, in a hurry as ``urge`` tells."""
        self._flight: Flight | None = flight
        self.urge = urge

    def __aiter__(self) -> AsyncIterator[Pcm]:
        """Return all windows, from the first."""
        assert self._flight is not None, "closed"  # noqa: S101  # a mistake of ours
        return self._flight.parts()

    def close(self) -> None:
        """Leave; doing so twice is no harm."""
        if self._flight:
            flight, self._flight = self._flight, None
            flight.leave(self)


class Kept:
    """What a listener is to a sentence that is there already."""

    def __init__(self, pcm: Pcm) -> None:
        """Hold the whole sentence."""
        self._pcm = pcm

    async def __aiter__(self) -> AsyncIterator[Pcm]:
        """Yield it."""
        yield self._pcm

    def close(self) -> None:
        """Have nothing to leave."""
