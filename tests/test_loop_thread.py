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
