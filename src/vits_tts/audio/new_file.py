"""A file of `/tts` while it is written, in space that was reserved before."""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vits_tts.audio import encoder
from vits_tts.audio.formats import Encoding
from vits_tts.audio.whole_file import WholeFile
from vits_tts.file_lock import LockFailed, lock

if TYPE_CHECKING:
    from vits_tts.audio.files import AudioFiles

_STEP_BYTES: Final = 256 * 1024
"""The fewest bytes reserved at once for a file that becomes longer than expected."""


class NewFile(WholeFile):
    """An unfinished file of `/tts`, whose bytes are reserved before they are written.

    The event loop may call :meth:`leave` while a thread is writing, and must not wait for the disk.
    Then it only sets a flag, and the thread deletes the file when its call ends. A lock on the file
    tells other processes that it is being written.
    """

    def __init__(self, files: "AudioFiles", path: Path, part: str, reserved: int) -> None:
        """Create the file ``part``, which will be renamed to ``path``.

        Raises:
            OSError: the folder cannot be written.

        """
        self._open(path, part, 0o600)
        self._files = files
        self._part = part
        self._reserved = reserved
        self._written = 0
        self._mutex = threading.Lock()
        self._left = False
        self._ended = False
        with contextlib.suppress(LockFailed):  # not every disk has locks
            lock(self._handle)

    def write(self, data: bytes, place: int | None = None) -> None:
        """Write at the end, or overwrite the bytes from ``place`` on.

        Raises:
            IndexOutdated, NoRoom: there is no space; nothing was written.
            OSError: the file cannot be written, or was left.

        """
        with self._at_work():
            if place is None:
                self._reserve(len(data))
                self._written += len(data)
            super().write(data, place)

    def seconds(self, encoding: Encoding) -> float:
        """Return how long the file plays, in seconds; call this after the last ``write``.

        It must be known before ``finish``, since a finished file can be deleted at any time.

        Raises:
            OSError: the file cannot be written or read.

        """
        with self._at_work():
            self._handle.flush()
            return encoder.seconds(self._unfinished, self._written, encoding)

    def finish(self) -> int:
        """Give the file its name, and return its size in bytes."""
        with self._at_work(), self._blamed():
            size = self._synced()
            with self._files.publishing(self._part, self._path, size):
                self._publish()
            self._ended = True
        return size

    def leave(self) -> None:
        """Delete the file, unless it is finished: now, or when the thread writing it is done."""
        self._left = True
        if self._mutex.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._mutex.release()

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Hold the mutex in a block, and delete the file afterwards if it was left meanwhile.

        Either :meth:`leave` gets the mutex and deletes the file, or the thread in the block reads
        the flag after it has released the mutex. The flag is set before the mutex is tried, so one
        of the two always deletes the file.
        """
        try:
            with self._mutex:
                if self._left:
                    raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
                yield
        finally:
            if self._left:
                self.leave()

    def _drop(self) -> None:
        if not self._ended:
            self._ended = True
            with contextlib.suppress(OSError):
                self._handle.close()
            self._files.forget(self._part)

    def _reserve(self, more: int) -> None:
        """Reserve the bytes that are missing for ``more`` bytes, at least one step at a time."""
        missing = self._written + more - self._reserved
        if missing > 0:
            spare = self._files.max_bytes - self._reserved
            step = max(missing, min(_STEP_BYTES, spare))
            self._files.reserve(self._part, self._reserved + step)
            self._reserved += step
