"""Scheduler: runs inference in threads, the most urgent piece of work first.

A piece is the text stage of one sentence, or one window of it: about a tenth of a second of work.
Running pieces are not interrupted, so a listener's piece waits for at most one of other listeners.
It does not wait for background work. It runs beside the pieces of that work which have begun, and
no further ones begin meanwhile. A piece runs on one core, or on two if the second would be idle.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, TypeVar

from vits_tts.inference.cancel import Cancel
from vits_tts.inference.session import MOST_CORES
from vits_tts.scheduling.urgency import Urgency
from vits_tts.telemetry.metrics import BUSY_THREADS, WAITING_PIECES
from vits_tts.thread_pool import ThreadPool

T = TypeVar("T")

_STARVED_SECONDS: Final = 1.0
"""Maximum seconds between two pieces of background work, however many listeners there are."""

CROWDED_FACTOR: Final = 1.25
"""Factor by which a piece is slower if all threads run: they share caches, memory and the GIL."""


@dataclass(frozen=True, slots=True)
class Ran(Generic[T]):
    """The result of a piece, with the wall-clock seconds it took and the number of its cores.

    ``crowded`` if every thread ran a piece of its own when it began. ``cpu_seconds`` is processor
    time on all its cores, so it excludes the time spent waiting for a core.
    """

    result: T
    seconds: float
    cores: int
    crowded: bool
    cpu_seconds: float = 0.0

    @property
    def work(self) -> float:
        """Seconds of core time: wall-clock seconds times cores."""
        return self.seconds * self.cores

    @property
    def work_in_a_crowd(self) -> float:
        """The work, in core seconds, that the piece would take if all threads were running.

        Admission uses this value: a measurement taken while other threads were idle is too
        optimistic for a busy machine. A piece on two cores already includes the cost of sharing.
        """
        measured_alone = self.cores == 1 and not self.crowded
        return self.work * CROWDED_FACTOR if measured_alone else self.work


@dataclass(eq=False, slots=True)
class _Job:
    work: Callable[[Cancel, int], Any]
    more: Callable[[], bool]
    urgency: Callable[[], Urgency]
    queued: float
    ran: "asyncio.Queue[Ran[Any] | BaseException]" = field(default_factory=asyncio.Queue)
    cancel: Cancel = field(default_factory=Cancel)
    cores: int = 0
    """The number of cores on which it runs now."""
    hurried: bool = False
    """True if a listener waits for the piece that runs now, or if the job is ``starved``."""
    starved: bool = False
    """True if it is background work that has waited for too long."""
    moves: bool = False
    """True if its next piece belongs into the other pool: a listener has joined or left."""


class Scheduler:
    """A number of cores for inference. A piece takes one or two of them.

    There are as many threads for listeners as cores, and as many others for background work.

    The state is changed on the event loop only. Worker threads read it without a lock to decide
    whether to continue. A stale read costs at most one extra piece or one needless wake-up of the
    loop.
    """

    def __init__(
        self, threads: int, now: Callable[[], float] = time.monotonic, *, background_nice: int = 0
    ) -> None:
        """Run ``threads`` pieces at the same time, in threads that start with their first jobs.

        ``background_nice`` lowers the priority of the threads for background work, see
        :func:`~vits_tts.thread_pool.lower_priority`.
        """
        self.threads = threads
        self._now = now
        self._pool = ThreadPool(threads, "inference")
        self._background = ThreadPool(threads, "background", nice=background_nice)
        self._waiting: list[_Job] = []
        self._running: set[_Job] = set()
        self._closed = False
        self._dispatch_pending = False
        self._finished_meanwhile = False
        self._background_ran = 0.0

    def start(self) -> None:
        """Start all threads now.

        Raises:
            RuntimeError: the system cannot start this many threads.

        """
        self._pool.start()
        self._background.start()

    async def run(self, work: Callable[[Cancel, int], T], urgency: Callable[[], Urgency]) -> Ran[T]:
        """Run ``work(cancel, cores)`` in a thread and return its result with its timing.

        If the caller is cancelled, waiting work is dropped and running work is stopped by
        ``cancel``.

        Args:
            work: Runs in a thread and may use ``cores`` cores.
            urgency: Returns the current urgency. It is called whenever a thread is free.

        Raises:
            CancelledError: the scheduler is closed.

        """
        async with aclosing(self.each(work, lambda: False, urgency)) as pieces:
            return await anext(pieces)

    async def each(
        self,
        work: Callable[[Cancel, int], T],
        more: Callable[[], bool],
        urgency: Callable[[], Urgency],
    ) -> AsyncGenerator[Ran[T], None]:
        """Yield the results of ``work``, called as by :meth:`run`, until ``more`` returns False.

        While no other job waits, the thread continues with the next piece without asking the event
        loop. Closing the generator stops that.

        Raises:
            CancelledError: the scheduler is closed.

        """
        job = _Job(work, more, urgency, self._now())
        try:
            while True:
                if job not in self._running and job.ran.empty():
                    self._queue(job)
                ran = await job.ran.get()
                if isinstance(ran, BaseException):
                    raise ran
                if job in self._running:  # on the event loop, where urgencies change
                    job.moves = urgency().hurried != job.hurried
                yield ran
                if job not in self._running and job.ran.empty() and not more():
                    return
        finally:
            self._drop(job)

    def close(self) -> None:
        """Cancel waiting and running work and let the threads end."""
        self._closed = True
        for job in (*self._waiting, *self._running):
            job.ran.put_nowait(asyncio.CancelledError())
            job.cancel.cancel()
        self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._background.shutdown(wait=False, cancel_futures=True)

    def _queue(self, job: _Job) -> None:
        if self._closed:
            raise asyncio.CancelledError
        job.queued = self._now()
        self._waiting.append(job)
        self._dispatch_soon()

    def _drop(self, job: _Job) -> None:
        """Remove a job from the queue, or cancel it if it runs."""
        if job in self._waiting:
            self._waiting.remove(job)
            WAITING_PIECES.set(len(self._waiting))
        job.cancel.cancel()

    def _dispatch_soon(self) -> None:
        """Dispatch after the jobs that are about to arrive have joined the queue.

        Two kinds are expected: callers that arrive in the same turn of the event loop, and the
        caller that has just got a result and will ask for its next piece. Results reach their
        callers one turn later, so dispatching waits for two turns, and two more if a piece finishes
        meanwhile.
        """
        if not self._dispatch_pending:
            self._dispatch_pending = True
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._dispatch)

    def _dispatch(self) -> None:
        self._dispatch_pending = False
        # happens at most once for each running thread, since no piece has started meanwhile
        if self._finished_meanwhile:
            self._finished_meanwhile = False
            self._dispatch_soon()
            return
        while job := self._next():
            self._waiting.remove(job)
            self._start(job)
        WAITING_PIECES.set(len(self._waiting))
        BUSY_THREADS.set(min(self.threads, self.threads - self._free()))

    def _free(self, *, hurried: bool = False) -> int:
        """Return the number of free cores, below zero while listeners have overtaken others.

        With ``hurried``, the cores of background work count as free.
        """
        running = tuple(self._running)
        return self.threads - sum(job.cores for job in running if job.hurried or not hurried)

    def _cores(self, free: int, others: Iterable[_Job]) -> int:
        """Return the number of cores for the next piece if ``free`` threads are free.

        It is two if a thread remains free that no waiting job needs, and no other job has two.
        Sessions have one helper thread between them, so only one job can use a second core.
        """
        shared = any(job.cores > 1 for job in others)
        return MOST_CORES if free - 1 > len(self._waiting) and not shared else 1

    def _next(self) -> _Job | None:
        """Return the job to run next, the most urgent one; None if there is no core for any.

        Background jobs run in the order of their arrival. They come after all others, but one of
        them runs at least every ``_STARVED_SECONDS``.
        """
        if not self._waiting or not self._free(hurried=True):
            return None
        urgencies = [(job.urgency(), number) for number, job in enumerate(self._waiting)]
        unhurried = [number for urgency, number in urgencies if not urgency.hurried]
        urgency, number = min(urgencies)
        job = self._waiting[number]
        job.hurried, job.starved = urgency.hurried, False
        if self._free() <= 0:
            return job if job.hurried else None
        if unhurried:
            oldest = self._waiting[unhurried[0]]
            waited = self._now() - max(oldest.queued, self._background_ran)
            if not urgency.hurried or waited >= _STARVED_SECONDS:
                self._background_ran = self._now()
                oldest.hurried = oldest.starved = urgency.hurried
                return oldest
        return job

    def _start(self, job: _Job) -> None:
        loop = asyncio.get_running_loop()

        def pieces() -> Ran[Any]:
            ran = _timed(job, crowded)
            while self._continues(job):
                loop.call_soon_threadsafe(job.ran.put_nowait, ran)
                ran = _timed(job, self._crowded(job))
            return ran

        job.moves = False
        job.cores = self._cores(self._free(), self._running)
        self._running.add(job)
        crowded = self._crowded(job)
        try:
            pool = self._pool if job.hurried else self._background
            running = loop.run_in_executor(pool, pieces)
        except RuntimeError as error:  # no thread can be started, or Python is about to exit
            running = loop.create_future()
            running.set_exception(error)
        running.add_done_callback(partial(self._finished, job))

    def _crowded(self, job: _Job) -> bool:
        return job.cores == 1 and self._free() <= 0

    def _continues(self, job: _Job) -> bool:
        """Return whether a thread runs the next piece of its job; called in that thread.

        It decides as ``_dispatch`` would, which saves two switches between threads.
        """
        if self._waiting or job.cancel.cancelled or not job.more():
            return False
        others = [other for other in tuple(self._running) if other is not job]
        free = self._free()
        if job.starved or job.moves or (free < 0 and not job.hurried):
            return False
        return job.cores == self._cores(free + job.cores, others)

    def _finished(self, job: _Job, running: "asyncio.Future[Ran[Any]]") -> None:
        self._running.remove(job)
        error = asyncio.CancelledError() if running.cancelled() else running.exception()
        # a dropped job has no reader, and its error would keep frames alive
        if not job.cancel.cancelled:
            job.ran.put_nowait(error or running.result())
        self._finished_meanwhile = self._dispatch_pending
        self._dispatch_soon()


def _timed(job: _Job, crowded: bool) -> Ran[Any]:
    """Run one piece in the current thread and return its result and timing."""
    start, cpu_start = time.perf_counter(), time.thread_time()
    result = job.work(job.cancel, job.cores)
    cpu_seconds = (time.thread_time() - cpu_start) * job.cores
    return Ran(result, time.perf_counter() - start, job.cores, crowded, cpu_seconds)
