"""Units and money: what a number counts, with powers, rates and the order in which it is said.

The steps leave the number itself to :mod:`vits_tts.text.quantities` and only put the words after
it: ``5-10 km/h`` becomes ``5-10 ki lô mét trên giờ``, ``$1,5 tỷ`` becomes ``1,5 tỷ đô la``.
"""

import re
from typing import Final

from vits_tts.text.letters import SMALLS
from vits_tts.text.numbers import NUMBER, START, Numbers
from vits_tts.text.rules import Rule, Step, before

_LENGTHS: Final = {
    "km": "ki lô mét",
    "m": "mét",
    "dm": "đề xi mét",
    "cm": "xăng ti mét",
    "mm": "mi li mét",
    "μm": "mi cờ rô mét",
    "nm": "na nô mét",
}
_PHYSICAL: Final = _LENGTHS | {
    "kg": "ki lô gam",
    "g": "gam",
    "gr": "gam",
    "mg": "mi li gam",
    "μg": "mi cờ rô gam",
    "mcg": "mi cờ rô gam",
    "l": "lít",
    "L": "lít",
    "ml": "mi li lít",
    "mL": "mi li lít",
    "cl": "xen ti lít",
    "dl": "đề xi lít",
    "dL": "đề xi lít",
    "cc": "xê xê",
    "ha": "héc ta",
    "h": "giờ",
    "s": "giây",
    "ms": "mi li giây",
    "°C": "độ xê",
    "°F": "độ ép",
    "°": "độ",
    "Wh": "oát giờ",
    "kWh": "ki lô oát giờ",
    "MWh": "mê ga oát giờ",
    "GWh": "gi ga oát giờ",
    "W": "oát",
    "kW": "ki lô oát",
    "MW": "mê ga oát",
    "GW": "gi ga oát",
    "V": "vôn",
    "kV": "ki lô vôn",
    "mV": "mi li vôn",
    "kVA": "ki lô vôn am pe",
    "mA": "mi li am pe",
    "mAh": "mi li am pe giờ",
    "Ah": "am pe giờ",
    "Ω": "ôm",
    "Hz": "héc",
    "kHz": "ki lô héc",
    "MHz": "mê ga héc",
    "GHz": "gi ga héc",
    "KB": "ki lô bai",
    "kB": "ki lô bai",
    "MB": "mê ga bai",
    "GB": "gi ga bai",
    "TB": "tê ra bai",
    "Kbps": "ki lô bít trên giây",
    "Mbps": "mê ga bít trên giây",
    "Gbps": "gi ga bít trên giây",
    "dB": "đề xi ben",
    "px": "pích xeo",
    "MP": "mê ga pích xeo",
    "PN": "phòng ngủ",
    "inch": "in",
    "inches": "in",
    '"': "in",
    "ft": "phít",
    "lb": "pao",
    "oz": "ao xơ",
    "l/p": "lần trên phút",
    "mph": "dặm trên giờ",
    "rpm": "vòng trên phút",
    "fps": "khung hình trên giây",
    "ppm": "phần triệu",
    "ppb": "phần tỷ",
    "mmHg": "mi li mét thủy ngân",
    "atm": "át mốt phe",
    "Pa": "pát can",
    "kPa": "ki lô pát can",
    "MPa": "mê ga pát can",
    "hPa": "héc tô pát can",
    "J": "giun",
    "kJ": "ki lô giun",
    "cal": "ca lo",
    "kcal": "ki lô ca lo",
    "Kcal": "ki lô ca lo",
    "kN": "ki lô niu tơn",
    "HP": "mã lực",
    "hp": "mã lực",
    "mol": "mon",
    "mmol": "mi li mon",
    "IU": "đơn vị quốc tế",
    "mSv": "mi li xi vơ",
    "tấn": "tấn",
    "lít": "lít",
    "tạ": "tạ",
}
_MONEY: Final = {
    "đồng": "đồng",
    "đ": "đồng",
    "₫": "đồng",
    "VNĐ": "đồng",
    "VND": "đồng",
    "vnđ": "đồng",
    "vnd": "đồng",
    "USD": "đô la Mỹ",
    "usd": "đô la Mỹ",
    "US$": "đô la Mỹ",
    "$": "đô la",
    "EUR": "ơ rô",
    "€": "ơ rô",
    "GBP": "bảng Anh",
    "£": "bảng Anh",
    "JPY": "yên Nhật",
    "¥": "yên",
    "CNY": "nhân dân tệ",
    "NDT": "nhân dân tệ",
    "RMB": "nhân dân tệ",
    "KRW": "uôn",
    "won": "uôn",
    "₩": "uôn",
    "THB": "bạt Thái",
    "SGD": "đô la Xinh ga po",
    "AUD": "đô la Úc",
    "CAD": "đô la Ca na đa",
    "HKD": "đô la Hồng Công",
    "TWD": "đô la Đài Loan",
    "CHF": "phờ răng Thụy Sĩ",
    "BTC": "bít coi",
    "%": "phần trăm",
    "‰": "phần nghìn",
}
_SHORT: Final = {"k": "nghìn", "K": "nghìn", "tr": "triệu", "Tr": "triệu", "M": "triệu"}
_PER: Final = {"ng": "người", "th": "tháng", "p": "phút"}
_WRITTEN_OTHERWISE: Final = "km kg cm mm ml ha kw kwh mw mhz ghz khz hz kcal mg".split(" ")


