"""The scheduler: inference off the event loop, the most urgent piece first.

A piece is the text of one sentence or one window of its sound: a tenth of a second of work or so.
Whoever waits never waits for more than the pieces that run. A piece takes one thread, or two where
the second would have nothing to do.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, TypeVar

from vits_tts.metrics import BUSY_THREADS, WAITING_PIECES
from vits_tts.scheduling.urgency import Urgency
from vits_tts.voice.cancel import Cancel
from vits_tts.voice.session import MOST_CORES

T = TypeVar("T")

_STARVED_SECONDS: Final = 1.0
"""However many listen, work that nobody listens to gets one piece made this often."""

_SLOWER_IN_A_CROWD: Final = 1.25
"""Threads that all run share caches, memory and the interpreter."""


@dataclass(frozen=True, slots=True)
class Ran(Generic[T]):
    """What a piece came to: its result, the seconds it took, and on how many cores.

    ``crowded`` if every thread ran a piece of its own when it began.
    """

    result: T
    seconds: float
    cores: int
    crowded: bool

    @property
    def work(self) -> float:
        """Seconds of one thread's time."""
        return self.seconds * self.cores

    @property
    def work_in_a_crowd(self) -> float:
        """What it takes of one thread when all run, about; as much as sharing it between two.

        Promises are made by it: whoever comes first, alone, tells little of a crowd to come.
        """
        lonely = self.cores == 1 and not self.crowded
        return self.work * _SLOWER_IN_A_CROWD if lonely else self.work


@dataclass(eq=False, slots=True)
class _Job:
    work: Callable[[Cancel, int], Any]
    more: Callable[[], bool]
    urgency: Callable[[], Urgency]
    queued: float
    ran: "asyncio.Queue[Ran[Any] | BaseException]" = field(default_factory=asyncio.Queue)
    cancel: Cancel = field(default_factory=Cancel)
    cores: int = 0
    """On which it runs now."""


