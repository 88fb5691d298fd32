"""The manifest of a batch, ``manifest.jsonl``: what became of each text, a line each.

A line is written when its file is complete, in one piece and at the end, so that a run that was
killed has told of everything it made. Of several lines about one text the last counts.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

import portalocker

from vits_tts.errors import ConfigError

MANIFEST: Final = "manifest.jsonl"
_UNFINISHED: Final = ".*.part"


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a text: ``status`` is ``done`` or ``failed``, ``error`` then says why.

    ``digest`` follows from the text and from how it is said; ``file`` is in the manifest's folder.
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
    """The manifest of a folder, which one run has for itself."""

    def __init__(self, folder: Path, file: BinaryIO, known: dict[int, Record]) -> None:
        """Add to ``file``, which tells of ``known`` texts already."""
        self._folder = folder
        self._file = file
        self._known = known

    def done(self, index: int, digest: str, name: str) -> bool:
        """Return whether a text has its file, unchanged."""
        record = self._known.get(index)
        if record is None or (record.status, record.digest, record.file) != ("done", digest, name):
            return False
        try:
            return (self._folder / name).stat().st_size == record.bytes
        except OSError:
            return False

    def add(self, record: Record) -> None:
        """Tell what became of a text.

        Raises:
            OSError: it cannot be written.

        """
        told = {name: value for name, value in asdict(record).items() if value is not None}
        line = json.dumps(told, ensure_ascii=False).encode() + b"\n"
        self._file.write(line)
        self._known[record.index] = record


@contextmanager
def opened(folder: Path) -> Iterator[Records]:
    """Return the manifest of a folder, which is made if need be.

    Raises:
        ConfigError: another run is at work there.
        OSError: it cannot be written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    with path.open("a+b", buffering=0) as file:
        try:
            portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
        except portalocker.LockException:
            raise ConfigError(f"{path}: another run is at work here") from None
        for unfinished in folder.glob(_UNFINISHED):  # of a run that was killed
            unfinished.unlink(missing_ok=True)
        yield Records(folder, file, _read(file))


def _read(file: BinaryIO) -> dict[int, Record]:
    """Return what a manifest tells; a line that was broken off is left out, and ended."""
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
