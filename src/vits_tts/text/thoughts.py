"""Thoughts: text between ``<think>`` and ``</think>``, which a language model writes for itself.

They are never spoken. A thought stands between two paragraphs. A thought without a closing tag
lasts to the end of the text. A tag after a quotation mark or backtick does not count as a tag.
"""

import re
from collections.abc import Iterator
from typing import Final

from vits_tts.text.aligned import Text
from vits_tts.text.patterns import lazily

_NAMES: Final = ("think", "thinking", "thought", "reasoning")
NAMES: Final = "|".join(_NAMES)
"""The names of the tags, for a regular expression."""

_OPENING: Final = lazily(
    rf"(?i)(?<![`\"'“‘«])<(?P<name>{NAMES})(?:\s[^<>]{{0,200}})?>",
)
_CLOSINGS: Final = {name: lazily(rf"(?i)</{name}\s{{0,8}}>") for name in _NAMES}
_BEGUN: Final = lazily(
    rf"(?i)(?<![`\"'“‘«])<(?:(?P<begun>[a-z]{{0,9}})|(?:{NAMES})\s[^<>]{{0,200}})\Z"
)
_LONGEST_CLOSING: Final = len("</reasoning>") + 8


class Opening:
    """The first thought of a text: the place and the words of its opening tag."""

    def __init__(self, match: re.Match[str]) -> None:
        """Store the place and the words of the match."""
        self.start, self.end = match.span()
        self.tag: Final = match[0]

    @classmethod
    def of(cls, text: str, position: int = 0) -> "Opening | None":
        """Return the first opening tag from ``position`` on, or None."""
        found = _OPENING.search(text, position)
        return cls(found) if found else None

    @classmethod
    def at(cls, text: str, position: int) -> "Opening | None":
        """Return the opening tag that begins at ``position``, or None."""
        found = _OPENING.match(text, position)
        return cls(found) if found else None

    def closing(self, text: str, position: int) -> int | None:
        """Return the place in ``text`` after the closing tag; None if there is none so far."""
        name = self.tag[1:].rstrip(">").split(None, 1)[0].lower()
        found = _CLOSINGS[name].search(text, position)
        return found.end() if found else None


def begun(text: str) -> int:
    """Return where an incomplete opening tag at the end of a text begins; else its length."""
    tag = text.rfind("<")
    found = _BEGUN.match(text, tag) if tag >= 0 else None
    if found is None:
        return len(text)
    name = (found["begun"] or "").lower()
    return found.start() if any(one.startswith(name) for one in _NAMES) else len(text)


def closing_begun(text: str) -> int:
    """Return where an incomplete closing tag at the end of a thought begins."""
    start = text.rfind("<", -_LONGEST_CLOSING)
    return start if start >= 0 else len(text)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of all thoughts, in order."""
    end = 0
    while (opening := Opening.of(text, end)) is not None:
        end = opening.closing(text, opening.end) or len(text)
        yield opening.start, end


def without(text: Text) -> Text:
    """Return the text with the end of a paragraph in place of each thought."""
    if "<" not in text.spoken:
        return text
    edits = [(start, end, "\n\n") for start, end in spans(text.spoken)]
    return text.rewritten(edits) if edits else text
