"""Splitting: a normalised text into sentences, with the pause that follows each.

A sentence is the unit of work, of caching and of sharing, so it is cut where a reader pauses:
after ``.``, ``!`` and ``?`` outside quotations, at line ends, and, where it would be too long to
start at once, at clauses, into pieces of nearly the same length. Normalising has left no point
that means something else: those of numbers, abbreviations and initials have been read.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from math import ceil
from typing import Any, Final, NamedTuple

from vits_tts.text.aligned import Text
from vits_tts.types import Sentence

MAX_CHARS: Final = 200
"""Longest sentence, in characters: about 15 seconds of speech."""

NATURAL_CHARS: Final = 160
"""About the length that the pieces of a longer one have."""

_MARKS: Final = re.compile(r"(?P<end>[.!?]+[\"'”’»)]*)(?=\s|$)|(?P<open>[“«])|(?P<close>[”»])|\"")
_CLAUSE_END: Final = re.compile(r"[,;:.!?][\"'”’»]?(?=\s)")
_JOINT: Final = re.compile(
    r"\s(?=(?:và|nhưng|nên|vì|mà|thì|để|khi|nếu|hoặc|rồi|song|còn|do|bởi|tuy)\s)"
)
_SPEAKABLE: Final = re.compile(r"[^\W_]")


class Reading(NamedTuple):
    """A normalised text and its sentences."""

    text: Text
    sentences: tuple[Sentence, ...]

    def described(self) -> dict[str, Any]:
        """Return it for JSON; offsets count the characters (code points) of the source."""
        return {
            "text": self.text.spoken,
            "sentences": [asdict(sentence) for sentence in self.sentences],
            "stretches": [
                {"text": spoken, "start": start, "end": end}
                for spoken, start, end in self.text.stretches(0, len(self.text.spoken))
            ],
        }


class _Span(NamedTuple):
    start: int
    end: int


def split(
    text: Text, sentence_pause: float = 0.0, paragraph_pause: float = 0.0
) -> tuple[Sentence, ...]:
    """Return the sentences of a normalised text; what has nothing to say is left out.

    A sentence is followed by ``sentence_pause`` seconds, the last one of a paragraph (text before
    an empty line) by ``paragraph_pause``, a piece of one that was too long and the last of all by
    none. Each knows the place in the source from which it comes.
    """
    parts = [
        (piece, pause)
        for paragraph in _lines(text.spoken, "\n\n", _Span(0, len(text.spoken)))
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
    """Yield what stands between the separators."""
    start = span.start
    while (end := spoken.find(separator, start, span.end)) >= 0:
        yield _Span(start, end)
        start = end + len(separator)
    yield _Span(start, span.end)


def _sentences(spoken: str, line: _Span) -> Iterator[_Span]:
    """Yield the sentences of one line."""
    for start, end in pairwise([line.start, *_ends(spoken, line), line.end]):
        yield from _trimmed(spoken, start, end)


def _ends(spoken: str, line: _Span) -> list[int]:
    """Return where sentences end; inside a quotation none does, if all quotations are closed."""
    free: list[int] = []
    outside: list[int] = []
    quoted = plain = 0
    for mark in _MARKS.finditer(spoken, line.start, line.end):
        if mark["end"]:
            quoted -= sum(mark[0].count(close) for close in "”»")
            plain += mark[0].count('"')
            free.append(mark.end())
            if quoted <= 0 and plain % 2 == 0:
                outside.append(mark.end())
        elif mark[0] == '"':
            plain += 1
        else:
            quoted += 1 if mark["open"] else -1
    return outside if quoted == 0 and plain % 2 == 0 else free


def _pieces(spoken: str, sentence: _Span) -> Iterator[_Span]:
    """Yield the sentence, cut at clauses or words so that no piece is longer than the limit."""
    start, end = sentence
    while end - start > MAX_CHARS:
        cut = _cut(spoken, start, end)
        yield from _trimmed(spoken, start, cut)
        start = cut
    yield from _trimmed(spoken, start, end)


def _cut(spoken: str, start: int, end: int) -> int:
    """Return where to cut: near an even share, after a clause, before a joint, or at a space."""
    wanted = start + (end - start) // ceil((end - start) / NATURAL_CHARS)
    first, last = start + NATURAL_CHARS // 3, min(start + MAX_CHARS, end - 1)
    for mark in (_CLAUSE_END, _JOINT):
        places = [found.end() for found in mark.finditer(spoken, first, last)]
        if places:
            return min(places, key=lambda place: abs(place - wanted))
    space = spoken.rfind(" ", start + 1, wanted) if " " in spoken[start + 1 : wanted] else last - 1
    return space + 1


def _trimmed(spoken: str, start: int, end: int) -> Iterator[_Span]:
    """Yield the stretch without the space around it, unless there is nothing to say in it."""
    while start < end and spoken[start].isspace():
        start += 1
    while end > start and spoken[end - 1].isspace():
        end -= 1
    if _SPEAKABLE.search(spoken, start, end):
        yield _Span(start, end)
