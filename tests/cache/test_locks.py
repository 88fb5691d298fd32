"""Locks in Redis are released in all cases."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from tests.support.redis import RedisServer, redis_server
from tests.support.server import until
from vits_tts.cache import administration
from vits_tts.cache.redis_client import RedisClient
from vits_tts.cache.redis_sentences import Lock, RedisSentences
from vits_tts.config import RedisCacheSettings
from vits_tts.errors import ConfigError
from vits_tts.types import Pcm

LOCKS = "*lock:*"
MORE_THAN_ARE_STORED_AT_ONCE = 40
ASKING_AND_GIVING_BACK = 2


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Run a Redis for one test, which may stop it."""
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


def patient(redis: RedisServer) -> RedisSentences:
    """Return a tier whose timeouts are longer than Redis is stopped here."""
    return RedisSentences(
        RedisClient(RedisCacheSettings(url=redis.url, command_timeout=5, connect_timeout=5))
    )


def scripts_run(redis: RedisServer) -> int:
    """Return how many scripts Redis has run; each is a command about a lock."""
    with redis.client() as client:
        return int(client.info("commandstats").get("cmdstat_eval", {}).get("calls", 0))


def test_administration_ends_though_redis_hangs(redis: RedisServer) -> None:
    """A command of an administrator fails in time."""
    settings = RedisCacheSettings(url=redis.url, command_timeout=0.2, connect_timeout=0.2)
    redis.signal(signal.SIGSTOP)
    try:
        with pytest.raises(ConfigError, match="Redis cannot be used"):
            asyncio.run(administration.stats(settings, 1))
    finally:
        redis.signal(signal.SIGCONT)


async def test_who_leaves_while_asking_gives_it_back(redis: RedisServer) -> None:
    """A caller that left before Redis answered releases its lock."""
    tier = patient(redis)
    assert isinstance(await tier.lock("v", "warm", tier.client.patience()), Lock)
    before = scripts_run(redis)
    redis.signal(signal.SIGSTOP)
    try:
        asking = asyncio.create_task(tier.lock("v", "left", tier.client.patience()))
        while tier.client.connection.connection_pool._available_connections:  # noqa: ASYNC110
            await asyncio.sleep(0)  # until it is under way
        await asyncio.sleep(0)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
    finally:
        redis.signal(signal.SIGCONT)
    await tier.client.stored()
    until(lambda: scripts_run(redis) == before + ASKING_AND_GIVING_BACK, "both scripts")
    assert [name for name in redis.keys(LOCKS) if b"left" in name] == []
    await tier.client.finish()


async def test_what_cannot_be_stored_in_time_is_given_back(redis: RedisServer) -> None:
    """If too many sentences wait to be stored, some are not stored and their locks are released."""
    speech = Pcm(np.zeros(100, np.int16), 16000)

    tier = patient(redis)
    keys = [str(number) for number in range(MORE_THAN_ARE_STORED_AT_ONCE)]
    locks = [await tier.lock("v", key, tier.client.patience()) for key in keys]
    assert len(redis.keys(LOCKS)) == len(keys)
    redis.signal(signal.SIGSTOP)
    try:
        for key, lock in zip(keys, locks, strict=True):
            assert isinstance(lock, Lock)
            tier.store_later("v", key, speech, lock)
    finally:
        redis.signal(signal.SIGCONT)
    await tier.client.stored()
    until(lambda: not redis.keys(LOCKS), "all locks given back")
    stored = [name async for name in administration.names(tier.client)]
    assert 0 < len(stored) < len(keys)
    await tier.client.finish()


@pytest.mark.parametrize("planted", ["text", "list"])
async def test_locks_of_nobody(redis: RedisServer, planted: str) -> None:
    """A lock that another program made holds no longer than one of the server's."""
    tier = patient(redis)
    name = "vits-tts:lock:v:{k}"
    with redis.client() as client:
        client.rpush(name, "x") if planted == "list" else client.set(name, "x")
        client.expire(name, 1_000_000)
        assert await tier.lock("v", "k", tier.client.patience()) == "held"
        assert 9000 < client.pttl(name) <= 10_000
        client.pexpire(name, 5000)
        assert await tier.lock("v", "k", tier.client.patience()) == "held"
        assert client.pttl(name) <= 5000  # asking does not extend it
        client.persist(name)
        assert isinstance(await tier.lock("v", "k", tier.client.patience()), Lock)
    await tier.client.finish()


async def test_a_list_in_place_of_a_lock(redis: RedisServer) -> None:
    """Lists that are planted in place of locks do not make writing to Redis look broken."""
    tier = patient(redis)
    speech = Pcm(np.full(1000, 7, np.int16), 16000)
    with redis.client() as client:
        locks = [await tier.lock("v", str(number), tier.client.patience()) for number in range(4)]
        for number, lock in enumerate(locks):
            assert isinstance(lock, Lock)
            client.delete(lock.name)
            client.rpush(lock.name, "x")
            await tier._store("v", str(number), speech, lock)
            await tier._release(lock)
            assert client.lrange(lock.name, 0, -1) == [b"x"]
    assert tier.client.write_breaker.closed
    await tier.client.finish()
