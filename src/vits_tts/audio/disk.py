"""Threads for a disk that may hang, such as a network share whose server is unreachable.

A system call on a hung disk cannot be interrupted. Therefore callers wait for a limited time, the
number of threads is limited, and the process can end while they hang.
"""

import asyncio
import errno
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

from loguru import logger

from vits_tts.circuit_breaker import CircuitBreaker
from vits_tts.errors import StorageTimeout
from vits_tts.telemetry.metrics import DISK_TIMEOUTS

P = ParamSpec("P")
T = TypeVar("T")

_LOOK_SECONDS: Final = 1.0
_LONGEST_PAUSE: Final = 2.0
"""The maximum seconds between two probes of a hung disk; at most one thread probes."""
_PROBE_SECONDS: Final = 60.0
"""Seconds after which a hung probe is abandoned, so that another thread may probe."""
_SPARE: Final = 4
"""The maximum number of threads that are started to replace hung ones."""
_POLL_SECONDS: Final = 0.01
_CLOSE_SECONDS: Final = 2.0


class _Call:
    """A call with its future and its start (monotonic seconds; None while it is queued)."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.future: Future[Any] = Future()
        self.began: float | None = None
        self.overdue = False


class DaemonThreads:
    """Runs calls in daemon threads, in order.

    ``ThreadPoolExecutor`` joins its threads at the end of the process, so a hung thread would keep
    the process from ending.
    """

    def __init__(self, threads: int, name: str) -> None:
        """Use ``threads`` threads, which start with the first call."""
        self._size = threads
        self._name = name
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._running: set[_Call] = set()

    def submit(self, work: Callable[[], Any]) -> _Call:
        """Queue ``work`` and return its call, whose future gets the result or the exception.

        Raises:
            OSError: no thread is left, and the system cannot start one.

        """
        call = _Call(work)
        while len(self._threads) < self._size and self.add():
            pass
        if not self._threads:
            raise OSError(errno.EAGAIN, "no thread can be started")
        self._queue.put(call)
        return call

    def add(self) -> bool:
        """Start another thread; return False if the system does not allow it."""
        name = f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # out of memory or threads, perhaps only for a moment
            logger.debug("no thread for {}: {}", self._name, error)
            return False
        self._threads.append(thread)
        return True

    def __len__(self) -> int:
        """Return the number of threads."""
        return len(self._threads)

    @property
    def running(self) -> list[_Call]:
        """The calls that are running in threads."""
        with self._lock:
            return list(self._running)

    async def close(self, seconds: float) -> None:
        """Accept no more calls, and wait up to ``seconds`` for those under way."""
        for _ in self._threads:
            self._queue.put(None)
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < deadline:  # noqa: ASYNC110  # no event
                await asyncio.sleep(_POLL_SECONDS)

    def _run(self) -> None:
        while (call := self._queue.get()) is not None:
            self._call(call)
            del call  # otherwise its result stays in memory until the next call

    def _call(self, call: _Call) -> None:
        """Run a call in this thread, unless it was cancelled, and complete its future."""
        if not call.future.set_running_or_notify_cancel():
            return
        call.began = time.monotonic()
        with self._lock:
            self._running.add(call)
        try:
            result = call.work()
        except BaseException as error:  # noqa: BLE001  # the future raises it
            call.future.set_exception(error)
        else:
            call.future.set_result(result)
        finally:
            with self._lock:
                self._running.discard(call)


class Disk:
    """Runs calls on one disk in separate threads, with a time limit; use it from one event loop.

    If a call takes longer than the limit, the disk counts as hung: the circuit breaker opens, and
    calls fail immediately until a probe succeeds. A few threads are started to replace hung ones.
    """

    def __init__(self, name: str, threads: int, limit: float) -> None:
        """Set the limit of a call in seconds; ``name`` is used in logs."""
        self.limit = limit
        self.breaker = CircuitBreaker(name, failures=1, longest_pause=_LONGEST_PAUSE)
        self._threads = DaemonThreads(threads, name)
        self._size = threads
        self._probing: _Call | None = None

    async def run(
        self,
        function: Callable[P, T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Call ``function`` in a thread and return its result.

        Raises:
            StorageTimeout: the disk hangs.

        """
        return await self.run_or_discard(None, partial(function, *arguments, **named))

    async def run_or_discard(
        self, discard: Callable[[T], object] | None, work: Callable[[], T]
    ) -> T:
        """Call ``work`` as :meth:`run` does; ``discard`` gets a result that comes too late.

        Raises:
            StorageTimeout: the disk hangs.

        """
        if not self.breaker.closed:
            raise StorageTimeout("the disk of the audio files does not answer")
        return await self._wait(self._threads.submit(work), discard)

    def later(self, work: Callable[[], object]) -> None:
        """Call ``work`` in a thread, without waiting for it."""
        self._threads.submit(work).future.add_done_callback(_report)

    async def watch(self, probe: Callable[[], object]) -> None:
        """Check every second whether the disk hangs, and if so, probe whether it is back.

        ``probe`` accesses the disk; if it raises an exception, the disk answers too.
        """
        while True:
            self._look()
            if not self.breaker.closed and self._can_probe() and self.breaker.may_try():
                await self._probe(probe)
            await asyncio.sleep(_LOOK_SECONDS)

    async def close(self) -> None:
        """Wait a moment for running calls; hung ones end with the process."""
        await self._threads.close(_CLOSE_SECONDS if self.breaker.closed else 0)

    async def _wait(self, call: _Call, discard: Callable[[T], object] | None = None) -> T:
        """Return the result of a call, or abandon the call after the time limit.

        Raises:
            StorageTimeout: the call takes longer than the limit.

        """
        waiting: asyncio.Future[T] = asyncio.wrap_future(call.future)
        delivered = False
        try:
            await asyncio.wait({waiting}, timeout=self.limit)
            if waiting.done():
                delivered = True
                return waiting.result()
        finally:
            if not delivered:
                self._abandon(call, waiting, discard)
        self._look()
        raise StorageTimeout(f"the disk of the audio files took longer than {self.limit:g} s")

    def _abandon(
        self,
        call: _Call,
        waiting: "asyncio.Future[T]",
        discard: Callable[[T], object] | None,
    ) -> None:
        """Cancel the call if it is queued; if it is running, discard its result when it ends."""
        if not waiting.cancel() and not waiting.cancelled():
            waiting.exception()  # retrieved, so that asyncio does not log it
        if not discard:
            return

        def dropped(future: "Future[T]") -> None:
            if not future.cancelled() and not future.exception():
                self.later(partial(discard, future.result()))

        call.future.add_done_callback(dropped)

    def _look(self) -> None:
        """Open the breaker if a call takes too long."""
        now = time.monotonic()
        for call in self._threads.running:
            if call.began is not None and now - call.began >= self.limit and not call.overdue:
                call.overdue = True
                DISK_TIMEOUTS.inc()
                if call is not self._probing and self.breaker.closed:
                    self.breaker.failed(f"no answer for {self.limit:g} seconds")

    def _can_probe(self) -> bool:
        """Return whether a thread is free for a probe, or can be started."""
        running = self._threads.running
        probing = self._probing
        if probing in running and time.monotonic() - (probing.began or 0) < _PROBE_SECONDS:
            return False
        if len(running) >= len(self._threads):
            self._replace_hung()
        return len(running) < len(self._threads)

    async def _probe(self, probe: Callable[[], object]) -> None:
        """Run a probe; close the breaker if the disk answers, even with an error."""
        self._probing = self._threads.submit(probe)
        try:
            await self._wait(self._probing)
        except StorageTimeout:
            self.breaker.failed("no answer to a probe")
            return
        except Exception as error:  # noqa: BLE001  # an exception shows that the disk answers
            logger.debug("probe of the disk of the audio files: {}", error)
        self._replace_hung()
        self.breaker.succeeded()

    def _replace_hung(self) -> None:
        """Start threads to replace hung ones, up to the limit."""
        hung = sum(call.overdue for call in self._threads.running)
        most = min(self._size + hung, self._size + _SPARE)
        while len(self._threads) < most and self._threads.add():
            pass


def _report(future: "Future[object]") -> None:
    if not future.cancelled() and (error := future.exception()):
        logger.debug("work on the disk of the audio files failed: {}", error)
