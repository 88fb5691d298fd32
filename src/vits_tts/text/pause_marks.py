r"""Marks that authors write into plain text, and their beginnings in a text still being written.

They are pauses, and characters to spell.

| form | known from |
|---|---|
| ``[pause 0.5s]``, ``[pause 500ms]``, ``[pause:1.5s]`` | Kokoro-FastAPI has the form with a colon |
| ``<break time="0.5s"/>`` | ElevenLabs |
| ``<<<sil#1000>>>``, in milliseconds | Zalo AI |
| ``<spell>AB12</spell>`` | Cartesia |
"""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from vits_tts.text.letters import CAPITALS, SMALLS
from vits_tts.text.patterns import lazily

_SPELLED: Final = rf"[{CAPITALS}{SMALLS}A-Za-z0-9\ .,:;!?@\#*+\-_/\\&%=()$]"
"""A character that can be spelled."""

PATTERN: Final = rf"""
    (?i:\[pause[ :=]{{1,3}}(?P<a>\d{{1,6}}(?:[.,]\d{{1,3}})?)\ ?(?P<a_unit>ms|s)\])
    | (?i:<break\s{{1,8}}time\s?=\s?["'](?P<b>\d{{1,6}}(?:\.\d{{1,3}})?)\ ?(?P<b_unit>ms|s)["']
      \s{{0,8}}(?:/>|>(?:\s{{0,8}}</break>)?))
    | <<<sil\#(?P<c>\d{{1,6}})>>>
    | (?i:<spell>)(?P<spell>\ {{0,8}}(?!\ ){_SPELLED}{{1,100}})(?i:</spell>)
"""
"""One mark, for ``re.VERBOSE``; the group ``spell`` has the characters to spell."""
MARK: Final = lazily(PATTERN, re.VERBOSE)


SpanKind: TypeAlias = Literal["pause", "end", "way", "word"]


class Span(NamedTuple):
    """The place of markup in a text: a mark, or an element from its first tag to its last.

    ``kind`` says whether it is a ``pause``, ends behind the ``end`` of a sentence, changes the
    voice or rate (``way``), or stands for a ``word``.
    """

    start: int
    end: int
    kind: SpanKind


def spans(text: str, start: int = 0) -> Iterator[Span]:
    """Yield the places of the marks in a text from ``start`` on."""
    if "[" in text or "<" in text:
        for found in MARK.finditer(text, start):
            yield Span(*found.span(), "word" if found["spell"] else "pause")


def _beginnings(*items: str) -> str:
    """Return a pattern of the first item, the first two items, and so on."""
    pattern = ""
    for item in reversed(items[1:]):
        pattern = f"(?:{item}{pattern})?"
    return items[0] + pattern


_BEGUN: Final = lazily(
    "(?i:"
    + "|".join(
        (
            _beginnings(r"\[", *"pause", "[ :=]{1,3}", r"\d{1,6}", r"(?:[.,]\d{0,3})?", " ?m?s?"),
            _beginnings(
                *"<break", r"\s{1,8}", *"time", r"\s?=?", r"\s?[\"']?", r"\d{0,6}",
                r"(?:\.\d{0,3})?", " ?m?s?", r"[\"']", r"\s{0,8}/?",
            ),
            # the optional end of one that would be complete without it
            _beginnings(
                r"<break\s{1,8}time\s?=\s?[\"'][\d.]{1,10} ?m?s[\"']\s{0,8}>\s{0,8}", *"</break"
            ),
            _beginnings(*"<<<sil#", r"\d{1,6}", ">{1,2}"),
            _beginnings(*"<spell>", rf"{_SPELLED}{{1,108}}", *"</spell"),
        )
    )
    + r")\Z"
)  # fmt: skip
_LONGEST: Final = 140
"""Characters of the longest mark, or more."""


def begun(text: str) -> int:
    """Return where the end of a text may be the beginning of a mark; else its length."""
    start = max(0, len(text) - _LONGEST)
    found = _BEGUN.search(text, start)
    return found.start() if found else len(text)
