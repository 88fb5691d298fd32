"""Writing a file that appears under its name only when it is complete."""

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Self

UNFINISHED: Final = ".part"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_whole(path: Path, parts: Iterable[bytes]) -> int:
    """Write a file that is never visible in part, and return its size in bytes.

    Raises:
        OSError: the file cannot be written; an older file of this name is unchanged.

    """
    with WholeFile(path) as file:
        for part in parts:
            file.write(part)
        return file.finish()


class WholeFile:
    """An unfinished file, which gets its name when it is finished."""

    def __init__(self, path: Path) -> None:
        """Create an unfinished file that will be named ``path``.

        Raises:
            OSError: the folder cannot be written.

        """
        self._open(path, f".{uuid.uuid4().hex}{UNFINISHED}", 0o666)

    def _open(self, path: Path, unfinished: str, mode: int) -> None:
        """Create the file under its temporary name; ``mode`` is limited by the umask."""
        self._path = path
        self._unfinished = path.with_name(unfinished)
        with self._blamed():
            self._handle = os.fdopen(os.open(self._unfinished, _NEW, mode), "wb")

    def __enter__(self) -> Self:
        """Enter a block that deletes the file at its end, unless it is finished."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the file, unless it is finished."""
        self.leave()

    def leave(self) -> None:
        """Delete the file, unless it is finished."""
        with contextlib.suppress(OSError):
            self._handle.close()
        self._unfinished.unlink(missing_ok=True)

    def write(self, data: bytes, place: int | None = None) -> None:
        """Write at the end, or overwrite the bytes from ``place`` on."""
        with self._blamed():
            if place is not None:
                self._handle.seek(place)
            self._handle.write(data)
            self._handle.seek(0, os.SEEK_END)

    def finish(self) -> int:
        """Give the file its name, and return its size in bytes."""
        with self._blamed():
            size = self._synced()
            if self._path.exists():
                self._unfinished.chmod(self._path.stat().st_mode & 0o7777)
            self._publish()
        return size

    def _synced(self) -> int:
        size = self._handle.tell()
        self._handle.flush()
        os.fsync(self._handle.fileno())
        return size

    def _publish(self) -> None:
        self._handle.close()
        self._unfinished.replace(self._path)

    @contextlib.contextmanager
    def _blamed(self) -> Iterator[None]:
        """Put the final name into errors in place of the temporary name or a missing one."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error
