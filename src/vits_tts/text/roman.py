"""Roman numerals, where Vietnamese writes them: centuries, chapters, congresses, kings."""

import re
from typing import Final

from vits_tts.text.numbers import Numbers
from vits_tts.text.rules import Rule, Step, before

_ROMAN: Final = r"(?=[IVXL])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_PLACES: Final = (
    r"thế\ k[ỷỉ]|thứ|chương|phần|quý|kho[áa]|khóa|đại\ hội|kỳ|kì|lần|tập|quyển|hồi|mục"
    r"|điều(?:\ khoản)?|loại"
    r"|số(?=\ I)|cấp|hạng|nhóm|giai\ đoạn|bảng|bậc|vùng|khu(?:\ vực)?"
    r"|thế\ chiến|đại\ chiến|học\ kỳ|hk|tiểu\ mục"
    r"|phụ\ lục|mẫu|đợt|thời\ kỳ|trung\ ương|quân\ đoàn|ga\ lần|mức|chuyên\ khoa|ckii?|màn|cảnh"
)
_DASH: Final = r"\s?[-–—]\s?"
_AND: Final = r"(?:,\ |,?\ (?:và|hoặc)\ )"
_KINGS: Final = re.compile(
    r"(?:louis|elizabeth|henry|charles|george|napol[eé]on|phaol[oô]|nicholas|peter|paul|pius|piô|ramses|ramesses"
    r"|philip|philippe|william|edward|richard|james|francis|alexander|catherine|frederick|wilhelm"
    r"|benedict|xvi|gregory|leo|juan carlos|felipe|rama|norodom|ivan|darius|sejong|mohammed)\s$"
)


class Roman:
    """Reads Roman numerals with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: after their words, at the head of a line, after names."""
        return (
            Rule(r"(?<!\w)TK\.?\ (?=[IVX])", "thế kỷ ", needs="T"),
            Rule(
                rf"(?i:(?<!\w)(?P<place>{_PLACES})\ )"
                rf"(?P<list>{_ROMAN}(?:{_AND}{_ROMAN}){{1,8}})(?!\w)",
                self.listed,
            ),
            Rule(
                rf"(?<![\w.])(?P<list>I{_AND}II(?:{_AND}{_ROMAN}){{0,8}})(?!\w)",
                lambda match: self._list(match["list"]),
            ),
            Rule(
                rf"(?i:(?<!\w)(?P<place>{_PLACES})\ (?P<nth>thứ\ )?)(?P<first>{_ROMAN})"
                rf"(?:{_DASH}(?P<last>{_ROMAN}))?(?!\w)",
                self.placed,
            ),
            Rule(rf"^\ ?(?P<roman>{_ROMAN})\s?[.)/]\ (?=\S)", self.heading),
            Rule(
                rf"(?<=\w\ )(?P<roman>{_ROMAN})" rf"(?:{_DASH}(?P<last>{_ROMAN}))?(?!\w)(?!\.\w)",
                self.named,
            ),
        )

    def listed(self, match: re.Match[str]) -> str:
        """Read khu vực I, II và III."""
        return f"{match['place']} {self._list(match['list'])}"

    def _list(self, written: str) -> str:
        return re.sub("[IVXL]+", lambda roman: self._numbers.cardinal(_value(roman[0])), written)

    def placed(self, match: re.Match[str]) -> str:
        """Read thế kỷ XIX-XX, lần thứ IV, quý II."""
        place = match["place"]
        nth = match["nth"] or ("" if place.lower() != "thứ" else None)
        first = _value(match["first"])
        said = self._numbers.cardinal(first) if nth == "" else self._ordinal(first)
        last = f" đến {self._numbers.cardinal(_value(match['last']))}" if match["last"] else ""
        return f"{place} {match['nth'] or ''}{said}{last}"

    def heading(self, match: re.Match[str]) -> str:
        """Read the number of a heading, with a pause after it."""
        return f"{self._numbers.cardinal(_value(match['roman']))}, "

    def named(self, match: re.Match[str]) -> str | None:
        """Read Louis XIV and Elizabeth II, and any numeral of two signs or more after a word."""
        roman = match["roman"]
        king = _KINGS.search(before(match)) is not None
        word = roman in {"VI", "XI"} and match.string[match.start() - 2].isupper()
        if word or (not king and (len(roman) == 1 or "L" in roman)):
            return None
        value = _value(roman)
        last = f" đến {self._numbers.cardinal(_value(match['last']))}" if match["last"] else ""
        said = self._numbers.cardinal(value)
        if king and value < 10:  # noqa: PLR2004  # above, the plain number is usual: Louis mười bốn
            said = (
                f"đệ {('nhất', 'nhị', 'tam', 'tứ', 'ngũ', 'lục', 'thất', 'bát', 'cửu')[value - 1]}"
            )
        return said + last

    def _ordinal(self, value: int) -> str:
        return self._numbers.ordinal(str(value))


def _value(roman: str) -> int:
    """Return what a Roman numeral counts."""
    values = [_VALUES[sign] for sign in roman.upper()]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))
