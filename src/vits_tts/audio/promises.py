"""Promises: files whose addresses callers get before the files exist, and their processes.

A promise is a file ``.promises/<hash>.<format>.<id>`` in the folder of the audio files. The process
that creates the audio file holds a lock on it, which the system releases when the process ends,
also by ``kill -9``. So any process that shares the folder can tell at once that a promise is
broken. The first byte of the file is the state of the promise. The rest is the work that remains
if it is broken, such as a callback. One of the other processes takes the promise, and holds the
lock until the work is done. If that process ends as well, the next one takes it. Broken promises
stay for an hour, so that the caller can be told.

These functions access the disk, so call them in threads.
"""

import contextlib
import os
import re
import secrets
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from vits_tts.audio.failure_records import KEPT_SECONDS
from vits_tts.audio.formats import FORMATS
from vits_tts.file_lock import FileLocked, LockFailed, lock

ID: Final = r"[0-9a-f]{16}"
"""The form of an id, as a regular expression."""
_NAME: Final = re.compile(rf"([0-9a-f]{{40}})\.({'|'.join(FORMATS)})\.({ID})")
_CAREFUL: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_MADE, _TAKEN, _DONE = b"+", b"!", b"-"
"""The states: its process creates the file; that process has ended, and another one has taken the
promise; all is done. An empty file is not a promise yet, or was kept."""
_MOST_BYTES: Final = 256 * 1024


def new_id() -> str:
    """Return an id that no other promise has."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise whose process has ended, and whose lock this process holds now."""

    audio_hash: str
    format: str
    promise_id: str
    content: bytes
    handle: BinaryIO

    def finish(self) -> None:
        """Record that all is done; callers are still told that the promise was broken.

        Raises:
            OSError: the folder cannot be written.

        """
        with self.handle:
            self.handle.seek(0)
            self.handle.write(_DONE)
            self.handle.truncate()

    def leave(self) -> None:
        """Let another call of :meth:`Promises.take_broken` return the promise again."""
        self.handle.close()


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise of this process, which holds its lock."""

    path: Path
    handle: BinaryIO

    def keep(self) -> None:
        """Remove the promise: it was kept, or its caller knows that it was not.

        Raises:
            OSError: the folder cannot be written.

        """
        # Emptied and removed before the lock is released, or the promise would look broken. Windows
        # does not remove open files.
        try:
            self.handle.truncate(0)
            with contextlib.suppress(PermissionError):
                self.path.unlink()
        finally:
            self.handle.close()
        self.path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Release the lock: this process ends before the promise is kept."""
        self.handle.close()


class Promises:
    """The promises of one folder."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which is created when it is first needed."""
        self._folder = folder

    def make(self, audio_hash: str, name: str, promise_id: str, content: bytes) -> Promise:
        """Promise a file of the format ``name``.

        Raises:
            OSError: the folder cannot be written, or its disk has no locks.

        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(audio_hash, name, promise_id)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY
        handle = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        with contextlib.ExitStack() as undo:
            undo.callback(handle.close)
            undo.callback(path.unlink, missing_ok=True)
            try:
                lock(handle, wait=True)  # another process may just be looking at it
            except LockFailed as error:
                raise OSError("the disk has no locks") from error
            handle.write(_MADE + content)
            undo.pop_all()
        return Promise(path, handle)

    def is_broken(self, audio_hash: str, name: str, promise_id: str) -> bool | None:
        """Return whether the process that made a promise has ended before it kept the promise.

        Return None if there is no such promise in this folder, or its disk has no locks.
        """
        path = self._path(audio_hash, name, promise_id)
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(_opened(path))
                if file.read(1) in {_TAKEN, _DONE}:  # the lock does not matter
                    return True
                lock(file)
                file.seek(0)
                return True if file.read(1) and _is_same(file, path) else None
            except FileLocked:
                return False
            except (OSError, LockFailed):
                return None

    def take_broken(self) -> Broken | None:
        """Return a broken promise that no process has taken; remove old ones on the way.

        Raises:
            OSError: the folder cannot be read or written.

        """
        try:
            names = [path.name for path in self._folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return None
        for match in filter(None, map(_NAME.fullmatch, names)):
            with contextlib.ExitStack() as stack:
                path = self._folder / match[0]
                file = _locked(path)
                if file is None:
                    continue
                stack.callback(file.close)
                state, content = file.read(1), file.read(_MOST_BYTES)
                if state in {_MADE, _TAKEN}:
                    file.seek(0)
                    file.write(_TAKEN)
                    stack.pop_all()
                    return Broken(match[1], match[2], match[3], content, file)
                if abs(time.time() - os.fstat(file.fileno()).st_mtime) > KEPT_SECONDS:
                    path.unlink()
        return None

    def _path(self, audio_hash: str, name: str, promise_id: str) -> Path:
        return self._folder / f"{audio_hash}.{name}.{promise_id}"


def _opened(path: Path) -> BinaryIO:
    """Open a promise.

    Raises:
        OSError: it is gone, or not a regular file.

    """
    file = os.fdopen(os.open(path, os.O_RDWR | _CAREFUL | _BINARY), "r+b", buffering=0)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("it is not a file")
    return file


def _locked(path: Path) -> BinaryIO | None:
    """Return a promise, open and locked; None if its process holds the lock, or it is gone."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(_opened(path))
            lock(file)
            if not _is_same(file, path):
                return None
        except (OSError, LockFailed):
            return None
        stack.pop_all()
        return file


def _is_same(file: BinaryIO, path: Path) -> bool:
    """Return whether the path still names the open file: the promise was not removed meanwhile.

    Raises:
        OSError: no file has the name.

    """
    opened, named = os.fstat(file.fileno()), path.lstat()
    return (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)
