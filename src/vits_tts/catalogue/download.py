"""Downloads that resume where they stopped, are retried, and fall back to the next source."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from vits_tts.catalogue.partial_file import Damaged, PartialFile, Wanted
from vits_tts.catalogue.sources import Failed, Moved, Source
from vits_tts.errors import VoiceError

T = TypeVar("T")

_LONGEST_PAUSE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Tries:
    """The number of attempts, and the pause after the first in seconds, doubled each time."""

    attempts: int
    pause: float

    def until_done(self, attempt: Callable[[], T]) -> T:
        """Return the result of ``attempt``, calling it again after errors that may be temporary.

        Raises:
            Failed: the last attempt failed, or the error is permanent.

        """
        damaged = None
        for number in range(self.attempts - 1):
            try:
                return attempt()
            except Damaged as error:
                # the same wrong content twice: the source itself is damaged
                if error.found == damaged:
                    raise
                damaged = error.found
            except Failed as error:
                if error.lasting:
                    raise
            threading.Event().wait(min(self.pause * 2**number, _LONGEST_PAUSE))
        return attempt()


def fetch(
    sources: Sequence[Source],
    wanted: Wanted,
    place: Path,
    tries: Tries,
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Download ``wanted`` to ``place`` from the first source that has it.

    ``told`` is called with the number of bytes received so far.

    Raises:
        VoiceError: no source has the file. The received part stays, so the next call resumes it.
        OSError: it cannot be written.

    """
    part = PartialFile(place, wanted)
    if part.done:
        told(wanted.size)
        return
    reasons = []
    for source in sources:
        try:
            tries.until_done(partial(_continue, source, wanted, part, told))
        except Failed as error:
            reasons.append(f"{source.address}{wanted.path}: {error}")
        else:
            return
    raise VoiceError("; ".join(reasons))


def read(source: Source, path: str, most: int, tries: Tries) -> bytes:
    """Return the content of a small file, of at most ``most`` bytes.

    Raises:
        Failed: it cannot be read, or is larger.

    """
    return tries.until_done(lambda: _read(source, path, most))


def _read(source: Source, path: str, most: int) -> bytes:
    content = bytearray()
    with source.open(path) as answer:
        for block in answer.blocks:
            content += block
            if len(content) > most:
                raise Failed(f"larger than {most} bytes", lasting=True)
    return bytes(content)


def _continue(
    source: Source, wanted: Wanted, part: PartialFile, told: Callable[[int], None]
) -> None:
    """Download the missing part of a file and rename the whole to its final name.

    Raises:
        Failed: the download stopped, or the file has the wrong content.

    """
    validator = part.validator
    start = part.size if validator else 0
    if not validator or start < wanted.size:
        try:
            with source.open(wanted.path, start, validator) as answer:
                part.take(answer.start, answer.validator, answer.blocks, told)
        except Moved:
            part.drop()
            raise
    part.finish()
