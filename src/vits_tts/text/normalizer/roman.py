"""Roman numerals where Vietnamese uses them: centuries, chapters, congresses, kings."""

import re
from typing import Final

from vits_tts.text.letters import NAMES
from vits_tts.text.normalizer.rules import Rule, Step, Where, after, before
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

_ROMAN: Final = r"(?=[IVXL])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_PLACES: Final = (
    r"thế\ k[ỷỉ]|thứ|chương|phần|quý|kho[áa]|khóa|đại\ hội|kỳ|kì|lần|tập|quyển|hồi|mục"
    r"|điều(?:\ khoản)?|khoản|đoạn|tiết|loại"
    r"|số(?=\ I)|độ(?=\ [IV])|nyha|cấp|hạng|nhóm|giai\ đoạn|bảng|bậc|vùng|khu(?:\ vực)?"
    r"|thế\ chiến|đại\ chiến|học\ kỳ|hk|tiểu\ mục"
    r"|phụ\ lục|mẫu|đợt|thời\ kỳ|trung\ ương|quân\ đoàn|ga\ lần|mức|chuyên\ khoa|ckii?|màn|cảnh"
)
_SMALL: Final = (
    r"(?=[ivxl]|[cdm][ivxlcdm])m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})"
)
_SMALL_PLACES: Final = (
    r"thế\ k[ỷỉ]|chương|phần|quý|khóa|đại\ hội|kỳ|kì|tập|quyển|mục|điều|khoản|phụ\ lục|bảng|hình"
    r"|đoạn|thứ|tiết|loại|cấp|hạng|nhóm"
)
_GREAT: Final = (
    r"(?=[MDCLXVI]{2}|[mdclxvi]{3})"
    r"(?i:M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"
)
_NUMBERED_PLACES: Final = frozenset(
    ["chương", "điều", "khoản", "mục", "đoạn", "thế kỷ", "thế kỉ", "tiết"]
)
"""Words after which a numeral counts before a pause, even if it is also a word or a letter."""

_AFTER_SPACE: Final = r"\ [IVXL]{1,9}(?!\w)"
_DASH: Final = r"\s?[-–—]\s?"
_AND: Final = r"(?:,\ |,?\ (?:và|hoặc)\ )"
_KINGS: Final = lazily(
    r"(?:louis|elizabeth|henry|charles|george|napol[eé]on|phaol[oô]|nicholas|peter|paul|pius|piô|ramses|ramesses"
    r"|philip|philippe|william|edward|richard|james|francis|alexander|catherine|frederick|wilhelm"
    r"|benedict|xvi|gregory|leo|juan carlos|felipe|rama|norodom|ivan|darius|sejong|mohammed)\s$"
)

_GRADED: Final = lazily(
    r"(?:độ|giai đoạn|forrest|nyha|killip|gđ|loại|nhóm|type|typ|típ|mức|stage|phân độ)\s$"
)


