"""Numbers in words, as the North or the South says them.

How Vietnamese reads numbers: groups of three digits, ``linh``/``lẻ`` for an empty ten, ``mốt``,
``tư``, ``lăm`` after a ten; a point groups thousands and a comma begins the decimals, unless the
way a number is written leaves no doubt that it is the other way round (1,250.75).
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Region: TypeAlias = Literal["north", "south"]

DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")

START: Final = r"(?<!\w)(?<!\d[.,])"
"""Stands before a number, never inside one."""

NUMBER: Final = r"""(?:
    [1-9]\d{0,2}(?:\.\d{3}){1,8}(?!\d)(?:,\d{1,12})?
  | [1-9]\d{0,2}(?:,\d{3}){2,8}(?!\d)(?:\.\d{1,12})?
  | [1-9]\d{0,2},\d{3}\.\d{1,12}
  | [1-9]\d{0,2}(?:(?:\ \d{3}){2,8}|\ \d00)(?!\d)(?:,\d{1,12})?
  | \d{1,18}(?:[.,]\d{1,12})?
)(?!\d)"""
"""One number: 1.250.000 or 1,250,000 or 1 250 000, with or without decimals. Verbose syntax."""

_DOT_GROUPS: Final = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
_WHOLE_LIMIT: Final = 24  # longer numbers are said digit by digit


@dataclass(frozen=True, slots=True)
class Numbers:
    """Says numbers; each word in which regions differ is a field.

    ``thousand`` is nghìn or ngàn, ``empty_ten`` linh or lẻ, ``four`` what four is after a ten.
    """

    thousand: str = "nghìn"
    empty_ten: str = "linh"
    four: str = "tư"

    def cardinal(self, number: int) -> str:
        """Return a whole number in words."""
        if number < 0:
            return f"âm {self.cardinal(-number)}"
        if number < 1_000_000_000:  # noqa: PLR2004  # a billion: tỷ
            return self._below_billion(number, filled=False) or DIGITS[0]
        billions, rest = divmod(number, 1_000_000_000)
        words = f"{self.cardinal(billions)} tỷ"
        return f"{words} {self._below_billion(rest, filled=True)}" if rest else words

    def _below_billion(self, number: int, *, filled: bool) -> str:
        """Return ``number`` in groups of three; ``filled`` says empty hundreds as well."""
        millions, thousands, ones = number // 1_000_000, number // 1000 % 1000, number % 1000
        words: list[str] = []
        for value, name in ((millions, "triệu"), (thousands, self.thousand), (ones, "")):
            if value:
                words += (self._group(value, filled=filled or bool(words)), name)
        return " ".join(filter(None, words))

    def _group(self, number: int, *, filled: bool) -> str:
        hundreds, rest = divmod(number, 100)
        words = [DIGITS[hundreds], "trăm"] if hundreds or filled else []
        return " ".join([*words, *self._tens(rest, after_hundreds=bool(words))])

    def _tens(self, number: int, *, after_hundreds: bool) -> list[str]:
        tens, ones = divmod(number, 10)
        if not tens:
            return [self.empty_ten] * after_hundreds + [DIGITS[ones]] if ones else []
        words = ["mười"] if tens == 1 else [DIGITS[tens], "mươi"]
        return [*words, self._after_ten(ones, tens)] if ones else words

    def _after_ten(self, ones: int, tens: int) -> str:
        if tens == 1:
            return "lăm" if ones == 5 else DIGITS[ones]  # noqa: PLR2004
        return {1: "mốt", 4: self.four, 5: "lăm"}.get(ones, DIGITS[ones])

    def whole(self, digits: str) -> str:
        """Return a run of digits as one number, whatever zeros it begins with."""
        if len(digits) > _WHOLE_LIMIT:
            return self.digits(digits)
        return self.cardinal(int(digits))

    def digits(self, written: str) -> str:
        """Return the digits of ``written`` one by one; all else in it is left out."""
        return " ".join(DIGITS[int(digit)] for digit in written if digit.isdecimal())

    def ordinal(self, digits: str) -> str:
        """Return what follows ``thứ``: nhất and tư are their own words."""
        number = int(digits)
        return {1: "nhất", 4: "tư"}.get(number) or self.cardinal(number)

    def read(self, written: str, point: str = "chấm") -> str:
        """Return a number as :data:`NUMBER` finds it; ``point`` is what a decimal point is called.

        Leading zeros make it a code (007), which is said digit by digit.
        """
        whole, mark, decimals = parts(written)
        coded = len(whole) > 1 and whole[0] == "0"
        words = self.digits(whole) if coded else self.whole(whole)
        if not decimals:
            return words
        return f"{words} {point if mark == '.' else 'phẩy'} {self.decimals(decimals)}"

    def decimals(self, digits: str) -> str:
        """Return decimals: two are a number (mười bốn), the rest is said digit by digit."""
        if len(digits) <= 2 and digits[0] != "0":  # noqa: PLR2004
            return self.whole(digits)
        return self.digits(digits)


def parts(written: str) -> tuple[str, str, str]:
    """Return a number's whole part, its decimal mark and its decimals, the last two maybe empty."""
    written = written.replace(" ", "")
    mark = "," if written.rfind(",") > written.rfind(".") else "."
    grouped = mark == "." and _DOT_GROUPS.fullmatch(written)
    if mark not in written or grouped or written.count(mark) > 1:
        return written.replace(".", "").replace(",", ""), "", ""
    whole, _, decimals = written.rpartition(mark)
    return whole.replace(".", "").replace(",", ""), mark, decimals


def of_region(region: Region) -> Numbers:
    """Return the numbers of the North (linh, nghìn, tư) or of the South (lẻ, ngàn, bốn)."""
    return Numbers() if region == "north" else Numbers("ngàn", "lẻ", "bốn")
