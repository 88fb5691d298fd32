"""An event loop in its own thread, for programs that have no loop or must not block theirs."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads.

    The thread is a daemon, so a program that forgets to close it can still exit.
    """

    def __init__(self) -> None:
        """Start the thread and its loop."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="speech", daemon=True)
        self._closed = False
        self._iterated: set[AsyncGenerator[Any, None]] = set()
        self._thread.start()

    def call(self, function: Callable[[], object]) -> None:
        """Schedule a call of ``function`` in the loop's thread, and return without waiting."""
        self._loop.call_soon_threadsafe(function)

    def result(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run the coroutine that ``work`` returns, wait for it, and return its result.

        An exception in the waiting thread, such as ``KeyboardInterrupt``, cancels the coroutine.

        Raises:
            RuntimeError: The thread is closed.

        """
        future = self._submit(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(
        self, items: AsyncGenerator[T, None], together: int = 1
    ) -> Generator[T, None, None]:
        """Yield the items of an asynchronous generator, and close it at the end.

        With ``together``, up to this many items are waited for at a time. That saves switches
        between threads, if no caller needs the first item early.
        """
        turn = asyncio.Lock()  # an interrupted step ends before the generator is closed

        async def step() -> tuple[list[T], bool]:
            found: list[T] = []
            async with turn:
                async for item in items:
                    found.append(item)
                    if len(found) == together:
                        return found, True
            return found, False

        async def leave() -> None:
            async with turn:
                await items.aclose()
            self._iterated.discard(items)

        self._iterated.add(items)
        more = True
        try:
            while more:
                found, more = self.result(step)
                yield from found
        finally:
            if not more:
                self._iterated.discard(items)
            elif not self._closed:
                # Do not wait: the garbage collector may run this, in any thread.
                self._submit(leave)

    def close(self, last: Callable[[], Awaitable[object]]) -> None:
        """Cancel all coroutines, await ``last`` and end the thread."""
        if self._closed:
            return
        self._closed = True
        ended = asyncio.run_coroutine_threadsafe(self._ended(last), self._loop)
        ended.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._loop.stop))
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> "Future[T]":
        if self._closed:
            raise RuntimeError("the speech object is closed")
        return asyncio.run_coroutine_threadsafe(work(), self._loop)

    async def _ended(self, last: Callable[[], Awaitable[object]]) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # Each generator closes the ones inside it. `shutdown_asyncgens` would close all of them at
        # the same time, and fail for those that wait for one another.
        closing = [items.aclose() for items in self._iterated]
        await asyncio.gather(*closing, return_exceptions=True)
        await last()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
