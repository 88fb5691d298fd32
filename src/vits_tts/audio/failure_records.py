"""Records of files that could not be created, for all processes that share the folder.

A record is an empty file ``.<hash>.<format>.failed`` beside the files, so it takes no bytes of
``audio.max_bytes``. It is removed when the file is created again, when it is older than an hour, or
when its process has written a thousand newer ones. These functions access the disk, so call them in
threads.
"""

import contextlib
import re
import stat
import threading
import time
from pathlib import Path
from typing import Final

from vits_tts.audio.formats import FORMATS

KEPT_SECONDS: Final = 3600.0
"""Age in seconds at which a record is removed."""
_MOST: Final = 1000
"""The maximum number of records that one process keeps."""
_NAME: Final = re.compile(rf"\.[0-9a-f]{{40}}\.({'|'.join(FORMATS)})\.failed")


class FailureRecords:
    """The records of one folder."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which is created when it is first needed."""
        self._folder = folder
        self._own: dict[Path, None] = {}  # the oldest first
        self._mutex = threading.Lock()

    def add(self, audio_hash: str, name: str) -> None:
        """Record that a file could not be created, and remove the oldest of too many records.

        Raises:
            OSError: the folder cannot be written.

        """
        path = self._path(audio_hash, name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with self._mutex:
            self._own.pop(path, None)
            self._own[path] = None
            oldest = next(iter(self._own)) if len(self._own) > _MOST else None
            if oldest:
                del self._own[oldest]
        if oldest:
            oldest.unlink(missing_ok=True)

    def has(self, audio_hash: str, name: str) -> bool:
        """Return whether the last attempt to create a file failed, less than an hour ago.

        Raises:
            OSError: the folder cannot be read.

        """
        try:
            status = self._path(audio_hash, name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(status.st_mode) and not _is_old(status.st_mtime)

    def discard(self, audio_hash: str, name: str) -> None:
        """Remove the record of a file, if there is one.

        Raises:
            OSError: the folder cannot be written.

        """
        path = self._path(audio_hash, name)
        with self._mutex:
            self._own.pop(path, None)
        with contextlib.suppress(NotADirectoryError):
            path.unlink(missing_ok=True)

    def drop_old(self, names: list[str]) -> None:
        """Remove those of the records ``names`` that are old, of any process."""
        for name in names:
            path = self._folder / name
            with contextlib.suppress(OSError):
                if _is_old(path.lstat().st_mtime):
                    path.unlink()

    def _path(self, audio_hash: str, name: str) -> Path:
        return self._folder / f".{audio_hash}.{name}.failed"


def is_record(name: str) -> bool:
    """Return whether a file name is that of a record."""
    return _NAME.fullmatch(name) is not None


def _is_old(modified: float) -> bool:
    """Return whether a time is more than an hour before or after now."""
    return abs(time.time() - modified) > KEPT_SECONDS
