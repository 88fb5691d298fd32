"""The scheduler: inference off the event loop, the most urgent piece first.

A piece is the text of one sentence or one window of its sound: a tenth of a second of work or so.
Whoever waits never waits for more than the pieces that run.
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

T = TypeVar("T")

_STARVED_SECONDS: Final = 1.0
"""However many listen, work that nobody listens to gets one piece made this often."""

_SLOWER_IN_A_CROWD: Final = 1.25
"""Threads that all run share caches, memory and the interpreter."""


@dataclass(frozen=True, slots=True)
class Ran(Generic[T]):
    """What a piece came to: its result and the seconds it took.

    ``crowded`` if no thread was left for others when it began.
    """

    result: T
    seconds: float
    crowded: bool

    @property
    def seconds_in_a_crowd(self) -> float:
        """What it takes when all threads run, about.

        Promises are made by it: whoever comes first, alone, tells little of a crowd to come.
        """
        return self.seconds if self.crowded else self.seconds * _SLOWER_IN_A_CROWD


@dataclass(eq=False, slots=True)
class _Job:
    work: Callable[[Cancel], Any]
    urgency: Callable[[], Urgency]
    done: "asyncio.Future[Ran[Any]]"
    queued: float
    cancel: Cancel = field(default_factory=Cancel)


class Scheduler:
    """A fixed number of inference threads, each of which runs one piece at a time.

    All but the threads' work happens on one event loop.
    """

    def __init__(self, threads: int, now: Callable[[], float] = time.monotonic) -> None:
        """Use ``threads`` threads; they start with their first jobs."""
        self.threads = threads
        self._now = now
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="inference")
        self._waiting: list[_Job] = []
        self._free = threads
        self._unhurried_ran = 0.0

    async def run(self, work: Callable[[Cancel], T], urgency: Callable[[], Urgency]) -> Ran[T]:
        """Return what ``work(cancel)`` returns; ``urgency`` is asked whenever a thread is free.

        When the caller is cancelled, work that waits is dropped and work that runs is told so
        through its ``Cancel``.
        """
        done = asyncio.get_running_loop().create_future()
        job = _Job(work, urgency, done, self._now())
        self._waiting.append(job)
        self._dispatch()
        try:
            return await job.done
        except asyncio.CancelledError:
            if job in self._waiting:
                self._waiting.remove(job)
                WAITING_PIECES.set(len(self._waiting))
            job.cancel.cancel()
            raise

    def close(self) -> None:
        """Drop what waits and let the threads end."""
        for job in self._waiting:
            job.done.cancel()
        self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _dispatch(self) -> None:
        while self._free and self._waiting:
            job = self._next()
            self._waiting.remove(job)
            self._start(job)
        WAITING_PIECES.set(len(self._waiting))
        BUSY_THREADS.set(self.threads - self._free)

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

    def _start(self, job: _Job) -> None:
        def timed() -> Ran[Any]:
            start = time.perf_counter()
            result = job.work(job.cancel)
            return Ran(result, time.perf_counter() - start, crowded)

        def finished(ran: "asyncio.Future[Ran[Any]]") -> None:
            self._free += 1
            error = None if ran.cancelled() else ran.exception()
            if not job.done.done():
                if ran.cancelled():
                    job.done.cancel()
                elif error:
                    job.done.set_exception(error)
                else:
                    job.done.set_result(ran.result())
            self._dispatch()

        self._free -= 1
        crowded = not self._free
        running = asyncio.get_running_loop().run_in_executor(self._pool, timed)
        running.add_done_callback(finished)
