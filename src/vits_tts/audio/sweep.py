"""Scanning a folder of audio files for their sizes, ages and unfinished files."""

import contextlib
import heapq
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vits_tts.audio.failure_records import is_record
from vits_tts.audio.formats import FORMATS, NOT_SPEECH
from vits_tts.audio.whole_file import UNFINISHED

_NAME: Final = re.compile(rf"[0-9a-f]{{40}}\.({'|'.join((*FORMATS, *NOT_SPEECH))})")
_REMEMBERED: Final = 4096
"""How many of the least recently used files are remembered, to be deleted for new ones."""
_YIELD_EVERY: Final = 512
"""The scan sleeps after this many files, so that other threads can run."""
_YIELD_SECONDS: Final = 0.001
_FUTURE_SECONDS: Final = 60.0
"""Times further in the future than this were set while the clock was wrong."""
_JUMP_SECONDS: Final = 60.0
"""A clock set forward by more than this makes the ages of files doubtful for a while."""
_SETTLED_SECONDS: Final = 600.0
"""Seconds after such a jump during which no file expires."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A complete file: the time of its last use, its name and its size in bytes."""

    used: float
    name: str
    size: int


@dataclass(slots=True)
class Seen:
    """The result of a scan.

    ``total`` is the size of all complete files that are not expired, in bytes; ``oldest`` are the
    least recently used of them, in order. ``unfinished`` are names of files being written, also by
    processes that have ended. ``failures`` are names of records of failures.
    """

    total: int = 0
    oldest: list[Entry] = field(default_factory=list)
    expired: list[Entry] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class WallClock:
    """Detects that the clock is set forward, which makes all files look older than they are."""

    def __init__(self) -> None:
        """Start with the current time, which is assumed to be right."""
        self._offset = time.time() - time.monotonic()
        self._settled_at = time.monotonic()

    @property
    def settled(self) -> bool:
        """True if the clock was not set forward in the last ten minutes."""
        offset = time.time() - time.monotonic()
        if offset - self._offset > _JUMP_SECONDS:
            self._settled_at = time.monotonic() + _SETTLED_SECONDS
        self._offset = offset
        return time.monotonic() >= self._settled_at


def used(status: os.stat_result, now: float) -> float | None:
    """Return when a file was last used, in seconds; None if all its times are in the future."""
    past = [
        moment for moment in (status.st_atime, status.st_mtime) if moment <= now + _FUTURE_SECONDS
    ]
    return max(past) if past else None


def look(folder: Path, max_age: float) -> Seen:
    """Scan ``folder``; files unused for more than ``max_age`` seconds are expired.

    Other names, folders, links and pipes are ignored. The scan also corrects times in the future,
    and removes the permissions of other users.

    Raises:
        OSError: the folder cannot be read.

    """
    seen = Seen()
    seen.oldest = heapq.nsmallest(_REMEMBERED, _staying(folder, max_age, seen))
    return seen


def _staying(folder: Path, max_age: float, seen: Seen) -> Iterator[Entry]:
    """Yield the complete files that are not expired; add the other files to ``seen``.

    ``heapq.nsmallest`` consumes them one at a time, so a folder of millions of files needs memory
    only for the oldest.
    """
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries, 1):
            if number % _YIELD_EVERY == 0:
                # Sleep, since this thread would otherwise keep the disk busy.
                time.sleep(_YIELD_SECONDS)
            if entry.name.startswith(".") and entry.name.endswith(UNFINISHED):
                seen.unfinished.append(entry.name)
            elif is_record(entry.name):
                seen.failures.append(entry.name)
            elif _NAME.fullmatch(entry.name) and (found := _entry(entry)):
                if time.time() - found.used > max_age:
                    seen.expired.append(found)
                else:
                    seen.total += found.size
                    yield found


def _entry(entry: os.DirEntry[str]) -> Entry | None:
    """Return the entry of a complete file; None if it is not a regular file or was just deleted."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    now = time.time()
    moment = used(status, now)
    with contextlib.suppress(OSError):  # the file belongs to another user, or the disk is read-only
        if moment is None:
            os.utime(entry.path, (now, now))
        if status.st_mode & stat.S_IRWXO:
            Path(entry.path).chmod(stat.S_IMODE(status.st_mode) & ~stat.S_IRWXO)
    return Entry(now if moment is None else moment, entry.name, status.st_size)
