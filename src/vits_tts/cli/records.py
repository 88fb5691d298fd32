"""The manifest of a batch, ``manifest.jsonl``, with one line for each text.

A line is appended in one write after its file is complete. So a run that was killed has a line for
all files but perhaps the last one. If a text has several lines, the last one counts.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

from vits_tts.errors import ConfigError
from vits_tts.file_lock import LockFailed, lock

MANIFEST: Final = "manifest.jsonl"
_UNFINISHED: Final = ".*.part"


@dataclass(frozen=True, slots=True)
class Record:
    """The result for one text: ``status`` is ``done``, ``skipped`` or ``failed``.

    ``error`` says why a text was skipped or failed.

    ``digest`` identifies the text and its options. ``file`` is a name in the manifest's folder.
    """

    index: int
    source: str
    digest: str
    status: str
    file: str | None = None
    bytes: int | None = None
    seconds: float | None = None
    voice: str | None = None
    licence: str | None = None
    error: str | None = None


class Records:
    """The manifest of a folder, locked for one run."""

    def __init__(self, folder: Path, file: BinaryIO, known: dict[int, Record]) -> None:
        """Store the open manifest and its records, by the index of their texts."""
        self._folder = folder
        self._file = file
        self._known = known

    def done(self, index: int, digest: str, name: str) -> bool:
        """Return whether the file of a text exists with the size and digest of its record."""
        record = self._known.get(index)
        if record is None or (record.status, record.digest, record.file) != ("done", digest, name):
            return False
        try:
            return (self._folder / name).stat().st_size == record.bytes
        except OSError:
            return False

    def add(self, record: Record) -> None:
        """Append the record of a text.

        Raises:
            OSError: The manifest cannot be written.

        """
        told = {name: value for name, value in asdict(record).items() if value is not None}
        line = json.dumps(told, ensure_ascii=False).encode() + b"\n"
        self._file.write(line)
        self._known[record.index] = record


@contextmanager
def opened(folder: Path) -> Iterator[Records]:
    """Yield the manifest of a folder; the folder is created if it does not exist.

    Raises:
        ConfigError: Another run uses the folder.
        OSError: The manifest cannot be written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    with path.open("a+b", buffering=0) as file:
        try:
            lock(file)
        except LockFailed:
            raise ConfigError(f"{path}: another run is using this folder") from None
        for unfinished in folder.glob(_UNFINISHED):  # left by a run that was killed
            unfinished.unlink(missing_ok=True)
        yield Records(folder, file, _read(file))


def _read(file: BinaryIO) -> dict[int, Record]:
    """Return the records by index. An incomplete last line is skipped and gets its newline."""
    file.seek(0)
    data = file.read()
    known = {}
    for line in data.splitlines():
        try:
            record = Record(**json.loads(line))
        except (ValueError, TypeError):
            continue
        known[record.index] = record
    file.seek(0, os.SEEK_END)
    if data and not data.endswith(b"\n"):
        file.write(b"\n")
    return known
