"""Shared streams: joined at any time, heard from the beginning, ended with the last listener."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import numpy as np
import pytest

from vits_tts.cache.shared_stream import SharedStream, Subscription
from vits_tts.scheduling.urgency import NO_DEADLINE, Urgency
from vits_tts.types import Pcm


def part(value: int) -> Pcm:
    """Return a window."""
    return Pcm(np.array([value], np.int16), 16000)


def unhurried(_: float) -> Urgency:
    """Return the urgency of a listener that is not in a hurry."""
    return NO_DEADLINE


class Source:
    """Windows that become available when the test allows it."""

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
        """Allow this many windows."""
        for _ in range(count):
            self.gate.release()


async def heard(listener: Subscription) -> list[int]:
    """Return all windows that a listener gets."""
    values = [int(pcm.samples[0]) async for pcm in listener]
    listener.close()
    return values


async def test_who_joins_late_hears_all() -> None:
    """A late listener gets all windows from the beginning at once, and the rest as it comes."""
    source, ended = Source(), asyncio.Event()
    flight = SharedStream("key", source.parts, lambda _: ended.set())
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


async def test_the_last_who_leaves_ends_it() -> None:
    """The work ends when the last listener leaves, not before."""
    source, ended = Source(), list[SharedStream]()
    flight = SharedStream("key", source.parts, ended.append)
    one, two = flight.join(unhurried), flight.join(unhurried)
    source.let()
    await anext(aiter(one))
    one.close()
    one.close()
    assert ended == []
    two.close()
    assert ended == [flight]
    await source.closed.wait()


async def test_everybody_hears_of_a_failure() -> None:
    """All listeners get a failure, including those that join later."""
    source = Source()
    flight = SharedStream("key", source.parts, lambda _: None)
    listeners = [asyncio.create_task(heard(flight.join(unhurried))) for _ in range(3)]
    source.let()
    source.broken = True
    source.let()
    for listener in listeners:
        with pytest.raises(RuntimeError, match="broken"):
            await listener


async def test_a_flight_is_as_urgent_as_who_needs_it_first() -> None:
    """A shared stream is as urgent as its most urgent listener.

    Each listener computes the urgency of the next window from the finished part; leaving removes
    it.
    """
    source = Source()
    flight = SharedStream("key", source.parts, lambda _: None)
    assert flight.urgency() == NO_DEADLINE
    slow = flight.join(lambda made: Urgency(50 + made, 0))
    quick = flight.join(lambda made: Urgency(10 + made, 0))
    source.let()
    await anext(aiter(quick))
    assert flight.urgency() == Urgency(10 + 1 / 16000, 0)
    quick.close()
    assert flight.urgency() == Urgency(50 + 1 / 16000, 0)
    slow.close()
