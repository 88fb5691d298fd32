"""Promises: files that callers were told of before they exist, and the processes that create them.

A promise is a file ``.promises/<hash>.<format>.<id>`` in the folder of the audio files. The process
that creates the audio file holds a lock on it, which the system releases when the process ends,
also by ``kill -9``. So any process that shares the folder can tell at once that a promise is
broken. The content is what the creator wants to be done then, such as a callback; one of the other
processes takes it. Broken promises stay for an hour, so that the caller can be told.

These functions access the disk, so call them in threads.
"""

import contextlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from vits_tts.audio.failure_records import KEPT_SECONDS
from vits_tts.audio.formats import FORMATS
from vits_tts.file_lock import LockFailed, lock

ID: Final = r"[0-9a-f]{16}"
"""The form of an id, as a regular expression."""
_NAME: Final = re.compile(rf"([0-9a-f]{{40}})\.({'|'.join(FORMATS)})\.{ID}")
_CAREFUL: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_TAKEN: Final = b"-"
"""The content of a promise after another process has taken the original content."""
_MOST_BYTES: Final = 256 * 1024


def new_id() -> str:
    """Return an id that no other promise has."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise whose process has ended: the file that it was for, and its content."""

    path: Path
    audio_hash: str
    format: str
    content: bytes


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
        handle = os.fdopen(os.open(path, flags, 0o600), "r+b")
        with contextlib.ExitStack() as undo:
            undo.callback(handle.close)
            undo.callback(path.unlink, missing_ok=True)
            try:
                lock(handle, wait=True)  # another process may just be looking at it
            except LockFailed as error:
                raise OSError("the disk has no locks") from error
            handle.write(content or _TAKEN)  # an empty one is not locked yet
            handle.flush()
            undo.pop_all()
        return Promise(path, handle)

    def is_broken(self, audio_hash: str, name: str, promise_id: str) -> bool:
        """Return whether the process that made a promise has ended before it kept the promise.

        Return False if there is no such promise, or this cannot be known.
        """
        with _locked(self._path(audio_hash, name, promise_id)) as file:
            return file is not None and bool(file.read(1))

    def take_broken(self) -> Broken | None:
        """Return a broken promise whose content was not taken yet; remove old ones on the way.

        Raises:
            OSError: the folder cannot be read or written.

        """
        try:
            names = [path.name for path in self._folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return None
        for match in filter(None, map(_NAME.fullmatch, names)):
            path = self._folder / match[0]
            with _locked(path) as file:
                if file is None:
                    continue
                old = abs(time.time() - os.fstat(file.fileno()).st_mtime) > KEPT_SECONDS
                content = file.read(_MOST_BYTES)
                if content and content != _TAKEN:
                    file.seek(0)
                    file.truncate()
                    file.write(_TAKEN)
                    return Broken(path, match[1], match[2], content)
                if old:
                    path.unlink()
        return None

    def give_back(self, broken: Broken) -> None:
        """Let another call of :meth:`take_broken` return a promise again.

        Raises:
            OSError: the folder cannot be written.

        """
        with _locked(broken.path) as file:
            if file is not None and file.read(_MOST_BYTES) == _TAKEN:
                file.seek(0)
                file.write(broken.content)

    def _path(self, audio_hash: str, name: str, promise_id: str) -> Path:
        return self._folder / f"{audio_hash}.{name}.{promise_id}"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[BinaryIO | None]:
    """Hold the lock of a promise in a block; None if its process holds it, or it is gone."""
    with contextlib.ExitStack() as stack:
        try:
            descriptor = os.open(path, os.O_RDWR | _CAREFUL | _BINARY)
            file = stack.enter_context(os.fdopen(descriptor, "r+b"))
            lock(file)
            opened, named = os.fstat(descriptor), path.lstat()
        except (OSError, LockFailed):
            yield None
            return
        # The process may have kept the promise between the opening and the lock.
        same = (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)
        yield file if same and stat.S_ISREG(opened.st_mode) else None
