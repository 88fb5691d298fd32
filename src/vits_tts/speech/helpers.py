"""Threads for what is neither inference nor the event loop's business: text and the disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Helpers:
    """A few threads that do as they are told."""

    def __init__(self, threads: int) -> None:
        """Start none of so many before there is work."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="helper")

    async def run(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what ``function`` returns, once a thread has called it."""
        work = partial(function, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def later(self, function: Callable[[], object]) -> None:
        """Have ``function`` called; nobody waits for it."""
        self._pool.submit(function)

    def close(self) -> None:
        """Take no more work and let the threads end with what there is."""
        self._pool.shutdown(wait=False)
