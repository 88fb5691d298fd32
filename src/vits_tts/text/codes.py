"""Codes: numbers that identify and do not count, said as they are dictated.

Telephone, account and identity numbers, plates, decrees, versions, and words like U23 or H5N1.
"""

import re
from typing import Final

from vits_tts.text.abbreviations import Abbreviations
from vits_tts.text.letters import spelled
from vits_tts.text.numbers import Numbers
from vits_tts.text.rules import Rule, Step, before

_START: Final = r"(?<![\w.,/+-])"
_END: Final = r"(?!\w)(?![.-]\d)"
_PHONE: Final = r"""(?:
    \(?\+84\)?(?:[\ .-]?\d{1,4}){2,5}
  | \(0\d{1,3}\)(?:[\ .-]?\d{2,4}){2,4}
  | 0\d{1,4}(?:[\ .-]\d{1,4}){2,4}
  | 0\d{9,10}
)"""
_HOTLINE: Final = r"1[89]00(?:\d{4}|\d{6}|[\ .]\d{4}|[\ .]\d{6}|[\ .]\d{2,3}[\ .]\d{2,3})"
_IDENTIFIED: Final = re.compile(
    r"(?:cccd|cmnd|cmt|stk|mst|otp|pin|imei|sđt|đt|fax|tel|zalo|hotline|tổng đài|điện thoại|\bgọi"
    r"|căn cước|chứng minh|tài khoản|hộ chiếu|(?:mật khẩu|mã|pass)(?: [^\W\d]{1,12}){0,3}"
    r"|giải đặc biệt|số hiệu|serial|bưu điện|đường dây nóng)"
    r"(?: số| là)?\W{0,3}(?:\d{3,4}(?:,| và| hoặc) ){0,4}$"
)
_ROADS: Final = {"QL": "quốc lộ", "TL": "tỉnh lộ", "HL": "hương lộ"}
_EMERGENCIES: Final = frozenset(["111", "112", "113", "114", "115"])
_TOO_LONG_TO_COUNT: Final = 10