def _units() -> dict[str, str]:
    """Return all units, also as they are written in capitals (KM, Km, Kwh)."""
    exact = _PHYSICAL | _MONEY | _SHORT
    lower = {name.lower(): said for name, said in reversed(_PHYSICAL.items())}
    loose = {
        variant: lower[name]
        for name in _WRITTEN_OTHERWISE
        for variant in (name, name.upper(), name.capitalize())
    }
    return loose | exact


_UNITS: Final = _units()
_POWERS: Final = {"²": "vuông", "2": "vuông", "³": "khối", "3": "khối"}


def _any_of(names: dict[str, str] | frozenset[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_LENGTH: Final = rf"(?:{_any_of(frozenset(_LENGTHS) | {'km', 'KM', 'Km', 'CM', 'Cm', 'MM'})})[²³23]"
_UNIT: Final = rf"(?:{_LENGTH}|s²|(?:{_any_of(_UNITS)}))"
_END: Final = r"(?![\w²³])"
_SCALES: Final = ("nghìn", "ngàn", "triệu", "tỷ", "tỉ", "tr", "trăm", "vạn", "rưỡi")
_AFTER_NUMBER: Final = (
    r"(?<=[\d\ ])(?:(?<=\d)|(?<=\d\ )|" + "|".join(rf"(?<=\d\ {scale}\ )" for scale in _SCALES)
    + "|" + "|".join(rf"(?<=\d{scale}\ )" for scale in _SCALES) + ")"
)  # fmt: skip
_WORD: Final = rf"[{SMALLS}]{{1,8}}"
_DASH: Final = r"\s?[-–—]\s?"
_LOOSE: Final = "km/h km² km2 m² m2 m³ m3 kWh °C km cm mm kg mg ml m/s".split(" ")


class Measures:
    """Reads what numbers count."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: prefixes, mixed units, ranges, rates, then plain units."""
        scale = "|".join((*_SCALES, "billion", "million", "M", "K", "k", "B"))
        dash = rf"(?:{_DASH}{NUMBER})?"
        return (
            Rule(
                rf"(?<!\w)(?P<unit>US\$|[$€£¥₫₩]|USD\ |EUR\ |VND\ |VNĐ\ )\s?"
                rf"(?P<number>{NUMBER}{dash})(?:\s?(?P<scale>{scale})(?!\w))?",
                self.prefixed,
            ),
            Rule(
                rf"{START}(?P<number>\d{{1,3}})\s?(?P<unit>m)(?P<rest>[014-9]|\d\d)"
                r"(?![\w²³])(?![.,/]\d)",
                self.mixed,
            ),
            Rule(
                rf"{START}(?P<number>\d{{1,3}})(?P<unit>kg|km)(?P<rest>\d{{1,3}})(?!\w)(?![.,]\d)",
                self.mixed,
            ),
            Rule(
                rf"{START}(?P<number>\d{{1,4}})\s?(?P<unit>tr|triệu|tỷ|tỉ|k)(?P<rest>\d{{1,3}})(?!\w)"
                rf"(?P<rate>/(?=[{SMALLS}]))?",
                self.mixed_money,
            ),
            Rule(rf"(?<=\d)(?P<unit>\s?{_UNIT}){_DASH}(?=\d)", self.between, needs="-–—"),
            Rule(
                rf"{_AFTER_NUMBER}\s?(?P<top>{_UNIT}|{_WORD})"
                rf"(?P<rates>(?:\ ?/\s?\d{{0,4}}\s?(?:{_UNIT}(?![\w²³])|{_WORD})){{1,3}}){_END}",
                self.rate,
                needs="/",
            ),
            Rule(
                rf"(?<=[{SMALLS}])/(?=(?:người|tháng|năm|ngày|giờ|lần|hộ|suất|căn|đêm|tuần|khách|trận)(?!\w))",
                self.each,
                needs="/",
            ),
            Rule(r"(?<=\d)\ ?T(?!\w)", self.tonnes, needs="T"),
            Rule(rf"(?<=\d)\ ?(?P<unit>{_any_of(_SHORT)})(?![\w/])", self.short),
            Rule(rf"{_AFTER_NUMBER}\s?(?P<unit>{_UNIT}){_END}", self.unit),
            Rule(rf"(?<![\w/])(?P<unit>{'|'.join(_LOOSE)})(?![\w/²³])", self.loose, needs="kmc°"),
        )

    def prefixed(self, match: re.Match[str]) -> str:
        """Read $20, $1,5 tỷ, US$3 tỷ, USD 500: the money is said last."""
        scale = {"billion": "tỷ", "million": "triệu", "M": "triệu", "B": "tỷ"}
        scale |= {"K": "nghìn", "k": "nghìn", "tr": "triệu"}
        size = match["scale"] or ""
        unit = _UNITS[match["unit"].strip()]
        return " ".join(filter(None, (match["number"], scale.get(size, size), unit)))

    def mixed(self, match: re.Match[str]) -> str:
        """Read 1m75 and 2kg5."""
        rest = match["rest"]
        said = self._numbers.digits(rest) if rest[0] == "0" else self._numbers.whole(rest)
        return f"{self._numbers.whole(match['number'])} {_UNITS[match['unit']]} {said}"

    def mixed_money(self, match: re.Match[str]) -> str:
        """Read 1tr2."""
        scale = {"tr": "triệu", "k": self._numbers.thousand}.get(match["unit"], match["unit"])
        whole, rest = self._numbers.whole(match["number"]), self._numbers.whole(match["rest"])
        return f"{whole} {scale} {rest}{' một ' if match['rate'] else ''}"

    def between(self, match: re.Match[str]) -> str:
        """Read the dash of 30% - 40%; the unit is read later."""
        unit = match["unit"].strip()
        name = self._numbers.thousand if unit in "kK" else _unit(unit)
        return f" {name} đến "

    def rate(self, match: re.Match[str]) -> str | None:
        """Read km/h, đồng/kg, triệu/tháng, người/km², l/100km."""
        top = match["top"]
        if top not in _UNITS and not _unit(top) and len(top) < 2:  # noqa: PLR2004
            return None
        per = "trên" if top in _PHYSICAL or top.rstrip("²³23") in _LENGTHS else "một"
        said = [_unit(top) or top]
        for rate in re.findall(r"/\s?(\d*)\s?([^/\d]+[²³23]?)", match["rates"]):
            count, unit = rate
            name = _PER.get(unit) or _unit(unit) or unit
            physical = unit in _PHYSICAL or count
            joint = "trên" if physical and top not in _MONEY | _SHORT else per
            said.append(f"{joint} {count + ' ' if count else ''}{name}")
        return f" {' '.join(said)}"

    def each(self, match: re.Match[str]) -> str | None:
        """Read 5 kg gạo/người."""
        return " một " if re.search(r"\d[^,;:()]{1,24}$", before(match)) else None

    def tonnes(self, match: re.Match[str]) -> str | None:
        """Read xe tải 3,5T."""
        loaded = re.search(r"(?:tải|trọng|xe|cẩu|nặng)\D{0,12}[\d.,]{1,8}$", before(match))
        return " tấn" if loaded else None

    def short(self, match: re.Match[str]) -> str | None:
        """Read 35k and 500tr; 4K is a screen and 5M anything."""
        unit = match["unit"]
        front = before(match)
        if unit in "KM" and (not front[-2:-1].isdigit() or match[0][0] == " "):
            return None
        if match[0][0] == " " and unit != "tr":
            return None
        return f" {self._numbers.thousand if _SHORT[unit] == 'nghìn' else _SHORT[unit]}"

    def unit(self, match: re.Match[str]) -> str | None:
        """Read the unit after a number."""
        unit = match["unit"]
        if unit in _SHORT or (unit == '"' and _quoted(match)):
            return None
        if unit == "đ" and _points(match):
            return " điểm"
        if unit == "h" and match[0][0] == " ":
            return None
        return f" {_unit(unit)}"

    def loose(self, match: re.Match[str]) -> str:
        """Read a unit that stands alone and can be nothing else."""
        top, _, rate = match["unit"].partition("/")
        return f"{_unit(top)} trên {_unit(rate)}" if rate else _unit(top)


def _unit(written: str) -> str:
    """Return a unit's name with its power, or nothing."""
    if written == "s²":
        return "giây bình phương"
    if written in _UNITS:
        return _UNITS[written]
    base, power = written[:-1], written[-1:]
    length = _LENGTHS.get(base.lower())
    return f"{length} {_POWERS[power]}" if length and power in _POWERS else ""


def _quoted(match: re.Match[str]) -> bool:
    """Whether the inch mark rather closes a quotation."""
    return before(match).count('"') % 2 == 1


def _points(match: re.Match[str]) -> bool:
    """Whether đ is điểm, as beside the questions of a test."""
    front = before(match)
    few = re.search(r"(?:^|[^\d.,])\d{1,2}(?:[.,]\d{1,2})?$", front) is not None
    return few and re.search(r"(?:câu|bài|điểm|phần|đạt|thi)\b", front) is not None
