"""Reading of subtitles, SubRip (SRT) and WebVTT, as cues to be spoken."""

import re
import unicodedata
from dataclasses import dataclass
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Final

from vits_tts.books import texts
from vits_tts.books.book import BadBook
from vits_tts.errors import ConfigError

_BYTES_AT_MOST: Final = 16 * 1024**2
_TIME: Final = r"(?:(\d{1,4}):)?([0-5]?\d):([0-5]?\d)[.,](\d{1,3})"
_TIMES: Final = re.compile(rf"^[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t].*)?$")
_NUMBER: Final = re.compile(r"\s*\d{1,9}\s*")
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_SILENT: Final = re.compile(r"\[[^\[\]]*\]|♪[^♪]*♪?")
"""Descriptions of sounds, and songs."""
_SPEAKABLE: Final = re.compile(r"[\dA-Za-z\u00c0-\u024f\u0370-\u03ff\u1e00-\u1eff]")
"""Digits, and letters of the scripts that are read: Latin and Greek."""
_DASH: Final = re.compile(r"^[^\S\n]*[-–—]\s*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle: its number from 1, its line in the file, its time in seconds, its spoken text."""

    number: int
    line: int
    begins: float
    ends: float
    text: str

    @property
    def is_silent(self) -> bool:
        """True if it has nothing that is read aloud, such as a description of a sound."""
        return not _SPEAKABLE.search(unicodedata.normalize("NFKC", self.text))


def read(path: Path) -> list[Cue]:
    """Return the cues of a file in order of time; their texts have no tags.

    Raises:
        ConfigError: it is not SRT or WebVTT, or a cue is wrong; the message names the line.
        OSError: it cannot be read.

    """
    try:
        return parsed(texts.read(path, _BYTES_AT_MOST))
    except BadBook as error:
        raise ConfigError(f"{path}: {error}") from None


def parsed(text: str) -> list[Cue]:
    """Return the cues of SRT or WebVTT.

    Raises: BadBook: there are no cues, or a cue is invalid.

    """
    lines = re.sub(r"\r\n?", "\n", text).split("\n")
    heads = [(at, found) for at, line in enumerate(lines) if (found := _TIMES.match(line))]
    wrong = next((at for at, line in enumerate(lines) if _is_wrong(line)), None)
    if wrong is not None:
        raise BadBook(f"line {wrong + 1}: not a time as in 00:00:01,000 --> 00:00:02,500")
    if not heads:
        raise BadBook("it has no cues")
    cues = []
    ends = [at for at, _ in heads[1:]] + [len(lines)]
    for number, ((at, found), end) in enumerate(zip(heads, ends, strict=True), 1):
        begins, stops = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
        if stops <= begins:
            raise BadBook(f"line {at + 1}: the cue ends before it begins")
        body = _body(lines[at + 1 : end], is_last=end == len(lines))
        cues.append(Cue(number, at + 1, begins, stops, _spoken("\n".join(body))))
    cues.sort(key=lambda cue: cue.begins)
    for one, other in pairwise(cue for cue in cues if not cue.is_silent):
        if other.begins < one.ends - 0.0005:
            overlap = one.ends - other.begins
            raise BadBook(
                f"line {other.line}: it begins {overlap:.3f} s before the previous cue ends"
            )
    return cues


def _body(lines: list[str], *, is_last: bool) -> list[str]:
    """Return the lines of a cue, of those up to the next cue's times.

    A cue ends at an empty line. Some programs omit it in SRT: then the number of the next cue is
    the last line before its times.
    """
    empty = next((n for n, line in enumerate(lines) if not line.strip()), None)
    if empty is not None:
        return lines[:empty]
    return lines[:-1] if not is_last and lines and _NUMBER.fullmatch(lines[-1]) else lines


def _is_wrong(line: str) -> bool:
    return "-->" in line and not _TIMES.match(line)


def _seconds(groups: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = groups
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + int((fraction or "0").ljust(3, "0")) / 1000


def _spoken(text: str) -> str:
    """Return the text of a cue without tags, descriptions of sounds and dashes of speakers."""
    plain = _SILENT.sub(" ", unescape(_TAG.sub("", text)))
    return " ".join(_DASH.sub("", plain).split())
