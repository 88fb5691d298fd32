"""The time that a request may wait for Redis."""

import asyncio

import pytest

from vits_tts.cache.time_budget import TimeBudget


async def test_a_spent_budget_begins_nothing() -> None:
    """Work that runs out of time is cancelled, and after that no other work begins."""
    begun: list[str] = []

    async def work(name: str) -> str:
        begun.append(name)
        await asyncio.Event().wait()
        return name

    budget = TimeBudget(0.01)
    for name in ("first", "second"):
        with pytest.raises(TimeoutError):
            await budget.spend(work(name))
    assert begun == ["first"]


async def test_an_error_comes_from_the_work_itself() -> None:
    """No task is made, whose error could be lost."""
    budget = TimeBudget(5.0)

    async def work() -> None:
        assert asyncio.current_task() is caller
        raise ValueError

    caller = asyncio.current_task()
    with pytest.raises(ValueError):  # noqa: PT011  # it has no message
        await budget.spend(work())
