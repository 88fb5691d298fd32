"""Writes log lines in a thread of each process, so that a blocked log never blocks a request.

Logging only puts a line into a queue of limited size. If the queue is full, or a line cannot be
written (a full disk, a pipe without a reader), the line is dropped and counted. When writing works
again, one line says how many are missing.

The thread never blocks: it writes only the bytes that the target accepts at once, and then waits
for short times until the target accepts more. So the end of a process waits at most two seconds for
its log, and not at all if the target has accepted nothing for two seconds.

Locks are held briefly and never while waiting, so a process can fork at any time. The child gets an
empty queue and its own thread; the parent writes the lines that waited.
"""

import atexit
import contextlib
import os
import select
import stat
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Final, Protocol, TextIO

_MOST_WAITING_CHARS: Final = 4 * 1024 * 1024
_END_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.1
_GATHERING_SECONDS: Final = 0.02
"""Lines within this time are written together. Each run of the thread delays requests a little,
since the event loop has to wake it at each system call while it waits for the interpreter's
lock."""
_FORK_SECONDS: Final = 1.0
_FILE_CHUNK_BYTES: Final = 64 * 1024


class Target(Protocol):
    """A destination of log lines."""

    name: str
    chunk_bytes: int
    """The maximum bytes in one write, except for a single line that is longer."""

    def write(self, data: bytes) -> int:
        """Write without blocking, and return the number of accepted bytes, which may be 0.

        Raises:
            OSError, ValueError: The data cannot be written.

        """

    def wait(self, seconds: float) -> None:
        """Wait until the target may accept more, at most ``seconds``."""

    def after_fork(self) -> None:
        """Release, in a child, the resources that the parent is using."""


class Descriptor:
    """An open pipe, terminal, socket or file."""

    def __init__(self, name: str, number: int) -> None:
        """Write to the file descriptor ``number``."""
        self.name = name
        self._number = number
        self._is_file = stat.S_ISREG(os.fstat(number).st_mode)
        # A writable pipe accepts PIPE_BUF bytes without blocking or mixing them with others.
        pipe_bytes = getattr(select, "PIPE_BUF", 512)
        self.chunk_bytes = _FILE_CHUNK_BYTES if self._is_file else pipe_bytes
        self.after_fork()

    def __eq__(self, other: object) -> bool:
        """Return whether the other writes to the same place."""
        return isinstance(other, Descriptor) and self._number == other._number

    def __hash__(self) -> int:
        """Return a hash that is the same for equal targets."""
        return hash(self._number)

    def write(self, data: bytes) -> int:
        """Write the bytes that are accepted at once, and return their number.

        Raises:
            OSError: The data cannot be written.

        """
        if not self._is_file and not self._poll.poll(0):
            return 0
        try:
            return os.write(self._number, data[: self.chunk_bytes])
        except BlockingIOError:  # another process has filled the pipe meanwhile
            return 0

    def wait(self, seconds: float) -> None:
        """Wait until the descriptor is writable, at most ``seconds``."""
        self._poll.poll(seconds * 1000)

    def after_fork(self) -> None:
        """Create a new poll object; one that was forked while it waited cannot be used."""
        self._poll = select.poll()
        self._poll.register(self._number, select.POLLOUT)


class Stream:
    """A stream without a descriptor, or on a system without ``poll`` (Windows). It may block."""

    chunk_bytes = _FILE_CHUNK_BYTES

    def __init__(self, name: str, stream: TextIO) -> None:
        """Write to ``stream``."""
        self.name = name
        self._stream = stream

    def __eq__(self, other: object) -> bool:
        """Return whether the other writes to the same stream."""
        return isinstance(other, Stream) and self._stream is other._stream

    def __hash__(self) -> int:
        """Return a hash that is the same for equal targets."""
        return hash(id(self._stream))

    def write(self, data: bytes) -> int:
        """Write all data, which may block, and return the number of bytes."""
        self._stream.write(data.decode("utf-8"))
        self._stream.flush()
        return len(data)

    def wait(self, seconds: float) -> None:
        """Sleep for ``seconds``."""
        time.sleep(seconds)

    def after_fork(self) -> None:
        """Keep the stream; the child may use it."""


def stream_target(name: str, stream: TextIO) -> Target:
    """Return the target for ``stream``; it bypasses the stream's buffer where possible."""
    if not hasattr(select, "poll"):  # Windows
        return Stream(name, stream)
    try:
        return Descriptor(name, stream.fileno())
    except (OSError, ValueError):  # in memory, or closed
        return Stream(name, stream)


