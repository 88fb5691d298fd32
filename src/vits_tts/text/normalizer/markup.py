"""Markup: Markdown and HTML are removed, because they are not spoken."""

import html
import re
from collections.abc import Iterator
from typing import Final

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.letters import FILLER, HIDDEN
from vits_tts.text.normalizer.characters import SUBSCRIPTS
from vits_tts.text.normalizer.rules import Rewrite, Rule, Step
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable
from vits_tts.text.thoughts import NAMES
from vits_tts.text.thoughts import without as without_thoughts
from vits_tts.text.unspoken import CUTS, TAG

_BLOCK: Final = lazily(
    r"(?i)</?(?:p|div|li|ul|ol|tr|h[1-6]|br|table|section|article|blockquote|pre|hr"
    rf"|{NAMES})[\s/>]"
)
_GLUE: Final = lazily(r"(?i)</?(?:sub|sup|wbr)[\s/>]")
"""Tags inside a word or number: H<sub>2</sub>O."""
_FORMAT: Final = lazily(
    r"(?i)(?:</?(?:b|i|u|s|em|strong|span|font|mark|small|big|a|code)(?:\s[^<>]{0,1000})?>)+"
)
_LAST_LETTERS: Final = lazily(r"[^\W\d_]{1,7}\Z")
_FIRST_LETTERS: Final = lazily(r"[^\W\d_]{1,7}")


def _entity(match: re.Match[str]) -> str:
    """Return the character of an HTML entity; other text is unchanged."""
    character = html.unescape(match[0])
    return " " if character.isspace() else character


def _tags(match: re.Match[str]) -> str:
    """Return the replacement of adjacent tags: line ends for blocks, or a space, or nothing.

    ``chào<break/>bạn`` are two words, ``<b>V</b>iệt`` and ``m<sup>2</sup>`` are one.
    """
    if blocks := len(_BLOCK.findall(match[0])):
        return "\n" * min(blocks, 2)
    if _GLUE.search(match[0]) or (_FORMAT.fullmatch(match[0]) and _in_syllable(match)):
        return ""
    return _joint(match.string, match.start(), match.end())


def _joint(spoken: str, start: int, end: int) -> str:
    """Return a space if two words would touch without the tag between them; else nothing."""
    between = start > 0 and end < len(spoken)
    return " " if between and spoken[start - 1].isalnum() and spoken[end].isalnum() else ""


def _in_syllable(match: re.Match[str]) -> bool:
    """Return whether the letters before and after the match are one syllable, and not two."""
    left = _LAST_LETTERS.search(match.string, max(0, match.start() - 8), match.start())
    right = _FIRST_LETTERS.match(match.string, match.end())
    if left is None or right is None:
        return False
    first, last = left[0].lower(), right[0].lower()
    return is_syllable(first + last) and not (is_syllable(first) and is_syllable(last))


def _citation(match: re.Match[str]) -> str | None:
    """Remove the citations ``[1]`` and ``[2, 3]``, unless they are an interval or an index."""
    named = _NO_CITATION.search(match.string[max(0, match.start() - 16) : match.start()])
    return None if named or _COUNTED_NEXT.match(match.string, match.end()) else ""


_NO_CITATION: Final = lazily(
    r"(?:đoạn|khoảng|trên|thuộc|tập|mảng|hàng|cột|phím|bấm|nút|list|array)$|(?<!\w)[a-zA-Z]$|\([a-z_]{2,12}$"
)


_COUNTED_NEXT: Final = lazily(
    r" (?:mã|lượt|phiếu|vé|lần quay|tin nhắn|voucher|phần quà|quà|giải|sản phẩm|thẻ|sim|thuê bao)\b"
)
"""Things that a number in brackets counts: ``nhận được [2] mã dự thưởng``."""


def _row(match: re.Match[str]) -> str:
    """Return the cells of a table's row, separated by commas."""
    return ", ".join(filter(None, (cell.strip() for cell in match[0].split("|"))))


def _bar(match: re.Match[str]) -> str | None:
    """Return a pause for a bar between the cells of a row, which has at least two of them."""
    start = match.string.rfind("\n", 0, match.start()) + 1
    around = match.string[max(start, match.start() - _NEAR) : match.end() + _NEAR]
    return ", " if around.partition("\n")[0].count(" | ") > 1 else None


_NEAR: Final = 80


def _italic_power(match: re.Match[str]) -> str | None:
    """Return the power in ``_x_ [2]``, as converters of PDF write formulae in Markdown."""
    front = match.string[max(0, match.start() - _NEAR) : match.start()]
    return match["power"].translate(_RAISED) if _ITALIC_LETTER.search(front) else None


_ITALIC_LETTER: Final = lazily(r"(?<!\w)_[a-zA-Z]_(?!\w)|_−_")


class _Cut:
    """A step that removes everything from an opening mark to its closing mark."""

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
            yield start, end, _joint(spoken, start, end)


def _raised(match: re.Match[str]) -> str:
    """Return the power of ``10<sup>3</sup>``; the number of a note behind a year is left out."""
    power = match["power"]
    if power == "0" and match["degree"] is not None:
        return "°"
    if _YEAR.search(match.string, max(0, match.start() - 5), match.start()):
        return ""
    return power.translate(_RAISED)


_RAISED: Final = str.maketrans("0123456789-−+n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺ⁿ")
_LOWERED: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_YEAR: Final = lazily(r"(?<!\d)(?:19|20)\d\d\Z")

