"""Exchange of accounts between machines, through Redis.

For each month Redis has a hash with a field for each row. A machine writes its own newer rows to
Redis, and copies rows that are newer in Redis. So every machine has all rows: if Redis loses them,
the machines restore them. Repeating an exchange changes nothing. Rows are never added up in Redis,
so no failure counts anything twice.
"""

import json
from collections.abc import Mapping
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any, Final

from loguru import logger

from vits_tts.config import RedisCacheSettings
from vits_tts.file_lock import LockFailed, lock
from vits_tts.usage.model import Row, today
from vits_tts.usage.store import UsageStore

_DAY_SECONDS: Final = 86_400
_ALL_EVERY: Final = 60
"""One exchange in this number includes all months; the others include only the current one."""
_ROWS_AT_ONCE: Final = 500
_LIMIT: Final = 2**53
"""Larger numbers and infinities in Redis are invalid and are ignored."""


class Replicas:
    """Exchanges rows; only one process of a machine does so. Use it from one event loop."""

    def __init__(self, settings: RedisCacheSettings, store: UsageStore, keep_days: int) -> None:
        """Keep the collaborators; the first exchange connects."""
        # Imported here because redis takes long to import, and many installations have none.
        from vits_tts.cache import redis_address  # noqa: PLC0415
        from vits_tts.circuit_breaker import CircuitBreaker  # noqa: PLC0415

        self._settings = settings
        self._store = store
        self._seconds = (keep_days + 31) * _DAY_SECONDS
        self._address = redis_address
        self._breaker = CircuitBreaker("usage")
        self._redis: Any = None
        self._lock: Any = None
        self._count = 0

    async def exchange(self, *, everything: bool = False) -> None:
        """Send and receive rows, unless another process does so or Redis is unavailable."""
        if not self._is_mine() or not self._breaker.may_try():
            return
        everything = everything or self._count % _ALL_EVERY == 0
        current = today().isoformat()[:7]
        months = {current, *(self._store.months() if everything else ())}
        try:
            for month in sorted(months):
                await self._exchange(month)
        except self._address.TROUBLE as error:
            self._breaker.failed(type(error).__name__)
        else:
            self._breaker.succeeded()
            self._count += 1

    async def _exchange(self, month: str) -> None:
        if self._redis is None:
            self._redis = self._address.connect(self._settings)
        name = f"{self._settings.prefix}:usage:{month}"
        theirs = _read(await self._redis.hgetall(name))
        ours = {row.place: row for row in self._store.rows(month)}
        self._store.merge(row for row in theirs.values() if _is_newer(row, ours.get(row.place)))
        newer = [row for row in ours.values() if _is_newer(row, theirs.get(row.place))]
        for start in range(0, len(newer), _ROWS_AT_ONCE):
            part = newer[start : start + _ROWS_AT_ONCE]
            await self._redis.hset(name, mapping=dict(map(_written, part)))
        if newer:
            await self._redis.expire(name, self._seconds)

    def _is_mine(self) -> bool:
        """Return whether this process holds the lock, and so exchanges rows for the machine."""
        if self._lock is None and self._store.folder.is_dir():
            file = (self._store.folder / "exchange.lock").open("a")
            try:
                lock(file)
            except LockFailed:
                file.close()
            else:
                self._lock = file
        return self._lock is not None

    async def close(self) -> None:
        """Disconnect, and let another process exchange."""
        if self._redis is not None:
            await self._address.close_client(self._redis)
        if self._lock is not None:
            self._lock.close()


def _is_newer(row: Row, other: Row | None) -> bool:
    return other is None or row.version > other.version


def _written(row: Row) -> tuple[str, str]:
    """Return a row as a field and a value of a hash."""
    return json.dumps(row.place), json.dumps([row.version, *astuple(row.amounts)])


def _read(fields: Mapping[bytes, bytes]) -> dict[tuple[str, str, str], Row]:
    """Return the rows of a hash, without those that cannot be read."""
    rows = {}
    for field, value in fields.items():
        try:
            row = Row.read([*json.loads(field), *json.loads(value)])
            datetime.strptime(row.day, "%Y-%m-%d").replace(tzinfo=UTC)
            numbers = (row.version, *astuple(row.amounts))
            good = all(type(part) in {int, float} and 0 <= part < _LIMIT for part in numbers)
        except (ValueError, TypeError):
            good = False
        if good:
            rows[row.place] = row
        else:
            logger.warning("usage: a row in Redis cannot be read")
    return rows