class Writer:
    """A queue of lines, and the thread that writes them to a target."""

    def __init__(
        self, target: Target, note: Callable[[int], str] = "{} lines dropped\n".format
    ) -> None:
        """Write to ``target``; ``note`` returns the line that reports dropped lines."""
        self.target = target
        self.note = note
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        """Set an empty queue; the first line starts the thread."""
        self._lock = threading.RLock()  # re-entrant, since a signal handler may log
        """Protects the five attributes below."""
        self._lines: deque[str | int] = deque()
        """Lines, and numbers of dropped lines between them. Only the thread removes items."""
        self._chars = 0
        self._rung = False
        self._dropped = 0
        """Dropped lines that the metric does not contain yet."""
        self._unsaid = 0
        """Dropped lines that no line of the log mentions yet."""
        self._bell: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._until: float | None = None
        self._writing = threading.Lock()
        """Held during a write to the target."""
        self._stuck_since: float | None = None
        self._cut = False
        """Whether the last line was written without its end."""

    def write(self, line: str) -> None:
        """Queue a line, which ends with a line feed, and return at once."""
        with self._lock:
            if self._chars >= _MOST_WAITING_CHARS or self._until is not None:
                self._dropped += 1
                self._unsaid += 1
                return
            if self._unsaid:
                self._lines.append(self._unsaid)
                self._unsaid = 0
            self._lines.append(line)
            self._chars += len(line)
            if self._rung:
                return
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="log", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system has no thread left: the next line tries again
                    return
                self._thread = thread
            self._rung = True
        self._bell.put(True)

    def take_dropped(self) -> int:
        """Return the number of lines dropped since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def end(self) -> None:
        """Accept no more lines, and set a deadline for those that wait."""
        now = time.monotonic()
        with self._lock:
            self._until = (self._stuck_since or now) + _END_SECONDS
        self._bell.put(False)

    def join(self) -> None:
        """Wait until the waiting lines are written or dropped."""
        if self._thread and self._until:
            left = max(0.0, self._until - time.monotonic())
            self._thread.join(left + _LOOK_SECONDS)

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        serving, written = True, -_GATHERING_SECONDS
        while serving and self._bell.get():
            if time.monotonic() - written > _GATHERING_SECONDS:
                self._write_all()
            with contextlib.suppress(Empty):
                serving = self._bell.get(timeout=_GATHERING_SECONDS)
            with self._lock:
                self._rung = False
            self._write_all()
            written = time.monotonic()
        self._write_all()

    def _write_all(self) -> None:
        going = False
        while True:
            while self._lines:
                going = self._write_chunk()
            with self._lock:
                if not (going and self._unsaid):
                    return
                self._lines.append(self._unsaid)
                self._unsaid = 0

    def _write_chunk(self) -> bool:
        """Write the next lines; drop those that fail, and return whether there were none."""
        items: list[str | int] = []
        ends: list[int] = []
        parts = [b"\n"] if self._cut else []
        size = len(parts)
        while self._lines:
            item = self._lines[0]
            text = self.note(item) if isinstance(item, int) else item
            part = text.encode("utf-8", "backslashreplace")
            if items and size + len(part) > self.target.chunk_bytes:
                break
            items.append(self._lines.popleft())
            parts.append(part)
            size += len(part)
            ends.append(size)
        written = self._written(b"".join(parts))
        if written:
            self._cut = written not in {int(self._cut), *ends}
        lost = [item for item, end in zip(items, ends, strict=True) if end > written]
        with self._lock:
            self._chars -= sum(len(item) for item in items if isinstance(item, str))
            self._dropped += sum(isinstance(item, str) for item in lost)
            self._unsaid += sum(1 if isinstance(item, str) else item for item in lost)
        return not lost

    def _written(self, data: bytes) -> int:
        """Write ``data`` and return the number of bytes written before an error or the deadline."""
        written = 0
        while written < len(data):
            try:
                with self._writing:
                    count = self.target.write(data[written:])
            except (OSError, ValueError):
                self._stuck_since = None
                break
            written += count
            if count:
                self._stuck_since = None
                continue
            self._stuck_since = self._stuck_since or time.monotonic()
            if self._until and time.monotonic() >= self._until:
                break
            self.target.wait(_LOOK_SECONDS)
        return written

    # --- forks -----------------------------------------------------------------------------------

    def before_fork(self, until: float) -> None:
        """Lock the writer when no line is half written, or at ``until`` (monotonic seconds)."""
        self._paused = self._writing.acquire(timeout=max(0.0, until - time.monotonic()))
        self._lock.acquire()

    def after_fork(self) -> None:
        """Unlock the writer in the parent."""
        self._lock.release()
        if self._paused:
            self._writing.release()

    def after_fork_in_child(self) -> None:
        """Reset the writer in the child, which has no thread."""
        self.target.after_fork()
        self._begin()


_writers: Final["weakref.WeakSet[Writer]"] = weakref.WeakSet()


def end(writers: Iterable[Writer]) -> None:
    """End all writers within two seconds."""
    ending = list(writers)
    for writer in ending:
        writer.end()
    for writer in ending:
        writer.join()


def _before_fork() -> None:
    until = time.monotonic() + _FORK_SECONDS
    for writer in _writers:
        writer.before_fork(until)


def _after_fork() -> None:
    for writer in _writers:
        writer.after_fork()


def _after_fork_in_child() -> None:
    for writer in _writers:
        writer.after_fork_in_child()


atexit.register(lambda: end(_writers))
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork,
        after_in_child=_after_fork_in_child,
    )
