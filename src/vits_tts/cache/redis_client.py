"""Commands to Redis that never make a request fail, and delay it only within its time budget.

Every command has a time limit and uses the time budget of its request. Two circuit breakers count
failures: one for Redis as a whole, one for writing alone, because a full Redis or a read-only
replica can still be read. A failed read counts as a miss, and a failed write is dropped. Only the
commands of an administrator raise errors.

All keys begin with ``cache.redis.prefix``. ``epoch`` is a number that an administrator increments
to clear the memory of all servers. ``probe`` is a key that is written to test whether writes work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from enum import Enum, auto
from functools import partial
from typing import Any, Final, TypeAlias

from loguru import logger
from redis.exceptions import ResponseError

from vits_tts.cache.redis_address import TROUBLE, close_client, connect
from vits_tts.cache.signing import Signer
from vits_tts.cache.time_budget import TimeBudget
from vits_tts.circuit_breaker import CircuitBreaker
from vits_tts.config import RedisCacheSettings
from vits_tts.ending_tasks import end
from vits_tts.telemetry.metrics import REDIS_DAMAGED, REDIS_UNSIGNED

_WATCH_SECONDS: Final = 1.0
_REMOVING_AT_ONCE: Final = 1024
_EPOCH_BYTES: Final = 32

Command: TypeAlias = Callable[[], Awaitable[Any]]

FAILED: Final = object()
"""The answer to a command that failed or was not sent; None is a valid answer of Redis."""


class Effect(Enum):
    """The change that a command makes to the data in Redis."""

    NONE = auto()
    ADDS = auto()
    REMOVES = auto()
    """Deletes succeed even when Redis is full, so they do not prove that writes work."""


class RedisClient:
    """Runs commands, in the foreground with a time budget or in the background."""

    def __init__(self, settings: RedisCacheSettings, *, timed: bool = False) -> None:
        """Create a client; it connects with the first command.

        With ``timed``, the commands that a caller sends through ``connection`` have a time limit
        too. The methods of this class always have one, which costs less.
        """
        self.settings = settings
        self.connection: Any = connect(settings, timed=timed)
        self.prefix = settings.prefix
        self.signer = Signer(settings)
        self.ttl_ms = int(settings.ttl_seconds * 1000)
        self.breaker = CircuitBreaker("redis")
        self.write_breaker = CircuitBreaker("redis_writes")
        self._background: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    def patience(self) -> TimeBudget:
        """Return the time that one request may spend waiting for Redis."""
        return TimeBudget(self.settings.command_timeout)

    # --- commands --------------------------------------------------------------------------------

    async def read(self, command: Command, patience: TimeBudget) -> Any:
        """Return the answer to a command that reads; None if it failed."""
        if not self.breaker.closed or patience.left <= 0:
            return None
        answer = await self._run(command, patience)
        return None if answer is FAILED else answer

    async def write(
        self, command: Command, patience: TimeBudget, effect: Effect = Effect.ADDS
    ) -> Any:
        """Return the answer to a command that writes; ``FAILED`` if it failed."""
        if not (self.breaker.closed and self.write_breaker.closed) or patience.left <= 0:
            return FAILED
        return await self._run(command, patience, effect)

    async def value(self, name: str, most: int, patience: TimeBudget) -> bytes | None:
        """Return a value of up to ``most`` bytes; None if there is none or it is larger.

        A larger value is not fetched; it is removed as damaged.
        """
        data = await self.read(lambda: self.connection.getrange(name, 0, most), patience)
        if data and len(data) > most:
            self.damaged(f"it is larger than {most} bytes", name)
            return None
        return bytes(data) if data else None

    def later(self, work: Coroutine[Any, Any, None], limit: int) -> bool:
        """Start ``work`` in the background, unless ``limit`` tasks run already or Redis is down.

        Return whether it was started.
        """
        if len(self._background) >= limit or not self.breaker.closed:
            work.close()
            return False
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return True

    async def _run(
        self,
        command: Command,
        patience: TimeBudget | None = None,
        effect: Effect = Effect.NONE,
    ) -> Any:
        """Run a command and tell the breakers its outcome; return ``FAILED`` if it failed."""
        try:
            answer = await (patience or self.patience()).spend(command())
        except ResponseError as error:
            if effect is not Effect.NONE:  # full, read-only or forbidden: reading may still work
                self.write_breaker.failed(reason_of(error))
            else:  # another program has stored a value of another type under this key
                _report_damaged(str(error))
            return FAILED
        except TROUBLE as error:
            self.breaker.failed(reason_of(error))
            return FAILED
        self.breaker.succeeded()
        if effect is Effect.ADDS:
            self.write_breaker.succeeded()
        return answer

    # --- values that cannot be used --------------------------------------------------------------

    def damaged(self, reason: str, name: str) -> None:
        """Report a damaged value and remove it in the background."""
        _report_damaged(reason, name)
        self.later(self._remove(name), _REMOVING_AT_ONCE)

    def unsigned(self, reason: str, name: str) -> None:
        """Report a value without a valid signature, and remove it in the background."""
        REDIS_UNSIGNED.inc()
        logger.warning("unsigned value in the cache, made again", key=name, reason=reason)
        self.later(self._remove(name), _REMOVING_AT_ONCE)

    async def _remove(self, name: str) -> None:
        remove = partial(self.connection.unlink, name)
        await self.write(remove, self.patience(), Effect.REMOVES)

    # --- life ------------------------------------------------------------------------------------

    def watch(self, cleared: Callable[[], None]) -> None:
        """Start to watch Redis, once; call ``cleared`` when an administrator clears the cache."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(cleared))

    async def _watch(self, cleared: Callable[[], None]) -> None:
        """Query Redis every second, so that no request has to wait to notice its recovery."""
        seen: object = FAILED
        while True:
            if self.breaker.may_try():
                epoch = await self._run(
                    lambda: self.connection.getrange(f"{self.prefix}:epoch", 0, _EPOCH_BYTES)
                )
                if epoch is not FAILED:
                    if seen not in {FAILED, epoch}:
                        cleared()
                    seen = epoch
            if self.breaker.closed and not self.write_breaker.closed:
                await self._try_writing()
            await asyncio.sleep(_WATCH_SECONDS)

    async def _try_writing(self) -> None:
        if self.write_breaker.may_try():
            name = f"{self.prefix}:probe"
            await self._run(lambda: self.connection.set(name, 1, px=1000), None, Effect.ADDS)

    async def stored(self) -> None:
        """Wait until background work is done, within the time limits."""
        if self._background:
            await asyncio.wait(self._background, timeout=2 * self.settings.command_timeout + 1)

    async def finish(self) -> None:
        """Finish background work, then disconnect."""
        if self._watching:
            await end(self._watching)
        await self.stored()
        try:
            async with asyncio.timeout(self.settings.command_timeout):
                await close_client(self.connection)
        except TROUBLE:
            logger.debug("Redis did not answer while disconnecting")


def reason_of(error: BaseException) -> str:
    """Return the type and the message of an error, for a log line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _report_damaged(reason: str, name: str | None = None) -> None:
    REDIS_DAMAGED.inc()
    logger.warning("damaged value in the cache, made again", key=name, reason=reason)
