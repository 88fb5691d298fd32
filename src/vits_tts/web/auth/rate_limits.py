"""Rate limits: the requests and characters of each caller per minute, counted in Redis.

Without Redis, each process counts separately. The algorithm is the sliding window of the package
``limits``: the count of the previous minute is added with a weight that falls from 1 to 0 during
the current one. So a caller cannot use the requests of two minutes around the start of a minute,
and only two numbers are stored for each caller.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from cachetools import TLRUCache
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage

from vits_tts.circuit_breaker import CircuitBreaker
from vits_tts.config import Access, RedisCacheSettings
from vits_tts.ending_tasks import cancellable
from vits_tts.errors import RateLimited

_WINDOW: Final = 60
_NO_NUMBERS: Final = (ValueError, OverflowError, TypeError)
"""Raised if a counter in Redis is not a number, because another program has written it."""
_REMEMBERED: Final = 4096
"""The maximum number of callers that are stored as refused after too many misses."""
_MISSES: Final = "requests for files that do not exist"

Window: TypeAlias = tuple[int, float, int, float]
"""The count of the previous window and the seconds until it no longer counts; the count of the
current window and the seconds until it is deleted, after up to two windows."""


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """The state of one limit for one caller."""

    limit: int
    remaining: int
    reset: int
    """Seconds until the current window ends."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of a response (draft-ietf-httpapi-ratelimit-headers-06)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }

    def nearer_than(self, headers: Mapping[str, str]) -> bool:
        """Return whether this limit has a smaller share left than the one in ``headers``."""
        there = int(headers["RateLimit-Remaining"]) / int(headers["RateLimit-Limit"])
        return self.remaining / self.limit < there


class RateLimits:
    """Counts requests and characters against the limits of the settings, which all callers have."""

    def __init__(
        self, settings: Access, redis: RedisCacheSettings, misses: int | None = None
    ) -> None:
        """Prepare the limits; the first request connects to Redis.

        ``misses`` is how many files that do not exist a caller may request in a minute.
        """
        self._requests = _limit(settings.requests_per_minute, "requests")
        self._characters = _limit(settings.characters_per_minute, "characters")
        self._misses = _limit(misses, _MISSES)
        self._refused: TLRUCache[str, RateLimited] = TLRUCache(_REMEMBERED, _until_again)
        self._redis = redis
        self._client: Any = None
        self._shared: RedisStorage | None = None
        self._own: MemoryStorage | None = None
        self._breaker: CircuitBreaker | None = None
        if redis.url:
            # Imported here because redis takes long to import, and many installations have none.
            from vits_tts.cache import redis_address  # noqa: PLC0415

            self._connection = redis_address
            self._breaker = CircuitBreaker("redis_limits")
        policies = (self._requests, self._characters)
        self.policy = ", ".join(f"{item.amount};w={_WINDOW}" for item in policies if item)
        """The value of the header ``RateLimit-Policy``, with both limits."""

    async def request(self, caller: str) -> RateLimitStatus | None:
        """Count a request of ``caller``; return the state of the limit, None without one.

        Raises:
            RateLimited: the limit is reached.

        """
        return await self._take(self._requests, caller, 1)

    async def text(self, caller: str, characters: int) -> RateLimitStatus | None:
        """Count the ``characters`` of a text; return the state of the limit, None without one.

        Raises:
            RateLimited: the limit would be exceeded.

        """
        return await self._take(self._characters, caller, characters)

    async def spoken(self, caller: str, characters: int) -> RateLimitStatus | None:
        """Count further characters of an admitted text, at most as many as the limit has left."""
        item = self._characters
        if item is None:
            return None
        key = item.key_for(caller)
        taken, window = await self._counted(item, key, characters)
        left = _standing(item, window).remaining
        if not taken and left:
            _, window = await self._counted(item, key, left)
        return _standing(item, window)

    async def missed(self, caller: str) -> None:
        """Count a request for a file that does not exist.

        Raises:
            RateLimited: the limit is reached.

        """
        try:
            await self._take(self._misses, caller, 1)
        except RateLimited as error:
            self._refused[caller] = error
            raise

    def check_misses(self, caller: str) -> None:
        """Check whether a caller was refused for too many misses and must still wait.

        The refusals are in memory, so that this needs no call of Redis.

        Raises:
            RateLimited: the caller must still wait.

        """
        if refusal := self._refused.get(caller):
            raise RateLimited(
                refusal.message, retry_after=refusal.retry_after, headers=refusal.headers
            )

    async def close(self) -> None:
        """Close the connection to Redis, if there is one."""
        if self._client is not None:
            await self._connection.close_client(self._client)

    async def _take(
        self, item: RateLimitItemPerMinute | None, caller: str, cost: int
    ) -> RateLimitStatus | None:
        """Count ``cost`` towards a limit; return its state, None without a limit.

        Raises:
            RateLimited: the limit would be exceeded; then nothing is counted.

        """
        if item is None:
            return None
        taken, window = await self._counted(item, item.key_for(caller), cost)
        standing = _standing(item, window)
        if not taken:
            wait = _wait(item, window, cost)
            raise RateLimited(
                f"more than {item.amount} {item.namespace} in a minute; "
                f"try again in {wait} seconds",
                retry_after=wait,
                headers=standing.headers,
            )
        return standing

    async def _counted(
        self, item: RateLimitItemPerMinute, key: str, cost: int
    ) -> tuple[bool, Window]:
        """Count in Redis; if there is none, or it fails, in the memory of this process."""
        breaker = self._breaker
        if breaker and breaker.may_try():
            try:
                async with asyncio.timeout(self._redis.command_timeout):
                    counted = await cancellable(_hit(self._in_redis(), item, key, cost))
                _standing(item, counted[1])  # raises an error if a counter is not a number
            except (*self._connection.TROUBLE, *_NO_NUMBERS) as error:
                breaker.failed(type(error).__name__)
            else:
                breaker.succeeded()
                return counted
        return await _hit(self._in_memory(), item, key, cost)

    def _in_redis(self) -> RedisStorage:
        if self._shared is None:
            self._client = self._connection.connect(self._redis)
            self._shared = _Shared(self._client, f"{self._redis.prefix}:limits")
        return self._shared

    def _in_memory(self) -> MemoryStorage:
        if self._own is None:  # needs the running loop
            self._own = MemoryStorage()
        return self._own


