"""Numbers in Vietnamese words, as each region says them.

Vietnamese reads numbers in groups of three digits. A zero in the place of the tens is ``linh`` or
``lẻ``, and after a ten one, four and five become ``mốt``, ``tư`` and ``lăm``. A point groups
thousands and a comma begins the decimals, unless the notation is clearly English (1,250.75).
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vits_tts.text.patterns import lazily

Region: TypeAlias = Literal["north", "central", "south"]

DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")

START: Final = r"(?<!\w)(?<!\d[.,])"
"""Pattern that holds at the start of a number, and never inside one."""

NUMBER: Final = r"""(?:
    [1-9]\d{0,2}(?:\.\d{3}){1,8}(?!\d)(?:,\d{1,12})?
  | [1-9]\d{0,2}(?:,\d{3}){2,8}(?!\d)(?:\.\d{1,12})?
  | [1-9]\d{0,2},\d{3}\.\d{1,12}
  | [1-9]\d{0,2}(?:(?:\ \d{3}){2,8}|\ \d00)(?!\d)(?:,\d{1,12})?
  | \d{1,18}(?:[.,]\d{1,12})?
)(?!\d)"""
"""Pattern of one number: 1.250.000, 1,250,000 or 1 250 000, perhaps with decimals.

Written in verbose syntax (``re.VERBOSE``).
"""

_DOT_GROUPS: Final = lazily(r"[1-9]\d{0,2}(?:\.\d{3})+|[1-9]\d{3}\.000")
_WHOLE_LIMIT: Final = 24  # numbers with more digits are read digit by digit


@dataclass(frozen=True, slots=True)
class Numbers:
    """Converts numbers to words. Each word in which regions differ is a field.

    ``thousand`` is nghìn or ngàn, ``empty_ten`` is linh or lẻ, and ``four`` is the word for 4
    after a ten: tư or bốn.
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
        """Return ``number`` in groups of three digits; ``filled`` also reads empty hundreds."""
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
        """Return the words of a run of digits as one number; leading zeros do not count."""
        if len(digits) > _WHOLE_LIMIT:
            return self.digits(digits)
        return self.cardinal(int(digits))

    def digits(self, written: str) -> str:
        """Return the digits of ``written`` one by one; other characters are left out."""
        return " ".join(DIGITS[int(digit)] for digit in written if digit.isdecimal())

    def ordinal(self, digits: str) -> str:
        """Return the ordinal as it follows ``thứ``: 1 is nhất, 4 is tư, others are cardinals."""
        number = int(digits)
        return {1: "nhất", 4: "tư"}.get(number) or self.cardinal(number)

    def read(self, written: str, point: str = "chấm") -> str:
        """Return the words of a number that :data:`NUMBER` has matched.

        A number with leading zeros is a code (007) and is read digit by digit. ``point`` is the
        word for a decimal point; a decimal comma is always ``phẩy``.
        """
        whole, mark, decimals = parts(written)
        coded = len(whole) > 1 and whole[0] == "0"
        words = self.digits(whole) if coded else self.whole(whole)
        if not decimals:
            return words
        return f"{words} {point if mark == '.' else 'phẩy'} {self.decimals(decimals)}"

    def decimals(self, digits: str) -> str:
        """Return the words of decimals: up to two digits as one number, more digit by digit."""
        if len(digits) <= 2 and digits[0] != "0":  # noqa: PLR2004
            return self.whole(digits)
        return self.digits(digits)


def parts(written: str) -> tuple[str, str, str]:
    """Return the digits before the decimal mark, the mark, and the digits after it.

    The last two are empty strings for a whole number.
    """
    written = written.replace(" ", "")
    mark = "," if written.rfind(",") > written.rfind(".") else "."
    grouped = mark == "." and _DOT_GROUPS.fullmatch(written)
    if mark not in written or grouped or written.count(mark) > 1:
        return written.replace(".", "").replace(",", ""), "", ""
    whole, _, decimals = written.rpartition(mark)
    return whole.replace(".", "").replace(",", ""), mark, decimals


def of_region(region: Region) -> Numbers:
    """Return the numbers of a region: linh, nghìn, tư in the North; lẻ, ngàn, bốn in the South."""
    if region == "north":
        return Numbers()
    return Numbers("ngàn", "lẻ", "bốn" if region == "south" else "tư")
