"""The names of letters, for abbreviations that nobody says as a word (VTV: vê tê vê)."""

import unicodedata
from typing import Final

NAMES: Final = {
    "A": "a",
    "Ă": "á",
    "Â": "ớ",
    "B": "bê",
    "C": "xê",
    "D": "đê",  # a foreign D as a rule: PDF, USD; the Vietnamese one is dê
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
"""Vietnamese capitals, for a set in a pattern: in Unicode they stand among the small letters."""

SMALLS: Final = f"a-z{_MARKED.lower()}"
"""Vietnamese small letters, likewise."""


def spelled(letters: str) -> str:
    """Return the names of the letters; marks that no Vietnamese letter has are left off."""
    names = (NAMES.get(letter) or NAMES.get(_plain(letter), "") for letter in letters.upper())
    return " ".join(filter(None, names))


def _plain(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]
