r"""The cases of ``tests/cases/*.tsv``: written Vietnamese and the readings that are accepted.

A line is ``input TAB pattern``. The input may hold ``\u0111`` and its like. The pattern is a
regular expression over small letters without punctuation that has to match the whole reading;
``<VTV>`` stands for the names of letters in any of the ways that readers say them. Readings are
compared without differences of region, of the place of a tone, or of i and y (ngàn, lẻ, mồng, tỉ,
hoà, kĩ).
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from vits_tts.text.aligned import Text
from vits_tts.text.normalizer.pipeline import Normalizer

FOLDER = Path(__file__).parent.parent / "cases"

_LETTERS = {
    "A": "a|ây|ê", "B": "bê|bờ|bi", "C": "xê|cờ|xi|si|sê", "D": "đê|dê|đi|dờ|đờ", "Đ": "đê|đờ",
    "E": "e|i", "F": "ép|phờ|ép phờ|ép fờ", "G": "giê|gờ|gi|ghê|ji", "H": "hát|hờ|hắt|ét",
    "I": "i|ai", "J": "gi|giây|di|dê", "K": "ca|cờ|cây", "L": "lờ|e lờ|eo|en lờ|en|el",
    "M": "mờ|em mờ|em|e mờ|m", "N": "nờ|en nờ|en|e nờ|n", "O": "o|ô|âu", "P": "pê|pờ|pi|bê",
    "Q": "quy|cu|quờ|kiu", "R": "rờ|e rờ|a|ét rờ|a rờ|e", "S": "ét|ét sì|sờ|xờ|ét xì|ét xờ|é sờ",
    "T": "tê|tờ|ti", "U": "u|iu", "Ư": "ư", "V": "vê|vờ|vi",
    "W": "vê kép|vê đúp|đắp liu|đáp liu|đờ bờ liu",
    "X": "ích|ích xì|xờ|ít|ếch|ích sì", "Y": "y|i|i dài|i cờ rét|oai", "Z": "dét|giét|zét|dê|zét",
}  # fmt: skip
_SAME = {"ngàn": "nghìn", "lẻ": "linh", "mồng": "mùng", "tỉ": "tỷ", "kì": "kỳ", "kỉ": "kỷ"} | {
    "kĩ": "kỹ", "mĩ": "mỹ", "lí": "lý", "sĩ": "sỹ", "quí": "quý", "vật lí": "vật lý",
    "kilomet": "ki lô mét", "uỷ": "ủy", "mỗi": "mỗi",
}  # fmt: skip
_TONES = dict(
    zip(
        ["oà", "oá", "oả", "oã", "oạ", "oè", "oé", "oẻ", "oẽ", "oẹ", "uỳ", "uý", "uỷ", "uỹ", "uỵ"],
        ["òa", "óa", "ỏa", "õa", "ọa", "òe", "óe", "ỏe", "õe", "ọe", "ùy", "úy", "ủy", "ũy", "ụy"],
        strict=True,
    )
)


_NORTH = Normalizer()


@lru_cache(maxsize=4096)
def remembered(written: str | Text) -> Text:
    """Return the spoken form of a text by a normalizer with the usual settings.

    The last few thousand readings are remembered: a text that comes in pieces is read again with
    each piece, and the same beginnings come again however it is cut.
    """
    return _NORTH(written)


class Case(NamedTuple):
    """A written text, and a pattern that matches its accepted readings."""

    category: str
    written: str
    accepted: str


def cases() -> Iterator[Case]:
    """Yield all cases, file by file."""
    for path in sorted(FOLDER.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            written, accepted = line.split("\t")
            yield Case(path.stem, _unescaped(written), accepted)


def accepts(case: Case, said: str) -> bool:
    """Return whether ``said`` is one of the readings that the case accepts."""
    return re.fullmatch(pattern(case.accepted), plain(said)) is not None


def plain(said: str) -> str:
    """Return a reading in the form in which cases are compared: small letters, no punctuation."""
    words = re.sub(r"[^\w\s]|_", " ", unicodedata.normalize("NFC", said).lower())
    return " ".join(_same(words).split())


def _same(words: str) -> str:
    words = re.sub(r"o[àáảãạèéẻẽẹ](?!\w)|(?<!q)u[ỳýỷỹỵ](?!\w)", lambda m: _TONES[m[0]], words)
    return re.sub(r"[^\W\d_]+", lambda match: _SAME.get(match[0], match[0]), words)


@lru_cache(maxsize=4096)
def pattern(accepted: str) -> str:
    """Return a case's pattern as a regular expression over plain readings."""
    named = re.sub(r"<([^<>]+)>", lambda match: _names(match[1]), accepted)
    return _same(named)


def _names(letters: str) -> str:
    return "(" + " ".join(f"({_LETTERS[letter]})" for letter in letters) + ")"


def _unescaped(written: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), written)
