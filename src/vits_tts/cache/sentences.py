"""Every sentence once: kept in memory, on its way already, in Redis, or else made here.

Between processes and machines a lock in Redis sees to it that one makes a sentence and the others
wait for it, though none longer than making it itself would take.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
from loguru import logger

from vits_tts import tracing
from vits_tts.cache.flight import Flight, Kept, Listener, Source
from vits_tts.cache.memory import MemoryCache
from vits_tts.cache.patience import Patience
from vits_tts.metrics import CACHE_LOOKUPS, LOCK_WAIT, series
from vits_tts.scheduling.urgency import Urge, Urgency
from vits_tts.types import Pcm

if TYPE_CHECKING:  # redis takes long to import, and not everybody has one
    from vits_tts.cache.redis import Lock, RedisTier

_POLL_SECONDS: Final = 0.02
_GRACE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sentence that is wanted: how it is known, how it is made, how long that would take.

    ``voice`` is the beginning of the voice's digest, ``make`` yields the speech window by window;
    estimates of how many seconds it takes to make (``work``) and to hear (``speech``).
    """

    voice: str
    key: str
    make: Source
    work: float
    speech: float


Ear: TypeAlias = Listener | Kept


@dataclass(slots=True)
class Outcome:
    """Where sentences came from, counted for one request."""

    hits: int = 0
    joins: int = 0


