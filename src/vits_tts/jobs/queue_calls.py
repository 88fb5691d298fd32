"""Calls of the queue from the event loop: in threads, with limits of time, behind a breaker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, ParamSpec, TypeVar

from loguru import logger

from vits_tts.audio.disk import DaemonThreads
from vits_tts.circuit_breaker import CircuitBreaker
from vits_tts.config import Jobs
from vits_tts.errors import JobsUnavailable
from vits_tts.jobs.queue import Queue, reason_of

NAME: Final = "job_queue"
"""The name of the queue in readiness, logs and metrics."""
_THREADS: Final = 4
"""Threads for calls of the queue; some of them may wait for a database that does not answer."""
_LONGEST_PAUSE: Final = 10.0
_OPENING_SECONDS: Final = 60.0
"""The minimum time limit for opening a queue in a folder: loading the library may take long."""
_AWAY: Final = "the queue of jobs cannot be used now"

P = ParamSpec("P")
T = TypeVar("T")


class QueueCalls:
    """Calls the queue without holding up the event loop, and knows whether it can be used."""

    def __init__(self, queue: Queue, settings: Jobs) -> None:
        """Call ``queue``, which the first call that needs it opens."""
        self._queue = queue
        self._settings = settings
        self._threads = DaemonThreads(_THREADS, "jobs")
        self.breaker: Final = CircuitBreaker(NAME, failures=1, longest_pause=_LONGEST_PAUSE)

    async def in_thread(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call a function in a thread, and return its result.

        Raises:
            TimeoutError: it takes too long; its thread continues.

        """
        seconds = self._settings.queue_timeout_seconds
        return await self._within(seconds, partial(function, *args, **named))

    async def launch(self) -> bool:
        """Open the queue, unless it is open; return whether this call has opened it.

        Raises:
            TimeoutError: it takes too long; its thread continues.

        """
        if self._queue.launched:
            return False
        seconds = self._settings.queue_timeout_seconds
        if self._settings.url is None:  # a queue in a folder waits for no other machine
            seconds = max(seconds, _OPENING_SECONDS)
        await self._within(seconds, self._queue.launch)
        return True

    async def has_queue(self) -> bool:
        """Return whether a queue exists. The first job creates it; queries do not.

        Raises:
            JobsUnavailable: no thread or disk has answered.

        """
        if self._queue.launched:
            return True
        async with self.usable():
            return await self.in_thread(lambda: self._queue.is_there)

    @asynccontextmanager
    async def usable(self) -> AsyncIterator[None]:
        """Use the queue in a block, unless it is known to fail.

        Raises:
            JobsUnavailable: the queue cannot be opened, read or written.

        """
        if not self.breaker.closed:
            raise JobsUnavailable(_AWAY)
        try:
            yield
        except ValueError:
            raise
        except Exception as error:
            reason = reason_of(error)
            logger.warning("jobs: the queue cannot be used", reason=reason)
            self.breaker.failed(reason)
            raise JobsUnavailable(_AWAY) from error

    async def close(self) -> None:
        """Let the threads end, without waiting for one that a database blocks."""
        await self._threads.close(0)

    async def _within(self, seconds: float, call: Callable[[], T]) -> T:
        """Return the result of ``call`` in a thread.

        Raises:
            TimeoutError: it takes longer than ``seconds``; its thread continues.

        """
        running = self._threads.submit(call)
        async with asyncio.timeout(seconds):
            result: T = await asyncio.wrap_future(running.future)
        return result
