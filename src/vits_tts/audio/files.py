"""The files of `/tts`: written whole or not at all, the longest unused out first.

Everything here touches the disk and is called from threads. Several processes may share a folder.
A file's time of access is its last use, set by us (mounts differ in whether they do); its time of
change stays that of its making and is part of its ETag.
"""

import contextlib
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from vits_tts.audio.formats import DEFAULT, FORMATS
from vits_tts.config import Audio
from vits_tts.errors import AudioNotFound

_HASH: Final = re.compile(r"[0-9a-f]{40}")
_SUFFIXES: Final = tuple(f".{name}" for name in FORMATS)
_UNFINISHED: Final = ".part"
_UNFINISHED_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file that is open for reading, so that it can be read to its end even if it is dropped."""

    handle: BinaryIO
    size: int
    etag: str

    def read(self, start: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``start``."""
        self.handle.seek(start)
        return self.handle.read(length)

    def close(self) -> None:
        """Close it."""
        self.handle.close()


class AudioFiles:
    """A folder of ``<hash>.<format>``, bounded in bytes and in age."""

    def __init__(self, settings: Audio) -> None:
        """Use the settings' folder; it is made when it is first needed."""
        self._folder = settings.folder
        self.max_bytes = int(settings.max_bytes)
        self._max_age = settings.max_age_seconds

    def path(self, audio_hash: str, name: str = DEFAULT) -> Path:
        """Return where a file is, or would be."""
        return self._folder / f"{audio_hash}.{name}"

    def size(self, audio_hash: str, name: str = DEFAULT) -> int | None:
        """Return a file's bytes and count that as a use of it; None if there is none."""
        path = self.path(audio_hash, name)
        try:
            status = path.stat()
        except OSError:
            return None
        if time.time() - max(status.st_atime, status.st_mtime) > self._max_age:
            return None
        _touch(path, status)
        return status.st_size

    def open(self, audio_hash: str, name: str = DEFAULT) -> AudioFile:
        """Open a file and count that as a use of it; the caller closes it.

        Raises:
            AudioNotFound: there is none, or it is no hash or no format.

        """
        path = self.path(audio_hash, name)
        try:
            if not is_hash(audio_hash) or name not in FORMATS:
                raise FileNotFoundError
            handle = path.open("rb")
        except OSError:
            raise AudioNotFound("there is no such audio file; ask /tts for it again") from None
        status = os.fstat(handle.fileno())
        _touch(path, status)
        etag = f'"{audio_hash}"'
        return AudioFile(handle, status.st_size, etag)

    def begin(self, audio_hash: str, name: str = DEFAULT) -> "WholeFile":
        """Begin a file; finish it or leave it.

        Raises:
            OSError: the folder is read-only or cannot be made.

        """
        self._folder.mkdir(parents=True, exist_ok=True)
        return WholeFile(self.path(audio_hash, name))

    def sweep(self, keep: str = "") -> None:
        """Drop what is too old, then the longest unused until the rest fits; never ``keep``."""
        now = time.time()
        total = 0
        for used, size, path in sorted(self._entries(), reverse=True):
            age = now - used
            if path.suffix == _UNFINISHED:
                stale = age > _UNFINISHED_SECONDS  # whoever wrote it is gone
            else:
                full = total + size > self.max_bytes
                stale = path.stem != keep and (full or age > self._max_age)
                total += 0 if stale else size
            if stale:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """Yield (last use, bytes, path) of every file that is ours."""
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.endswith((*_SUFFIXES, _UNFINISHED)):
                    continue
                with contextlib.suppress(OSError):  # another process dropped it just now
                    status = entry.stat()
                    used = max(status.st_atime, status.st_mtime)
                    yield used, status.st_size, Path(entry.path)


def is_hash(text: str) -> bool:
    """Return whether ``text`` could name a file of ours."""
    return _HASH.fullmatch(text) is not None


def write_whole(path: Path, parts: Iterable[bytes]) -> int:
    """Write a file so that nobody ever sees a part of it, and return its bytes.

    Raises:
        OSError: it cannot be written; what was there before is still there.

    """
    with WholeFile(path) as file:
        for part in parts:
            file.write(part)
        return file.finish()


class WholeFile:
    """A file on its way: it appears under its name, whole, when it is finished, or never."""

    def __init__(self, path: Path) -> None:
        """Begin one that will be called ``path``.

        Raises:
            OSError: the folder cannot be written.

        """
        self._path = path
        self._unfinished = path.with_name(f".{uuid.uuid4().hex}{_UNFINISHED}")
        with self._blamed():
            self._handle = self._unfinished.open("xb")

    def __enter__(self) -> Self:
        """Begin a block at whose end nothing is left of an unfinished file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it."""
        self.leave()

    def leave(self) -> None:
        """Drop it, unless it was finished."""
        with contextlib.suppress(OSError):
            self._handle.close()
        self._unfinished.unlink(missing_ok=True)

    def write(self, data: bytes, place: int | None = None) -> None:
        """Write at the end, or over what stands at ``place``."""
        with self._blamed():
            if place is not None:
                self._handle.seek(place)
            self._handle.write(data)
            self._handle.seek(0, os.SEEK_END)

    def finish(self) -> int:
        """Give it its name, and return its bytes."""
        with self._blamed():
            size = self._handle.tell()
            self._handle.flush()
            os.fsync(self._handle.fileno())
            if self._path.exists():
                self._unfinished.chmod(self._path.stat().st_mode & 0o7777)
            self._handle.close()
            self._unfinished.replace(self._path)
        return size

    @contextlib.contextmanager
    def _blamed(self) -> Iterator[None]:
        """Name the file that was asked for in errors, which else name another or none."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error


def _touch(path: Path, status: os.stat_result) -> None:
    with contextlib.suppress(OSError):  # a read-only folder can still be served
        os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
