"""Rate limits: how much each caller may ask for in a minute, counted in Redis or per process.

The counting is `limits`' sliding window: what was used in the minute before weighs less the longer
ago that minute is. So nobody gets two minutes' worth at the turn of a minute, and a caller costs
two numbers, however many requests are made.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage

from vits_tts.cache.breaker import Breaker
from vits_tts.config import Access, RedisCacheSettings
from vits_tts.errors import RateLimited

_WINDOW: Final = 60

Window: TypeAlias = tuple[int, float, int, float]
"""Used in the window before and the seconds it still counts; used in this one and its seconds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands with one limit."""

    limit: int
    remaining: int
    reset: int
    """Seconds until the present window is over."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What responses say of it (draft-ietf-httpapi-ratelimit-headers-06)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }

    def nearer_than(self, headers: Mapping[str, str]) -> bool:
        """Return whether less is left here, as a share, than what ``headers`` say of another."""
        there = int(headers["RateLimit-Remaining"]) / int(headers["RateLimit-Limit"])
        return self.remaining / self.limit < there


class Rates:
    """The limits of the settings, for all callers alike."""

    def __init__(self, settings: Access, redis: RedisCacheSettings) -> None:
        """Prepare the limits; nothing is connected before the first request."""
        self._requests = _limit(settings.requests_per_minute, "requests")
        self._characters = _limit(settings.characters_per_minute, "characters")
        self._redis = redis
        self._client: Any = None
        self._shared: RedisStorage | None = None
        self._own: MemoryStorage | None = None
        self._breaker: Breaker | None = None
        if redis.url:
            # Not above: redis takes long to import, and not everybody has one.
            from vits_tts.cache import connection  # noqa: PLC0415

            self._connection = connection
            self._breaker = Breaker("redis_limits")
        policies = (self._requests, self._characters)
        self.policy = ", ".join(f"{item.amount};w={_WINDOW}" for item in policies if item)
        """Both limits, as the header ``RateLimit-Policy`` says them."""

    async def request(self, caller: str) -> Standing | None:
        """Count a request of ``caller``.

        Raises:
            RateLimited: it is one too many.

        """
        return await self._take(self._requests, caller, 1)

    async def text(self, caller: str, characters: int) -> Standing | None:
        """Count a text of so many characters.

        Raises:
            RateLimited: it is too many.

        """
        return await self._take(self._characters, caller, characters)

    async def close(self) -> None:
        """Let go of Redis."""
        if self._client is not None:
            await self._connection.close_client(self._client)

    async def _take(
        self, item: RateLimitItemPerMinute | None, caller: str, cost: int
    ) -> Standing | None:
        if item is None:
            return None
        taken, window = await self._counted(item, item.key_for(caller), cost)
        standing = _standing(item, window)
        if not taken:
            wait = _wait(item, window, cost)
            raise RateLimited(
                f"more than {item.amount} {item.namespace} in a minute; "
                f"again in {wait} seconds",
                retry_after=wait,
                headers=standing.headers,
            )
        return standing

    async def _counted(
        self, item: RateLimitItemPerMinute, key: str, cost: int
    ) -> tuple[bool, Window]:
        """Count in Redis; in each process by itself where there is none or it is in trouble."""
        breaker = self._breaker
        if breaker and breaker.may_try():
            try:
                async with asyncio.timeout(self._redis.command_timeout):
                    counted = await _hit(self._in_redis(), item, key, cost)
            except self._connection.TROUBLE as error:
                breaker.failed(type(error).__name__)
            else:
                breaker.succeeded()
                return counted
        return await _hit(self._in_memory(), item, key, cost)

    def _in_redis(self) -> RedisStorage:
        if self._shared is None:
            self._client = self._connection.client(self._redis)
            self._shared = _Shared(self._client, f"{self._redis.prefix}:limits")
        return self._shared

    def _in_memory(self) -> MemoryStorage:
        if self._own is None:  # needs the running loop
            self._own = MemoryStorage()
        return self._own


class _Shared(RedisStorage):
    """`limits`' storage in Redis, over a client like that of the cache (sentinels, clusters)."""

    def __init__(self, connected: Any, prefix: str) -> None:
        self._connected = connected
        super().__init__("async+redis://", implementation="redispy", key_prefix=prefix)

    def configure_bridge(self) -> None:
        self.bridge.storage = self._connected  # type: ignore[attr-defined]
        self.bridge.connection_getter = lambda _: self._connected  # type: ignore[attr-defined]


def _limit(amount: int | None, what: str) -> RateLimitItemPerMinute | None:
    return RateLimitItemPerMinute(amount, namespace=what) if amount else None


async def _hit(
    storage: MemoryStorage | RedisStorage, item: RateLimitItemPerMinute, key: str, cost: int
) -> tuple[bool, Window]:
    """Return whether there was room for ``cost``, which is taken then, and how things stand."""
    taken = await storage.acquire_sliding_window_entry(key, item.amount, _WINDOW, cost)
    return taken, await storage.get_sliding_window(key, _WINDOW)


def _standing(item: RateLimitItemPerMinute, window: Window) -> Standing:
    before, before_left, now, _ = window
    used = math.floor(before * before_left / _WINDOW + now)
    return Standing(item.amount, max(0, item.amount - used), math.ceil(_window_left(window)))


def _window_left(window: Window) -> float:
    return window[3] % _WINDOW  # kept for two windows, so that it can be the one before


def _wait(item: RateLimitItemPerMinute, window: Window, cost: int) -> int:
    """Return the seconds until ``cost`` fits, if nothing else is taken meanwhile."""
    before, before_left, now, _ = window
    room = item.amount - cost
    if now <= room and before:
        seconds = before_left - (room - now + 1) * _WINDOW / before
    else:  # this window has to become the one before, and fade
        seconds = _window_left(window) + _WINDOW * (1 - max(room, 0) / max(now, 1))
    return max(1, math.ceil(seconds))