class Sentences:
    """The tiers and the flights of one process."""

    def __init__(self, memory: MemoryCache, redis: "RedisTier | None") -> None:
        """Put ``memory`` in front of ``redis``, if there is one."""
        self._memory = memory
        self._redis = redis
        self._flights: dict[str, Flight] = {}

    @property
    def redis(self) -> "RedisTier | None":
        """The shared tier."""
        return self._redis

    def start(self) -> None:
        """Begin to watch Redis, if that has not begun; call it where an event loop runs."""
        if self._redis:
            self._redis.watch(self._memory.clear)

    async def stored(self) -> None:
        """Wait until what is being stored in Redis is there, within the time limits."""
        if self._redis:
            await self._redis.stored()

    async def finish(self) -> None:
        """Finish what is being stored."""
        if self._redis:
            await self._redis.finish()

    @property
    def degraded(self) -> str | None:
        """What is in trouble, if anything is."""
        if self._redis and not self._redis.breaker.closed:
            return "redis"
        if self._redis and not self._redis.write_breaker.closed:
            return "redis_writes"
        return None

    def patience(self) -> Patience:
        """Return what one request may spend on waiting for Redis."""
        return self._redis.patience() if self._redis else Patience(0)

    def at_hand(self, key: str) -> bool:
        """Return whether a sentence costs no work: it is in memory, or being made already."""
        return key in self._memory or key in self._flights

    def kept(self, keys: Sequence[str], max_bytes: int) -> list[Pcm] | None:
        """Return sentences that are all in memory, of ``max_bytes`` together at most; else None."""
        if not all(key in self._memory for key in keys):
            return None
        found = [pcm for key in keys if (pcm := self._memory.get(key))]
        if len(found) < len(keys) or sum(pcm.nbytes for pcm in found) > max_bytes:
            return None
        series(CACHE_LOOKUPS, "memory", "hit").inc(len(found))
        for key in keys:
            logger.debug("cache hit", tier="memory", key=key)
        return found

    def listen(self, wanted: Wanted, patience: Patience, outcome: Outcome, urge: Urge) -> Ear:
        """Return the sentence for listening to; whoever gets it closes it."""
        kept = self._memory.get(wanted.key)
        series(CACHE_LOOKUPS, "memory", "hit" if kept else "miss").inc()
        logger.debug("cache {}", "hit" if kept else "miss", tier="memory", key=wanted.key)
        if kept:
            outcome.hits += 1
            return Kept(kept)
        if flight := self._flights.get(wanted.key):
            series(CACHE_LOOKUPS, "flight", "hit").inc()
            logger.debug("cache join", tier="flight", key=wanted.key)
            outcome.joins += 1
            return flight.join(urge)
        self.start()
        source = partial(self._source, wanted, patience, outcome)
        flight = Flight(wanted.key, source, self._ended)
        self._flights[wanted.key] = flight
        return flight.join(urge)

    def _ended(self, flight: Flight) -> None:
        """Take a flight off the board, unless a new one has taken its place already."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    async def _source(
        self,
        wanted: Wanted,
        patience: Patience,
        outcome: Outcome,
        urgency: Callable[[], Urgency],
    ) -> AsyncGenerator[Pcm, None]:
        """Yield a sentence from Redis, or as it is made; keep it in both tiers at the end."""
        found, lock = None, None
        if self._redis:
            with tracing.stage("look up in redis"):
                found, lock = await self._found_or_locked(self._redis, wanted, patience)
            series(CACHE_LOOKUPS, "redis", "hit" if found else "miss").inc()
            logger.debug("cache {}", "hit" if found else "miss", tier="redis", key=wanted.key)
        if found:
            outcome.hits += 1
            self._memory.put(wanted.key, found)
            yield found
            return
        async with aclosing(self._made(wanted, lock, urgency)) as made:
            async for part in made:
                yield part

    async def _made(
        self, wanted: Wanted, lock: "Lock | None", urgency: Callable[[], Urgency]
    ) -> AsyncGenerator[Pcm, None]:
        parts: list[Pcm] = []
        complete = False
        source = wanted.make(urgency)
        try:
            async for part in source:
                parts.append(part)
                yield part
            complete = True
        finally:
            await source.aclose()
            if complete:
                self._keep(wanted, _joined(parts), lock)
            elif lock and self._redis:
                self._redis.release_later(lock)

    def _keep(self, wanted: Wanted, pcm: Pcm, lock: "Lock | None") -> None:
        self._memory.put(wanted.key, pcm)
        if lock and self._redis:
            self._redis.store_later(wanted.voice, wanted.key, pcm, lock)

    async def _found_or_locked(
        self, redis: "RedisTier", wanted: Wanted, patience: Patience
    ) -> "tuple[Pcm | None, Lock | None]":
        """Return the sentence, or the lock to make it; neither if it is to be made without."""
        found = await redis.get(wanted.voice, wanted.key, patience)
        if found:
            return found, None
        found, lock = await self._claimed(redis, wanted, patience)
        if lock != "held":
            return found, lock
        start = time.monotonic()
        try:
            return await self._wait_for_other(redis, wanted, patience)
        finally:
            LOCK_WAIT.observe(time.monotonic() - start)

    async def _wait_for_other(
        self, redis: "RedisTier", wanted: Wanted, patience: Patience
    ) -> "tuple[Pcm | None, Lock | None]":
        """Wait for what another process makes, until it would have been made here.

        The other began first, so it should be done before; it gets some grace, since on a busy
        machine making it twice makes both late.
        """
        deadline = time.monotonic() + max(_GRACE_SECONDS, 2 * wanted.work)
        while time.monotonic() < deadline and patience.left > 0 and redis.breaker.closed:
            await asyncio.sleep(_POLL_SECONDS)
            if found := await redis.get(wanted.voice, wanted.key, patience):
                return found, None
            found, lock = await self._claimed(redis, wanted, patience)
            if lock != "held":  # the other gave up, died, or was done just now
                return found, lock
        return None, None

    async def _claimed(
        self, redis: "RedisTier", wanted: Wanted, patience: Patience
    ) -> 'tuple[Pcm | None, Lock | Literal["held"] | None]':
        """Return the lock to make a sentence, or the sentence if it came since it was looked for.

        Between looking and locking another may have stored it and given its lock back.
        """
        lock = await redis.lock(wanted.voice, wanted.key, patience)
        if lock is None or lock == "held" or not lock.stored:
            return None, lock
        try:
            found = await redis.get(wanted.voice, wanted.key, patience)
        except BaseException:  # the caller left
            redis.release_later(lock)
            raise
        if found is None:  # damaged
            return None, lock
        redis.release_later(lock)
        return found, None


def _joined(parts: list[Pcm]) -> Pcm:
    if len(parts) == 1:
        return parts[0]
    samples = np.concatenate([part.samples for part in parts])
    return Pcm(samples, parts[0].sample_rate, timing=parts[0].timing)
