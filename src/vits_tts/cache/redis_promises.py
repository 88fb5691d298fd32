"""Promises of files in Redis, for replicas that cannot see the folder of the process.

Key: ``promise:<id>``. It expires an hour after its process has renewed it for the last time, which
that process does every few seconds. So the time until it expires tells all replicas how long the
process has been silent, by the clock of Redis alone.
"""

from typing import Final

from vits_tts.cache.redis_client import Effect, RedisClient

RENEW_SECONDS: Final = 5.0
"""Seconds between two renewals."""
_KEPT_MS: Final = 3_600_000
_SILENT_MS: Final = 45_000
"""Silence after which a process has ended. It is longer than the longest pause of the circuit
breaker, during which no process can renew."""
_AT_ONCE: Final = 1024


class RedisPromises:
    """Stores promises, and tells which were broken. Nothing here fails if Redis does."""

    def __init__(self, client: RedisClient) -> None:
        """Use the connection of ``client``."""
        self._client = client

    async def renew(self, promise_id: str) -> None:
        """Record that the process of a promise lives."""
        await self._set(promise_id, _KEPT_MS)

    def renew_later(self, promise_id: str) -> None:
        """Record in the background that the process of a promise lives."""
        self._client.later(self.renew(promise_id), _AT_ONCE)

    def break_later(self, promise_id: str) -> None:
        """Record in the background that a promise was broken, as if its process were silent."""
        self._client.later(self._set(promise_id, _KEPT_MS - _SILENT_MS), _AT_ONCE)

    def forget_later(self, promise_id: str) -> None:
        """Remove a promise that was kept, in the background."""
        self._client.later(self._forget(promise_id), _AT_ONCE)

    async def is_broken(self, promise_id: str) -> bool:
        """Return whether the process of a promise has ended; False if this is not known."""
        client, name = self._client, self._name(promise_id)
        left = await client.read(lambda: client.connection.pttl(name), client.patience())
        return isinstance(left, int) and 0 <= left <= _KEPT_MS - _SILENT_MS

    async def _set(self, promise_id: str, left_ms: int) -> None:
        client, name = self._client, self._name(promise_id)
        await client.write(lambda: client.connection.set(name, 1, px=left_ms), client.patience())

    async def _forget(self, promise_id: str) -> None:
        client, name = self._client, self._name(promise_id)
        unlink = lambda: client.connection.unlink(name)  # noqa: E731
        await client.write(unlink, client.patience(), Effect.REMOVES)

    def _name(self, promise_id: str) -> str:
        return f"{self._client.prefix}:promise:{promise_id}"
