"""A log file that several processes append to and rotate, without blocking each other.

The file and its lock are opened and closed again for each write. The package
`concurrent-log-handler` cannot be used: it waits without limit for a lock, keeps buffers that a
fork copies, and creates files that other users may read.
"""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import portalocker

_PRIVATE: Final = 0o600
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND
# Do not block on a FIFO without a reader; do not let Windows change line ends.
_AS_IT_IS: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_LOOK_AGAIN_SECONDS: Final = 0.02


class RotatingFile:
    """A log file; the process whose write would exceed ``max_bytes`` rotates it first."""

    name = "file"

    def __init__(self, path: Path, max_bytes: int, count: int) -> None:
        """Write to ``path``, and keep ``count`` older files as ``path.1`` and so on."""
        self.chunk_bytes = max_bytes
        self._path = path
        self._count = count
        self._lock_path = path.with_name(f".__{path.name.removesuffix('.log')}.lock")
        self._lock: int | None = None

    def __eq__(self, other: object) -> bool:
        """Return whether the other writes and rotates the same file in the same way."""
        return isinstance(other, RotatingFile) and self._identity == other._identity

    def __hash__(self) -> int:
        """Return a hash that is the same for equal targets."""
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Path, int, int]:
        return self._path, self.chunk_bytes, self._count

    def check(self) -> None:
        """Create the file and its folder if they do not exist.

        Raises:
            OSError: The file cannot be written.

        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(self._opened())

    def write(self, data: bytes) -> int:
        """Append ``data``, which has whole lines, and return its number of bytes.

        If another process is writing, append nothing and return 0.

        Raises:
            OSError: The data cannot be written; the file is unchanged.

        """
        self._lock = lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, _PRIVATE)
        try:
            portalocker.lock(lock, portalocker.LOCK_EX | portalocker.LOCK_NB)
            try:
                return self._append(data)
            finally:
                # Do not rely on `close`: a child forked meanwhile would keep the lock.
                portalocker.unlock(lock)
        except portalocker.AlreadyLocked:
            return 0
        except portalocker.LockException as error:
            raise OSError(f"{self._lock_path} cannot be locked: {error}") from error
        finally:
            self._lock = None
            os.close(lock)

    def wait(self, seconds: float) -> None:
        """Sleep for a short time before the next attempt, at most ``seconds``."""
        time.sleep(min(seconds, _LOOK_AGAIN_SECONDS))

    def after_fork(self) -> None:
        """Close the parent's lock file in a child."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _append(self, data: bytes) -> int:
        with suppress(OSError):  # a file that cannot be rotated keeps growing
            self._make_room(len(data))
        file = self._opened()
        try:
            return _append(file, data)
        finally:
            os.close(file)

    def _make_room(self, size: int) -> None:
        status = self._path.stat()
        if stat.S_ISREG(status.st_mode) and 0 < status.st_size > self.chunk_bytes - size:
            self._rotate()

    def _opened(self) -> int:
        return os.open(self._path, _APPEND | _AS_IT_IS, _PRIVATE)

    def _rotate(self) -> None:
        """Rename each file to the name of the next older one; the oldest is overwritten."""
        # Files older than the first free number keep their names: with a high count, most of the
        # time would go into names that do not exist.
        free = 1
        while free < self._count and self._older(free).exists():
            free += 1
        for number in range(free, 0, -1):
            newer = self._older(number - 1) if number > 1 else self._path
            newer.replace(self._older(number))

    def _older(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _append(file: int, data: bytes) -> int:
    """Append ``data`` and return the number of bytes written.

    Raises:
        OSError: There is not enough room; a regular file is cut back to its former size.

    """
    status = os.fstat(file)
    written = 0
    try:
        while written < len(data):
            written += os.write(file, data[written:])
    except BlockingIOError:  # a FIFO that is full
        pass
    except OSError:
        if stat.S_ISREG(status.st_mode):
            with suppress(OSError):
                os.truncate(file, status.st_size)
        raise
    return written
