"""The files of a worker's metrics, with their blocks reserved on the disk.

prometheus_client maps sparse files into memory. On a full disk, the first write to a new page ends
the process with SIGBUS, and then each of its successors. Here blocks are reserved before a file is
mapped or grown. If that fails, the value is counted in the worker's memory only: it is missing from
``/metrics``, and ``/readyz`` says so.

``prometheus_client.values`` finds its class of files by a name in its module. That is not
documented, so ``pyproject.toml`` limits the versions to those that were tested.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from loguru import logger
from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

_FIRST_BYTES: Final = 1 << 16
"""The size of a new file, the same as prometheus_client's."""


class ReservedFile(MmapedDict):
    """Numbers by key in a mapped file, or in memory if the disk is full."""

    lost = False
    """Whether this process has values that `/metrics` does not show."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        """Open or create the file; if the disk is full, keep all numbers in memory."""
        self._unmapped: dict[str, tuple[float, float]] = {}
        try:
            with open(filename, "ab") as file:  # noqa: PTH123  # the name is prometheus_client's
                _reserve(file.fileno(), max(_FIRST_BYTES, os.fstat(file.fileno()).st_size))
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
        except OSError as error:
            _report(error)
            _remove_empty(filename)
            self._m: Any = None
            self._f: Any = None
            self._positions: dict[str, int] = {}

    def read_value(self, key: str) -> tuple[float, float]:
        """Return the number of a key and its time; a new key starts at 0."""
        if key not in self._positions and not self._has_room(key):
            return self._unmapped.setdefault(key, (0.0, 0.0))
        value: tuple[float, float] = super().read_value(key)  # type: ignore[no-untyped-call]
        return value

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Store the number of a key and its time."""
        if key not in self._positions and not self._has_room(key):
            self._unmapped[key] = (value, timestamp)
        else:
            super().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._m is not None:
            super().close()  # type: ignore[no-untyped-call]

    def _has_room(self, key: str) -> bool:
        """Reserve the blocks that a new key needs, and return whether that succeeded."""
        if self._m is None or key in self._unmapped:
            return False
        capacity = self._capacity
        while self._used + len(key.encode()) + 32 > capacity:
            capacity *= 2
        if capacity == self._capacity:
            return True
        try:
            _reserve(self._f.fileno(), capacity)
        except OSError as error:
            _report(error)
            return False
        return True


def _reserve(descriptor: int, size: int) -> None:
    """Reserve a file's blocks up to ``size`` bytes; its content stays.

    Raises:
        OSError: The disk is full.

    """
    if hasattr(os, "posix_fallocate"):  # macOS has none, and its files are not sparse by default
        os.posix_fallocate(descriptor, 0, size)


def _remove_empty(filename: str) -> None:
    """Remove a file without blocks, since prometheus_client cannot read an empty file."""
    path = Path(filename)
    with contextlib.suppress(OSError):
        if not path.stat().st_size:
            path.unlink()


def _report(error: OSError) -> None:
    if not ReservedFile.lost:
        ReservedFile.lost = True
        logger.error("metrics are incomplete: their files cannot grow: {}", error.strerror)


def keep_in_reserved_files(place: Callable[[], int]) -> None:
    """Use reserved files, named by ``place``, for all metrics that are created from now on."""
    values.MmapedDict = ReservedFile  # type: ignore[attr-defined]
    values.ValueClass = values.MultiProcessValue(place)  # type: ignore[no-untyped-call]


def complete() -> bool:
    """Return whether `/metrics` shows all values of this process."""
    return not ReservedFile.lost
