"""Promised files, whose addresses callers get before the files exist, for the event loop."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from vits_tts.audio.promises import Broken, Promise
from vits_tts.ending_tasks import end
from vits_tts.errors import StorageError
from vits_tts.speech.file_store import FileStore

if TYPE_CHECKING:
    from vits_tts.cache.redis_promises import RedisPromises


class PromisedFiles:
    """Promises files, and tells which promises were broken by processes that have ended.

    Processes that share the folder know it by a lock there, replicas with other folders by Redis.
    """

    def __init__(self, store: FileStore, redis: "RedisPromises | None") -> None:
        """Keep the promises in the folder of ``store``, and in Redis if it is used."""
        self._store = store
        self._promises = store.promises
        self._redis = redis
        self._own: dict[str, Promise | None] = {}
        self._unsettled: set[str] = set()
        self._renewing: asyncio.Task[None] | None = None

    async def make(self, audio_hash: str, name: str, promise_id: str, content: bytes) -> None:
        """Promise a file; ``content`` is for the process that finds the promise broken.

        If the folder cannot store the promise, only Redis tells others that it was broken.
        """
        work = partial(self._promises.make, audio_hash, name, promise_id, content)
        try:
            promise = await self._store.run_or_discard(Promise.keep, work)
        except StorageError:
            promise = None
        self._own[promise_id] = promise
        if self._redis:
            self._unsettled.add(promise_id)
            self._redis.renew_later(promise_id)
            if self._renewing is None or self._renewing.done():
                self._renewing = asyncio.create_task(self._renew(self._redis))

    def settle(self, promise_id: str, *, failed: bool) -> None:
        """Tell replicas with other folders that a file is complete, or could not be created."""
        if self._redis and promise_id in self._unsettled:
            self._unsettled.discard(promise_id)
            if failed:
                self._redis.break_later(promise_id)
            else:
                self._redis.forget_later(promise_id)

    def keep(self, promise_id: str) -> None:
        """Remove a settled promise in the background, because its caller knows how it ended."""
        if promise := self._own.pop(promise_id):
            self._store.later(promise.keep)

    def leave(self, promise_id: str) -> None:
        """Release a promise for the other processes, because this one ends."""
        self.settle(promise_id, failed=True)
        if promise := self._own.pop(promise_id):
            self._store.later(promise.leave)

    async def is_broken(self, audio_hash: str, name: str, promise_id: str) -> bool:
        """Return whether the process that promised a file has ended before it was complete.

        Raises:
            StorageError: the disk hangs.

        """
        broken = await self._store.run(self._promises.is_broken, audio_hash, name, promise_id)
        if broken is None and self._redis:
            broken = await self._redis.is_broken(promise_id)
        return bool(broken)

    async def take_broken(self) -> Broken | None:
        """Return a promise of a process that has ended, for this process alone.

        Raises:
            StorageError: the disk cannot be read, or hangs.

        """

        def too_late(broken: Broken | None) -> None:
            if broken:
                broken.leave()

        broken = await self._store.run_or_discard(too_late, self._promises.take_broken)
        if broken and self._redis:
            self._redis.break_later(broken.promise_id)
        return broken

    def finish(self, broken: Broken) -> None:
        """Record in the background that all is done for a promise."""
        self._store.later(broken.finish)

    def leave_broken(self, broken: Broken) -> None:
        """Release a promise for the other processes, because this one ends."""
        self._store.later(broken.leave)

    async def close(self) -> None:
        """Stop renewing promises; those that are left will be broken."""
        for promise_id in list(self._unsettled):
            self.settle(promise_id, failed=True)
        self._redis = None
        if self._renewing:
            await end(self._renewing)

    async def _renew(self, redis: "RedisPromises") -> None:
        from vits_tts.cache.redis_promises import RENEW_SECONDS  # noqa: PLC0415  # only with Redis

        while self._unsettled:
            await asyncio.sleep(RENEW_SECONDS)
            for promise_id in list(self._unsettled):
                if promise_id in self._unsettled:  # not settled meanwhile
                    await redis.renew(promise_id)
