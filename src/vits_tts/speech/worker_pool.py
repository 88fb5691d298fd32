"""Threads for work that is neither inference nor the event loop's: reading and encoding."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from vits_tts.errors import Unavailable
from vits_tts.thread_pool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")


class WorkerPool:
    """A fixed number of threads that run functions."""

    def __init__(self, threads: int) -> None:
        """Run up to ``threads`` threads, which start with their first work."""
        self._pool = ThreadPool(threads, "helper")
        self._closed = False

    def start(self) -> None:
        """Start all threads now.

        Raises:
            RuntimeError: the system cannot start that many.

        """
        self._pool.start()

    async def run(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Call ``function`` in a thread, and return its result.

        Raises:
            Unavailable: the pool is closed, because the process ends.

        """
        if self._closed:
            raise Unavailable("this server is shutting down")
        work = partial(function, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def later(self, function: Callable[[], object]) -> None:
        """Call ``function`` in a thread, without waiting for it."""
        self._pool.submit(function)

    def close(self) -> None:
        """Accept no more work; the threads end after the queued work."""
        self._closed = True
        self._pool.shutdown(wait=False)


def timed(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> tuple[T, float]:
    """Call ``function``; return its result and the seconds of processor time of this thread."""
    start = time.thread_time()
    return function(*arguments, **named), time.thread_time() - start
