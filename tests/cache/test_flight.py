"""Flights: joined at any time, heard from the beginning, ended by the last who leaves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from vits_tts.cache.flight import Flight, Listener
from vits_tts.scheduling.urgency import WHENEVER, Urgency
from vits_tts.types import Pcm


def part(value: int) -> Pcm:
    """Return a window."""
    return Pcm(np.array([value], np.int16), 16000)


def unhurried(_: float) -> Urgency:
    """Be a listener who has time."""
    return WHENEVER


class Source:
    """Windows that come when they are let."""

    def __init__(self) -> None:
        """Hold all of them back."""
        self.gate = asyncio.Semaphore(0)
        self.closed = asyncio.Event()
        self.broken = False

    async def parts(self, _: Callable[[], Urgency]) -> AsyncGenerator[Pcm, None]:
        """Yield 0, 1, 2."""
        try:
            for value in range(3):
                await self.gate.acquire()
                if self.broken:
                    raise RuntimeError("broken")
                yield part(value)
        finally:
            self.closed.set()

    def let(self, count: int = 1) -> None:
        """Let so many windows come."""
        for _ in range(count):
            self.gate.release()


async def heard(listener: Listener) -> list[int]:
    """Return all that a listener hears."""
    values = [int(pcm.samples[0]) async for pcm in listener]
    listener.close()
    return values


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine."""
    asyncio.run(asyncio.wait_for(work, 10))


def test_who_joins_late_hears_all() -> None:
    """From the beginning, at once, and the rest as it comes."""

    async def story() -> None:
        source, ended = Source(), asyncio.Event()
        flight = Flight("key", source.parts, lambda _: ended.set())
        first = asyncio.create_task(heard(flight.join(unhurried)))
        source.let(2)
        late = aiter(flight.join(unhurried))
        assert int((await anext(late)).samples[0]) == 0
        assert int((await anext(late)).samples[0]) == 1
        source.let()
        assert int((await anext(late)).samples[0]) == 2
        assert await first == [0, 1, 2]
        assert await heard(flight.join(unhurried)) == [0, 1, 2]
        await ended.wait()

    run(story())


def test_the_last_who_leaves_ends_it() -> None:
    """One who leaves among several does not."""

    async def story() -> None:
        source, ended = Source(), list[Flight]()
        flight = Flight("key", source.parts, ended.append)
        one, two = flight.join(unhurried), flight.join(unhurried)
        source.let()
        await anext(aiter(one))
        one.close()
        one.close()
        assert ended == []
        two.close()
        assert ended == [flight]
        await source.closed.wait()

    run(story())


def test_everybody_hears_of_a_failure() -> None:
    """What fails, fails for all who listen, those who join later included."""

    async def story() -> None:
        source = Source()
        flight = Flight("key", source.parts, lambda _: None)
        listeners = [asyncio.create_task(heard(flight.join(unhurried))) for _ in range(3)]
        source.let()
        source.broken = True
        source.let()
        for listener in listeners:
            with pytest.raises(RuntimeError, match="broken"):
                await listener

    run(story())


def test_a_flight_is_as_urgent_as_who_needs_it_first() -> None:
    """Each listener tells how urgent the next window is from what is made; leaving changes that."""

    async def story() -> None:
        source = Source()
        flight = Flight("key", source.parts, lambda _: None)
        assert flight.urgency() == WHENEVER
        slow = flight.join(lambda made: Urgency(50 + made, 0))
        quick = flight.join(lambda made: Urgency(10 + made, 0))
        source.let()
        await anext(aiter(quick))
        assert flight.urgency() == Urgency(10 + 1 / 16000, 0)
        quick.close()
        assert flight.urgency() == Urgency(50 + 1 / 16000, 0)
        slow.close()

    run(story())
