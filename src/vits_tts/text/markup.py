"""Markup: Markdown and HTML are how a text looks, and nobody says them."""

import html
import re
from collections.abc import Iterator
from typing import Final

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.rules import Rule, Step

_BLOCKS: Final = r"p|div|li|ul|ol|tr|h[1-6]|br|table|section|article|blockquote|pre|hr"


def _entity(match: re.Match[str]) -> str:
    """Return the character of an HTML entity; what none is stays."""
    character = html.unescape(match[0])
    return " " if character.isspace() else character


def _tag(match: re.Match[str]) -> str:
    """Return a line end for a tag that ends a block, else nothing."""
    return "\n" if match["block"] else ""


def _row(match: re.Match[str]) -> str:
    """Return the cells of a table's row, with commas in between."""
    return ", ".join(filter(None, (cell.strip() for cell in match[0].split("|"))))


class _Cut:
    """A step that drops everything from an opening mark to the closing one, if there is one."""

    def __init__(self, opening: str, closing: str) -> None:
        self._opening = opening
        self._closing = closing

    def __call__(self, text: Text) -> Text:
        edits = list(self._edits(text.spoken))
        return text.rewritten(edits) if edits else text

    def _edits(self, spoken: str) -> Iterator[Edit]:
        end = 0
        while (start := spoken.find(self._opening, end)) >= 0:
            closing = spoken.find(self._closing, start)
            if closing < 0:
                return
            end = closing + len(self._closing)
            yield start, end, ""


STEPS: Final[tuple[Step, ...]] = (
    _Cut("<!--", "-->"),
    _Cut("<script", "</script>"),
    _Cut("<style", "</style>"),
    Rule(
        rf"(?i)</?(?:(?P<block>{_BLOCKS})|[a-z][a-z0-9:-]{{0,20}})(?:\s[^<>]{{0,1000}})?/?>",
        _tag,
        glued=True,
    ),
    Rule(r"&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31}\d{0,2});", _entity, glued=True),
    Rule(r"^\ {0,8}(?:```|~~~)[^\n]{0,40}$\n?", "", glued=True),
    Rule(r"^\ {0,8}(?:[-*_=]\ ?){3,200}$", "", glued=True),
    Rule(r"^\ {0,8}\|?(?:\ ?:?-{3,60}:?\ ?\|){1,50}(?:\ ?:?-{3,60}:?)?\ ?$\n?", "", glued=True),
    Rule(r"^\ {0,8}\|[^\n]{1,2000}\|\ ?$", _row, glued=True),
    Rule(r"!?\[(?P<shown>[^\[\]\n]{0,300})\]\([^()\n]{0,600}\)", lambda match: match["shown"],
         glued=True),
    Rule(r"^(?:\ {0,8}>){1,8}(?:\ |$)", "", glued=True),
    Rule(r"^\ {0,8}\#{1,6}\ +(?=\S)", "", glued=True),
    Rule(r"^\ {0,16}(?:[-*+]\ \[[ xX]\]|[-*+•●○▪■◦‣►▶✓✔➤–])\ +(?=\S)", "; ", glued=True),
    Rule(r"\*{1,3}(?=[^\s*])(?P<inner>[^*\n]{1,300})(?<=\S)\*{1,3}(?!\d)",
         lambda match: match["inner"], glued=True),
    Rule(r"(?<!\w)_{1,3}(?=[^\s_])(?P<inner>[^_\n]{1,300})(?<=\S)_{1,3}(?!\w)",
         lambda match: match["inner"], glued=True),
    Rule(r"~~(?P<inner>[^~\n]{1,300})~~", lambda match: match["inner"], glued=True),
    Rule(r"==(?=[^\s=])(?P<inner>[^=\n]{1,300})(?<=\S)==(?!=)", lambda match: match["inner"],
         glued=True),
    Rule(r"`{1,3}", "", glued=True),
)  # fmt: skip
"""From Markdown and HTML to the words in them."""
