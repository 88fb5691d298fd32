"""An event loop in a thread of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from vits_tts.loop_thread import LoopThread


async def nothing() -> None:
    """Do nothing."""


async def numbers(ended: list[str]) -> AsyncGenerator[int, None]:
    """Yield numbers without end; closing takes a moment."""
    try:
        while True:
            yield len(ended)
    finally:
        await asyncio.sleep(0)
        ended.append("inner")


async def passed_on(ended: list[str]) -> AsyncGenerator[int, None]:
    """Yield the numbers of a generator inside, which is closed first."""
    async with aclosing(numbers(ended)) as inner:
        async for number in inner:
            yield number
    ended.append("never reached")


def test_generators_are_closed_from_outside(caplog: pytest.LogCaptureFixture) -> None:
    """Closing the thread closes what is iterated, each generator before those inside, unlogged."""
    thread = LoopThread()
    ended: list[str] = []
    iterated = [thread.iterate(passed_on(ended)) for _ in range(20)]
    for generator in iterated:
        next(generator)
    thread.close(nothing)
    assert ended == ["inner"] * 20
    assert not caplog.records


async def counted(last: int) -> AsyncGenerator[int, None]:
    """Yield the numbers from 1 to ``last``, then fail."""
    for number in range(1, last + 1):
        yield number
    raise ValueError(last)


@pytest.mark.parametrize("together", [1, 2, 3, 10])
def test_items_that_are_waited_for_together(together: int) -> None:
    """All items come once and in order, however many are waited for at a time."""

    async def items() -> AsyncGenerator[int, None]:
        for number in range(6):
            yield number

    thread = LoopThread()
    assert list(thread.iterate(items(), together)) == list(range(6))
    thread.close(nothing)


def test_an_error_after_some_items() -> None:
    """The error of a generator reaches the caller, and the generator is closed."""
    thread = LoopThread()
    iterated = thread.iterate(counted(3), 2)
    assert [next(iterated), next(iterated)] == [1, 2]
    with pytest.raises(ValueError, match="3"):
        next(iterated)
    thread.close(nothing)


def test_items_that_are_left_are_not_made() -> None:
    """Closing the iteration closes the generator, also between items that came together."""
    thread = LoopThread()
    ended: list[str] = []
    iterated = thread.iterate(passed_on(ended), 4)
    assert next(iterated) == 0
    iterated.close()

    async def closed() -> None:
        async with asyncio.timeout(30):
            while not ended:  # noqa: ASYNC110  # the generator has no event
                await asyncio.sleep(0)

    thread.result(closed)
    thread.close(nothing)
    assert ended == ["inner"]
