"""Abbreviations: expanded where readers expand them, spelled by letter names where they do not."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import Final

from vits_tts.text.letters import CAPITALS, SMALLS, spelled
from vits_tts.text.rules import Rule, Step, after, before, shouted
from vits_tts.text.syllables import is_syllable
from vits_tts.text.tables import texts

_WORD: Final = r"[A-ZĐÂÔƠƯ][A-Za-zĐđÂâÔôƠơƯư]{0,11}"
_AS_WORD: Final = re.compile(r"(?!.*[^AEIOUYÂÔƠƯ]{4})(?=.*[AEIOUYÂÔƠƯ])")
_STOPPED: Final = re.compile(r"(?:C|CH|P|T)$")
_LONGEST_SPELLED: Final = 5
"""Longer words of capitals are read as words when they can be said as such (NASDAQ)."""


_AFTER_NOT: Final = (
    "có|biết|bít|bik|phải|thể|được|đc|dc|nói|hiểu|muốn|cần|thấy|còn|ai|sao|nên|đi|ăn|làm|bán|thích|nhớ|mua"
    "|đâu|bao|ạ|nhỉ|em|anh|chị|bạn|shop"
)
_TYPED: Final[tuple[Step, ...]] = (
    Rule(
        rf"(?<![\w.])k(?=\ (?:{_AFTER_NOT})(?!\w))|(?<=[^\W\d_a-z]\ )k(?=\s?\?)",
        "không",
        needs="k",
    ),
    Rule(
        r"(?<=\ )j(?=\ (?:hết|vậy|thế|đâu|ạ|nhỉ|ko|k|không|đó|á|nữa|đấy|v|z)(?!\w))",
        "gì",
        needs="j",
    ),
    Rule(
        r"(?<!\w)(?P<verb>có|làm|ăn|cái|nói|là|mua|thế)\ j(?!\w)",
        lambda match: f"{match['verb']} gì",
        needs="j",
    ),
)
"""Letters that are typed for words: k có j."""


class Abbreviations:
    """Knows what abbreviations stand for."""

    def __init__(self, known: Mapping[str, Mapping[str, str]]) -> None:
        """Keep the tables: ``titles``, ``pointed``, ``words`` and ``documents``."""
        self._pointed = known["pointed"]
        self._titles = {**known["titles"], **known["pointed"]}
        self.words: Final = {**known["titles"], **known["words"]}
        self._documents = known["documents"]

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: those that need their neighbours first, then all that are known."""
        return (
            *_TYPED,
            Rule(r"(?i)(?<!\w)v\.\s?v\.{0,4}(?!\w)", self.and_so_on, needs="."),
            Rule(r"(?<!\w)ĐT(?=\.?\s?\d{3}(?!\d))", "đường tỉnh", needs="Đ"),
            Rule(
                r"(?<!\w)BKS(?=\s?:|\s\d|\s(?:hai|một|ba|năm|sáu|bảy|tám|chín)\s)",
                "biển kiểm soát",
                needs="B",
            ),
            Rule(r"(?<!\w)[Tt]r\.\s?(?=\d)", "trang ", needs="."),
            Rule(r"(?<!\w)(?i:Co\.,?\s?Ltd)\.?(?!\w)", "cô li mít tịt", needs="."),
            Rule(r"(?<!\w)[Đđ]t(?=\s?[:.])", "điện thoại", needs="t"),
            Rule(r"(?<!\w)ĐT(?=\s?[:.]|\s\d|\s(?:không|cộng|một)\s)", "điện thoại", needs="Đ"),
            Rule(r"(?<=-\ )CN(?=\s[A-ZĐ])", "chi nhánh", needs="-"),
            Rule(r"(?<!\w)ĐT(?=\s[A-ZĐ])", "đội tuyển"),
            Rule(r"(?<!\w)DT(?=\s?:|\s\d)", "diện tích", needs="D"),
            Rule(r"(?<!\w)CN(?!\w)", self.sunday, needs="C"),
            Rule(r"(?<=[Gg]iải\ )ĐB(?!\w)", "đặc biệt", needs="Đ"),
            Rule(r"(?<!\w)HA(?=:?\s\d{2,3}/\d)", "huyết áp", needs="H"),
            Rule(
                r"(?<!\w)CA(?=\s(?:TP|Tp|[Tt]hành\ phố|tỉnh|huyện|quận|phường|xã)\b)",
                "công an",
                needs="C",
            ),
            Rule(
                r"(?<!\w)CT(?=\s(?:HĐ|UBND|nước|Quốc|CLB|Công\ đoàn|Hội)\w{0,8})",
                "chủ tịch",
                needs="C",
            ),
            Rule(r"(?<=gió\ )ĐB(?!\w)", "đông bắc", needs="Đ"),
            Rule(r"(?i:(?<=công\ ty\ )|(?<=cty\ ))CP(?!\w)", "cổ phần", needs="C"),
            Rule(r"(?<!\w)TL(?=\))", "thương lượng", needs="T"),
            Rule(r"(?<![\w.])BTC(?=\s(?:giải|cuộc|lễ|chương))", "ban tổ chức", needs="B"),
            Rule(
                rf"(?<![\w@#./-])(?P<word>{_WORD}(?:[.&-][A-ZĐ][A-Za-zĐđƯ]{{0,9}}(?:&[A-ZĐ]{{1,4}})?){{0,4}})"
                r"(?P<point>\.?)(?![\w@])",
                self.known,
            ),
        )

    def initials(self) -> tuple[Step, ...]:
        """Return the steps for what is left: initials, letters and unknown abbreviations."""
        return (
            Rule(r"(?<![\w.])(?:[A-ZĐ]\.){1,6}[A-ZĐ](?!\w)\.?", self.dotted, needs="."),
            Rule(
                rf"(?<![\w.])(?P<letter>[A-ZĐ])\.\s?(?=[{CAPITALS}][\w.])", self.initial, needs="."
            ),
            Rule(
                rf"(?<![\w.])(?P<letter>[A-ZĐ])\.(?=\s?[(,;:–-]|\s[{SMALLS}])",
                self.letter_only,
                needs=".",
            ),
            Rule(r"(?<!\w)[A-ZĐ]{2,20}s?(?!\w)", self.unknown),
            Rule(r"(?<!\w)(?:[B-DF-HJ-NP-TV-XZĐ]|[b-df-hj-np-tv-xzđ])(?!\w)", self.letter),
        )

    def document(self, letters: str) -> str:
        """Return what a part of a decree's number stands for."""
        known = self._documents.get(letters) or self.words.get(letters)
        return known or " và ".join(
            self.words.get(part) or spelled(part) for part in letters.split("&")
        )

    def and_so_on(self, match: re.Match[str]) -> str:
        """Read v.v.; its last point ends the sentence where a new one begins."""
        ends = re.match(
            rf"\s*(?:$|\n)|\s+[{CAPITALS}]", match.string[match.end() : match.end() + 8]
        )
        return "vân vân." if ends and match[0].endswith(".") else "vân vân"

    def sunday(self, match: re.Match[str]) -> str | None:
        """Read CN as the day beside other days and dates."""
        beside = re.search(r"(?:\bt[2-7]|bảy|thứ \w{2,4})\W{1,4}(?:và )?$", before(match))
        return "chủ nhật" if beside or re.match(r",?\s\(?(?:ngày\b|\d)", after(match)) else None

    def known(self, match: re.Match[str]) -> str | None:
        """Read GS.TS., UBND, GD&ĐT; a title's point is swallowed."""
        word, point = match["word"], match["point"]
        whole = self._pointed.get(word) if point else None
        whole = whole or self.words.get(word) or self.words.get(word.replace(".", ""))
        if whole:
            return whole + self._ending(word, match)
        if word.isalpha() or len(word) < 4:  # noqa: PLR2004
            return None
        parts = re.split(r"[.-]", word.replace("&", ".&."))
        said = ["và" if part == "&" else self.words.get(part) for part in parts]
        if not all(said):
            return None
        return " ".join(filter(None, said)) + self._ending(parts[-1], match)

    def _ending(self, word: str, match: re.Match[str]) -> str:
        """Return the point that the match ended with, unless it belongs to a title."""
        if not match["point"]:
            return ""
        named = re.match(rf"\s?[{CAPITALS}]", match.string[match.end() : match.end() + 3])
        title = {word, word.replace(".", "")} & self._titles.keys() and named is not None
        return (" " if not match.string[match.end()].isspace() else "") if title else "."

    def dotted(self, match: re.Match[str]) -> str:
        """Read N.V.A. letter by letter."""
        ends = match[0].endswith(".") and not after(match).strip()
        letters = match[0].replace(".", "")
        said = self.words.get(letters) or spelled(letters)
        return said + ("." if ends else "")

    def initial(self, match: re.Match[str]) -> str | None:
        """Read J. K. Rowling; after a Vietnamese word the point ends a sentence."""
        last = before(match).rstrip().rpartition(" ")[2]
        if len(last) > 1 and last.isalpha() and is_syllable(last):
            return None
        return f"{spelled(match['letter'])} "

    def letter_only(self, match: re.Match[str]) -> str:
        """Read the initial of bà B. without its point."""
        return spelled(match["letter"])

    def unknown(self, match: re.Match[str]) -> str | None:
        """Spell capitals that are no word: VTV. Syllables and long names are left."""
        word = match[0].removesuffix("s")
        if is_syllable(word.lower()) and (
            not _STOPPED.search(word) or shouted(match.string, *match.span())
        ):
            return None
        if len(word) > _LONGEST_SPELLED and _AS_WORD.match(word):
            return None
        return spelled(word)

    def letter(self, match: re.Match[str]) -> str:
        """Name a single consonant."""
        return spelled(match[0])


def load() -> Abbreviations:
    """Return the abbreviations that come with the package."""
    text = resources.files("vits_tts.text").joinpath("data/abbreviations.yaml").read_text("utf-8")
    return Abbreviations(texts(text))
