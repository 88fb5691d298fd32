"""The folder of saved files: limited in bytes, least recently used deleted first.

These functions access the disk, so call them in threads. Several processes may share a folder; its
ledger (``audio/ledger.py``) counts the bytes used and reserved, so that a new file does not require
a scan of the others. A sweep in the background scans all files. It corrects the ledger, deletes
files that are too old or were never finished, and remembers the least recently used ones. These are
deleted when space is needed.

The access time of a file is its last use. We set it ourselves, because not all mounts do.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from vits_tts.audio import encoder
from vits_tts.audio.failure_records import FailureRecords
from vits_tts.audio.formats import DEFAULT, FORMATS, NOT_SPEECH, Encoding
from vits_tts.audio.ledger import Account, Ledger
from vits_tts.audio.new_file import NewFile
from vits_tts.audio.promises import Promises
from vits_tts.audio.sweep import Entry, Seen, WallClock, look, used
from vits_tts.audio.whole_file import UNFINISHED
from vits_tts.config import Audio
from vits_tts.errors import AudioNotFound
from vits_tts.file_lock import FileLocked, LockFailed, lock
from vits_tts.telemetry.metrics import AUDIO_FILES_DROPPED

_LEDGER: Final = ".ledger"
_PROMISES: Final = ".promises"
_HASH: Final = re.compile(r"[0-9a-f]{40}")
_LOCKED: Final = re.compile(r"\.[0-9a-f]{40}\.\w+\.[0-9a-f]{16}\.part")
"""Names of unfinished files that their writer has locked."""
_LEFT_SECONDS: Final = 3600
"""Age in seconds at which other unfinished files count as abandoned."""
_DROPPED_AT_ONCE: Final = 256
_PROBE_BYTES: Final = 64 * 1024
_SLACK_SECONDS: Final = 1.0
_CAREFUL: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Flags to refuse symbolic links and not to wait for the other end of a pipe."""
_BINARY: Final = getattr(os, "O_BINARY", 0)
_GONE: Final = (FileNotFoundError, NotADirectoryError, PermissionError)
_NO_FILE: Final = frozenset({errno.ELOOP, errno.ENXIO})
"""Error numbers of opening a symbolic link or a socket, which are not audio files."""


class IndexOutdated(Exception):
    """Raised if space is needed and no file to delete is known: sweep, then try again."""


