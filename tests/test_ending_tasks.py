"""Tasks end although a cancellation may get lost."""

import asyncio
from pathlib import Path

from pydantic import SecretStr

from tests.support.redis import redis_server
from vits_tts.cache.redis_client import RedisClient
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


def test_nothing_watches_redis_after_the_end(tmp_path: Path) -> None:
    """However the end and the commands of the watch coincide; Python 3.11 loses some."""
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
