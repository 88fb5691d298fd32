"""Words: where in a sentence they stand, and which of its phonemes are theirs.

espeak-ng puts a space between words and keeps the marks that end a clause, so that the groups of
phonemes in between are the words in order. Where it makes one word of two, or two of one, a clause
is shared among its words by their letters.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final, Literal, NamedTuple

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CLAUSE_MARKS: Final = frozenset(",.;:?!")


class Span(NamedTuple):
    """From the first of something to the one after the last."""

    start: int
    end: int


class SpokenWord(NamedTuple):
    """A word of a sentence, in characters, and its phonemes."""

    place: Span
    phonemes: Span


class Words(NamedTuple):
    """The words of a sentence; ``exact`` unless some had to share the phonemes of a clause."""

    words: list[SpokenWord]
    exact: bool


def find_words(text: str) -> list[Span]:
    """Return where the words of a sentence stand, without the marks around them."""
    return [Span(*found.span()) for found in _WORD.finditer(text)]


def spoken_words(text: str, phonemes: Sequence[str], kind: Literal["espeak", "text"]) -> Words:
    """Return the words of a sentence with the ``phonemes`` that were made of it; it never raises.

    Both words and phonemes are in order and do not overlap.
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
    """Yield the decomposed code points of each word: the phonemes of voices that read letters."""
    sizes = (len(unicodedata.normalize("NFD", letter)) for letter in text)
    places = list(accumulate(sizes, initial=0))
    return (Span(places[start], places[end]) for start, end in words)


def _groups(phonemes: Sequence[str]) -> list[Span]:
    """Return the stretches of phonemes between spaces and marks, if they have a sound."""
    groups: list[Span] = []
    start = 0
    for place, phoneme in enumerate([*phonemes, " "]):
        if phoneme == " " or phoneme in _CLAUSE_MARKS:
            if any(map(str.isalpha, phonemes[start:place])):
                groups.append(Span(start, place))
            start = place + 1
    return groups


def _clauses(marked: Sequence[str], spans: Iterable[Span]) -> list[list[Span]]:
    """Return the spans that stand between marks which end clauses."""
    clauses: list[list[Span]] = []
    last = 0
    for span in spans:
        if not clauses or not _CLAUSE_MARKS.isdisjoint(marked[last : span.start]):
            clauses.append([])
        clauses[-1].append(span)
        last = span.end
    return clauses


def _shared(words: Sequence[Span], groups: Sequence[Span]) -> list[Span]:
    """Return the phonemes of each word of a clause; by its share of the letters if need be."""
    if len(words) == len(groups):
        return list(groups)
    if not words or not groups:
        return [Span(0, 0)] * len(words)
    first, last = groups[0].start, groups[-1].end
    letters = list(accumulate((end - start for start, end in words), initial=0))
    ends = [first + (last - first) * count // letters[-1] for count in letters]
    return [Span(*pair) for pair in pairwise(ends)]
