"""Finding sentences: in memory, in a synthesis under way, in Redis, or by new synthesis.

A lock in Redis lets one process synthesise a sentence while the others wait for it, at most about
twice as long as their own synthesis would take.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

import numpy as np
from loguru import logger

from vits_tts.cache.memory import MemoryCache
from vits_tts.cache.shared_stream import CachedSentence, SharedStream, Subscription
from vits_tts.cache.time_budget import TimeBudget
from vits_tts.scheduling.urgency import Urge, Urgency
from vits_tts.telemetry import tracing
from vits_tts.telemetry.metrics import CACHE_LOOKUPS, LOCK_WAIT, series
from vits_tts.types import Pcm

if TYPE_CHECKING:  # redis takes long to import, and many installations have none
    from vits_tts.cache.redis_sentences import Lock, RedisSentences

_POLL_SECONDS: Final = 0.02
_GRACE_SECONDS: Final = 1.0


class SentenceSource(Protocol):
    """A sentence that can be looked up and, if no tier has it, synthesised."""

    @property
    def voice(self) -> str:
        """The beginning of the voice's digest."""

    @property
    def key(self) -> str:
        """The key of the sentence."""

    @property
    def work(self) -> float:
        """Expected seconds of one thread that the synthesis takes."""

    def make(self, urgency: Callable[[], Urgency], /) -> AsyncGenerator[Pcm, None]:
        """Yield the speech window by window."""


SentenceAudio: TypeAlias = Subscription | CachedSentence


@dataclass(slots=True)
class CacheOutcome:
    """Counts how many sentences of one request were cached, or shared with another request."""

    hits: int = 0
    joins: int = 0


