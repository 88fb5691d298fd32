"""Fetching files: continued where they broke off, tried again, then from the next source."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from vits_tts.errors import VoiceError
from vits_tts.voice.supply.part import Damaged, Part, Wanted
from vits_tts.voice.supply.source import Failed, Moved, Source

T = TypeVar("T")

_LONGEST_PAUSE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Tries:
    """How often something is tried, and how long the first pause is; each next one is doubled."""

    attempts: int
    pause: float

    def until_done(self, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` returns; try again unless that cannot help.

        Raises:
            Failed: the last try's.

        """
        damaged = None
        for number in range(self.attempts - 1):
            try:
                return attempt()
            except Damaged as error:
                if error.found == damaged:  # the same again: it is damaged at its source
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
    """Have ``wanted`` at ``place``, from the first source that gives it; ``told`` hears the bytes.

    Raises:
        VoiceError: no source gives it; what has come of it stays for the next time.
        OSError: it cannot be written.

    """
    part = Part(place, wanted)
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
    """Return a small file of ``most`` bytes or fewer.

    Raises:
        Failed: it cannot be had, or is larger.

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


def _continue(source: Source, wanted: Wanted, part: Part, told: Callable[[int], None]) -> None:
    """Fetch what is missing of a file and give it its name.

    Raises:
        Failed: the rest did not come, or what came is wrong.

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
