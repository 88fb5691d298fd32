"""Locks that show which processes are alive: the system releases a lock when its process ends.

Unlike a time-out, a lock is released at once by ``kill -9``, and a slow process keeps it.
"""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, Protocol
from uuid import uuid4

from loguru import logger

from vits_tts.file_lock import FileLocked, LockFailed, lock

_ALONE: Final = "alone"
"""The name of the lock that one process at a time takes."""
_ALONE_SECONDS: Final = 5.0
"""How long a process waits for that lock: one that was stopped with it holds up no other."""
_PAUSE_SECONDS: Final = 0.01
_NEW_SECONDS: Final = 60.0
_SETTLING_SECONDS: Final = 15.0
"""How long after a restart of the database its locks tell nothing: other processes that live take
theirs again only when they notice the restart, within some seconds."""
_STARTED: Final = "SELECT extract(epoch from clock_timestamp() - pg_postmaster_start_time())"
_KEEPALIVES: Final = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2"
)
"""Settings by which the database notices within seconds that this machine is cut off or has lost
its power. By the defaults it would keep the lock for two hours: other processes would not take its
items, and the process itself could not take its lock again."""


class Presence(Protocol):
    """Holds the lock of this process, and checks those of other processes. Its methods block."""

    executor: str
    """The name of this process."""

    def hold(self) -> None:
        """Take the lock, or make sure that it is still held."""

    def is_dead(self, executor: str) -> bool:
        """Return whether a process has ended."""

    def alone(self) -> AbstractContextManager[None]:
        """Enter a block that one process at a time is in.

        After some seconds of waiting it is entered anyway. Threads of one process do not exclude
        each other.
        """

    def release(self) -> None:
        """Release the lock."""


class FilePresence:
    """Locks on files in a folder: for processes on one machine."""

    def __init__(self, folder: Path) -> None:
        """Choose a name; :meth:`hold` creates the folder."""
        self.executor = uuid4().hex
        self._folder = folder
        self._file: IO[Any] | None = None

    def _path(self, executor: str) -> Path:
        return self._folder / f"{executor}.lock"

    def hold(self) -> None:
        """Make the file and lock it, unless that is done."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._path(self.executor).open("a")
            lock(file)
            self._file = file
            self._sweep()

    def _sweep(self) -> None:
        """Remove the files of dead processes, but none that its process may not have locked yet."""
        for path in self._folder.glob("*.lock"):
            with suppress(OSError):
                if path.stem != _ALONE and time.time() - path.stat().st_mtime > _NEW_SECONDS:
                    self.is_dead(path.stem)

    def is_dead(self, executor: str) -> bool:
        """Return whether a lock is free; the file of a free lock is removed."""
        if executor == self.executor:
            return False
        path = self._path(executor)
        try:
            with path.open("r+") as file:
                lock(file)
        except FileNotFoundError:
            return True
        except LockFailed:
            return False
        path.unlink(missing_ok=True)
        return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Enter a block that one process at a time is in, with a lock on one more file."""
        with self._path(_ALONE).open("a") as file:
            end = time.monotonic() + _ALONE_SECONDS
            while not _locked(file):
                if time.monotonic() > end:
                    logger.warning("jobs: another process holds a lock for long")
                    break
                time.sleep(_PAUSE_SECONDS)
            yield

    def release(self) -> None:
        """Remove the file and release the lock."""
        if self._file is not None:
            self._path(self.executor).unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _locked(file: IO[Any]) -> bool:
    """Return whether a file could be locked."""
    try:
        lock(file)
    except FileLocked:
        return False
    return True


class DatabasePresence:
    """Advisory locks of PostgreSQL, which end with the connection: for processes anywhere."""

    def __init__(self, url: str) -> None:
        """Choose a name; :meth:`hold` opens the connection."""
        self.executor = uuid4().hex
        self._url = url
        self._connection: Any = None
        self._lost = -math.inf
        """When this process lost its connection, by the monotonic clock."""

    def hold(self) -> None:
        """Connect and lock, unless that is done and the connection still works."""
        import psycopg  # noqa: PLC0415  # loads slowly, and only servers with `jobs.url` need it

        if self._connection is not None:
            try:
                self._connection.execute("SELECT 1")
            except psycopg.OperationalError:
                self._lost = time.monotonic()
                self.release()
            else:
                return
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
        try:
            connection.execute(_KEEPALIVES)
            connection.execute(f"SET lock_timeout = {_ALONE_SECONDS * 1000:.0f}")
            # Fails while the database has not noticed that an earlier connection is lost.
            _lock_in(connection, "pg_advisory_lock", self.executor)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def is_dead(self, executor: str) -> bool:
        """Return whether a lock is free, and not just because connections were lost."""
        connection = self._connection
        if executor == self.executor or self._is_settling(connection):
            return False
        if not _lock_in(connection, "pg_try_advisory_lock", executor):
            return False
        _lock_in(connection, "pg_advisory_unlock", executor)
        return True

    def _is_settling(self, connection: Any) -> bool:
        """Return whether processes that live may lack their locks, after a restart or a loss."""
        if time.monotonic() - self._lost < _SETTLING_SECONDS:
            return True
        return bool(connection.execute(_STARTED).fetchone()[0] < _SETTLING_SECONDS)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Enter a block that one process at a time is in, with a lock of the connection."""
        import psycopg  # noqa: PLC0415  # see above

        connection = self._connection  # another thread may replace it, if it is broken
        try:
            _lock_in(connection, "pg_advisory_lock", _ALONE)
        except psycopg.errors.LockNotAvailable:
            logger.warning("jobs: another process holds a lock for long")
            yield
            return
        try:
            yield
        finally:
            with suppress(psycopg.Error):  # the lock ends with the connection
                _lock_in(connection, "pg_advisory_unlock", _ALONE)

    def release(self) -> None:
        """Close the connection, which releases the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _lock_in(connection: Any, function: str, name: str) -> bool:
    """Call a function of PostgreSQL for advisory locks, and return its result."""
    query = f"SELECT {function}(hashtextextended(%s, 0))"
    return bool(connection.execute(query, [f"vits-tts {name}"]).fetchone()[0])
