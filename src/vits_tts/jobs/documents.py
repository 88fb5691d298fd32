"""Long documents as jobs: a text, subtitles or a book is cut into parts, which are items of a job.

All functions block for a time that grows with the document: call them in threads.
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vits_tts.books.book import PICTURES, BadBook, Book
from vits_tts.books.cues import parsed
from vits_tts.books.dubbing import Limits, room
from vits_tts.errors import (
    DocumentInvalid,
    FieldInvalid,
    FormatUnavailable,
    TextEmpty,
    TextTooLong,
    TextUnspeakable,
)
from vits_tts.jobs.model import CueSpec
from vits_tts.text.normalizer.pipeline import CONTROLS
from vits_tts.text.portions import portions

MAX_PARTS: Final = 5000
MAX_COVER_BYTES: Final = 1024 * 1024
"""The queue holds the cover of a book with its text, and reads both each time it reads the job."""
MAX_TRACK_SECONDS: Final = 24 * 3600.0
"""Longest track for subtitles, whose silence needs space too."""
_CHAPTER_PAUSE: Final = 1.5
_CHARS: Final = 4000
"""Desired length of a part, as in ``vits_tts.api``: about five minutes of speech."""
_BYTES_PER_CHAR: Final = 8
"""The pages of a book may have this many bytes, markup included, for each allowed character."""
_CONTROL: Final = re.compile(f"[{CONTROLS}]")
_SPEAKABLE: Final = re.compile(r"[^\W_]")
_SENTENCE_END: Final = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)]*+\s+")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a document, and the silence after it in seconds; a subtitle has its cue."""

    text: str
    pause: float = 0.0
    cue: CueSpec | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a document, in order.

    ``chapters`` are the titles of a book, each with the number of its parts. ``seconds`` is the
    length of the track for subtitles. ``cover`` is a JPEG or PNG.
    """

    parts: tuple[Part, ...]
    chapters: tuple[tuple[str, int], ...] = ()
    title: str = ""
    author: str = ""
    seconds: float | None = None
    cover: bytes | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The texts of all parts."""
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a document and of a part of it in characters, and the pauses in seconds."""

    all_chars: int
    part_chars: int
    sentence_pause: float
    paragraph_pause: float


def of_text(text: str, bounds: Bounds) -> Parts:
    """Return the parts of a plain text, which end at paragraphs, lines or sentences.

    Raises:
        TextEmpty, TextUnspeakable: it has nothing to say.
        TextTooLong: it has too many characters.

    """
    _check_chars(len(text), bounds, "text")
    if not text.strip():
        raise TextEmpty("text is empty", field="text")
    parts = tuple(_parts(text, bounds))
    if not parts:
        raise TextUnspeakable("the text has nothing to say: no letter and no digit", field="text")
    return Parts((*parts[:-1], Part(parts[-1].text)))


def of_srt(text: str, limits: Limits, seconds: float | None, bounds: Bounds) -> Parts:
    """Return the cues of SRT or WebVTT that have something to say.

    ``seconds`` is the length of the track; None for the end of the last cue.

    Raises:
        DocumentInvalid: it is broken, or the last cue ends after ``seconds`` or a day.
        TextTooLong: it has too many characters.

    """
    _check_chars(len(text), bounds, "srt")
    try:
        cues = parsed(text)
    except BadBook as error:
        raise DocumentInvalid(f"srt: {error}", field="srt") from None
    ends = max(cue.ends for cue in cues)
    if ends > MAX_TRACK_SECONDS:
        message = f"srt: the last cue ends at {ends:g} s; a track has up to {MAX_TRACK_SECONDS:g} s"
        raise DocumentInvalid(message, field="srt")
    if seconds is not None and seconds < ends:
        message = f"dubbing.length: the last cue ends later, at {ends:g} s"
        raise DocumentInvalid(message, field="dubbing")
    spoken = [cue for cue in cues if not cue.is_silent]
    if not spoken:
        raise DocumentInvalid("srt: it has nothing to say", field="srt")
    parts = []
    for cue, following in zip(spoken, [*spoken[1:], None], strict=True):
        spec = CueSpec(
            number=cue.number,
            line=cue.line,
            begins=cue.begins,
            ends=cue.ends,
            room=room(cue, following, limits),
            slowest=limits.slowest,
            fastest=limits.fastest,
            usual=limits.usual,
            fill=limits.fill,
        )
        text = _CONTROL.sub("", cue.text)
        if len(text) > bounds.part_chars:
            raise TextTooLong(f"srt: line {cue.line}: the cue is too long", field="srt")
        parts.append(Part(text, cue=spec))
    return _bounded(Parts(tuple(parts), seconds=ends if seconds is None else seconds), "srt")


def of_epub(content: bytes, bounds: Bounds, *, skip_front_matter: bool) -> Parts:
    """Return the parts of an EPUB; a part never continues into the next chapter.

    Raises:
        DocumentInvalid: it is broken, encrypted, unsafe or has no text.
        FormatUnavailable: a library of the extra ``books`` is missing.
        TextTooLong: it has too many characters.

    """
    book = _book(content, _BYTES_PER_CHAR * bounds.all_chars)
    kept = [one for one in book.chapters if not (skip_front_matter and one.front)]
    _check_chars(sum(len(b.text) for one in kept for b in one.blocks), bounds, "epub")
    parts: list[Part] = []
    chapters: list[tuple[str, int]] = []
    for chapter in kept:
        text = _CONTROL.sub("", "\n\n".join(block.text for block in chapter.blocks))
        own = list(_parts(text, bounds))
        if own:
            own[-1] = Part(own[-1].text, _CHAPTER_PAUSE)
            chapters.append((chapter.title, len(own)))
            parts += own
    if not parts:
        raise DocumentInvalid("epub: it has no text", field="epub")
    cover = book.cover if len(book.cover or b"") <= MAX_COVER_BYTES else None
    found = Parts(tuple(parts), tuple(chapters), book.title, book.author, cover=cover)
    return _bounded(found, "epub")


def cover_of(content: bytes) -> bytes:
    """Return the picture of a cover.

    Raises:
        FieldInvalid: it is too large, or neither a JPEG nor a PNG.

    """
    if len(content) > MAX_COVER_BYTES:
        message = f"cover has {len(content)} bytes; {MAX_COVER_BYTES} are allowed"
        raise FieldInvalid(message, field="cover")
    if not content.startswith(PICTURES):
        raise FieldInvalid("cover should be a JPEG or PNG", field="cover")
    return content


def _book(content: bytes, most: int) -> Book:
    try:
        from vits_tts.books import epub  # noqa: PLC0415  # its libraries are optional
    except ImportError:
        message = "books need: pip install 'vits-tts-vietnamese[books]'"
        raise FormatUnavailable(message, field="epub") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "book.epub")
        path.write_bytes(content)
        try:
            return epub.read(path, most)
        except BadBook as error:
            raise DocumentInvalid(f"epub: {error}", field="epub") from None


def _check_chars(chars: int, bounds: Bounds, field: str) -> None:
    if chars > bounds.all_chars:
        message = f"{field} has {chars} characters; jobs.max_chars allows {bounds.all_chars}"
        raise TextTooLong(message, field=field)


def _bounded(parts: Parts, field: str) -> Parts:
    if len(parts.parts) > MAX_PARTS:
        message = f"{field} has {len(parts.parts)} parts; {MAX_PARTS} are allowed"
        raise TextTooLong(message, field=field)
    return parts


def _parts(text: str, bounds: Bounds) -> Iterator[Part]:
    """Yield the parts of a text, without those that have no letter and no digit."""
    most = min(_CHARS, bounds.part_chars)
    for portion in portions(text, most):
        pause = bounds.paragraph_pause if portion.paragraph else bounds.sentence_pause
        rest = portion.text
        while len(rest) > most:
            end, inner = _cut(rest, most, bounds.sentence_pause)
            if _SPEAKABLE.search(rest, 0, end):
                yield Part(rest[:end], inner)
            rest = rest[end:]
        if _SPEAKABLE.search(rest):
            yield Part(rest, pause)


def _cut(line: str, most: int, pause: float) -> tuple[int, float]:
    """Return where to cut a line, and the pause there: after a sentence, else after a word."""
    ends = [found.end() for found in _SENTENCE_END.finditer(line, 0, most)]
    if ends:
        return ends[-1], pause
    space = line.rfind(" ", 1, most)
    return (space + 1 if space > 0 else most), 0.0
