"""What has come of a file so far.

Of ``NAME`` that is ``NAME.part``; ``NAME.part.json`` says of which file it is a part, as the server
tells files apart. ``NAME`` itself is only ever whole and right.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from vits_tts.voice.supply.source import Failed

_HASHED_AT_ONCE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is wanted: ``path`` below the source, its bytes, and its digest if known.

    ``algorithm`` is ``sha256`` or ``md5``, ``digest`` hexadecimal.
    """

    path: str
    size: int
    algorithm: str | None = None
    digest: str | None = None


class Damaged(Failed):
    """All came, and it is not what it should be; ``found`` is its digest."""

    def __init__(self, found: str, expected: str) -> None:
        """Say so."""
        super().__init__(f"damaged: its digest is {found}, not {expected}")
        self.found = found


class Part:
    """A file on its way to ``place``."""

    def __init__(self, place: Path, wanted: Wanted) -> None:
        """Continue with what is there."""
        self._place = place
        self._wanted = wanted
        self._path = place.with_name(f"{place.name}.part")
        self._note = place.with_name(f"{place.name}.part.json")

    @property
    def done(self) -> bool:
        """Whether the file is there already, whole and right, as far as that can be known."""
        known = self._wanted.digest is not None and self._place.is_file()
        return known and self._problem(self._place) is None

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self._path.stat().st_size if self._path.is_file() else 0

    @property
    def validator(self) -> str | None:
        """What the server called the file that this is a part of; None if this is of no use."""
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
        """Write ``blocks`` from byte ``start`` on; ``told`` hears how many bytes there are.

        Raises:
            Failed: there are more than there should be.
            OSError: they cannot be written.

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
            raise Failed(f"larger than the catalogue says ({self._wanted.size} bytes)")

    def finish(self) -> None:
        """Give the file its name.

        Raises:
            Damaged, Failed: it is not what it should be.
            OSError: it cannot be renamed.

        """
        if self.size != self._wanted.size:
            raise Failed(f"{self.size} bytes came, not {self._wanted.size}")
        if found := self._problem(self._path):
            self.drop()
            raise Damaged(found, self._wanted.digest or "")
        self._path.replace(self._place)
        self._note.unlink(missing_ok=True)

    def drop(self) -> None:
        """Forget what has come."""
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _problem(self, path: Path) -> str | None:
        """Return the digest that a file has in place of the right one; None if it is right."""
        if path.stat().st_size != self._wanted.size:
            return "another size"
        if not self._wanted.algorithm:
            return None
        # MD5 is what the public catalogue has: it tells damage, not malice.
        digest = hashlib.new(self._wanted.algorithm, usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(_HASHED_AT_ONCE):
                digest.update(block)
        found = digest.hexdigest()
        return None if found == self._wanted.digest else found
