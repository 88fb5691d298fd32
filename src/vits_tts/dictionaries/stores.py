"""Stores of dictionaries: a folder, and the interface of one that replicas share.

Both hold one index, which is replaced as a whole if its revision is still the expected one, and the
rules of each version, which never change.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from loguru import logger

from vits_tts.dictionaries.model import Index, index_of
from vits_tts.errors import DictionariesUnavailable

_INDEX: Final = "index.json"
_LOCK: Final = ".lock"
_LOCK_SECONDS: Final = 5.0
_VERSION: Final = re.compile(r"[0-9a-f]{24}")


class Changed(Exception):
    """The index has another revision than the expected one."""


class FolderStore:
    """Dictionaries in a folder. Its methods block, so call them in a thread."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which is created with the first dictionary."""
        self._folder = folder

    def index(self) -> Index:
        """Return the index; an empty one if there is none.

        Raises:
            DictionariesUnavailable: it cannot be read.

        """
        try:
            return index_of((self._folder / _INDEX).read_bytes())
        except FileNotFoundError:
            return Index()
        except (OSError, ValueError) as error:
            raise _unavailable(error) from None

    def rules(self, version: str) -> bytes | None:
        """Return the rules of a version; None if they are not there."""
        try:
            return self._path(version).read_bytes()
        except OSError:
            return None

    def replace(self, expected: str, index: Index, version: str | None, rules: bytes) -> None:
        """Replace the index if its revision is ``expected``, and keep the rules of a new version.

        Raises:
            Changed: the index has another revision.
            DictionariesUnavailable: the folder cannot be written.

        """
        import portalocker  # noqa: PLC0415  # its import takes long (``file_lock.py``)

        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with portalocker.Lock(self._folder / _LOCK, "a", timeout=_LOCK_SECONDS):
                if self.index().revision != expected:
                    raise Changed
                self.keep(index, version, rules)
        except (OSError, portalocker.exceptions.LockException) as error:
            raise _unavailable(error) from None

    def keep(self, index: Index | None, version: str | None = None, rules: bytes = b"") -> None:
        """Write an index, and the rules of a version, without a check.

        Raises:
            OSError: the folder cannot be written.

        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if version:
            _write(self._path(version), rules)
        if index:
            _write(self._folder / _INDEX, index.dumps())
            self._sweep(index)

    def _sweep(self, index: Index) -> None:
        """Delete the rules of versions that the index no longer has."""
        known = {each.id for entry in index.dictionaries.values() for each in entry.versions}
        for path in self._folder.glob("*.json"):
            if _VERSION.fullmatch(path.stem) and path.stem not in known:
                path.unlink(missing_ok=True)

    def _path(self, version: str) -> Path:
        if not _VERSION.fullmatch(version):
            raise FileNotFoundError(version)
        return self._folder / f"{version}.json"


class SharedStore(Protocol):
    """A store that replicas share."""

    async def index(self) -> "Index | None":
        """Return the index; an empty one if there is none, None if the store fails."""

    async def rules(self, version: str) -> bytes | None:
        """Return the rules of a version; None if they are not there, or the store fails."""

    async def replace(self, expected: str, index: Index, version: str | None, rules: bytes) -> None:
        """Replace the index if its revision is ``expected``; see :class:`FolderStore`."""

    async def forget(self, versions: Iterable[str]) -> None:
        """Delete the rules of versions that the index no longer has."""

    async def keep_rules(self, version: str, rules: bytes) -> None:
        """Put back the rules of a version."""


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(path)


def _unavailable(error: Exception) -> DictionariesUnavailable:
    logger.error("dictionaries cannot be used: {}", error)
    return DictionariesUnavailable("dictionaries cannot be read or changed now; see the log")
