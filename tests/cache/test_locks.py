"""Locks in Redis are given back, whatever becomes of who took them."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from tests.support.redis import RedisServer, redis_server
from tests.support.server import until
from vits_tts.cache.redis import Lock, RedisTier
from vits_tts.config import RedisCacheSettings
from vits_tts.types import Pcm

LOCKS = "*lock:*"
MORE_THAN_ARE_STORED_AT_ONCE = 40
ASKING_AND_GIVING_BACK = 2


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for one test, which may stop it."""
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


def patient(redis: RedisServer) -> RedisTier:
    """Return a tier that waits for as long as Redis is stopped here."""
    return RedisTier(RedisCacheSettings(url=redis.url, command_timeout=5, connect_timeout=5))


def scripts_run(redis: RedisServer) -> int:
    """Return how many scripts, which is to say commands about locks, Redis has run."""
    with redis.client() as client:
        return int(client.info("commandstats").get("cmdstat_eval", {}).get("calls", 0))


def test_who_leaves_while_asking_gives_it_back(redis: RedisServer) -> None:
    """A caller who left before Redis answered holds nobody else up."""

    async def leave() -> None:
        tier = patient(redis)
        assert isinstance(await tier.lock("v", "warm", tier.patience()), Lock)
        before = scripts_run(redis)
        redis.signal(signal.SIGSTOP)
        try:
            asking = asyncio.create_task(tier.lock("v", "left", tier.patience()))
            while tier._client.connection_pool._available_connections:  # noqa: ASYNC110
                await asyncio.sleep(0)  # until it is under way
            await asyncio.sleep(0)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        finally:
            redis.signal(signal.SIGCONT)
        await tier.stored()
        until(lambda: scripts_run(redis) == before + ASKING_AND_GIVING_BACK, "both scripts")
        assert [name for name in redis.keys(LOCKS) if b"left" in name] == []
        await tier.finish()

    asyncio.run(leave())


def test_what_cannot_be_stored_in_time_is_given_back(redis: RedisServer) -> None:
    """Where too much waits to be stored, the rest is left, and its locks with it."""
    speech = Pcm(np.zeros(100, np.int16), 16000)

    async def crowd() -> None:
        tier = patient(redis)
        keys = [str(number) for number in range(MORE_THAN_ARE_STORED_AT_ONCE)]
        locks = [await tier.lock("v", key, tier.patience()) for key in keys]
        assert len(redis.keys(LOCKS)) == len(keys)
        redis.signal(signal.SIGSTOP)
        try:
            for key, lock in zip(keys, locks, strict=True):
                assert isinstance(lock, Lock)
                tier.store_later("v", key, speech, lock)
        finally:
            redis.signal(signal.SIGCONT)
        await tier.stored()
        until(lambda: not redis.keys(LOCKS), "all locks given back")
        stored = [name async for name in tier.names()]
        assert 0 < len(stored) < len(keys)
        await tier.finish()

    asyncio.run(crowd())
