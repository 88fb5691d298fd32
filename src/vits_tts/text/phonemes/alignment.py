"""Alignment of the words of a sentence with its phonemes.

espeak-ng separates words by spaces and keeps the marks that end clauses. So the groups of phonemes
between spaces and marks normally correspond to the words, in order. Where espeak-ng joins or splits
words, the counts differ. Then the phonemes of a clause are divided among its words in proportion to
their numbers of letters, and the result is marked as not exact.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final, Literal, NamedTuple

from vits_tts.text.phonemes.given import GIVEN

_WORD: Final = re.compile(rf"{GIVEN.pattern}|[^\W_]+(?:['’][^\W_]+)*")
_CLAUSE_MARKS: Final = frozenset(",.;:?!")


class Span(NamedTuple):
    """A half-open range of indices: ``start`` is inside, ``end`` is not."""

    start: int
    end: int


class SpokenWord(NamedTuple):
    """A word: its range of characters in the sentence, and its range of phonemes."""

    place: Span
    phonemes: Span


class Words(NamedTuple):
    """The words of a sentence; ``exact`` if every word has its own group of phonemes."""

    words: list[SpokenWord]
    exact: bool


def find_words(text: str) -> list[Span]:
    """Return the ranges of characters of the words of a sentence, without punctuation."""
    return [Span(*found.span()) for found in _WORD.finditer(text)]


def spoken_words(text: str, phonemes: Sequence[str], kind: Literal["espeak", "text"]) -> Words:
    """Return the words of a sentence, each with its range in ``phonemes``.

    The ranges are in order and do not overlap. No input raises an error.
    """
    words = find_words(text)
    if kind == "text":
        return Words(list(map(SpokenWord, words, _letters(text, words))), exact=True)
    groups = _groups(phonemes)
    if len(words) == len(groups):
        return Words(list(map(SpokenWord, words, groups)), exact=True)
    clauses = _clauses(text, words), _clauses(phonemes, groups)
    if len(clauses[0]) != len(clauses[1]):
        clauses = [words], [groups]
    shared = [
        pair
        for part, spoken in zip(*clauses, strict=True)
        for pair in zip(part, _shared(part, spoken), strict=True)
    ]
    return Words([SpokenWord(*pair) for pair in shared], exact=False)


def _letters(text: str, words: Iterable[Span]) -> Iterator[Span]:
    """Yield the range of NFD code points of each word, for voices that read letters."""
    sizes = (len(unicodedata.normalize("NFD", letter)) for letter in text)
    places = list(accumulate(sizes, initial=0))
    return (Span(places[start], places[end]) for start, end in words)


def _groups(phonemes: Sequence[str]) -> list[Span]:
    """Return the ranges of phonemes between spaces and marks that contain at least one letter."""
    groups: list[Span] = []
    start = 0
    for place, phoneme in enumerate([*phonemes, " "]):
        if phoneme == " " or phoneme in _CLAUSE_MARKS:
            if any(map(str.isalpha, phonemes[start:place])):
                groups.append(Span(start, place))
            start = place + 1
    return groups


def _clauses(marked: Sequence[str], spans: Iterable[Span]) -> list[list[Span]]:
    """Return the spans in groups, one for each clause: a clause ends at a mark of punctuation."""
    clauses: list[list[Span]] = []
    last = 0
    for span in spans:
        if not clauses or not _CLAUSE_MARKS.isdisjoint(marked[last : span.start]):
            clauses.append([])
        clauses[-1].append(span)
        last = span.end
    return clauses


def _shared(words: Sequence[Span], groups: Sequence[Span]) -> list[Span]:
    """Return the range of phonemes of each word of one clause.

    Equal counts are matched in order. Otherwise the phonemes of the clause are divided in
    proportion to the numbers of letters of its words.
    """
    if len(words) == len(groups):
        return list(groups)
    if not words or not groups:
        return [Span(0, 0)] * len(words)
    first, last = groups[0].start, groups[-1].end
    letters = list(accumulate((end - start for start, end in words), initial=0))
    ends = [first + (last - first) * count // letters[-1] for count in letters]
    return [Span(*pair) for pair in pairwise(ends)]
