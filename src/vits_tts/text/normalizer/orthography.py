"""Orthography: one spelling for each word, and only punctuation that makes a pause."""

import re
from dataclasses import replace
from typing import Final

from vits_tts.text.aligned import Text
from vits_tts.text.letters import CAPITALS, SMALLS
from vits_tts.text.normalizer.rules import Rule, Step
from vits_tts.text.syllables import BASES, TONES, toned

_NEW: Final = "oà oá oả oã oạ oè oé oẻ oẽ oẹ uỳ uý uỷ uỹ uỵ".split(" ")
_OLD: Final = "òa óa ỏa õa ọa òe óe ỏe õe ọe ùy úy ủy ũy ụy".split(" ")
_TO_OLD: Final = dict(zip(_NEW, _OLD, strict=True))
_TO_NEW: Final = dict(zip(_OLD, _NEW, strict=True))
_BACK: Final = "aàáảãạăằắẳẵặâầấẩẫậoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữự"


def lower(text: Text) -> Text:
    """Return the text in small letters; capitals have no sound."""
    small = text.spoken.lower()
    # one letter, İ, becomes two characters, which would move all places
    if len(small) != len(text.spoken):
        small = "".join(c.lower() if len(c.lower()) == 1 else c for c in text.spoken)
    if text.signature is not None:
        text.signature.add(small)
    return replace(text, spoken=small)


def _stopped(match: re.Match[str]) -> str | None:
    """Return a syllable that ends in a stop with its implied tone (top: tóp)."""
    base = BASES.get(match[0])
    return toned(match[0], base[0], TONES[2]) if base else None


def _mark(match: re.Match[str]) -> str:
    """Return the strongest of several marks and a space."""
    strongest = next((mark for mark in "?!.;:," if mark in match[0]), "")
    if strongest in {";", ":"} and "," in match[0]:
        strongest = ","
    return strongest + " "


def _separate(match: re.Match[str]) -> str:
    """Return a space after a mark, or nothing for marks at the beginning of a line."""
    return "" if match[0] else " "


def _old(match: re.Match[str]) -> str:
    return _TO_OLD[match[0]]


def _new(match: re.Match[str]) -> str:
    return _TO_NEW[match[0]]


SPELLING: Final[tuple[Step, ...]] = (
    lower,
    Rule(r"o[àáảãạèéẻẽẹ](?!\w)|(?<!q)u[ỳýỷỹỵ](?!\w)", _old, glued=True),
    Rule(r"[òóỏõọ](?:a(?=n[gh]?\b|c\b|ch\b|t\b|m\b|p\b|i\b|y\b|o\b)|e(?=n\b|t\b|o\b|m\b))|"
         r"(?<!q)[ùúủũụ]y(?=n\b|t\b|ch\b|nh\b|u\b|a\b|p\b)", _new, glued=True, needs="òóỏõọùúủũụ"),
    Rule(rf"(?<!\w)k(?=[{_BACK}]\w{{0,5}}(?!\w))", "c", glued=True, needs="k"),
    Rule(r"(?<=[aăâeêoôơiuưyắấặậáạốộếệ])k(?!\w)", "c", glued=True, needs="k"),
    Rule(r"(?<!\w)[a-zđăâêôơư]{1,6}[cpt]h?(?!\w)", _stopped, glued=True),
)  # fmt: skip
"""Rules for spelling: small letters, the traditional place of tones (hòa, khỏe), c for k (Kon Tum).

Syllables that end in a stop get the tone that was not written.
"""

UNWRAPPED: Final[tuple[Step, ...]] = (
    Rule(rf"(?<=[^\s.!?:;])\ ?\n\ ?(?=[{SMALLS}])(?![a-zđ][).]\s)", " ", glued=True, needs="\n"),
)
"""Rules that join a line that ends inside a sentence with the next line."""

SPANS: Final[tuple[Step, ...]] = (
    Rule(
        r"(?i)(?<!\w)(?P<first>"
        r"(?P<kind>thứ|ngày|tháng|năm|quý|tầng|lớp|trang|mùng|cấp"
        r"|bài|điều"
        r"|khoản|chương|mục|tập|số|phòng|tuần|vòng|nhóm|hạng|khóa)\ [\w/.]{1,10})"
        r"\s?[-–—~]\s?(?=(?P=kind)\ )",
        lambda match: f"{match['first']} đến ",
        needs="-–—~",
    ),
    Rule(
        r"(?<!\w)[mM](?=[1-9](?:(?:,|\ và|\ -)\ ?[mM][2-9])?\ [tT]ết(?!\w))",
        "mùng ",
        glued=True,
        needs="mM",
    ),
)
"""Rules for a dash between two items of one kind (thứ Hai - thứ Sáu) and for ``m2 tết``."""

ELLIPSES: Final[tuple[Step, ...]] = (
    Rule(rf"\.\.[.\ ]{{0,20}}(?=\ ?[^\W\d{CAPITALS}])", ", ", glued=True, needs="."),
)
"""Rules for an ellipsis: it ends a sentence only if a new sentence begins after it."""

PUNCTUATION: Final[tuple[Step, ...]] = (
    Rule(r"(?<=\w)[-–—](?=\w)|['’‘]", " ", glued=True, needs="-–—'’‘"),
    Rule(r"(?<=[.!?\n])\ ?[(\[{<]", " ", glued=True, needs="([{<"),
    Rule(
        r"\ [-–—]{1,3}\ |[-–—]{2,3}|[(\[{<]|[)\]}>](?=\ ?\w)", ", ", glued=True, needs="-–—([{<)]}>"
    ),
    Rule(r"[-–—)\]}>]", " ", glued=True, needs="-–—)]}>"),
    # A mark and its space stay. Python searches quickly for a set of characters, not for a repeat.
    Rule(r"[\ ,;:.!?](?!(?<=[,;:.!?])\ [^\ ,;:.!?])[\ ,;:.!?]{1,399}", _mark, glued=True),
    Rule(r"^[\ ,;:.!?]{1,400}|(?<=[.,;:!?])(?=[^\s\"”»])", _separate, glued=True),
    Rule(r"\ (?=$)", "", glued=True),
)
"""Rules for pauses: brackets and dashes become commas, and of several marks the strongest stays."""

SPACES: Final[tuple[Step, ...]] = (
    Rule(r"\ {2,4000}", " ", glued=True),
    Rule(r"\ ?\n\ ?", "\n", glued=True, needs="\n"),
    Rule(r"\n{3,4000}", "\n\n", glued=True, needs="\n"),
    Rule(r"(?<=[^\s.!?:;,])(?=\n)|,(?=\n)", ".", glued=True, needs="\n"),
    Rule(r"\s(?:(?<=\A\s)\s{0,3999}|\s{0,3999}\Z)", "", glued=True),
)
"""Rules for white space: one space between words, one line end between lines.

Paragraphs are separated by two line ends.
A line without a mark at its end, such as a heading or a list item, gets a point.
"""
