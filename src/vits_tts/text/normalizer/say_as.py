"""Readings that the SSML element ``say-as`` requests by name, where context is not enough.

Each reading takes a written text and returns its words, or raises ValueError with the reason why
the text is not of its kind. Texts that do not fit are refused, not guessed.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, TypeAlias

from vits_tts.text.letters import NAMES, spelled
from vits_tts.text.normalizer.roman import value_of
from vits_tts.text.normalizer.unit_table import UNITS
from vits_tts.text.numbers import NUMBER, Region, of_region, parts
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

Spoken: TypeAlias = Callable[[str], str]
"""Returns the spoken form of a text by the usual rules."""

_ALIASES: Final = {
    "number": "cardinal",
    "digit": "digits",
    "number_digit": "digits",
    "spell-out": "characters",
    "spell": "characters",
    "letters": "characters",
    "phone": "telephone",
    "money": "currency",
}
"""Names that other services have for the same readings."""

KINDS: Final = (
    *("cardinal", "ordinal", "digits", "characters", "verbatim", "date", "time", "duration"),
    *("telephone", "currency", "unit", "fraction", "score", "address", "name", "roman"),
)
MAX_CHARS: Final = 300

_DASHES: Final = str.maketrans("–—−‑", "----")
_SIGNS: Final = {
    ".": "chấm", ",": "phẩy", ":": "hai chấm", ";": "chấm phẩy", "!": "chấm than",
    "?": "chấm hỏi", "@": "a còng", "#": "thăng", "*": "sao", "+": "cộng", "-": "gạch ngang",
    "_": "gạch dưới", "/": "gạch chéo", "\\": "gạch chéo ngược", "&": "và", "%": "phần trăm",
    "=": "bằng", "<": "nhỏ hơn", ">": "lớn hơn", "(": "mở ngoặc", ")": "đóng ngoặc",
    "[": "mở ngoặc vuông", "]": "đóng ngoặc vuông", "{": "mở ngoặc nhọn", "}": "đóng ngoặc nhọn",
    '"': "ngoặc kép", "'": "nháy đơn", "$": "đô la", "€": "ơ rô", "₫": "đồng", "~": "ngã",
    "^": "mũ", "|": "gạch đứng", "°": "độ",
}  # fmt: skip
_TONES: Final = {
    "\u0300": "huyền", "\u0301": "sắc", "\u0309": "hỏi", "\u0303": "ngã", "\u0323": "nặng",
}  # fmt: skip
"""The names of the tones by their combining marks."""
_VOWELS: Final = "AĂÂEÊIOÔƠUƯY"
_NUMBER: Final = lazily(rf"(?P<sign>[+-]?)\ ?(?P<number>{NUMBER})", re.VERBOSE)
_ORDINAL: Final = lazily(r"(\d{1,9})(?:st|nd|rd|th)?")
_CLOCK: Final = lazily(
    r"(?P<h>\d{1,2})(?:\s?[:hg]\s?(?P<m>\d{2})?(?:\s?[:mp]?\s?(?P<s>\d{2})s?)?)?m?\s?(?P<half>[ap]\.?m\.?)?"
    r"(?P<part>(?<!m)(?<!m\.)\s(?:sáng|trưa|chiều|tối|đêm))?",
    re.IGNORECASE,
)
_CLOCK_IN_WORDS: Final = lazily(
    r"(?P<h>\d{1,2})\s?giờ(?:\s?(?P<m>\d{1,2})(?:\s?phút(?:\s?(?P<s>\d{1,2})\s?giây)?)?)?"
    r"(?P<part>\s(?:sáng|trưa|chiều|tối|đêm))?",
    re.IGNORECASE,
)
_HOURS, _MINUTES = r"(?:h|g|giờ|tiếng)", r"(?:m|ph|p|min|phút|')"
_LASTING: Final = lazily(
    rf"(?:pt?)?(?:(?P<d>\d{{1,4}})\s?(?:d(?:ay)?s?|ngày)\s?t?)?"
    rf"(?:(?P<h>\d{{1,4}})\s?{_HOURS}\s?)?(?:(?P<m>\d{{1,4}})\s?{_MINUTES}\s?)?"
    r"(?:(?P<s>\d{1,6})(?:[.,](?P<f>\d{1,3}))?\s?(?:s|sec|giây|\"|''))?",
    re.IGNORECASE,
)
_LAST_UNIT_MISSING: Final = lazily(
    rf"(?P<hours>{_HOURS}\s?\d{{1,2}})|(?P<minutes>{_MINUTES}\s?\d{{1,2}})", re.IGNORECASE
)
"""The end of a duration such as 1h30 or 2 phút 15."""
_FRACTION: Final = lazily(
    r"(?P<sign>-?)(?:(?P<whole>\d{1,9})[ +])?(?P<a>\d{1,9})\s?[/⁄]\s?(?P<b>\d{1,9})"
)
_MEASURE: Final = lazily(
    rf"""(?:(?P<fraction>-?(?:\d{{1,9}}[\ +])?\d{{1,9}}\s?[/⁄]\s?\d{{1,9}})
    |(?P<number>[+-]?{NUMBER}))?\s*(?P<unit>(?!['’]\s?\d)[^\d\s/⁄].*)""",
    re.VERBOSE,
)
_SCORE: Final = lazily(r"\d{1,4}(?:\s?[-:]\s?\d{1,4}){1,4}")
_PHONE: Final = lazily(r"\+?[\d\s().-]{2,40}")
_CURRENCY: Final = lazily(
    rf"""(?P<sign>-?)(?P<before>[^\s\d.,-]{{1,4}}?)?\ ?(?P<number>{NUMBER})
    (?:\ ?(?P<scale>nghìn|ngàn|triệu|tỷ|tỉ)(?!\w))?\ ?
    (?P<after>[^\d\s.,-]{{1,12}}(?:\ [^\d\s.,-]{{1,8}})?)?""",
    re.VERBOSE | re.IGNORECASE,
)
_MONEY_WORDS: Final = frozenset(["đồng", "hào", "xu", "tệ", "yên", "bảng", "đô", "euro", "won"])
"""Currencies that are read like any other word."""
_CODE: Final = lazily(r"[A-Z]{3}")
_ROMAN: Final = lazily(r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_HOUSE: Final = lazily(r"\d{1,4}[A-ZĐ]?(?:/\d{1,4}[A-ZĐ]?)*(?![\w/])")
_FIELDS: Final = {"d": "ngày", "m": "tháng", "y": "năm"}
_ORDERS: Final = ("dmy", "mdy", "ymd", "ydm", "dm", "md", "my", "ym", "d", "m", "y")
_LATEST_SHORT_YEAR: Final = 60
_LEAP_YEAR: Final = 2000
_UNITS: Final = ("giờ", "phút", "giây")


def is_kind(name: str) -> bool:
    """Return whether there is a reading of this name."""
    return _ALIASES.get(name, name) in KINDS


class SayAsReader:
    """Reads texts whose kind is given, such as a date, with the words of one region."""

    def __init__(self, region: Region, spoken: Spoken) -> None:
        """Keep the words for numbers; ``spoken`` reads words and units by the usual rules."""
        self._numbers = of_region(region)
        self._slash = "xẹt" if region == "south" else "trên"
        self._spoken = spoken
        self._plainly: Mapping[str, Callable[[str], str]] = {
            "cardinal": self._cardinal,
            "ordinal": self._ordinal,
            "digits": self._digits,
            "characters": self._characters,
            "verbatim": self._characters,
            "time": self._time,
            "telephone": self._telephone,
            "unit": self._unit,
            "fraction": self._fraction,
            "score": self._score,
            "address": self._address,
            "name": self._name,
            "roman": self._roman,
        }

    def words(self, kind: str, form: str | None, written: str) -> str:
        """Return the words of ``written``, read as ``kind``, in the format ``form`` if it has one.

        Raises:
            KeyError: there is no such kind.
            ValueError: the text is not of this kind.

        """
        kind = _ALIASES.get(kind, kind)
        text = " ".join(written.translate(_DASHES).split())
        if kind not in KINDS:
            raise KeyError(kind)
        if len(text) > MAX_CHARS:
            raise ValueError(f"it has up to {MAX_CHARS} characters")
        if kind == "date":
            return self._date(text, form)
        if kind == "duration":
            return self._duration(text, form)
        if kind == "currency":
            return self._currency(text, form)
        return self._plainly[kind](text)

    def _cardinal(self, text: str) -> str:
        found = _NUMBER.fullmatch(text)
        if not found:
            raise ValueError("write a number: 1.250 or 3,5")
        whole, mark, decimals = parts(found["number"])
        words = self._numbers.whole(whole)
        if decimals:
            words += f" {'chấm' if mark == '.' else 'phẩy'} {self._numbers.decimals(decimals)}"
        return {"-": "âm ", "+": "cộng "}.get(found["sign"], "") + words

    def _ordinal(self, text: str) -> str:
        number = _ORDINAL.fullmatch(text)
        if not number and (roman := _ROMAN.fullmatch(text)):
            return f"thứ {self._numbers.ordinal(str(value_of(roman[0])))}"
        if not number:
            raise ValueError("write a whole number: 1")
        return f"thứ {self._numbers.ordinal(number[1])}"

    def _digits(self, text: str) -> str:
        if not re.fullmatch(r"[\d\s.,/-]*", text) or not re.search(r"\d", text):
            raise ValueError("write only digits")
        return self._numbers.digits(text)

    def _characters(self, text: str) -> str:
        words = []
        for sign in unicodedata.normalize("NFC", text):
            if sign.isspace():
                continue
            name = NAMES.get(sign.upper()) or _SIGNS.get(sign)
            other = self._numbers.digits if sign.isdecimal() else _letter
            words.append(name or other(sign))
        if not all(words) or not words:
            raise ValueError("one of its characters has no name; use sub")
        return " ".join(words)

    def _date(self, text: str, form: str | None) -> str:
        order, widths = _order(form)
        fields = re.findall(r"\d+", text)
        if not re.fullmatch(r"\d{1,8}(?:\s?[/.\s-]\s?\d{1,4}){0,2}", text):
            raise ValueError("write numbers with / . or - between: 20/11/2024")
        if len(fields) == 1 and order and len(order) > 1:
            digits, fields, start = fields[0], [], 0
            widths = widths or {"d": 2, "m": 2, "y": len(digits) - 2 * (len(order) - 1)}
            for letter in order:
                fields.append(digits[start : start + widths[letter]])
                start += widths[letter]
            if start != len(digits) or not all(fields):
                raise ValueError(f"it does not have the digits of {form}")
        order = order or _natural(fields)
        if len(fields) != len(order):
            raise ValueError(f"it does not have the {len(order)} parts of {order}")
        given = dict(zip(order, fields, strict=True))
        return self._date_words(given)

    def _date_words(self, given: Mapping[str, str]) -> str:
        day, month = int(given.get("d", "1")), int(given.get("m", "1"))
        year = given.get("y")
        if year and len(year) == 2:  # noqa: PLR2004
            year = f"{'20' if int(year) < _LATEST_SHORT_YEAR else '19'}{year}"
        try:
            date(int(year or _LEAP_YEAR) or _LEAP_YEAR, month, day)
        except ValueError:
            raise ValueError("there is no such day; is the format right?") from None
        said = []
        if "d" in given:
            said.append(f"ngày {self._numbers.cardinal(day)}")
        if "m" in given:
            four = month == 4  # noqa: PLR2004
            said.append(f"tháng {'tư' if four else self._numbers.cardinal(month)}")
        if year:
            said.append(f"năm {self._numbers.whole(year)}")
        return " ".join(said)

    def _time(self, text: str) -> str:
        found = _CLOCK.fullmatch(text) or _CLOCK_IN_WORDS.fullmatch(text)
        hour, minute, second = (int(found[name] or 0) for name in "hms") if found else (99, 0, 0)
        if not found or hour > 24 or minute > 59 or second > 59:  # noqa: PLR2004
            raise ValueError("write a time of the day: 8:30, 14h05, 2:30pm")
        words = [f"{self._numbers.cardinal(hour)} giờ"]
        if minute or second:
            words.append(f"{self._numbers.cardinal(minute)} phút")
        if second:
            words.append(f"{self._numbers.cardinal(second)} giây")
        given = found.groupdict()
        words.append((given.get("part") or "").strip().lower())
        if half := given.get("half"):
            if not 1 <= hour <= 12:  # noqa: PLR2004
                raise ValueError("an hour with am or pm is from 1 to 12")
            words.append(_part_of_day(hour, half[0].lower()))
        return " ".join(filter(None, words))

    def _duration(self, text: str, form: str | None) -> str:
        values: list[str | None]
        days = fraction = None
        if re.fullmatch(r"\d{1,4}(?::\d{1,2}){1,2}", text):
            fields = text.split(":")
            names = (form or "").lower() or ("hms" if len(fields) == 3 else "ms")  # noqa: PLR2004
            if names not in {"hms", "hm", "ms"} or len(names) != len(fields):
                raise ValueError("format is hms, hm or ms")
            given = dict(zip(names, fields, strict=True))
            values = [given.get(name) for name in "hms"]
        else:
            end = list(_LAST_UNIT_MISSING.finditer(text))
            if end and end[-1].end() == len(text):
                text += "m" if end[-1]["hours"] else "s"
            found = _LASTING.fullmatch(text)
            if not found or not any(found.groups()):
                raise ValueError("write it as 1:30:00, 1h30m, 90s or PT1H30M")
            values, days, fraction = [found[name] for name in "hms"], found["d"], found["f"]
        words = [f"{self._numbers.whole(days)} ngày"] if days else []
        for value, unit in zip(values, _UNITS, strict=True):
            if value and (int(value) or (unit == "giây" and fraction)):
                more = (
                    f" phẩy {self._numbers.decimals(fraction)}"
                    if fraction and unit == "giây"
                    else ""
                )
                words.append(f"{self._numbers.whole(value)}{more} {unit}")
        return " ".join(words) or "không giây"

    def _telephone(self, text: str) -> str:
        digits = re.sub(r"\D", "", text)
        if not _PHONE.fullmatch(text) or not 2 <= len(digits) <= 20:  # noqa: PLR2004
            raise ValueError("write 2 to 20 digits, with spaces, points or dashes")
        return ("cộng " if text.startswith("+") else "") + self._numbers.digits(digits)

    def _currency(self, text: str, form: str | None) -> str:
        found = _CURRENCY.fullmatch(text)
        if not found:
            raise ValueError("write an amount: 42,50 USD")
        code = (form or "").upper() or (found["after"] or found["before"] or "VND").strip()
        if form and not _CODE.fullmatch(code):
            raise ValueError("format is the code of a currency, such as USD")
        # With a large number, because "5đ" may be a mark at school.
        sample = f"5.000 {code}" if len(code) > 1 else f"5.000{code}"
        unit = self._spoken(sample).removeprefix("năm nghìn ")
        spelled_out = spelled(code.upper()) if code.isalpha() else None
        strange = unit in {spelled_out, code.lower(), "năm nghìn", ""} or (
            _is_foreign(code) and unit == self._spoken(code)
        )
        if strange and code.lower() not in _MONEY_WORDS:
            raise ValueError(f"the currency {code:.12} is not known; use sub")
        amount = self._cardinal(found["number"]).replace(" chấm ", " phẩy ")
        scale = f" {found['scale'].lower()}" if found["scale"] else ""
        return f"{'âm ' if found['sign'] else ''}{amount}{scale} {unit}"

    def _unit(self, text: str) -> str:
        found = _MEASURE.fullmatch(text)
        if not found:
            raise ValueError("write a number and a unit: 5 km/h")
        unit = found["unit"].strip()
        said = self._spoken(f"5 {unit}")
        glued = self._spoken(f"5{unit}")
        said = next((way for way in (said, glued) if way.startswith("năm ")), "")
        said = said.removeprefix("năm ")
        if not said or (_is_foreign(unit) and said == self._spoken(unit)):
            raise ValueError(f"the unit {unit!r:.20} is not known; use sub")
        if found["fraction"]:
            return f"{self._fraction(found['fraction'])} {said}"
        if not found["number"]:
            return said
        return f"{self._cardinal(found['number']).replace(' chấm ', ' phẩy ')} {said}"

    def _fraction(self, text: str) -> str:
        apart = re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞])", " ", text)
        found = _FRACTION.fullmatch(unicodedata.normalize("NFKC", apart))
        if not found or not int(found["b"]):
            raise ValueError("write a fraction: 3/4 or 1 1/2")
        below = int(found["b"])
        under = "tư" if below == 4 else self._numbers.cardinal(below)  # noqa: PLR2004
        said = f"{self._numbers.whole(found['a'])} phần {under}"
        if found["whole"]:
            said = f"{self._numbers.whole(found['whole'])} và {said}"
        return f"âm {said}" if found["sign"] else said

    def _score(self, text: str) -> str:
        if not _SCORE.fullmatch(text):
            raise ValueError("write a score: 2-1")
        return " ".join(self._numbers.whole(points) for points in re.findall(r"\d+", text))

    def _address(self, text: str) -> str:
        """Read house numbers by their parts, the rest by the usual rules."""
        house = _HOUSE.match(text) or re.match(rf"(?:[Ss]ố(?: nhà)? )({_HOUSE.pattern})", text)
        if not house:
            return self._spoken(text)
        number = house[1] if house.lastindex else house[0]
        lead = text[: house.end() - len(number)]
        fields = re.findall(r"(\d+)([A-ZĐ]?)", number)
        said = f" {self._slash} ".join(
            " ".join(filter(None, (self._numbers.whole(digits), spelled(letter))))
            for digits, letter in fields
        )
        rest = self._spoken(text[house.end() :].strip(" ,"))
        return " ".join(filter(None, (lead.strip().lower(), said, rest)))

    def _name(self, text: str) -> str:
        """Read a personal name word by word: an initial by its name, a regnal number as such."""
        words = re.findall(r"[^\s.,]+", text)
        if not any(map(str.isalpha, "".join(words))):
            raise ValueError("a name has letters")
        said = []
        for place, word in enumerate(words):
            letters = word.strip("()'\"“”")
            if len(letters) == 1 and letters.isalpha():
                said.append(spelled(letters))
            elif place and len(letters) > 1 and _ROMAN.fullmatch(letters):
                said.append(f"đệ {self._numbers.ordinal(str(value_of(letters)))}")
            else:
                said.append(self._spoken(letters))
        return " ".join(said)

    def _roman(self, text: str) -> str:
        if not _ROMAN.fullmatch(text.upper()):
            raise ValueError("write a Roman numeral: XIV")
        return self._numbers.cardinal(value_of(text.upper()))


def _is_foreign(unit: str) -> bool:
    """Return whether a unit is a word of Latin letters, neither a known unit nor Vietnamese."""
    known = unit in UNITS or unit.lower() in UNITS or is_syllable(unit.lower())
    return unit.isascii() and unit.isalpha() and not known


def _letter(sign: str) -> str:
    """Return the name of a letter, and that of its tone: ấ is "ớ sắc"."""
    parts = unicodedata.normalize("NFD", sign)
    tone = next(filter(None, map(_TONES.get, parts)), "")
    letter = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
    return f"{spelled(letter)} {tone}" if tone and letter.upper() in _VOWELS else spelled(sign)


def _order(form: str | None) -> tuple[str | None, dict[str, int] | None]:
    """Return the order of the parts of a date, and their widths if the format gives them.

    Raises:
        ValueError: there is no such format.

    """
    if not form:
        return None, None
    letters = re.sub(r"[^a-z]", "", form.lower())
    order = "".join(dict.fromkeys(letters))
    if order not in _ORDERS:
        raise ValueError(f"format is {', '.join(_ORDERS)}")
    widths = {letter: letters.count(letter) for letter in order}
    return order, widths if max(widths.values()) > 1 else None


def _natural(fields: list[str]) -> str:
    """Return the usual order of a date: the day first, or a year of four digits first."""
    if len(fields[0]) == 4 and len(fields) > 1:  # noqa: PLR2004
        return "ymd"[: len(fields)]
    if len(fields) == 2:  # noqa: PLR2004
        return "my" if len(fields[1]) == 4 else "dm"  # noqa: PLR2004
    if len(fields) == 1:
        return "y" if len(fields[0]) == 4 else "d"  # noqa: PLR2004
    return "dmy"


def _part_of_day(hour: int, half: str) -> str:
    if half == "a":
        return "đêm" if hour == 12 else "sáng"  # noqa: PLR2004
    return next(
        name for end, name in ((13, "trưa"), (18, "chiều"), (24, "tối")) if hour % 12 + 12 < end
    )
