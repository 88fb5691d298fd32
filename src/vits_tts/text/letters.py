"""The Vietnamese names of letters, for abbreviations that are spelled out (VTV: vê tê vê)."""

import unicodedata
from typing import Final

FILLER: Final = "\0"
"""The rest of a reference such as ``&amp;`` in a source that is shown without its markup.

No text may have it, nor :data:`HIDDEN`. They keep the places the same.
"""
HIDDEN: Final = "\1"
"""A character of markup in a source that is shown without it."""
NOT_SHOWN: Final = str.maketrans("", "", FILLER + HIDDEN)
"""Removes both, for ``str.translate``."""
HELD: Final = "\u16a0"
"""Placeholder in a text for words whose reading is given; no reading rule changes it."""
CUT: Final = "\u16a1"
"""Placeholder in a text where markup ends a sentence. Both are runes, which Vietnamese lacks."""

NAMES: Final = {
    "A": "a",
    "Ă": "á",
    "Â": "ớ",
    "B": "bê",
    "C": "xê",
    "D": "đê",  # D is usually foreign in abbreviations (PDF, USD); the Vietnamese letter is dê
    "Đ": "đê",
    "E": "e",
    "Ê": "ê",
    "F": "ép",
    "G": "giê",
    "H": "hát",
    "I": "i",
    "J": "gi",
    "K": "ca",
    "L": "lờ",
    "M": "mờ",
    "N": "nờ",
    "O": "o",
    "Ô": "ô",
    "Ơ": "ơ",
    "P": "pê",
    "Q": "quy",
    "R": "rờ",
    "S": "ét",
    "T": "tê",
    "U": "u",
    "Ư": "ư",
    "V": "vê",
    "W": "vê kép",
    "X": "ích",
    "Y": "y",
    "Z": "dét",
}


_MARKED: Final = "ÀÁẢÃẠÂẦẤẨẪẬĂẰẮẲẴẶÈÉẺẼẸÊỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢÙÚỦŨỤƯỪỨỬỮỰỲÝỶỸỴĐ"
CAPITALS: Final = f"A-Z{_MARKED}"
"""Vietnamese capitals, for a character set in a regular expression.

A range cannot express them: in Unicode capitals and small letters with marks alternate.
"""

SMALLS: Final = f"a-z{_MARKED.lower()}"
"""Vietnamese small letters, for a character set in a regular expression."""


def spelled(letters: str) -> str:
    """Return the names of the letters, separated by spaces.

    A letter that Vietnamese does not have is named without its marks (ç: xê); other characters
    are left out.
    """
    names = (NAMES.get(letter) or NAMES.get(_plain(letter), "") for letter in letters.upper())
    return " ".join(filter(None, names))


def _plain(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]