class SentenceStore:
    """Finds sentences in all tiers of the cache, or has them synthesised; use it in one event loop.

    At any time this process synthesises a sentence at most once: ``_streams`` holds the shared
    stream of each sentence under synthesis, and requests for the same key subscribe to it.
    """

    def __init__(self, memory: MemoryCache, redis: "RedisSentences | None") -> None:
        """Look sentences up in ``memory`` first, then in ``redis``, if there is one."""
        self._memory = memory
        self._redis = redis
        self._streams: dict[str, SharedStream] = {}

    @property
    def redis(self) -> "RedisSentences | None":
        """The tier that all replicas share; None if it is not configured."""
        return self._redis

    def start(self) -> None:
        """Start to watch Redis, once; call it in the event loop."""
        if self._redis:
            self._redis.client.watch(self._memory.clear)

    async def stored(self) -> None:
        """Wait until pending writes to Redis are done, within the time limits."""
        if self._redis:
            await self._redis.client.stored()

    async def finish(self) -> None:
        """Finish pending writes to Redis and disconnect."""
        if self._redis:
            await self._redis.client.finish()

    @property
    def degraded(self) -> str | None:
        """The name, in `/readyz`, of the part of Redis that fails; None if all parts work."""
        if self._redis and not self._redis.client.breaker.closed:
            return "redis"
        if self._redis and not self._redis.client.write_breaker.closed:
            return "redis_writes"
        return None

    def patience(self) -> TimeBudget:
        """Return the time that one request may spend waiting for Redis."""
        return self._redis.client.patience() if self._redis else TimeBudget(0)

    def at_hand(self, key: str) -> bool:
        """Return whether a sentence needs no new synthesis: it is in memory or under synthesis."""
        return key in self._memory or key in self._streams

    def kept(self, keys: Sequence[str], max_bytes: int) -> list[Pcm] | None:
        """Return the sentences if all are in memory and have at most ``max_bytes`` together.

        Otherwise returns None.
        """
        if not all(key in self._memory for key in keys):
            return None
        found = [pcm for key in keys if (pcm := self._memory.get(key))]
        if len(found) < len(keys) or sum(pcm.nbytes for pcm in found) > max_bytes:
            return None
        series(CACHE_LOOKUPS, "memory", "hit").inc(len(found))
        for key in keys:
            logger.debug("cache hit", tier="memory", key=key)
        return found

    def listen(
        self, wanted: SentenceSource, patience: TimeBudget, outcome: CacheOutcome, urge: Urge
    ) -> SentenceAudio:
        """Return the chunks of a sentence; the caller must close them."""
        kept = self._memory.get(wanted.key)
        series(CACHE_LOOKUPS, "memory", "hit" if kept else "miss").inc()
        logger.debug("cache {}", "hit" if kept else "miss", tier="memory", key=wanted.key)
        if kept:
            outcome.hits += 1
            return CachedSentence(kept)
        if shared := self._streams.get(wanted.key):
            series(CACHE_LOOKUPS, "flight", "hit").inc()
            logger.debug("cache join", tier="flight", key=wanted.key)
            outcome.joins += 1
            return shared.join(urge)
        self.start()
        source = partial(self._source, wanted, patience, outcome)
        shared = SharedStream(wanted.key, source, self._ended)
        self._streams[wanted.key] = shared
        return shared.join(urge)

    def _ended(self, shared: SharedStream) -> None:
        """Forget a shared stream, unless a new one has its key already.

        That happens if the last subscriber left, and another request came before the cancelled
        task of the stream ended.
        """
        if self._streams.get(shared.key) is shared:
            del self._streams[shared.key]

    async def _source(
        self,
        wanted: SentenceSource,
        patience: TimeBudget,
        outcome: CacheOutcome,
        urgency: Callable[[], Urgency],
    ) -> AsyncGenerator[Pcm, None]:
        """Yield a sentence from Redis, or else chunk by chunk as it is synthesised; cache it."""
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
        self, wanted: SentenceSource, lock: "Lock | None", urgency: Callable[[], Urgency]
    ) -> AsyncGenerator[Pcm, None]:
        """Yield a sentence as it is synthesised; cache it at the end, and release the lock."""
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

    def _keep(self, wanted: SentenceSource, pcm: Pcm, lock: "Lock | None") -> None:
        self._memory.put(wanted.key, pcm)
        if lock and self._redis:
            self._redis.store_later(wanted.voice, wanted.key, pcm, lock)

    async def _found_or_locked(
        self, redis: "RedisSentences", wanted: SentenceSource, patience: TimeBudget
    ) -> "tuple[Pcm | None, Lock | None]":
        """Return the sentence, or the lock to synthesise it.

        Returns neither if Redis fails or the other process takes too long. Then the sentence is
        synthesised without a lock, and not stored in Redis.
        """
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
        self, redis: "RedisSentences", wanted: SentenceSource, patience: TimeBudget
    ) -> "tuple[Pcm | None, Lock | None]":
        """Wait for another process's synthesis, up to twice as long as it would take here.

        The other process began first, so it should finish first. It gets the double time because
        on a busy machine a second synthesis would delay both.
        """
        deadline = time.monotonic() + max(_GRACE_SECONDS, 2 * wanted.work)
        while time.monotonic() < deadline and patience.left > 0 and redis.client.breaker.closed:
            await asyncio.sleep(_POLL_SECONDS)
            if found := await redis.get(wanted.voice, wanted.key, patience):
                return found, None
            found, lock = await self._claimed(redis, wanted, patience)
            if lock != "held":  # the other process gave up, died or has just finished
                return found, lock
        return None, None

    async def _claimed(
        self, redis: "RedisSentences", wanted: SentenceSource, patience: TimeBudget
    ) -> 'tuple[Pcm | None, Lock | Literal["held"] | None]':
        """Return the sentence if it was just stored, and the result of ``RedisSentences.lock``.

        Between the lookup and the lock another process may have stored it and released its lock.
        """
        lock = await redis.lock(wanted.voice, wanted.key, patience)
        if lock is None or lock == "held" or not lock.stored:
            return None, lock
        try:
            found = await redis.get(wanted.voice, wanted.key, patience)
        except BaseException:  # cancelled, because the client left
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
