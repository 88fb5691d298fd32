"""Listeners to the progress of jobs: one reader for all listeners of a job, and limits for them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from vits_tts.errors import Busy, QuotaExceeded
from vits_tts.jobs.model import JobState

_SECONDS: Final = 1.0
_PART: Final = 4
"""One caller may have a quarter of all listeners."""


@dataclass(slots=True)
class _Reader:
    """The task that reads a job again and again, and its next result."""

    coming: "asyncio.Future[JobState]"
    listeners: int = 0
    task: "asyncio.Task[None] | None" = field(default=None)


class Followers:
    """Reads jobs for their listeners."""

    def __init__(self, find: Callable[[str, str], Awaitable[JobState]], most: int) -> None:
        """Read with ``find``, which takes the id and the owner; allow ``most`` listeners."""
        self._find = find
        self._most = most
        self._callers: Counter[str | None] = Counter()
        self._readers: dict[tuple[str, str], _Reader] = {}

    @property
    def listeners(self) -> int:
        """The number of listeners."""
        return self._callers.total()

    async def follow(
        self, job_id: str, owner: str, caller: str | None
    ) -> AsyncGenerator[JobState, None]:
        """Yield the state of a job, at once and then once a second.

        Args:
            job_id: The job.
            owner: Its owner.
            caller: The caller whose listeners are counted; None for one without a limit.

        Raises:
            QuotaExceeded: the caller has too many listeners.
            Busy: there are too many listeners.
            JobNotFound, JobsUnavailable: as ``find`` does.

        """
        self._check(caller)
        self._callers[caller] += 1
        key = job_id, owner
        try:
            yield await self._find(job_id, owner)
            reader = self._readers.get(key) or self._begin(key)
            reader.listeners += 1
            try:
                while True:
                    yield await asyncio.shield(reader.coming)
            finally:
                self._end(key, reader)
        finally:
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]

    def _check(self, caller: str | None) -> None:
        if self.listeners >= self._most:
            raise Busy("too many listeners follow jobs", retry_after=2)
        if caller is not None and self._callers[caller] >= max(1, self._most // _PART):
            raise QuotaExceeded(
                f"the caller follows {self._callers[caller]} jobs already; one caller may have a "
                "quarter of jobs.max_listeners"
            )

    def _begin(self, key: tuple[str, str]) -> _Reader:
        reader = self._readers[key] = _Reader(asyncio.get_running_loop().create_future())
        reader.task = asyncio.create_task(self._read(key, reader))
        return reader

    def _end(self, key: tuple[str, str], reader: _Reader) -> None:
        reader.listeners -= 1
        if not reader.listeners and reader.task:
            reader.task.cancel()
            if self._readers.get(key) is reader:
                del self._readers[key]

    async def _read(self, key: tuple[str, str], reader: _Reader) -> None:
        """Read a job once a second; an error ends this for all its listeners."""
        while True:
            await asyncio.sleep(_SECONDS)
            current = reader.coming
            try:
                state = await self._find(*key)
            except Exception as error:  # noqa: BLE001  # raised where the state is taken
                del self._readers[key]
                current.set_exception(error)
                current.exception()  # it counts as retrieved if no listener is left
                return
            reader.coming = asyncio.get_running_loop().create_future()
            current.set_result(state)
