"""Dates, times of the day and durations that ``say-as`` asks for.

Each function returns the words of a written text, or raises ValueError with the reason why the text
is not of this kind.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily

_PART_OF_DAY: Final = r"(?P<part>\s(?:sáng|trưa|chiều|tối|đêm))?"
_CLOCK: Final = lazily(
    r"(?P<h>\d{1,2})(?:\s?(?::|(?P<hour>[hg]))\s?(?P<m>\d{2})?(?:\s?[:mp]?\s?(?P<s>\d{2})s?)?)?"
    r"(?(hour)(?:m|ph?|phút)?|m?)\s?(?P<half>[ap]\.?m\.?)?"
    r"(?:(?<!m)(?<!m\.)(?P<part>\s(?:sáng|trưa|chiều|tối|đêm)))?",
    re.IGNORECASE,
)
_CLOCK_IN_WORDS: Final = lazily(
    r"(?P<h>\d{1,2})\s?giờ(?:\s?(?P<m>\d{1,2})(?:\s?phút(?:\s?(?P<s>\d{1,2})\s?giây)?)?)?"
    rf"{_PART_OF_DAY}",
    re.IGNORECASE,
)
_CLOCK_AS_SAID: Final = lazily(
    r"(?P<h>\d{1,2})\s?(?:giờ|h|g)\s?(?:rưỡi|kém\s?(?P<less>\d{1,2})(?:\s?(?:phút|ph?))?)"
    rf"{_PART_OF_DAY}",
    re.IGNORECASE,
)

_DATE_IN_WORDS: Final = lazily(
    r"(?:ngày\s)?(?P<d>\d{1,2})\stháng\s(?P<m>\d{1,2})(?:(?:,?\snăm\s|/)(?P<y>\d{2}|\d{4}))?",
    re.IGNORECASE,
)
_MONTH_IN_WORDS: Final = lazily(
    r"tháng\s(?P<m>\d{1,2})(?:,?\snăm\s|\s?[/-]\s?)(?P<y>\d{2}|\d{4})", re.IGNORECASE
)
_ORDERS: Final = ("dmy", "mdy", "ymd", "ydm", "dm", "md", "my", "ym", "d", "m", "y")
_LATEST_SHORT_YEAR: Final = 60
_LEAP_YEAR: Final = 2000

_UNITS: Final = (
    ("năm", "năm"),
    ("tháng", "tháng"),
    ("tuần", "tuần"),
    ("ngày", "ngày|days?|d"),
    ("giờ", "giờ|tiếng|h|g"),
    ("phút", "phút|ph|p|min|m|'"),
    ("giây", "giây|sec|s|\"|''"),
    ("mi li giây", "ms"),
)
"""Units of a duration, the longest first, each with a pattern of its written forms."""
_WRITTEN_UNIT: Final = "|".join(
    f"(?P<u{number}>(?:{written})(?![^\\W\\d_]))" for number, (_, written) in enumerate(_UNITS)
)
_LASTING: Final = lazily(
    rf"(?P<n>\d{{1,6}})(?:[.,](?P<f>\d{{1,3}}))?\s?(?:{_WRITTEN_UNIT})\s?", re.IGNORECASE
)
_ISO: Final = lazily(
    r"P(?=\d|T\d)(?:(?P<u0>\d{1,4})Y)?(?:(?P<u1>\d{1,4})M)?(?:(?P<u2>\d{1,4})W)?(?:(?P<u3>\d{1,4})D)?"
    r"(?:T(?=\d)(?:(?P<u4>\d{1,4})H)?(?:(?P<u5>\d{1,4})M)?(?:(?P<u6>\d{1,6})(?:[.,](?P<f>\d{1,3}))?S)?)?",
    re.IGNORECASE,
)
"""A duration of ISO 8601: months stand before T, minutes after it."""
_LAST_UNIT_MISSING: Final = lazily(
    r"(?:(?P<hours>giờ|tiếng|h|g)|(?:phút|ph|p|min|m|'))\s?[0-5]?\d", re.IGNORECASE
)
"""The end of a duration such as 1h30 or 2 phút 15."""


class _Lasting(NamedTuple):
    """A part of a duration: its number, the decimals of the number, and the index of its unit."""

    number: str
    decimals: str | None
    unit: int


def time_of_day(numbers: Numbers, text: str) -> str:
    """Return the words of ``8:30``, ``14h05``, ``2:30pm``, ``8 giờ rưỡi`` or ``8 giờ kém 10``."""
    said = _CLOCK_AS_SAID.fullmatch(text)
    found = said or _CLOCK.fullmatch(text) or _CLOCK_IN_WORDS.fullmatch(text)
    given = found.groupdict() if found else {"h": "99"}
    hour, minute, second = (int(given.get(name) or 0) for name in "hms")
    less = int(given.get("less") or 1)
    late = hour > 24 or (hour == 24 and (minute or second or said))  # noqa: PLR2004
    if late or minute > 59 or second > 59 or not 0 < less < 60:  # noqa: PLR2004
        raise ValueError("write a time of the day: 8:30, 14h05, 2:30pm")
    words = [f"{numbers.cardinal(hour)} giờ"]
    if said:
        words.append(f"kém {numbers.cardinal(less)}" if given["less"] else "rưỡi")
    if minute or second:
        words.append(f"{numbers.cardinal(minute)} phút")
    if second:
        words.append(f"{numbers.cardinal(second)} giây")
    words.append((given.get("part") or "").strip().lower())
    if half := given.get("half"):
        if not 1 <= hour <= 12:  # noqa: PLR2004
            raise ValueError("an hour with am or pm is from 1 to 12")
        words.append(_part_of_day(hour, half[0].lower()))
    return " ".join(filter(None, words))


def _part_of_day(hour: int, half: str) -> str:
    if half == "a":
        return "đêm" if hour == 12 else "sáng"  # noqa: PLR2004
    return next(
        name for end, name in ((13, "trưa"), (18, "chiều"), (24, "tối")) if hour % 12 + 12 < end
    )


def duration(numbers: Numbers, text: str, form: str | None) -> str:
    """Return the words of ``1:30``, ``1h30``, ``PT1H30M``, ``2 phút 15 giây`` or ``1,5 giờ``."""
    half = text.lower().endswith(" rưỡi")
    if re.fullmatch(r"\d{1,4}(?::\d{1,2}){1,2}", text):
        parts = _of_clock(text, form)
    elif iso := _ISO.fullmatch(text):
        found = iso.groupdict()
        parts = [
            _Lasting(found[f"u{unit}"], found["f"] if unit == 6 else None, unit)  # noqa: PLR2004
            for unit in range(7)
            if found[f"u{unit}"]
        ]
    else:
        parts = _in_words(text[: -len(" rưỡi")] if half else text)
    if half and parts[-1].decimals:
        raise ValueError("write either decimals or rưỡi")
    words = [_lasting(numbers, part) for part in parts if int(part.number) or part.decimals]
    return " ".join(words + ["rưỡi"] * half) or "không giây"


def _lasting(numbers: Numbers, part: _Lasting) -> str:
    decimals = f" phẩy {numbers.decimals(part.decimals)}" if part.decimals else ""
    return f"{numbers.whole(part.number)}{decimals} {_UNITS[part.unit][0]}"


def _of_clock(text: str, form: str | None) -> list[_Lasting]:
    fields = text.split(":")
    names = (form or "").lower() or ("hms" if len(fields) == 3 else "ms")  # noqa: PLR2004
    if names not in {"hms", "hm", "ms"} or len(names) != len(fields):
        raise ValueError("format is hms, hm or ms")
    if any(int(field) > 59 for field in fields[1:]):  # noqa: PLR2004
        raise ValueError("minutes and seconds after a colon are up to 59")
    return [
        _Lasting(field, None, 4 + "hms".index(name))
        for name, field in zip(names, fields, strict=True)
    ]


def _in_words(text: str) -> list[_Lasting]:
    end = list(_LAST_UNIT_MISSING.finditer(text))
    if end and end[-1].end() == len(text):
        text += "m" if end[-1]["hours"] else "s"
    parts: list[_Lasting] = []
    done = 0
    while found := _LASTING.match(text, done):
        unit = next(number for number in range(len(_UNITS)) if found[f"u{number}"])
        if parts and (parts[-1].unit >= unit or parts[-1].decimals):
            break
        parts.append(_Lasting(found["n"], found["f"], unit))
        done = found.end()
    if not parts or done != len(text):
        raise ValueError("write it as 1:30:00, 1h30m, 90s or PT1H30M")
    return parts


def calendar_date(numbers: Numbers, text: str, form: str | None) -> str:
    """Return the words of ``5/3/2024``, ``2024-03-05`` or ``ngày 5 tháng 3 năm 2024``."""
    if named := _DATE_IN_WORDS.fullmatch(text) or _MONTH_IN_WORDS.fullmatch(text):
        given = {name: value for name, value in named.groupdict().items() if value}
        return _date_words(numbers, given)
    order, widths = _order(form)
    text = re.sub(r"^ngày\s(?=\d{1,2}\s?[/.-])", "", text, flags=re.IGNORECASE)
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
    return _date_words(numbers, dict(zip(order, fields, strict=True)))


def _date_words(numbers: Numbers, given: Mapping[str, str]) -> str:
    day, month = int(given.get("d", "1")), int(given.get("m", "1"))
    year = given.get("y")
    if year and len(year) == 2:  # noqa: PLR2004
        year = f"{'20' if int(year) < _LATEST_SHORT_YEAR else '19'}{year}"
    try:
        date(int(year or _LEAP_YEAR), month, day)
    except ValueError:
        raise ValueError("there is no such day; is the format right?") from None
    said = []
    if "d" in given:
        said.append(f"ngày {numbers.cardinal(day)}")
    if "m" in given:
        said.append(f"tháng {'tư' if month == 4 else numbers.cardinal(month)}")  # noqa: PLR2004
    if year:
        said.append(f"năm {numbers.whole(year)}")
    return " ".join(said)


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
