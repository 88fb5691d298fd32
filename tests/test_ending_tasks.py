"""Tasks end although a cancellation may get lost."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.redis import redis_server
from vits_tts.cache.redis_client import RedisClient
from vits_tts.cache.time_budget import TimeBudget
from vits_tts.config import RedisCacheSettings
from vits_tts.ending_tasks import end


async def test_a_task_that_misses_its_cancellation() -> None:
    """It is cancelled again."""
    missed = 0

    async def work() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                missed += 1
                if missed == 3:
                    raise

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()
    assert missed == 3


@pytest.mark.parametrize("again", [False, True])
async def test_a_command_that_loses_a_cancellation(*, again: bool) -> None:
    """It is raised after the command, of a task that ignored another one before as well."""
    done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    waits = asyncio.Event()

    async def command() -> str:
        waits.set()
        return await asyncio.wait_for(done, 60)

    async def work() -> str:
        if again:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        return await TimeBudget(60).spend(command())

    task = asyncio.create_task(work())
    await waits.wait()
    done.set_result("done")
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_a_command_of_a_task_that_ignored_a_cancellation() -> None:
    """It returns its result."""

    async def work() -> str:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return await TimeBudget(60).spend(asyncio.sleep(0, "done"))

    task = asyncio.create_task(work())
    assert await task == "done"


def test_nothing_watches_redis_after_the_end(tmp_path: Path) -> None:
    """The watch ends even if a command ends just then (Python 3.11 may lose the cancellation)."""
    with redis_server(tmp_path / "redis") as redis:
        settings = RedisCacheSettings(url=SecretStr(redis.url))

        async def begin_and_end(turns: int) -> None:
            client = RedisClient(settings)
            client.watch(lambda: None)
            for _ in range(turns):
                await asyncio.sleep(0)
            await client.finish()

        async def left() -> set["asyncio.Task[object]"]:
            await asyncio.gather(*(begin_and_end(turns) for turns in range(120)))
            return asyncio.all_tasks() - {asyncio.current_task()}

        for _ in range(3):
            assert not asyncio.run(left())
