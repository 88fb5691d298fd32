"""The ledger: the bytes of a folder, counted by all processes that share it.

The ledger is a small file in the folder, changed under a file lock. A process reads the free space
from it without listing all files, and space that one process reserves is not free for others.

The ledger becomes wrong if a process is killed, or if files are deleted by other means. Sweeps
compare it with the files and correct it (``audio/files.py``).
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Final

from loguru import logger

from vits_tts.file_lock import LockFailed, lock
from vits_tts.telemetry.metrics import AUDIO_FILES_BYTES

_BLOCK_BYTES: Final = 4096
"""The file is padded to whole blocks, so that it can be changed even when the disk is full."""
_MOST_BYTES: Final = 1024 * 1024
_TOO_MANY: Final = 2**63
"""No number of bytes is as large."""
_CAREFUL: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Flags to refuse symbolic links and not to wait for the other end of a pipe."""


@dataclass(slots=True)
class Account:
    """The content of the ledger, in bytes.

    ``files`` is the size of all complete files, or None before the first count. ``reserved`` maps
    each unfinished file to its expected size. ``turnover`` grows by every byte that is added or
    deleted, so that a sweep knows how much has changed while it counted.
    """

    files: int | None = None
    reserved: dict[str, int] = field(default_factory=dict)
    turnover: int = 0

    @property
    def total(self) -> int:
        """All bytes, including reserved ones."""
        return (self.files or 0) + sum(self.reserved.values())

    def change(self, nbytes: int) -> None:
        """Add ``nbytes`` of complete files; a negative number subtracts."""
        self.turnover += abs(nbytes)
        if self.files is not None:
            self.files = max(0, self.files + nbytes)


class Ledger:
    """The ledger of a folder, for several threads and processes; calls access the disk."""

    def __init__(self, path: Path) -> None:
        """Use the file at ``path``, which is created when it is first needed."""
        self._path = path
        self._mutex = threading.Lock()  # on NFS a file lock keeps out processes, not threads
        self._unlocked = False

    @contextmanager
    def opened(self) -> Iterator[Account]:
        """Return the account for exclusive use in a block, and write its changes at the end.

        Raises:
            OSError: the file cannot be read or written.

        """
        with self._mutex, self._file() as file:
            account = _read(file)
            before = deepcopy(account)
            try:
                yield account
            finally:
                if account != before:
                    _write(file, account)
                AUDIO_FILES_BYTES.set(account.total)

    @contextmanager
    def _file(self) -> Iterator[FileIO]:
        """Open and lock the file; try again if it is replaced before the lock is acquired.

        A lock belongs to the opened file, not to its name. If the file at the path was deleted or
        replaced meanwhile, other processes lock the new one, and ours would protect nothing.
        """
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | _CAREFUL, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                self._lock(file)
                if _is_at(file, self._path):
                    yield file
                    return

    def _lock(self, file: FileIO) -> None:
        """Lock the file for this process alone; closing it releases the lock.

        A file system without locks is logged once, and then used without them.
        """
        try:
            lock(file, wait=True)
        except LockFailed as error:
            if not self._unlocked:
                self._unlocked = True
                logger.warning(
                    "the file system has no locks: processes that share audio.folder may together "
                    "exceed audio.max_bytes",
                    reason=str(error),
                )


def _is_at(file: FileIO, path: Path) -> bool:
    """Return whether ``path`` still names the opened ``file``."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _read(file: FileIO) -> Account:
    """Return the account in a file; an uncounted one if the file is new or damaged."""
    try:
        account = Account(**json.loads(file.read(_MOST_BYTES) or b"{}"))
        files = 0 if account.files is None else account.files
        numbers = [files, account.turnover, *account.reserved.values()]
        sound = all(type(number) is int and 0 <= number < _TOO_MANY for number in numbers)
    except (ValueError, TypeError, AttributeError, RecursionError):
        sound = False
    return account if sound else Account()


def _write(file: FileIO, account: Account) -> None:
    """Overwrite the file with ``account``, padded to whole blocks."""
    content = json.dumps(asdict(account)).encode()
    content = content.ljust(-(-len(content) // _BLOCK_BYTES) * _BLOCK_BYTES)
    file.seek(0)
    file.write(content)
    file.truncate(len(content))
