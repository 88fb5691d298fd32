"""A pool of threads that are all started together. A few of them do most of the work."""

import os
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty
from typing import Any


class ThreadPool(ThreadPoolExecutor):
    """An executor that gives work to the thread that became idle last.

    ``ThreadPoolExecutor`` wakes the thread that has been idle for longest. With one small piece of
    work at a time all threads take turns, each on another core and with cold caches.
    """

    def __init__(self, threads: int, name: str, nice: int = 0) -> None:
        """Use ``threads`` threads, which start with their first work or with :meth:`start`.

        They have the priority ``nice`` (see :func:`lower_priority`).
        """
        lower = partial(lower_priority, nice) if nice else None
        super().__init__(threads, thread_name_prefix=name, initializer=lower)
        if hasattr(self, "_work_queue"):  # private; without it the order is the usual one
            self._work_queue: Any = _Queue()

    def start(self) -> None:
        """Start all threads of the unused pool.

        A pool normally starts its threads one by one when work arrives. A server starts them before
        it accepts requests, so that a machine with too few threads fails at the start and not
        later.

        Raises:
            RuntimeError: The system cannot start this number of threads.

        """
        count = self._max_workers
        begun = threading.Barrier(count + 1)
        try:
            for _ in range(count):
                self.submit(begun.wait)
        except RuntimeError:
            begun.abort()
            raise
        begun.wait()


class _Waiting:
    """A thread that waits for an item."""

    def __init__(self) -> None:
        self.item: Any = None
        self.ready = threading.Lock()
        self.ready.acquire()


class _Queue:
    """A queue whose items go to the thread that began to wait last."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._waiting: list[_Waiting] = []
        # Re-entrant, because an executor that is collected as garbage calls `put` from anywhere.
        self._lock = threading.RLock()

    def put(self, item: Any) -> None:
        """Give an item to a waiting thread, or keep it."""
        with self._lock:
            if not self._waiting:
                self._items.append(item)
                return
            waiting = self._waiting.pop()
        waiting.item = item
        waiting.ready.release()

    def get(self, block: bool = True) -> Any:
        """Return the first item; without ``block``, raise ``Empty`` if there is none."""
        with self._lock:
            if self._items:
                return self._items.popleft()
            if not block:
                raise Empty
            waiting = _Waiting()
            self._waiting.append(waiting)
        waiting.ready.acquire()
        return waiting.item

    def get_nowait(self) -> Any:
        """Return the first item, or raise ``Empty``."""
        return self.get(block=False)


def lower_priority(nice: int) -> None:
    """Lower the priority of the current thread, if the system has priorities of threads.

    Args:
        nice: As of the command ``nice``, up to 19.

    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
