"""A shared stream: one sentence under synthesis, for all requests that want it.

A request for a sentence under synthesis subscribes to its stream. It gets all chunks so far at
once, and the others as they are synthesised. When the last subscriber leaves, synthesis stops.

All of this runs in one event loop, so no lock is needed: no other code runs between two ``await``.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeAlias

from vits_tts.scheduling.urgency import NO_DEADLINE, Urge, Urgency
from vits_tts.types import Pcm

Source: TypeAlias = Callable[[Callable[[], Urgency]], AsyncGenerator[Pcm, None]]
"""Yields a sentence chunk by chunk, given a function that returns the urgency of the next chunk."""


class SharedStream:
    """Passes the chunks of one sentence from its source to any number of subscribers."""

    def __init__(self, key: str, source: Source, ended: Callable[["SharedStream"], None]) -> None:
        """Start ``source``; call ``ended`` when it is done or the last subscriber has left."""
        self.key = key
        self._parts: list[Pcm] = []
        self._seconds = 0.0
        self._news = asyncio.Event()
        self._listeners: list[Subscription] = []
        self._ended = ended
        self._task = asyncio.create_task(self._run(source(self.urgency)))
        self._task.add_done_callback(self._finished)

    def join(self, urge: Urge) -> "Subscription":
        """Return a new subscription, which the caller must close; ``urge`` returns its urgency."""
        listener = Subscription(self, urge)
        self._listeners.append(listener)
        return listener

    def urgency(self) -> Urgency:
        """Return the urgency of the next chunk: the highest of all subscribers."""
        return min((ear.urge(self._seconds) for ear in self._listeners), default=NO_DEADLINE)

    def leave(self, listener: "Subscription") -> None:
        """Remove a subscriber; stop the source after the last one."""
        self._listeners.remove(listener)
        if not self._listeners and not self._task.done():
            self._ended(self)
            self._task.cancel()

    async def parts(self) -> AsyncIterator[Pcm]:
        """Yield all chunks from the first to the last, and wait for each that is not ready yet.

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
            # No notification can be missed: nothing is awaited between the checks above and here,
            # and _tell() sets the event that is read here before it puts a new one in its place.
            await self._news.wait()

    async def _run(self, source: AsyncGenerator[Pcm, None]) -> None:
        """Collect the chunks of ``source`` and wake the subscribers after each."""
        try:
            async for part in source:
                self._parts.append(part)
                self._seconds += part.seconds
                self._tell()
        finally:
            await source.aclose()

    def _finished(self, task: asyncio.Task[None]) -> None:
        """Wake the subscribers after the last chunk or an error."""
        self._ended(self)
        self._tell()
        if not task.cancelled():
            task.exception()  # subscribers raise it; without any, asyncio would log it

    def _tell(self) -> None:
        """Wake all subscribers that wait, once."""
        self._news.set()
        self._news = asyncio.Event()


class Subscription:
    """The chunks of a shared stream, for one request."""

    def __init__(self, shared: SharedStream, urge: Urge) -> None:
        """Subscribe to ``shared``; ``urge`` returns the urgency of a chunk."""
        self._shared: SharedStream | None = shared
        self.urge = urge

    def __aiter__(self) -> AsyncIterator[Pcm]:
        """Return all chunks, from the first."""
        assert self._shared is not None, "closed"  # noqa: S101  # a bug in the caller
        return self._shared.parts()

    def close(self) -> None:
        """Unsubscribe; a second call does nothing."""
        if self._shared:
            shared, self._shared = self._shared, None
            shared.leave(self)


class CachedSentence:
    """A cached sentence, with the interface of a subscription."""

    def __init__(self, pcm: Pcm) -> None:
        """Wrap a whole sentence."""
        self._pcm = pcm

    async def __aiter__(self) -> AsyncIterator[Pcm]:
        """Yield the whole sentence as one chunk."""
        yield self._pcm

    def close(self) -> None:
        """Do nothing: there is no stream to leave."""
