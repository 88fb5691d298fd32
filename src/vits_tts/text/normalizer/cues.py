"""Cues: tables of readings that depend on the surrounding words.

A table is a TSV file with four columns: the written form, its reading, a pattern for the words
directly before it and one for the words directly after it. A pattern that begins with ``~`` may
match anywhere near. A reading fits if one of its patterns matches, or if it has none. The first
reading that fits is used.
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from typing import Final, NamedTuple

from vits_tts.text.patterns import lazily


class Reading(NamedTuple):
    """A reading, and the patterns of the words around it."""

    said: str
    before: str
    after: str
    anywhere: bool


@lru_cache(maxsize=4)
def table(name: str) -> Mapping[str, tuple[Reading, ...]]:
    """Return a table of the package: the readings of each written form, in the order of the file.

    A ``!`` before a written form sets ``anywhere``.
    """
    text = resources.files("vits_tts.text").joinpath(f"data/{name}").read_text("utf-8")
    found: dict[str, list[Reading]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            form, said, before, after = (*line.split("\t"), "", "")[:4]
            reading = Reading(said, before, after, form.startswith("!"))
            found.setdefault(form.removeprefix("!"), []).append(reading)
    return {form: tuple(readings) for form, readings in found.items()}


def fits(reading: Reading, front: str, back: str, *, every: bool = False) -> bool:
    """Return whether the words around a form fit a reading.

    One matching pattern is enough or, with ``every``, all patterns of the reading have to match.
    """
    if not reading.before and not reading.after:
        return True
    found = [
        bool(reading.before) and _before(reading.before).search(front) is not None,
        bool(reading.after) and _after(reading.after).match(back) is not None,
    ]
    if every:
        asked = (bool(reading.before), bool(reading.after))
        return all(hit or not wanted for hit, wanted in zip(found, asked, strict=True))
    return any(found)


@lru_cache(maxsize=2048)
def _before(words: str) -> re.Pattern[str]:
    if words.startswith("~"):
        return re.compile(rf"(?<!\w){words[1:]}(?!\w)")
    return re.compile(
        words + "$" if words.startswith(("[", "(?:^")) else rf"(?<!\w){words}\W{{0,2}}$"
    )


@lru_cache(maxsize=2048)
def _after(words: str) -> re.Pattern[str]:
    if words == "$":
        return re.compile(r"\s*(?:$|[,.;!?])")
    if words.startswith("~"):
        return re.compile(rf".{{0,40}}(?<!\w){words[1:]}(?!\w)")
    return re.compile(words if words.startswith(("(?!", "\\")) else rf"\s?(?:{words})")


class Subjects(NamedTuple):
    """The subjects that each cue word indicates, and the readings of forms in lines about them."""

    cues: Mapping[str, tuple[str, ...]]
    readings: Mapping[str, tuple[tuple[str, Reading], ...]]


@lru_cache(maxsize=1)
def subjects() -> Subjects:
    """Return the table ``data/subjects.tsv``."""
    text = resources.files("vits_tts.text").joinpath("data/subjects.tsv").read_text("utf-8")
    cues: dict[str, tuple[str, ...]] = {}
    readings: dict[str, list[tuple[str, Reading]]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        subject, form, said, before, after = (*line.split("\t"), "", "")[:5]
        if form == "*":
            for cue in said.split(", "):
                cues[cue] = (*cues.get(cue, ()), subject)
        else:
            readings.setdefault(form, []).append((subject, Reading(said, before, after, False)))
    for form, found in readings.items():
        if len(form) >= _TELLING and form.isupper() and len({subject for subject, _ in found}) == 1:
            cue = form.lower()  # a long abbreviation of one subject indicates it by itself
            cues[cue] = cues.get(cue) or (found[0][0],)
    return Subjects(cues, {form: tuple(found) for form, found in readings.items()})


def by_subject(
    match: re.Match[str],
    form: str,
    front: str,
    back: str,
    *,
    certain: bool = False,
    least: int = 1,
) -> str:
    """Return the reading of a form in a line about a subject, or an empty string.

    If ``certain``, only readings that require words beside the form are considered. ``least`` is
    the number of words of the subject that the others need.

    If the line has words of several subjects, the subject with the most words takes precedence.
    """
    known = subjects().readings.get(form)
    if known is None:
        return ""
    scores = _of(match)
    # sorting is stable, so the readings of one subject stay in the order of the table
    for subject, reading in sorted(known, key=lambda one: -scores.get(one[0], 0)):
        if certain and not (reading.before or reading.after):
            continue
        needed = 1 if reading.before or reading.after else least
        if scores.get(subject, 0) >= needed and fits(reading, front, back, every=True):
            return reading.said
    return ""


def sentence(spoken: str, place: int, back: int) -> str:
    """Return the text of :func:`around`, in small letters."""
    low, high = around(spoken, place, back)
    return spoken[low:high].lower()


def around(spoken: str, place: int, back: int) -> tuple[int, int]:
    """Return the part of a line from ``back`` characters before a place to the sentence's end.

    Later sentences do not belong to it, because a text that comes in pieces is spoken before they
    come.
    """
    low, high = max(0, place - back), place + _AHEAD
    line = spoken.rfind("\n", low, place)
    end = _SENTENCE_END.search(spoken, place, high)
    return (line + 1 if line >= 0 else low), (end.start() if end else high)


def about(match: re.Match[str], *subjects: str) -> bool:
    """Return whether the line of a match is about one of the subjects more than about others."""
    scores = {name: count for name, count in _of(match).items() if name not in _ADVERTS}
    return bool(scores) and max(scores, key=scores.__getitem__) in subjects


def mentions(match: re.Match[str], subject: str) -> bool:
    """Return whether the line of a match has a word of the subject."""
    return subject in _of(match)


def _of(match: re.Match[str]) -> Mapping[str, int]:
    """Return the counts of the sentence of a match, which no text after it can change."""
    low = max(0, match.start() - _LINE)
    front = match.string[low : match.start()]
    back = match.string[match.end() : match.end() + _LINE]
    starts = [end.end() for end in _SENTENCE_END.finditer(front)]
    start = low + (starts[-1] if starts else 0)
    end = _SENTENCE_END.search(back)
    return _scores(match.string[start : match.end() + (end.start() if end else len(back))].lower())


@lru_cache(maxsize=64)
def _scores(line: str) -> Mapping[str, int]:
    """Return how many cue words of each subject a line has."""
    words = [word.lstrip("0123456789") or word for word in _CUE_WORD.findall(line)]
    found = {*words, *map(" ".join, pairwise(words))}
    for word in words:
        if not word.isalpha():
            found.update(_LETTERS.findall(word))  # the rooms of 3PN4WC
    # in an order of their own, because the first of two equal subjects counts
    cues = sorted(found & subjects().cues.keys())
    return Counter(subject for cue in cues for subject in subjects().cues[cue])


_ADVERTS: Final = frozenset(["goods", "job", "vehicle", "course", "biology"])
"""Subjects that only tell meanings: of adverts, with words such as price and buy, and biology."""
_TELLING: Final = 4
_LETTERS: Final = lazily(r"[^\W\d_]{2,}")
_SENTENCE_END: Final = lazily(
    r"[.!?…\n](?:(?<=\n)|(?<!\s\d[.!?…])(?<!\s\d\d[.!?…])[\"”’»)]{0,4}\s)"
)
"""The end of a sentence, but not the point of a number that begins an item.

Python searches quickly for a set of characters, so the pattern begins with one.
"""
_CUE_WORD: Final = lazily(r"[^\W_]+(?:[-/][^\W\d_]+)?")
_AHEAD: Final = 160
_LINE: Final = 200
"""Maximum number of characters to each side whose words determine the subject of a line."""
