"""Threads that take work from the queue as soon as this process has room for more.

DBOS would ask for work at an interval only. A short one costs time while nothing waits, and with a
long one a process is idle between two items. Here an interval is left for the work that other
processes enqueue.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from dbos._core import ActiveWorkflowById, QueueBucket  # no public class does this
from dbos._queue import queue_worker_thread

if TYPE_CHECKING:
    from dbos import Queue

_GATHER_SECONDS: Final = 0.01
"""Wait of a thread after a signal: others may follow, and work just taken is counted by then."""
_SOON_SECONDS: Final = 0.02
"""The first wait after a signal. Each wait after it is twice as long, up to the interval: two
processes may ask for the same work at the same moment, and then one of them gets nothing."""
_JOIN_SECONDS: Final = 0.5


class _Signal(threading.Event):
    """The event that stops a thread of DBOS; its waits also end when the thread is to ask."""

    def __init__(self) -> None:
        super().__init__()
        self._any = threading.Event()
        self._patience = _SOON_SECONDS

    def set(self) -> None:
        """Stop the thread."""
        super().set()
        self._any.set()

    def ask(self) -> None:
        """End the wait that is under way, or else the next one."""
        self._any.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a signal, or as long as nothing may have been missed, but not for longer.

        Return whether the thread has to stop.
        """
        if self._any.wait(min(self._patience, timeout or self._patience)):
            self._any.clear()
            super().wait(_GATHER_SECONDS)
            self._patience = _SOON_SECONDS
        else:
            self._patience *= 2
        return self.is_set()


class Intake:
    """A thread that takes the work of one queue."""

    def __init__(self, dbos: Any, queue: "Queue", at_once: int) -> None:
        """Start the thread for a ``queue`` that ``dbos`` does not listen to.

        It takes up to ``at_once`` workflows at the same time, also if another process has stored
        another number with the queue.
        """
        queue.database_backed_queue = False  # do not read its settings again
        queue._worker_concurrency = at_once  # noqa: SLF001
        self._dbos = dbos
        self._name = queue.name
        self._at_once = at_once
        self._signal = _Signal()
        self._signal.ask()  # there may be work already
        self._thread = threading.Thread(
            target=queue_worker_thread,
            args=(self._signal, dbos, queue),
            name=f"jobs_intake_{queue.name}",
            daemon=True,
        )
        self._thread.start()

    def ask(self) -> None:
        """Ask the queue for work soon, unless this process has no room for more.

        If it has none, the end of what it works on asks.
        """
        running = self._dbos._active_workflows_set.count_for_queue(self._name)  # noqa: SLF001
        if running < self._at_once:
            self._signal.ask()

    def stop(self) -> None:
        """Take no further work after a call of the database that is under way."""
        self._signal.set()

    def join(self) -> None:
        """Wait for the end of that call, but not for long: it may wait for a database."""
        self._thread.join(_JOIN_SECONDS)


class Running(ActiveWorkflowById):
    """The workflows that run in this process, with a call at the end of each."""

    def __init__(self, ended: Callable[[str], None]) -> None:
        """Call ``ended`` with the name of the queue when a workflow has ended and is stored."""
        super().__init__()
        self._ended = ended

    def _remove(self, key: str, bucket: QueueBucket) -> None:
        super()._remove(key, bucket)
        if bucket is not None:
            self._ended(bucket[0])