class _Shared(RedisStorage):
    """The Redis storage of `limits`, with our own client, which supports sentinels and clusters."""

    def __init__(self, connected: Any, prefix: str) -> None:
        self._connected = connected
        super().__init__("async+redis://", implementation="redispy", key_prefix=prefix)

    def configure_bridge(self) -> None:
        self.bridge.storage = self._connected  # type: ignore[attr-defined]
        self.bridge.connection_getter = lambda _: self._connected  # type: ignore[attr-defined]


def _until_again(_: str, refusal: RateLimited, now: float) -> float:
    return now + refusal.retry_after


def _limit(amount: int | None, what: str) -> RateLimitItemPerMinute | None:
    return RateLimitItemPerMinute(amount, namespace=what) if amount else None


async def _hit(
    storage: MemoryStorage | RedisStorage, item: RateLimitItemPerMinute, key: str, cost: int
) -> tuple[bool, Window]:
    """Count ``cost`` if the limit allows it; return whether it did, and the window afterwards."""
    taken = await storage.acquire_sliding_window_entry(key, item.amount, _WINDOW, cost)
    return taken, await storage.get_sliding_window(key, _WINDOW)


def _standing(item: RateLimitItemPerMinute, window: Window) -> RateLimitStatus:
    """Return the state of a limit; the previous window counts with its remaining share."""
    before, before_left, now, _ = window
    used = math.floor(before * before_left / _WINDOW + now)
    return RateLimitStatus(item.amount, max(0, item.amount - used), math.ceil(_window_left(window)))


def _window_left(window: Window) -> float:
    return window[3] % _WINDOW  # kept for two windows, because it is needed as the previous one


def _wait(item: RateLimitItemPerMinute, window: Window, cost: int) -> int:
    """Return the whole seconds until ``cost`` fits, if the caller uses nothing meanwhile."""
    before, before_left, now, _ = window
    room = item.amount - cost
    if now <= room and before:
        seconds = before_left - (room - now + 1) * _WINDOW / before
    else:  # the current window must become the previous one and lose weight
        seconds = _window_left(window) + _WINDOW * (1 - max(room, 0) / max(now, 1))
    return max(1, math.ceil(seconds))
