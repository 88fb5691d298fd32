"""The cache in Redis, shared by all processes and machines; never a reason to fail or to be slow.

Every command has a time limit, draws on the patience of the request it is for, and passes a
circuit breaker: one for Redis as a whole, one for writing alone, since a full Redis or a read-only
replica can still be read. What fails is a miss, or a thing not stored; nothing here raises.

Keys, all below ``cache.redis.prefix``: ``s<version>:<voice>:<key>`` a sentence, ``lock:…`` who is
making it, ``r<version>:<hash>`` a file's recipe, ``epoch`` a number that is raised to clear memory.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Final, Literal, TypeAlias, TypeVar

from loguru import logger
from redis.exceptions import ResponseError

from vits_tts.cache import stored
from vits_tts.cache.breaker import Breaker
from vits_tts.cache.connection import TROUBLE, client, close_client
from vits_tts.cache.patience import Patience
from vits_tts.config import RedisCacheSettings
from vits_tts.metrics import REDIS_BYTES, REDIS_DAMAGED
from vits_tts.types import Pcm

T = TypeVar("T")

_WATCH_SECONDS: Final = 1.0
_STORING_AT_ONCE: Final = 32
_RECIPE_VERSION: Final = 1
_RELEASING_AT_ONCE: Final = 1024

Command: TypeAlias = Callable[[], Awaitable[Any]]

# A lock that would never end is none of ours: take it.
_LOCK: Final = """
if redis.call('pttl', KEYS[1]) == -1 then redis.call('del', KEYS[1]) end
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 1 + redis.call('exists', KEYS[2])
end
return 0
"""
_TAKEN_BUT_STORED: Final = 2
# Store only as the holder: one that was too slow finds another's token, or none, in the lock.
_STORE: Final = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('del', KEYS[1])
return 1
"""
_RELEASE: Final = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to make and to store one sentence."""

    name: str
    token: str
    stored: bool = False
    """Whether it is stored already: by another just now, or damaged."""


class Effect(Enum):
    """What a command does to what Redis has."""

    NONE = auto()
    ADDS = auto()
    REMOVES = auto()
    """A full Redis lets it pass, so that its success says nothing of others' that write."""