class Codes:
    """Reads codes with the words of one region."""

    def __init__(self, numbers: Numbers, abbreviations: Abbreviations) -> None:
        """Keep the words for numbers and the abbreviations that codes are made of."""
        self._numbers = numbers
        self._abbreviations = abbreviations

    def documents(self) -> tuple[Step, ...]:
        """Return the steps for decrees; they stand before the dates."""
        return (
            Rule(
                r"(?<![\w/.,])(?P<number>\d{1,5})(?:[/:](?P<year>[12]\d{3}))?[/-]"
                r"(?P<body>(?=[A-ZĐ][A-Za-zĐđ]{0,9}[A-ZĐ]|[A-ZĐ]{2})"
                r"[A-ZĐ][A-Za-zĐđ&]{1,11}(?P<term>\d{0,2})"
                r"(?:[-/][A-ZĐ][A-Za-zĐđ&]{0,11}\d{0,2}){0,3})(?!\w)",
                self.document,
                needs="-/",
            ),
            Rule(r"(?<=\d):(?P<year>(?:19|20)\d\d)(?!\d)", self.edition, needs=":"),
        )

    def steps(self) -> tuple[Step, ...]:
        """Return the steps for numbers that are dictated."""
        return (
            Rule(rf"(?<![\w.,/+])(?P<phone>{_PHONE}){_END}", self.phone),
            Rule(rf"{_START}{_HOTLINE}{_END}", self.dictated),
            Rule(rf"{_START}\d{{4}}(?:[\ -]\d{{4}}){{2,3}}{_END}", self.dictated),  # bank cards
            Rule(
                r"(?<![\w-])(?P<named>BSX?:?\s)?(?P<series>\d\d[A-ZĐ]{1,2}\d?)\s?-\s?(?P<number>\d{3}\.\d\d|\d{4,5})(?!\w)",
                self.plate,
                needs="-",
            ),
            Rule(r"(?<![\w.,/])\d{3,20}(?:-\d{2,4})?(?!\w)(?![.,]\d)", self.identifier),
            Rule(r"\d{19,3000}", self.dictated),
        )

    def versions(self) -> tuple[Step, ...]:
        """Return the step for 2.0.1 and 192.168.1.1; it stands after the dates."""
        return (
            Rule(r"(?<![\w.,/])\d{1,4}(?:\.\d{1,4}){2,4}(?!\w)(?!\.\d)", self.version, needs="."),
        )

    def mixed(self) -> tuple[Step, ...]:
        """Return the steps for letters and digits in one word; they stand after the units."""
        return (
            Rule(r"(?<=[^\W\d_])-(?=\d)", " ", glued=True, needs="-"),
            Rule(r"(?<=[A-ZĐ])\.(?=\d)", " chấm ", glued=True, needs="."),
            Rule(r"(?<!\w)(?P<days>\d{1,2})N(?P<nights>\d{1,2})Đ(?!\w)", self.tour, needs="Đ"),
            Rule(
                r"(?<![\w.])(?=\w{0,11}[A-ZĐ])(?=\w{0,11}\d)[A-ZĐ\d]{2,20}[a-z]?(?!\w)", self.token
            ),
            Rule(r"(?<!\w)\d[xX](?!\w)", lambda match: f"{self._numbers.whole(match[0][0])} ích"),
            Rule(r"(?<!\w)\d{1,3}[a-eg-z](?!\w)", self.token),
            Rule(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", glued=True),
        )

    def document(self, match: re.Match[str]) -> str | None:
        """Read 15/2023/NĐ-CP and 123/QĐ-UBND."""
        number = self._written(match["number"])
        words = [number]
        if match["year"]:
            words.append(self._numbers.whole(match["year"]))
        bodies = re.findall(r"([^\W\d_][^\W\d_&]*(?:&[^\W\d_]+)?)(\d*)", match["body"])
        body = " ".join(
            f"{self._abbreviations.document(name)} {term and self._numbers.read(term)}".strip()
            for name, term in bodies
        )
        joint = " " if match.string[match.start("body") - 1] == "-" else " trên "
        return " trên ".join(words) + joint + body

    def edition(self, match: re.Match[str]) -> str:
        """Read the year of a standard (ISO 9001:2015)."""
        return f" hai chấm {self._numbers.whole(match['year'])}"

    def phone(self, match: re.Match[str]) -> str | None:
        """Read a telephone number digit by digit."""
        digits = re.sub(r"\D", "", match["phone"])
        if not 9 <= len(digits) <= 13:  # noqa: PLR2004  # no number here is shorter or longer
            return None
        plus = "cộng " if "+" in match["phone"] else ""
        return plus + self._numbers.digits(digits)

    def dictated(self, match: re.Match[str]) -> str:
        """Read all digits, one by one."""
        return self._numbers.digits(match[0])

    def plate(self, match: re.Match[str]) -> str:
        """Read 51F-123.45."""
        series = " ".join(
            self._numbers.digits(part) if part.isdecimal() else spelled(part)
            for part in re.findall(r"\d+|\D+", match["series"])
        )
        named = "biển số " if match["named"] else ""
        return f"{named}{series}, {self._numbers.digits(match['number'])}"

    def version(self, match: re.Match[str]) -> str | None:
        """Read 2.0.1 and 192.168.1.1; 1.250.000 is a number."""
        fields = match[0].split(".")
        if all(len(field) == 3 for field in fields[1:]) and fields[0][0] != "0":  # noqa: PLR2004
            return None
        return " chấm ".join(self._written(field) for field in fields)

    def identifier(self, match: re.Match[str]) -> str | None:
        """Read the digits of an account, a code, a call one by one; other numbers are counted."""
        digits = match[0]
        front = before(match)
        called = _IDENTIFIED.search(front)
        if called and called[0].startswith("gọi") and len(digits) < 8:  # noqa: PLR2004
            called = None if digits not in _EMERGENCIES else called
        long = len(digits) >= _TOO_LONG_TO_COUNT and not digits.endswith("000")
        return self._numbers.digits(digits) if called or long else None

    def tour(self, match: re.Match[str]) -> str:
        """Read 2N1Đ, the length of a tour."""
        days, nights = self._numbers.whole(match["days"]), self._numbers.whole(match["nights"])
        return f"{days} ngày {nights} đêm"

    def token(self, match: re.Match[str]) -> str:
        """Read U23, H5N1, A4, VN123, 45B part by part."""
        pieces = re.findall(r"\d+|[^\W\d_]+", match[0])
        return " ".join(
            self._code(piece) if piece.isdecimal() else _ROADS.get(piece) or spelled(piece)
            for piece in pieces
        )

    def _code(self, digits: str) -> str:
        if digits[0] == "0" or len(digits) > 3:  # noqa: PLR2004
            return self._numbers.digits(digits)
        return self._numbers.whole(digits)

    def _written(self, digits: str) -> str:
        """Return a number with the zero that it is written with."""
        return self._numbers.digits(digits) if digits[0] == "0" else self._numbers.whole(digits)
