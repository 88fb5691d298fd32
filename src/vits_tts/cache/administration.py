"""Administration of the shared cache: what an operator asks for, with errors said plainly."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import RedisClusterException, RedisError

from vits_tts.cache.redis import RedisTier
from vits_tts.config import RedisCacheSettings
from vits_tts.errors import ConfigError

T = TypeVar("T")


async def check(settings: RedisCacheSettings) -> None:
    """Be sure that there is a shared cache and that it can be written to.

    Raises:
        ConfigError: there is none, or it cannot.

    """
    await _with_tier(settings, lambda tier: tier.check())


async def stats(settings: RedisCacheSettings) -> dict[str, tuple[int, int]]:
    """Return (sentences, bytes) by the beginning of the voices' digests.

    Raises:
        ConfigError: there is no shared cache, or it does not answer.

    """
    return await _with_tier(settings, lambda tier: tier.sizes())


async def clear(settings: RedisCacheSettings, voice: str | None = None) -> int:
    """Drop all sentences, or one voice's, and return how many there were.

    Raises:
        ConfigError: there is no shared cache, or it does not answer.

    """
    return await _with_tier(settings, lambda tier: tier.clear(voice))


async def _with_tier(settings: RedisCacheSettings, work: Callable[[RedisTier], Awaitable[T]]) -> T:
    if settings.url is None:
        raise ConfigError("cache.redis.url: not set, so servers share no cache")
    tier = RedisTier(settings)
    try:
        return await work(tier)
    except (TimeoutError, RedisError, RedisClusterException, OSError) as error:
        raise ConfigError(f"cache.redis.url: Redis cannot be used: {error}") from None
    finally:
        await tier.finish()