class RedisTier:
    """Sentences, locks and recipes in Redis."""

    def __init__(self, settings: RedisCacheSettings) -> None:
        """Prepare a client; nothing is connected before the first command."""
        self._settings = settings
        self._client: Any = client(settings)
        self._prefix = settings.prefix
        self._ttl_ms = int(settings.ttl_seconds * 1000)
        self.breaker = Breaker("redis")
        self.write_breaker = Breaker("redis_writes")
        self._background: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    def patience(self) -> Patience:
        """Return what one request may spend on waiting for Redis."""
        return Patience(self._settings.command_timeout)

    # --- sentences -------------------------------------------------------------------------------

    async def get(self, voice: str, key: str, patience: Patience) -> Pcm | None:
        """Return a sentence; None if it is not there, damaged, or Redis is in trouble."""
        name = self._sentence(voice, key)
        data = await self._read(lambda: self._client.get(name), patience)
        if not data:
            return None
        REDIS_BYTES.labels("in").inc(len(data))
        try:
            return await asyncio.to_thread(stored.unpack, data)
        except stored.Damaged as error:
            _report_damaged(str(error), name)
            return None

    async def lock(self, voice: str, key: str, patience: Patience) -> Lock | Literal["held"] | None:
        """Take the right to make a sentence.

        Returns the lock, or ``held`` if another process has it, or None if Redis cannot tell.
        """
        lock = Lock(self._lock(voice, key), secrets.token_hex(8))
        names = (lock.name, self._sentence(voice, key))
        expiry = int(self._settings.lock_seconds * 1000)
        asking = asyncio.ensure_future(
            self._write(lambda: self._client.eval(_LOCK, 2, *names, lock.token, expiry), patience)
        )
        try:
            # Not cancelled with its caller, which would leave the connection within an answer.
            taken = await asyncio.shield(asking)
        except BaseException:  # the caller left, while Redis may give it
            self._later(self._give_back(asking, lock), _RELEASING_AT_ONCE)
            raise
        if taken is _FAILED:
            self.release_later(lock)
            return None
        return replace(lock, stored=taken == _TAKEN_BUT_STORED) if taken else "held"

    def store_later(self, voice: str, key: str, pcm: Pcm, lock: Lock) -> None:
        """Store a sentence and give the lock back, without making anybody wait."""
        if not self._later(self._store(voice, key, pcm, lock), _STORING_AT_ONCE):
            self.release_later(lock)

    def release_later(self, lock: Lock) -> None:
        """Give a lock back without having made anything."""
        self._later(self._release(lock), _RELEASING_AT_ONCE)

    async def _give_back(self, asking: "asyncio.Future[Any]", lock: Lock) -> None:
        await asyncio.wait({asking})
        await self._release(lock)

    async def _store(self, voice: str, key: str, pcm: Pcm, lock: Lock) -> None:
        data = await asyncio.to_thread(stored.pack, pcm)
        if len(data) > self._settings.max_value_bytes:
            await self._release(lock)
            return
        names = (lock.name, self._sentence(voice, key))
        done = await self._write(
            lambda: self._client.eval(_STORE, 2, *names, lock.token, data, self._ttl_ms),
            self.patience(),
        )
        if done == 1:
            REDIS_BYTES.labels("out").inc(len(data))
        elif done is not _FAILED:
            logger.info("sentence not stored: another process took over", key=names[1])

    async def _release(self, lock: Lock) -> None:
        await self._write(
            lambda: self._client.eval(_RELEASE, 1, lock.name, lock.token),
            self.patience(),
            Effect.REMOVES,
        )

    # --- recipes ---------------------------------------------------------------------------------

    def keep_recipe_later(self, audio_hash: str, recipe: dict[str, Any]) -> None:
        """Keep what a file was made from, so that other replicas can make it too."""
        recipe_later = self._keep_recipe(audio_hash, json.dumps(recipe, ensure_ascii=False))
        self._later(recipe_later, _STORING_AT_ONCE)

    async def _keep_recipe(self, audio_hash: str, recipe: str) -> None:
        name = self._recipe(audio_hash)
        await self._write(lambda: self._client.set(name, recipe, px=self._ttl_ms), self.patience())

    async def recipe(self, audio_hash: str) -> dict[str, Any] | None:
        """Return what a file was made from; None if nobody knows."""
        name = self._recipe(audio_hash)
        data = await self._read(lambda: self._client.get(name), self.patience())
        try:
            recipe = json.loads(data) if data else None
        except ValueError as error:
            _report_damaged(str(error), name)
            return None
        return recipe if isinstance(recipe, dict) else None

    # --- for administrators ----------------------------------------------------------------------

    async def names(self, voice: str | None = None) -> AsyncIterator[str]:
        """Yield the names of all sentences, or of one voice's.

        Raises:
            RedisError: Redis is in trouble; an administrator wants to know.

        """
        pattern = f"{self._prefix}:s{stored.VERSION}:{voice or '*'}:*"
        async for name in self._client.scan_iter(match=pattern, count=1000):
            yield name.decode()

    async def clear(self, voice: str | None = None) -> int:
        """Drop all sentences, or one voice's, here and in the memory of all servers.

        Returns how many were here.

        Raises:
            RedisError: Redis is in trouble.

        """
        count = 0
        async for name in self.names(voice):
            count += await self._client.delete(name)
        await self._client.incr(f"{self._prefix}:epoch")
        return count

    async def check(self) -> None:
        """Write something.

        Raises:
            RedisError: Redis is in trouble.

        """
        await self._client.set(f"{self._prefix}:probe", 1, px=1000)

    async def sizes(self) -> dict[str, tuple[int, int]]:
        """Return (sentences, bytes) by the first part of the voices' digests.

        Raises:
            RedisError: Redis is in trouble.

        """
        found: dict[str, tuple[int, int]] = {}
        async for name in self.names():
            voice = name.removeprefix(f"{self._prefix}:").split(":")[1]
            count, size = found.get(voice, (0, 0))
            found[voice] = (count + 1, size + await self._client.strlen(name))
        return found

    # --- life ------------------------------------------------------------------------------------

    def watch(self, cleared: Callable[[], None]) -> None:
        """Keep an eye on Redis; call ``cleared`` when an administrator has cleared the cache.

        Where it is watched already nothing more is done.
        """
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(cleared))

    async def _watch(self, cleared: Callable[[], None]) -> None:
        """Look every second, as far as the breakers let us: no request has to find out."""
        seen: object = _FAILED
        while True:
            if self.breaker.may_try():
                epoch = await self._run(lambda: self._client.get(f"{self._prefix}:epoch"))
                if epoch is not _FAILED:
                    if seen not in {_FAILED, epoch}:
                        cleared()
                    seen = epoch
            if self.breaker.closed and not self.write_breaker.closed:
                await self._try_writing()
            await asyncio.sleep(_WATCH_SECONDS)

    async def _try_writing(self) -> None:
        if self.write_breaker.may_try():
            name = f"{self._prefix}:probe"
            await self._run(lambda: self._client.set(name, 1, px=1000), None, Effect.ADDS)

    async def stored(self) -> None:
        """Wait until what was to be stored is, within the time limits."""
        if self._background:
            await asyncio.wait(self._background, timeout=2 * self._settings.command_timeout + 1)

    async def finish(self) -> None:
        """Store what is to be stored; then disconnect."""
        if self._watching:
            self._watching.cancel()
        await self.stored()
        try:
            async with asyncio.timeout(self._settings.command_timeout):
                await close_client(self._client)
        except TROUBLE:
            logger.debug("Redis did not answer the goodbye")

    # --- how commands are run --------------------------------------------------------------------

    async def _read(self, command: Command, patience: Patience) -> Any:
        """Run a command that reads; in trouble return None."""
        if not self.breaker.closed or patience.left <= 0:
            return None
        answer = await self._run(command, patience)
        return None if answer is _FAILED else answer

    async def _write(
        self, command: Command, patience: Patience, effect: Effect = Effect.ADDS
    ) -> Any:
        """Run a command that writes; in trouble return ``_FAILED``."""
        if not (self.breaker.closed and self.write_breaker.closed) or patience.left <= 0:
            return _FAILED
        return await self._run(command, patience, effect)

    async def _run(
        self,
        command: Command,
        patience: Patience | None = None,
        effect: Effect = Effect.NONE,
    ) -> Any:
        """Run a command and tell the breakers how it went; in trouble return ``_FAILED``."""
        try:
            answer = await (patience or self.patience()).spend(command())
        except ResponseError as error:
            if effect is not Effect.NONE:  # full, read-only, forbidden: reading may still work
                self.write_breaker.failed(_reason(error))
            else:  # somebody else's kind of value under our name
                _report_damaged(str(error))
            return _FAILED
        except TROUBLE as error:
            self.breaker.failed(_reason(error))
            return _FAILED
        self.breaker.succeeded()
        if effect is Effect.ADDS:
            self.write_breaker.succeeded()
        return answer

    def _later(self, work: Any, limit: int) -> bool:
        """Do ``work`` in the background; leave it, and say so, when too much waits already."""
        if len(self._background) >= limit or not self.breaker.closed:
            work.close()
            return False
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return True

    # --- names -----------------------------------------------------------------------------------

    def _sentence(self, voice: str, key: str) -> str:
        return f"{self._prefix}:s{stored.VERSION}:{voice}:{{{key}}}"

    def _lock(self, voice: str, key: str) -> str:
        return f"{self._prefix}:lock:{voice}:{{{key}}}"  # in a cluster beside its sentence

    def _recipe(self, audio_hash: str) -> str:
        return f"{self._prefix}:r{_RECIPE_VERSION}:{audio_hash}"


_FAILED: Final = object()


def _report_damaged(reason: str, name: str | None = None) -> None:
    REDIS_DAMAGED.inc()
    logger.warning("damaged value in the cache, made again", key=name, reason=reason)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
