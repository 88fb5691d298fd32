"""The scheduler: inference off the event loop, the most urgent piece first.

A piece is the text of one sentence or one window of its sound: a tenth of a second of work or so.
Whoever waits never waits for more than the pieces that run. A piece takes one thread, or two where
the second would have nothing to do.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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
    urgency: Callable[[], Urgency]
    done: "asyncio.Future[Ran[Any]]"
    queued: float
    cancel: Cancel = field(default_factory=Cancel)
    cores: int = 1


class Scheduler:
    """A fixed number of inference threads; a piece takes one of them, or two.

    All but the threads' work happens on one event loop.
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
        if self._closed:
            raise asyncio.CancelledError
        done = asyncio.get_running_loop().create_future()
        job = _Job(work, urgency, done, self._now())
        self._waiting.append(job)
        self._dispatch_soon()
        try:
            return await job.done
        except asyncio.CancelledError:
            if job in self._waiting:
                self._waiting.remove(job)
                WAITING_PIECES.set(len(self._waiting))
            job.cancel.cancel()
            raise

    def close(self) -> None:
        """Drop what waits, stop what runs and let the threads end."""
        self._closed = True
        for job in (*self._waiting, *self._running):
            job.done.cancel()
            job.cancel.cancel()
        self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

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
            self._start(job, MOST_CORES if self._one_is_idle() else 1)
        WAITING_PIECES.set(len(self._waiting))
        BUSY_THREADS.set(self.threads - self._free)

    def _one_is_idle(self) -> bool:
        """Whether a thread more than all who wait need is free; a voice has one that helps."""
        shared = any(job.cores > 1 for job in self._running)
        return self._free - 1 > len(self._waiting) and not shared

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
        def timed() -> Ran[Any]:
            start = time.perf_counter()
            result = job.work(job.cancel, cores)
            return Ran(result, time.perf_counter() - start, cores, crowded)

        def finished(ran: "asyncio.Future[Ran[Any]]") -> None:
            self._running.remove(job)
            self._free += cores
            error = None if ran.cancelled() else ran.exception()
            if not job.done.done():
                if ran.cancelled():
                    job.done.cancel()
                elif error:
                    job.done.set_exception(error)
                else:
                    job.done.set_result(ran.result())
            self._served_meanwhile = self._asked
            self._dispatch_soon()

        job.cores = cores
        self._running.add(job)
        self._free -= cores
        crowded = cores == 1 and not self._free
        running = asyncio.get_running_loop().run_in_executor(self._pool, timed)
        running.add_done_callback(finished)