_OF_HTML: Final[tuple[Rewrite, ...]] = (
    *(_Cut(opening, closing) for opening, closing in CUTS),
    Rule(
        r"(?<=[\d)]|(?<![^\W_])[a-zA-Z])(?:</sub>)?<sup(?:\s[^<>]{0,100})?>\s?"
        r"(?P<power>[-−+]?\d{1,4}|n)\s?</sup>(?P<degree>(?=\s?[CF](?!\w)))?",
        _raised,
        glued=True,
        needs="<",
    ),
    Rule(
        r"(?:(?<=\d)|(?<=log))<sub(?:\s[^<>]{0,100})?>\s?(?P<base>\d{1,2})\s?</sub>",
        lambda match: match["base"].translate(_LOWERED),
        glued=True,
        needs="<",
    ),
    Rule(
        r"(?i)(?:(?<=thẻ\ )|(?<=tag\ ))</?(?P<name>[a-z][a-z0-9]{0,11})>(?!\w)",
        lambda match: match["name"],
        glued=True,
        needs="<",
    ),  # the name of a tag in a text about HTML
    Rule(rf"(?i)(?:{TAG})+", _tags, glued=True),
    Rule(r"&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31}\d{0,2});", _entity, glued=True),
)

STEPS: Final[tuple[Step, ...]] = (
    *_OF_HTML,
    *SUBSCRIPTS,
    Rule(r"^\ {0,8}(?:```|~~~)[^\n]{0,40}$\n?", "", glued=True),
    Rule(r"^\ {0,8}(?:[-*_=]\ ?){3,200}$", "", glued=True),
    Rule(r"^\ {0,8}={2,200}\ +(?=[^\s=])|(?<=[^\s=])\ +(?:={2,200}|\#{3,200})\ ?$", "", glued=True,
         needs="=#"),
    Rule(r"(?<=\s)={3,200}(?=\s)", "=", glued=True, needs="="),
    Rule(r"^\ {0,8}\|?(?:\ ?:?-{3,60}:?\ ?\|){1,50}(?:\ ?:?-{3,60}:?)?\ ?$\n?", "", glued=True),
    Rule(r"^\ {0,8}\|[^\n]{1,2000}\|\ ?$", _row, glued=True),
    Rule(r"(?<=[^\s|])\ \|\ (?=[^\s|])", _bar, glued=True),
    Rule(r"!?\[\[?(?P<shown>[^\[\]\n]{0,300})\]?\]\([^()\n]{0,600}\)", lambda match: match["shown"],
         glued=True),
    Rule(r"\[\^\w{1,12}\]:?", "", glued=True),
    Rule(r"_(?P<v>[a-zA-Z])_\ \[(?P<power>[234])\](?!\w)",
         lambda match: match["v"] + match["power"].translate(_RAISED), glued=True, needs="["),
    Rule(r"(?:(?<=_\ \))|(?<=\d\ \)))\ \[(?P<power>[234])\](?!\w)", _italic_power,
         glued=True, needs="["),
    Rule(
        r"(?<=[^\s=(\[∈])\ ?\[\d{1,3}(?:\ ?[,–-]\ ?\d{1,3}){0,8}\](?![\w(\[])",
        _citation,
        glued=True,
    ),
    Rule(r"^(?:\ {0,8}>){1,8}(?:\ (?!\d{1,4}\ [a-zà-ỹđ%])|$)", "", glued=True),
    Rule(r"^\ {0,8}\#{1,6}\ +(?=\S)", "", glued=True),
    Rule(r"^\ {0,16}(?:[-*+]\ \[[ xX]\]|[-*+•●○▪■◦‣►▶✓✔➤–])\ +(?=\S)", "; ", glued=True),
    Rule(r"(?<!\d)\*{1,3}(?=[^\s*])(?!\d+[*#])(?P<inner>[^*\n]{1,300})(?<=\S)\*{1,3}(?!\d)",
         lambda match: match["inner"], glued=True),
    Rule(r"(?<!\w)_(?P<f>[a-zA-Z])_\ _\[[′’']\]_\ ?(?=\()", lambda match: f"{match['f']}'",
         glued=True, needs="_"),
    Rule(r"(?<=[a-zA-Z][_'])\ ?\(\ _(?P<v>[a-z])_\ \)", lambda match: f"({match['v']})",
         glued=True, needs="_"),
    Rule(r"(?<=[(\[;=,<>≤≥]\ )_[−–-]_\ (?=[\d∞_√])", "−", glued=True, needs="_"),
    Rule(r"(?<!\w)_{1,3}(?=[^\s_])(?P<inner>[^_\n]{1,300})(?<=\S)_{1,3}(?!\w)",
         lambda match: match["inner"], glued=True),
    Rule(r"(?<=\d)\ ?-{2,3}\ ?(?=\d)", "-", glued=True),
    Rule(r"~~(?P<inner>[^~\n]{1,300})~~", lambda match: match["inner"], glued=True),
    Rule(r"==(?=[^\s=])(?P<inner>[^=\n]{1,300})(?<=\S)==(?!=)", lambda match: match["inner"],
         glued=True),
    Rule(r"`{1,3}", "", glued=True),
)  # fmt: skip
"""Rules that leave only the words of Markdown and HTML."""


def shown(written: str) -> str:
    """Return a text as a browser shows it: without tags and comments, and with its entities read.

    Thoughts are left out too. The result has the length of ``written``: an entity is filled up with
    ``FILLER``, and what is not shown with ``HIDDEN``.
    """
    if "<" not in written and "&" not in written:
        return written
    text = Text(written)
    for step in (without_thoughts, *_OF_HTML):
        text = step(text)
    parts: list[str] = []
    done = 0
    for change in text.changes:
        start, end = change.source_start, change.source_end
        seen = text.spoken[change.start : change.end].replace("\n", " ")
        parts += (written[done:start], seen.ljust(end - start, FILLER if seen.strip() else HIDDEN))
        done = end
    return "".join((*parts, written[done:]))
