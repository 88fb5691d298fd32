"""Cues: tables of readings that depend on the surrounding words.

A table is a TSV file with four columns: the written form, its reading, a pattern for the words
directly before it and one for the words directly after it. A pattern that begins with ``~`` may
match anywhere near. A reading fits if one of its patterns matches, or if it has none. The first
reading that fits is used.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import NamedTuple


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
    return re.compile(words + "$" if words.startswith("[") else rf"(?<!\w){words}\W{{0,2}}$")


@lru_cache(maxsize=2048)
def _after(words: str) -> re.Pattern[str]:
    if words == "$":
        return re.compile(r"\s*(?:$|[,.;!?])")
    if words.startswith("~"):
        return re.compile(rf".{{0,40}}(?<!\w){words[1:]}(?!\w)")
    return re.compile(words if words.startswith(("(?!", "\\")) else rf"\s?(?:{words})")
