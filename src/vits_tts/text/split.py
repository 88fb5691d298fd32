"""Splitting of a normalised text into sentences, each with the pause that follows it.

A sentence is the unit of synthesis and caching. It ends where a reader pauses: after ``.``, ``!``
and ``?`` outside quotations, and at the end of a line. A long sentence is cut at clauses into
pieces of nearly the same length, so that its first sound is ready early. After normalisation every
point ends a sentence: points of numbers, abbreviations and initials have been read as words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from math import ceil
from typing import Any, Final, NamedTuple

from vits_tts.text.aligned import Text
from vits_tts.text.patterns import lazily
from vits_tts.types import Sentence

MAX_CHARS: Final = 200
"""Maximum length of a sentence, in characters: about 15 seconds of speech."""

NATURAL_CHARS: Final = 160
"""Desired length, in characters, of the pieces of a sentence that is too long."""

_MARKS: Final = lazily(r"(?P<end>[.!?]+[\"'”’»)]*)(?=\s|$)|(?P<open>[“«])|(?P<close>[”»])|\"")
_CLAUSE_END: Final = lazily(r"[,;:.!?][\"'”’»]?(?=\s)")
_JOINT: Final = lazily(
    r"\s(?=(?:và|nhưng|nên|vì|mà|thì|để|khi|nếu|hoặc|rồi|song|còn|do|bởi|tuy)\s)"
)
_SPEAKABLE: Final = lazily(r"[^\W_]")


class Reading(NamedTuple):
    """A normalised text and its sentences."""

    text: Text
    sentences: tuple[Sentence, ...]
    lead: float = 0.0
    """Seconds of silence before the first sentence."""
    shown: str | None = None
    """The source without its markup, but of the same length; None if it has no markup."""
    plan: Sequence[Mapping[str, Any]] = ()
    """The segments of the markup, as JSON."""
    asked: frozenset[int] = frozenset()
    """The numbers of the sentences after which the text requests a pause in seconds."""
    pauses: tuple[tuple[int, float], ...] = ()
    """The place in the source and the seconds of each pause that the text requests."""

    def described(self) -> dict[str, Any]:
        """Return the reading as a JSON object; offsets count code points of the source."""
        plan = {"plan": list(self.plan)} if self.plan else {}
        return {
            **plan,
            "text": self.text.spoken,
            "sentences": [_described(sentence) for sentence in self.sentences],
            "stretches": [
                {"text": spoken, "start": start, "end": end}
                for spoken, start, end in self.text.stretches(0, len(self.text.spoken))
            ],
        }


def _described(sentence: Sentence) -> dict[str, Any]:
    """Return a sentence for JSON; without markup it has its text, pause and place."""
    told: dict[str, Any] = {
        "text": sentence.text,
        "pause": sentence.pause,
        "start": sentence.start,
        "end": sentence.end,
    }
    if sentence.turn is not None:
        told["turn"] = sentence.turn
    if sentence.voice:
        told["voice"] = sentence.voice
    if sentence.rate != 1:
        told["rate"] = sentence.rate
    if sentence.volume != 1:
        told["volume"] = sentence.volume
    if sentence.marks:
        told["marks"] = [asdict(mark) for mark in sentence.marks]
    return told


class _Span(NamedTuple):
    start: int
    end: int


def split(
    text: Text,
    sentence_pause: float = 0.0,
    paragraph_pause: float = 0.0,
    part: tuple[int, int] | None = None,
) -> tuple[Sentence, ...]:
    """Return the sentences of a normalised text, each with its place in the source.

    Stretches without a letter or digit are left out. A sentence is followed by ``sentence_pause``
    seconds of silence, and the last one of a paragraph (the text before an empty line) by
    ``paragraph_pause``. No pause follows the pieces of a long sentence, except its last piece, nor
    the end of the text. With ``part``, only the spoken characters from its start to its end count.
    """
    whole = _Span(*(part or (0, len(text.spoken))))
    parts = [
        (piece, pause)
        for paragraph in _lines(text.spoken, "\n\n", whole)
        for piece, pause in _paragraph(text.spoken, paragraph, sentence_pause, paragraph_pause)
    ]
    return tuple(
        Sentence(
            text.spoken[start:end],
            pause if number < len(parts) else 0.0,
            *text.source(start, end),
        )
        for number, ((start, end), pause) in enumerate(parts, 1)
    )


def _paragraph(
    spoken: str, paragraph: _Span, sentence_pause: float, paragraph_pause: float
) -> Iterator[tuple[_Span, float]]:
    lines = _lines(spoken, "\n", paragraph)
    sentences = [sentence for line in lines for sentence in _sentences(spoken, line)]
    for number, sentence in enumerate(sentences, 1):
        pieces = list(_pieces(spoken, sentence))
        yield from ((piece, 0.0) for piece in pieces[:-1])
        yield pieces[-1], sentence_pause if number < len(sentences) else paragraph_pause


def _lines(spoken: str, separator: str, span: _Span) -> Iterator[_Span]:
    """Yield the spans of ``span`` between the separators."""
    start = span.start
    while (end := spoken.find(separator, start, span.end)) >= 0:
        yield _Span(start, end)
        start = end + len(separator)
    yield _Span(start, span.end)


def _sentences(spoken: str, line: _Span) -> Iterator[_Span]:
    """Yield the spans of the sentences of one line."""
    for start, end in pairwise([line.start, *_ends(spoken, line), line.end]):
        yield from _trimmed(spoken, start, end)


def _ends(spoken: str, line: _Span) -> list[int]:
    """Return the positions in a line after which a sentence ends.

    Ends inside quotations do not count, except in a quotation that this line never closes. So the
    ends before a place where no quotation is open do not depend on what follows it.
    """
    outside, inside, _ = _quoted_ends(spoken, line)
    return outside + inside


def in_quotation(spoken: str) -> bool:
    """Return whether the last line of a text has a quotation that is open at its end."""
    return _quoted_ends(spoken, _Span(spoken.rfind("\n") + 1, len(spoken)))[2]


def _quoted_ends(spoken: str, line: _Span) -> tuple[list[int], list[int], bool]:
    """Return the ends outside quotations, those inside the last one, and whether it is open."""
    outside: list[int] = []
    inside: list[int] = []
    depth, plain = 0, False
    for mark in _MARKS.finditer(spoken, line.start, line.end):
        if mark["open"]:
            depth += 1
            continue
        depth = max(0, depth - sum(mark[0].count(close) for close in "”»"))
        plain ^= mark[0].count('"') % 2 == 1
        if not (depth or plain):
            inside.clear()
        if mark["end"]:
            (inside if depth or plain else outside).append(mark.end())
    return outside, inside, bool(depth or plain)


def _pieces(spoken: str, sentence: _Span) -> Iterator[_Span]:
    """Yield the spans of a sentence, cut so that none is longer than ``MAX_CHARS``."""
    start, end = sentence
    while end - start > MAX_CHARS:
        cut = _cut(spoken, start, end)
        yield from _trimmed(spoken, start, cut)
        start = cut
    yield from _trimmed(spoken, start, end)


def _cut(spoken: str, start: int, end: int) -> int:
    """Return the position at which to cut ``MAX_CHARS`` or less from a long sentence.

    The best cut is after a clause, then before a conjunction, then at a space, in each case near
    the length that would make all pieces equally long.
    """
    wanted = start + (end - start) // ceil((end - start) / NATURAL_CHARS)
    first, last = start + NATURAL_CHARS // 3, min(start + MAX_CHARS, end - 1)
    for mark in (_CLAUSE_END, _JOINT):
        places = [found.end() for found in mark.finditer(spoken, first, last)]
        if places:
            return min(places, key=lambda place: abs(place - wanted))
    space = spoken.rfind(" ", start + 1, wanted) if " " in spoken[start + 1 : wanted] else last - 1
    return space + 1


def _trimmed(spoken: str, start: int, end: int) -> Iterator[_Span]:
    """Yield the span without surrounding white space, or nothing if it has no letter or digit."""
    while start < end and spoken[start].isspace():
        start += 1
    while end > start and spoken[end - 1].isspace():
        end -= 1
    if _SPEAKABLE.search(spoken, start, end):
        yield _Span(start, end)