class Scheduler:
    """A fixed number of inference threads; a piece takes one of them, or two.

    All but the threads' work happens on one event loop. Threads only look whether to go on; if what
    they see is old already, somebody waits for one piece, or they ask in vain.
    """

    def __init__(self, threads: int, now: Callable[[], float] = time.monotonic) -> None:
        """Use ``threads`` threads; they start with their first jobs."""
        self.threads = threads
        self._now = now
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="inference")
        self._waiting: list[_Job] = []
        self._running: set[_Job] = set()
        self._free = threads
        self._closed = False
        self._asked = False
        self._served_meanwhile = False
        self._unhurried_ran = 0.0

    async def run(self, work: Callable[[Cancel, int], T], urgency: Callable[[], Urgency]) -> Ran[T]:
        """Return what ``work(cancel, cores)`` returns; it may use so many cores.

        ``urgency`` is asked whenever a thread is free.

        When the caller is cancelled, work that waits is dropped and work that runs is told so
        through its ``Cancel``.

        Raises:
            CancelledError: this is closed.

        """
        async with aclosing(self.each(work, lambda: False, urgency)) as pieces:
            return await anext(pieces)

    async def each(
        self,
        work: Callable[[Cancel, int], T],
        more: Callable[[], bool],
        urgency: Callable[[], Urgency],
    ) -> AsyncGenerator[Ran[T], None]:
        """Yield what ``work`` returns, as :meth:`run` does, for as long as there is ``more``.

        As long as nobody else waits its thread goes on with the next piece without asking; close
        this to end that.

        Raises:
            CancelledError: this is closed.

        """
        job = _Job(work, more, urgency, self._now())
        try:
            while True:
                if job not in self._running and job.ran.empty():
                    self._queue(job)
                ran = await job.ran.get()
                if isinstance(ran, BaseException):
                    raise ran
                yield ran
                if job not in self._running and job.ran.empty() and not more():
                    return
        finally:
            self._drop(job)

    def close(self) -> None:
        """Drop what waits, stop what runs and let the threads end."""
        self._closed = True
        for job in (*self._waiting, *self._running):
            job.ran.put_nowait(asyncio.CancelledError())
            job.cancel.cancel()
        self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _queue(self, job: _Job) -> None:
        if self._closed:
            raise asyncio.CancelledError
        job.queued = self._now()
        self._waiting.append(job)
        self._dispatch_soon()

    def _drop(self, job: _Job) -> None:
        """Stop what still is to be made, or is being made."""
        if job in self._waiting:
            self._waiting.remove(job)
            WAITING_PIECES.set(len(self._waiting))
        job.cancel.cancel()

    def _dispatch_soon(self) -> None:
        """Let all who are about to ask do so first: others who came now, and who is just served.

        These are told in the loop's next turn, so it is the one after that; if somebody is served
        in between, two turns after him.
        """
        if not self._asked:
            self._asked = True
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._dispatch)

    def _dispatch(self) -> None:
        self._asked = False
        if self._served_meanwhile:  # as often as there are threads at most: none has begun since
            self._served_meanwhile = False
            self._dispatch_soon()
            return
        while self._free and self._waiting:
            job = self._next()
            self._waiting.remove(job)
            self._start(job, self._cores(self._free, self._running))
        WAITING_PIECES.set(len(self._waiting))
        BUSY_THREADS.set(self.threads - self._free)

    def _cores(self, free: int, others: Iterable[_Job]) -> int:
        """Return how many cores to give a piece where so many threads are free.

        Two if one is free that none of those who wait needs; a voice has one that helps.
        """
        shared = any(job.cores > 1 for job in others)
        return MOST_CORES if free - 1 > len(self._waiting) and not shared else 1

    def _next(self) -> _Job:
        """Return the most urgent job; now and then the one that has waited longest unhurried."""
        urgencies = [(job.urgency(), number) for number, job in enumerate(self._waiting)]
        unhurried = [number for urgency, number in urgencies if not urgency.hurried]
        urgency, number = min(urgencies)
        if unhurried:
            oldest = self._waiting[unhurried[0]]
            waited = self._now() - max(oldest.queued, self._unhurried_ran)
            if not urgency.hurried or waited >= _STARVED_SECONDS:
                number = unhurried[0]
                self._unhurried_ran = self._now()
        return self._waiting[number]

    def _start(self, job: _Job, cores: int) -> None:
        loop = asyncio.get_running_loop()

        def pieces() -> Ran[Any]:
            ran = _timed(job, crowded)
            while self._goes_on(job):
                loop.call_soon_threadsafe(job.ran.put_nowait, ran)
                ran = _timed(job, self._crowded(job))
            return ran

        job.cores = cores
        self._running.add(job)
        self._free -= cores
        crowded = self._crowded(job)
        running = loop.run_in_executor(self._pool, pieces)
        running.add_done_callback(partial(self._finished, job))

    def _crowded(self, job: _Job) -> bool:
        return job.cores == 1 and not self._free

    def _goes_on(self, job: _Job) -> bool:
        """Whether a thread goes on with a job, as it would be told to if it asked; in a thread."""
        if self._waiting or job.cancel.cancelled or not job.more():
            return False
        others = [other for other in tuple(self._running) if other is not job]
        return job.cores == self._cores(self._free + job.cores, others)

    def _finished(self, job: _Job, running: "asyncio.Future[Ran[Any]]") -> None:
        self._running.remove(job)
        self._free += job.cores
        error = asyncio.CancelledError() if running.cancelled() else running.exception()
        if not job.cancel.cancelled:  # else nobody takes it, and an error holds what it came from
            job.ran.put_nowait(error or running.result())
        self._served_meanwhile = self._asked
        self._dispatch_soon()


def _timed(job: _Job, crowded: bool) -> Ran[Any]:
    """Make one piece; in a thread."""
    start = time.perf_counter()
    result = job.work(job.cancel, job.cores)
    return Ran(result, time.perf_counter() - start, job.cores, crowded)
