"""Administration of the shared cache, for the command line.

A server continues without Redis if it fails. These functions raise an error instead.
"""

import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from redis.exceptions import RedisClusterException, RedisError

from vits_tts.cache import redis_address, serialization
from vits_tts.cache.redis_client import RedisClient
from vits_tts.config import RedisCacheSettings
from vits_tts.errors import ConfigError

T = TypeVar("T")

_COUNTED_AT_ONCE: Final = 500
_MOST_VOICES: Final = 1000
_SENTENCE: Final = re.compile(rb":s[0-9]+:[A-Za-z0-9_.-]{1,64}:\{[A-Za-z0-9_.-]{1,64}\}")
"""The name of a sentence after the prefix."""


@dataclass(slots=True)
class CacheSizes:
    """The numbers of sentences and bytes by the first part of the voices' digests."""

    voices: dict[str, tuple[int, int]] = field(default_factory=dict)
    complete: bool = True
    """False if the time limit ended the count."""

    def add(self, voice: str, size: int) -> None:
        """Count a sentence of ``size`` bytes; the voices after the first thousand are "others"."""
        if voice not in self.voices and len(self.voices) >= _MOST_VOICES:
            voice = "others"
        count, size_before = self.voices.get(voice, (0, 0))
        self.voices[voice] = (count + 1, size_before + size)


# --- by settings ---------------------------------------------------------------------------------


async def check(settings: RedisCacheSettings) -> None:
    """Check that a shared cache is configured and can be written.

    Raises:
        ConfigError: ``cache.redis.url`` is not set, or Redis refuses or does not answer.

    """

    async def write(client: RedisClient) -> None:
        await client.connection.set(f"{client.prefix}:probe", 1, px=1000)

    await _with_client(settings, write)


async def stats(settings: RedisCacheSettings, seconds: float) -> CacheSizes:
    """Count the sentences and their bytes by voice, for up to ``seconds``.

    Raises:
        ConfigError: there is no shared cache, or it does not answer.

    """
    return await _with_client(settings, lambda client: sizes(client, seconds))


async def clear(settings: RedisCacheSettings, voice: str | None = None) -> int:
    """Drop all sentences, or those of one voice, and return how many there were.

    Raises:
        ConfigError: there is no shared cache, or it does not answer.

    """
    return await _with_client(settings, lambda client: drop(client, voice))


async def _with_client(
    settings: RedisCacheSettings, work: Callable[[RedisClient], Awaitable[T]]
) -> T:
    """Return the result of ``work`` with a client, which is closed afterwards.

    Raises:
        ConfigError: there is no shared cache, or it does not answer.

    """
    if settings.url is None:
        raise ConfigError("cache.redis.url: is not set, so there is no shared cache")
    redis_address.check(settings)
    client = RedisClient(settings, timed=True)
    try:
        return await work(client)
    except (TimeoutError, RedisError, RedisClusterException, OSError) as error:
        raise ConfigError(f"cache.redis.url: Redis cannot be used: {error}") from None
    finally:
        await client.finish()


# --- by a client ---------------------------------------------------------------------------------


async def names(client: RedisClient, voice: str | None = None) -> AsyncIterator[str]:
    """Yield the names of all sentences, or of those of one voice, and of no other keys.

    Raises:
        RedisError: Redis fails or does not answer.

    """
    pattern = f"{client.prefix}:s{serialization.VERSION}:{voice or '*'}:*"
    async for name in client.connection.scan_iter(match=pattern, count=1000):
        if _SENTENCE.fullmatch(name, len(client.prefix)):
            yield name.decode()


async def drop(client: RedisClient, voice: str | None = None) -> int:
    """Drop all sentences, or those of one voice, in Redis and in the memory of all servers.

    Return how many were in Redis.

    Raises:
        RedisError: Redis fails or does not answer.

    """
    count = 0
    async for name in names(client, voice):
        count += await client.connection.delete(name)
    await client.connection.incr(f"{client.prefix}:epoch")
    return count


async def sizes(client: RedisClient, seconds: float = math.inf) -> CacheSizes:
    """Count the sentences and their bytes for up to ``seconds``.

    Raises:
        RedisError: Redis fails or does not answer.

    """
    found = CacheSizes()
    batch: list[str] = []
    deadline = time.monotonic() + seconds
    async for name in names(client):
        batch.append(name)
        if len(batch) >= _COUNTED_AT_ONCE:
            await _count(client, batch, found)
            batch.clear()
        if time.monotonic() > deadline:
            found.complete = False
            break
    await _count(client, batch, found)
    return found


async def _count(client: RedisClient, batch: list[str], found: CacheSizes) -> None:
    """Add the sentences of these names; skip values of other types."""
    async with client.connection.pipeline(transaction=False) as pipeline:
        for name in batch:
            pipeline.strlen(name)
        lengths = await pipeline.execute(raise_on_error=False)
    for name, length in zip(batch, lengths, strict=True):
        if isinstance(length, int):
            found.add(name.split(":")[-2], length)