class NoRoom(Exception):
    """Raised if unfinished files have reserved all space."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file open for reading, which can be read to its end even if it is deleted meanwhile."""

    handle: BinaryIO
    size: int
    etag: str

    def read(self, start: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``start``."""
        self.handle.seek(start)
        return self.handle.read(length)

    def close(self) -> None:
        """Close the file."""
        self.handle.close()


class AudioFiles:
    """A folder of files ``<hash>.<format>``, limited in bytes and in age."""

    def __init__(self, settings: Audio) -> None:
        """Use the folder of the settings, which is created when it is first needed."""
        self.folder = settings.folder
        self.max_bytes = int(settings.max_bytes)
        self.failures = FailureRecords(self.folder)
        self.promises = Promises(self.folder / _PROMISES)
        self._max_age = settings.max_age_seconds
        self._ledger = Ledger(self.folder / _LEDGER)
        self._clock = WallClock()
        self._oldest: deque[Entry] = deque()  # changed only while the ledger is locked
        self._own: dict[str, int] = {}
        """The bytes that this process has reserved for each unfinished file."""

    def path(self, audio_hash: str, name: str = DEFAULT) -> Path:
        """Return the path of a file, whether it exists or not."""
        return self.folder / f"{audio_hash}.{name}"

    def size(self, audio_hash: str, name: str = DEFAULT) -> int | None:
        """Return a file's size in bytes and count that as a use; None if there is no file."""
        path = self.path(audio_hash, name)
        try:
            status = path.lstat()
        except OSError:
            return None
        now = time.time()
        moment = used(status, now)
        expired = moment is not None and now - moment > self._max_age
        if expired or not stat.S_ISREG(status.st_mode):
            return None
        _touch(path, status)
        return status.st_size

    def seconds(self, audio_hash: str, encoding: Encoding) -> float | None:
        """Return how long a file plays, in seconds, and count that as a use.

        Return None if there is no file, or a damaged one: a new file replaces it.
        """
        size = self.size(audio_hash, encoding.format)
        if size is None:
            return None
        try:
            return encoder.seconds(self.path(audio_hash, encoding.format), size, encoding)
        except OSError:  # damaged, or deleted just now
            return None

    def open(self, audio_hash: str, name: str = DEFAULT) -> AudioFile:
        """Open a file and count that as a use; the caller closes it.

        Raises:
            AudioNotFound: there is no such file, hash or format.
            OSError: the disk cannot be read.

        """
        path = self.path(audio_hash, name)
        try:
            if not is_hash(audio_hash) or not (name in FORMATS or name in NOT_SPEECH):
                raise FileNotFoundError
            handle, status = _opened(path)
        except OSError as error:
            if isinstance(error, _GONE) or error.errno in _NO_FILE:
                message = "there is no such audio file; request it again from /tts"
                raise AudioNotFound(message) from None
            raise
        _touch(path, status)
        return AudioFile(handle, status.st_size, f'"{audio_hash}"')

    # --- making ----------------------------------------------------------------------------------

    def begin(self, audio_hash: str, name: str = DEFAULT, nbytes: int = 0) -> NewFile:
        """Create an unfinished file of about ``nbytes``, which the caller finishes or leaves.

        Raises:
            IndexOutdated: sweep, then try again.
            NoRoom: unfinished files have reserved all space.
            OSError: the folder is read-only or cannot be created.

        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path(audio_hash, name)
        part = f".{path.name}.{secrets.token_hex(8)}{UNFINISHED}"
        with contextlib.ExitStack() as undo:
            with self._ledger.opened() as account:
                # All under one lock: no other process may take the space that was made, and no
                # sweep may find the reservation without its file and remove it.
                self._make_room(account, nbytes)
                file = NewFile(self, path, part, nbytes)
                undo.callback(file.leave)
                account.reserved[part] = nbytes
                self._own[part] = nbytes
            undo.pop_all()
        return file

    def reserve(self, part: str, nbytes: int) -> None:
        """Reserve ``nbytes`` in all for an unfinished file.

        Raises:
            IndexOutdated, NoRoom, OSError: as ``begin`` does.

        """
        with self._ledger.opened() as account:
            self._make_room(account, nbytes - account.reserved.get(part, 0))
            account.reserved[part] = nbytes
            self._own[part] = nbytes

    @contextlib.contextmanager
    def publishing(self, part: str, path: Path, size: int) -> Iterator[None]:
        """Count an unfinished file as complete, with ``size`` bytes, unless the block fails.

        The ledger stays locked while the block renames the file, so that the two change together.

        Raises:
            OSError: the ledger cannot be written.

        """
        with self._ledger.opened() as account:
            before = _regular_size(path)
            yield
            account.reserved.pop(part, None)
            account.change(size - before)
            self._own.pop(part, None)

    def forget(self, part: str) -> None:
        """Delete an unfinished file and free its reservation; sweeps do it again if this fails.

        A file that has its final name already is not deleted.
        """
        with contextlib.suppress(OSError):
            (self.folder / part).unlink(missing_ok=True)
        self._own.pop(part, None)
        with contextlib.suppress(OSError), self._ledger.opened() as account:
            account.reserved.pop(part, None)

    def _make_room(self, account: Account, nbytes: int) -> None:
        """Delete the least recently used files until ``nbytes`` more fit.

        Raises:
            IndexOutdated, NoRoom: as ``begin`` does.
            OSError: files cannot be deleted, and the others are not enough.

        """
        if account.files is None:
            raise IndexOutdated
        if sum(account.reserved.values()) + nbytes > self.max_bytes:
            raise NoRoom
        refused: OSError | None = None
        while account.total + nbytes > self.max_bytes:
            if not self._oldest:
                raise refused or IndexOutdated
            refused = self._drop(self._oldest.popleft(), account, "room") or refused

    def _drop(self, entry: Entry, account: Account, reason: str) -> OSError | None:
        """Delete a file, unless it was used since the sweep; return why it cannot be deleted."""
        path = self.folder / entry.name
        try:
            status = path.lstat()
            moment = used(status, time.time())
            if moment is not None and moment <= entry.used + _SLACK_SECONDS:
                path.unlink()
                account.change(-status.st_size)
                AUDIO_FILES_DROPPED.labels(reason).inc()
        except FileNotFoundError:  # deleted by hand
            return None
        except OSError as error:
            return error
        return None

    # --- in the background -----------------------------------------------------------------------

    def probe(self) -> None:
        """Write a file and delete it again, if the folder exists.

        Raises:
            OSError: the file cannot be written.

        """
        if self.folder.is_dir():
            path = self.folder / f".{secrets.token_hex(8)}{UNFINISHED}"
            try:
                path.write_bytes(bytes(_PROBE_BYTES))
            finally:
                path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Scan all files, delete expired and abandoned ones, and correct the ledger.

        Raises:
            OSError: the folder cannot be read or written.

        """
        if not self.folder.exists():
            return
        settled = self._clock.settled
        with self._ledger.opened() as account:
            before = account.turnover
        seen = look(self.folder, self._max_age if settled else float("inf"))
        before += self._drop_expired(seen)
        self._drop_unfinished(seen.unfinished)
        self.failures.drop_old(seen.failures)
        with self._ledger.opened() as account:
            # Other processes may have added and deleted `others` bytes during the scan, before or
            # after it saw these files. So a difference up to `others` may be correct; only a larger
            # one is an error of the ledger.
            others = max(0, account.turnover - before)
            if account.files is None:
                account.files = seen.total + others
            elif abs(account.files - seen.total) > others:
                account.files = seen.total
            self._correct_reservations(account, seen.unfinished)
            self._oldest = deque(seen.oldest)

    def _correct_reservations(self, account: Account, parts: list[str]) -> None:
        """Remove reservations of files that are gone; restore those that a lost ledger had."""
        for part in list(account.reserved):
            if part not in self._own and not os.path.lexists(self.folder / part):
                del account.reserved[part]
        # Their expected sizes are only known to the processes that write them; take the present
        # ones.
        for part in parts:
            if _LOCKED.fullmatch(part) and (size := _regular_size(self.folder / part)):
                account.reserved.setdefault(part, size)
        for part, nbytes in list(self._own.items()):
            account.reserved[part] = max(nbytes, account.reserved.get(part, 0))

    def _drop_expired(self, seen: Seen) -> int:
        """Delete expired files, count those that remain, and return the growth of the turnover."""
        turnover = 0
        # In batches, because other processes need the ledger meanwhile.
        for start in range(0, len(seen.expired), _DROPPED_AT_ONCE):
            with self._ledger.opened() as account:
                before = account.turnover
                for entry in seen.expired[start : start + _DROPPED_AT_ONCE]:
                    self._drop(entry, account, "age")
                    seen.total += _regular_size(self.folder / entry.name)
                turnover += account.turnover - before
        return turnover

    def _drop_unfinished(self, parts: list[str]) -> None:
        """Delete unfinished files of processes that have ended."""
        for part in parts:
            with self._ledger.opened() as account, contextlib.suppress(OSError):
                if part not in self._own and _is_left(self.folder / part):
                    (self.folder / part).unlink()
                    account.reserved.pop(part, None)
                    AUDIO_FILES_DROPPED.labels("unfinished").inc()


def is_hash(text: str) -> bool:
    """Return whether ``text`` has the form of a hash."""
    return _HASH.fullmatch(text) is not None


def _opened(path: Path) -> tuple[BinaryIO, os.stat_result]:
    """Open a regular file.

    Raises:
        OSError: it is not a regular file, or cannot be read.

    """
    descriptor = os.open(path, os.O_RDONLY | _CAREFUL | _BINARY)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise FileNotFoundError
    return os.fdopen(descriptor, "rb"), status


def _regular_size(path: Path) -> int:
    """Return the size of a regular file in bytes; 0 if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _is_left(path: Path) -> bool:
    """Return whether no process is writing an unfinished file any more.

    Raises:
        OSError: the file cannot be examined.

    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return False
    old = abs(time.time() - status.st_mtime) > _LEFT_SECONDS
    if not _LOCKED.fullmatch(path.name):
        return old
    with os.fdopen(os.open(path, os.O_RDWR | _CAREFUL | _BINARY), "rb") as file:
        try:
            lock(file)
        except FileLocked:
            return False
        except LockFailed:
            return old
    return True


def _touch(path: Path, status: os.stat_result) -> None:
    with contextlib.suppress(OSError):  # a read-only folder can still be served
        os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
