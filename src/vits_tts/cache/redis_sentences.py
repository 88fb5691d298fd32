"""Sentences in Redis, and the locks by which one process synthesises a sentence for all.

Keys: ``s<version>:<voice>:<key>`` holds a sentence, ``lock:<voice>:<key>`` the token of the process
that synthesises it.

Every lock expires, so a process that dies blocks the others only for ``cache.redis.lock_seconds``.
A random token identifies the holder: a process that was too slow finds another token, and then
neither stores the sentence nor releases the lock of its successor. Each script runs atomically.
"""

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from loguru import logger

from vits_tts.cache import serialization
from vits_tts.cache.redis_client import FAILED, Effect, RedisClient
from vits_tts.cache.signing import SignatureInvalid
from vits_tts.cache.time_budget import TimeBudget
from vits_tts.telemetry.metrics import REDIS_BYTES, series
from vits_tts.types import Pcm

_STORING_AT_ONCE: Final = 32
_RELEASING_AT_ONCE: Final = 1024

# Take the lock. Returns 0 if another process holds it, 1 if we do, 2 if we do and the sentence is
# stored. No server sets a lock without an expiry, or with one longer than `lock_seconds`, unless
# that setting was longer before. Delete the former and shorten the latter, or it would block all.
_LOCK: Final = """
local left = redis.call('pttl', KEYS[1])
if left == -1 then redis.call('del', KEYS[1]) end
if left > tonumber(ARGV[2]) then redis.call('pexpire', KEYS[1], ARGV[2]) end
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 1 + redis.call('exists', KEYS[2])
end
return 0
"""
_TAKEN_BUT_STORED: Final = 2
# Store the sentence and release the lock, only while holding it. Returns 1, or 0 if it was lost.
# `pcall`, because another program may have put a list there, which has no token.
_STORE: Final = """
if redis.pcall('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('del', KEYS[1])
return 1
"""
_RELEASE: Final = """
if redis.pcall('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to synthesise and to store one sentence."""

    name: str
    token: str
    stored: bool = False
    """True if there is a stored value already: just stored by another process, or damaged."""


class RedisSentences:
    """Reads and stores sentences, and takes locks on them."""

    def __init__(self, client: RedisClient) -> None:
        """Use the connection of ``client``."""
        self.client = client
        self._settings = client.settings

    async def get(self, voice: str, key: str, patience: TimeBudget) -> Pcm | None:
        """Return a sentence; None if it is missing or damaged, or Redis fails."""
        name = self._sentence(voice, key)
        data = await self.client.value(name, int(self._settings.max_value_bytes), patience)
        if not data:
            return None
        series(REDIS_BYTES, "in").inc(len(data))
        try:
            return await asyncio.to_thread(self._unpacked, name, data)
        except SignatureInvalid as error:
            self.client.unsigned(str(error), name)
        except serialization.Damaged as error:
            self.client.damaged(str(error), name)
        return None

    async def lock(
        self, voice: str, key: str, patience: TimeBudget
    ) -> Lock | Literal["held"] | None:
        """Take the lock on a sentence.

        Returns the lock, ``held`` if another process has it, or None if Redis fails.
        """
        lock = Lock(self._lock(voice, key), secrets.token_hex(8))
        names = (lock.name, self._sentence(voice, key))
        expiry = int(self._settings.lock_seconds * 1000)
        connection = self.client.connection
        asking = asyncio.ensure_future(
            self.client.write(
                lambda: connection.eval(_LOCK, 2, *names, lock.token, expiry), patience
            )
        )
        try:
            # Cancelling the command would leave an unread answer on the connection.
            taken = await asyncio.shield(asking)
        except BaseException:  # cancelled; Redis may still grant the lock, so release it then
            self.client.later(self._give_back(asking, lock), _RELEASING_AT_ONCE)
            raise
        if taken is FAILED:
            self.release_later(lock)
            return None
        return replace(lock, stored=taken == _TAKEN_BUT_STORED) if taken else "held"

    def store_later(self, voice: str, key: str, pcm: Pcm, lock: Lock) -> None:
        """Store a sentence and release its lock, in the background."""
        if not self.client.later(self._store(voice, key, pcm, lock), _STORING_AT_ONCE):
            self.release_later(lock)

    def release_later(self, lock: Lock) -> None:
        """Release a lock in the background, without storing anything."""
        self.client.later(self._release(lock), _RELEASING_AT_ONCE)

    async def _give_back(self, asking: "asyncio.Future[Any]", lock: Lock) -> None:
        """Release a lock after the end of the command that requested it."""
        await asyncio.wait({asking})
        await self._release(lock)

    async def _store(self, voice: str, key: str, pcm: Pcm, lock: Lock) -> None:
        """Store a sentence and release its lock, unless another process has the lock by now."""
        names = (lock.name, self._sentence(voice, key))
        data = await asyncio.to_thread(self._packed, names[1], pcm)
        if len(data) > self._settings.max_value_bytes:
            await self._release(lock)
            return
        arguments = (lock.token, data, self.client.ttl_ms)
        done = await self.client.write(
            lambda: self.client.connection.eval(_STORE, 2, *names, *arguments),
            self.client.patience(),
        )
        if done == 1:
            series(REDIS_BYTES, "out").inc(len(data))
        elif done is not FAILED:
            logger.info("sentence not stored: another process took over", key=names[1])

    async def _release(self, lock: Lock) -> None:
        await self.client.write(
            lambda: self.client.connection.eval(_RELEASE, 1, lock.name, lock.token),
            self.client.patience(),
            Effect.REMOVES,
        )

    def _packed(self, name: str, pcm: Pcm) -> bytes:
        return self.client.signer.sign(name, serialization.pack(pcm))

    def _unpacked(self, name: str, data: bytes) -> Pcm:
        return serialization.unpack(self.client.signer.verified(name, data))

    def _sentence(self, voice: str, key: str) -> str:
        return f"{self.client.prefix}:s{serialization.VERSION}:{voice}:{{{key}}}"

    def _lock(self, voice: str, key: str) -> str:
        # Redis Cluster hashes only the part in braces, so a lock is on the node of its sentence.
        # A script may use only keys of one node.
        return f"{self.client.prefix}:lock:{voice}:{{{key}}}"
