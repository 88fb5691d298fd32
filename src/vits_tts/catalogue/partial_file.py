"""A file under download, which can be resumed.

While ``NAME`` is downloaded its data is in ``NAME.part``. ``NAME.part.json`` holds the expected
file and the server's validator (ETag or date), which tells whether the data can be resumed.
``NAME`` itself exists only when it is complete and correct.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from vits_tts.catalogue.sources import Failed

_HASHED_AT_ONCE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """An expected file: its ``path`` below the source, its size in bytes, its digest if known.

    ``algorithm`` is ``sha256`` or ``md5``, ``digest`` hexadecimal. If the size is not ``exact``,
    the file may be smaller.
    """

    path: str
    size: int
    algorithm: str | None = None
    digest: str | None = None
    exact: bool = True


class Damaged(Failed):
    """The file was received whole, but its digest is not the expected one.

    ``found`` is its digest.
    """

    def __init__(self, found: str, expected: str) -> None:
        """Build the message from both digests."""
        super().__init__(f"damaged: its digest is {found}, not {expected}")
        self.found = found


class PartialFile:
    """A file under download to ``place``."""

    def __init__(self, place: Path, wanted: Wanted) -> None:
        """Resume with the data that is on disk."""
        self._place = place
        self._wanted = wanted
        self._path = place.with_name(f"{place.name}.part")
        self._note = place.with_name(f"{place.name}.part.json")

    @property
    def done(self) -> bool:
        """True if the complete file is in place and has the expected digest."""
        known = self._wanted.digest is not None and self._place.is_file()
        return known and self._problem(self._place) is None

    @property
    def size(self) -> int:
        """Number of bytes received so far."""
        return self._path.stat().st_size if self._path.is_file() else 0

    @property
    def validator(self) -> str | None:
        """The validator of the data received so far; None if it cannot be resumed."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            note = json.loads(self._note.read_text("utf-8"))
            if note["wanted"] == asdict(self._wanted) and self.size <= self._wanted.size:
                return str(note["validator"]) if note["validator"] else None
        return None

    def take(
        self,
        start: int,
        validator: str | None,
        blocks: Iterable[bytes],
        told: Callable[[int], None],
    ) -> None:
        """Write ``blocks`` from byte ``start`` on; ``told`` is called with the bytes so far.

        Raises:
            Failed: the file is larger than expected.
            OSError: it cannot be written.

        """
        note = {"wanted": asdict(self._wanted), "validator": validator}
        self._note.write_text(json.dumps(note), "utf-8")
        with self._path.open("r+b" if start else "wb") as file:
            file.truncate(start)
            file.seek(start)
            told(start)
            for block in blocks:
                file.write(block)
                told(file.tell())
                if file.tell() > self._wanted.size:
                    break
            file.flush()
            os.fsync(file.fileno())
        if self.size > self._wanted.size:
            self.drop()
            said = "the catalogue says" if self._wanted.exact else "allowed"
            raise Failed(f"larger than {said} ({self._wanted.size} bytes)")

    def finish(self) -> None:
        """Check the file and rename it to its final name.

        Raises:
            Damaged: its digest is wrong.
            Failed: its size is wrong.
            OSError: it cannot be renamed.

        """
        if self._wanted.exact and self.size != self._wanted.size:
            raise Failed(f"{self.size} bytes were received, not {self._wanted.size}")
        if found := self._problem(self._path):
            self.drop()
            raise Damaged(found, self._wanted.digest or "")
        self._path.replace(self._place)
        self._note.unlink(missing_ok=True)

    def drop(self) -> None:
        """Delete the data received so far."""
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _problem(self, path: Path) -> str | None:
        """Return a file's wrong digest (or ``another size``), or None if the file is correct."""
        if self._wanted.exact and path.stat().st_size != self._wanted.size:
            return "another size"
        if not self._wanted.algorithm:
            return None
        # The public catalogue has MD5 only, which detects damage but not malice.
        digest = hashlib.new(self._wanted.algorithm, usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(_HASHED_AT_ONCE):
                digest.update(block)
        found = digest.hexdigest()
        return None if found == self._wanted.digest else found
