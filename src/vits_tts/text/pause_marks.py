r"""Pauses that authors write into plain text, and their beginnings in a text still being written.

| form | known from |
|---|---|
| ``[pause 0.5s]``, ``[pause 500ms]``, ``[pause:1.5s]`` | Kokoro-FastAPI has the form with a colon |
| ``<break time="0.5s"/>`` | ElevenLabs |
| ``<<<sil#1000>>>``, in milliseconds | Zalo AI |
"""

import re
from typing import Final

from vits_tts.text.patterns import lazily

PATTERN: Final = r"""
    (?i:\[pause[ :=]{1,3}(?P<a>\d{1,6}(?:[.,]\d{1,3})?)\ ?(?P<a_unit>ms|s)\])
    | (?i:<break\s{1,8}time\s?=\s?["'](?P<b>\d{1,6}(?:\.\d{1,3})?)\ ?(?P<b_unit>ms|s)["']
      \s{0,8}(?:/>|>(?:\s{0,8}</break>)?))
    | <<<sil\#(?P<c>\d{1,6})>>>
"""
"""One pause, for ``re.VERBOSE``."""
MARK: Final = lazily(PATTERN, re.VERBOSE)


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
        )
    )
    + r")\Z"
)  # fmt: skip
_LONGEST: Final = 80
"""Characters of the longest mark, or more."""


def begun(text: str) -> int:
    """Return where the end of a text may be the beginning of a pause; else its length."""
    start = max(0, len(text) - _LONGEST)
    found = _BEGUN.search(text, start)
    return found.start() if found else len(text)