class Roman:
    """Reads Roman numerals with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: after certain words, at the beginning of a line, after names."""
        return (
            Rule(r"(?<!\w)TK\.?\ (?=[IVX]{1,5}(?!\w))", "thế kỷ ", needs="T"),
            Rule(
                r"(?<!\w)(?P<grade>IV|V|I{1,3})(?P<letter>[abc])(?!\w)",
                self.grade,
                needs="abc",
            ),
            Where(
                _AFTER_SPACE,
                Rule(
                    rf"(?i:(?<!\w)(?P<place>{_PLACES})\ )"
                    rf"(?P<list>{_ROMAN}(?:{_AND}{_ROMAN}){{1,8}})(?!\w)",
                    self.listed,
                ),
            ),
            Rule(
                rf"(?<![\w.])(?P<list>I{_AND}II(?:{_AND}{_ROMAN}){{0,8}})(?!\w)",
                lambda match: self._list(match["list"]),
            ),
            Where(
                _AFTER_SPACE,
                Rule(
                    rf"(?i:(?<!\w)(?P<place>{_PLACES})\ (?P<nth>thứ\ )?)(?P<first>{_ROMAN})"
                    rf"(?:{_DASH}(?P<last>{_ROMAN}))?(?!\w)",
                    self.placed,
                ),
            ),
            Rule(
                rf"(?i:(?<!\w)(?P<place>năm|niên|chương|phần|mục)\ )(?P<first>{_GREAT})(?!\w)",
                self.great,
                needs="MDCLmdcl",
            ),
            Rule(
                rf"(?<!\w)(?P<place>(?i:{_SMALL_PLACES}))\ (?P<first>{_SMALL})(?!\w)",
                self.small,
                needs="ivxlcdm",
            ),
            Rule(
                r"(?:(?<=\w)|(?<=[:;.,])|^)\ ?"
                r"\((?P<roman>I{1,3}|IV|VI{0,3})\)(?=\s[a-zà-ỹ]|[,.;:]|$)",
                lambda match: f" {self._numbers.cardinal(value_of(match['roman']))}",
                needs="(",
            ),
            Rule(
                r"(?<!\w)(?P<fuel>RON\ ?\d\d)-(?P<roman>I{1,3}|IV|V)(?!\w)",
                lambda match: f"{match['fuel']} {self._numbers.cardinal(value_of(match['roman']))}",
                needs="R",
            ),
            Rule(
                rf"(?<!\w)(?P<roman>{_ROMAN})\ ?(?:g/ph?|giọt(?:\ ?/\ ?|\ )ph(?:út)?)(?!\w)",
                lambda match: f"{self._numbers.cardinal(value_of(match['roman']))} giọt trên phút",
                needs="g",
            ),
            Rule(rf"^\ ?(?P<roman>{_ROMAN})\s?[.)/]\ (?=\S)", self.heading),
            Rule(
                r"(?<=[Nn]hóm\ )(?P<roman>I{1,3}|IV|VI{0,3})(?P<letter>[AB])(?!\w)",
                lambda match: (
                    f"{self._numbers.cardinal(value_of(match['roman']))} "
                    + ("a" if match["letter"] == "A" else "bê")
                ),
                needs="AB",
            ),
            Rule(
                r"(?<=[.;:]\ )(?P<roman>I{2,3}|IV)\.(?=\ [A-ZĐ][a-zà-ỹ])",
                lambda match: f"{self._numbers.cardinal(value_of(match['roman']))}.",
                needs="IV",
            ),
            Rule(
                rf"(?<=\w\ )(?P<roman>{_ROMAN})" rf"(?:{_DASH}(?P<last>{_ROMAN}))?(?!\w)(?!\.\w)",
                self.named,
            ),
        )

    def grade(self, match: re.Match[str]) -> str | None:
        """Read ``Forrest IIb`` and ``giai đoạn IIIa``, the grade of an illness."""
        if not _GRADED.search(before(match)):
            return None
        grade = self._numbers.cardinal(value_of(match["grade"]))
        return f"{grade} {NAMES[match['letter'].upper()]}"

    def listed(self, match: re.Match[str]) -> str:
        """Read ``khu vực I, II và III``."""
        return f"{match['place']} {self._list(match['list'])}"

    def _list(self, written: str) -> str:
        return re.sub("[IVXL]+", lambda roman: self._numbers.cardinal(value_of(roman[0])), written)

    def placed(self, match: re.Match[str]) -> str:
        """Read ``thế kỷ XIX-XX``, ``lần thứ IV`` and ``quý II``."""
        place = match["place"]
        nth = match["nth"] or ("" if place.lower() != "thứ" else None)
        first = value_of(match["first"])
        said = self._numbers.cardinal(first) if nth == "" else self._ordinal(first)
        last = f" đến {self._numbers.cardinal(value_of(match['last']))}" if match["last"] else ""
        return f"{place} {match['nth'] or ''}{said}{last}"

    def great(self, match: re.Match[str]) -> str | None:
        """Read ``năm MCMLXXV``."""
        dated = match["place"].lower() in {"năm", "niên"}
        if is_syllable(match["first"].lower()) or not (dated or {*match["first"]} & {*"XVI"}):
            return None  # phần CD and mục MC are no numbers
        return f"{match['place']} {self._numbers.cardinal(value_of(match['first']))}"

    def small(self, match: re.Match[str]) -> str | None:
        """Read ``thế kỉ xviii`` and ``chương iv``, but not the word in ``phần di sản``."""
        word = is_syllable(match["first"]) or len(match["first"]) == 1
        ended = re.match(r"\s?(?:$|[,.;:)])|\s(?:của|luật|bộ luật)\b", after(match))
        if word and not (ended and match["place"].lower() in _NUMBERED_PLACES):
            return None
        value = value_of(match["first"])
        nth = match["place"].lower() == "thứ"
        return f"{match['place']} {self._ordinal(value) if nth else self._numbers.cardinal(value)}"

    def heading(self, match: re.Match[str]) -> str:
        """Read the number of a heading, followed by a pause."""
        return f"{self._numbers.cardinal(value_of(match['roman']))}, "

    def named(self, match: re.Match[str]) -> str | None:
        """Read ``Louis XIV`` and ``Elizabeth II``, and numerals of several letters after a word."""
        roman = match["roman"]
        king = _KINGS.search(before(match)) is not None
        word = roman in {"VI", "XI"} and match.string[match.start() - 2].isupper()
        if word or (not king and (len(roman) == 1 or "L" in roman)):
            return None
        value = value_of(roman)
        last = f" đến {self._numbers.cardinal(value_of(match['last']))}" if match["last"] else ""
        said = self._numbers.cardinal(value)
        if king and value < 10:  # noqa: PLR2004  # larger numbers are cardinals: Louis mười bốn
            said = (
                f"đệ {('nhất', 'nhị', 'tam', 'tứ', 'ngũ', 'lục', 'thất', 'bát', 'cửu')[value - 1]}"
            )
        return said + last

    def _ordinal(self, value: int) -> str:
        return self._numbers.ordinal(str(value))


def value_of(roman: str) -> int:
    """Return the value of a Roman numeral."""
    values = [_VALUES[sign] for sign in roman.upper()]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))
