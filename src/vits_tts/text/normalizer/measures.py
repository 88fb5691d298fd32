"""Measures of physics: units that are products or rates of others (J/kg.K, N.m²/C², kg.m/s)."""

from typing import Final, NamedTuple

from vits_tts.text.normalizer.unit_table import LENGTHS, UNITS
from vits_tts.text.patterns import lazily

_ATOMS: Final = {
    name: UNITS[name]
    for name in (
        *LENGTHS,
        *"μg ng mg g kg L l mL ml μl μL s ms μs W mW kW MW Wh kWh V mV kV A mA μA Ω kΩ MΩ".split(),
        *"Hz kHz MHz GHz N mN kN MN J mJ kJ MJ Pa kPa MPa hPa F pF nF μF H mH C nC μC T mT".split(),
        *"Wb mol mmol cal kcal eV keV MeV GeV lx Bq Ci Sv Gy h min °C bar px ha".split(),
    )
    if name in UNITS
} | {
    "A": "am pe",
    "C": "cu lông",
    "F": "pha ra",
    "H": "hen ri",
    "T": "tét la",
    "K": "ken vin",
    "M": "mờ",
    "rad": "ra đi an",
    "độ": "độ",
    "vòng": "vòng",
    "phút": "phút",
    "giờ": "giờ",
    "giây": "giây",
    "lít": "lít",
    "u": "u",
    "W": "oát",
}  # fmt: skip
_POWER: Final = r"(?:[²³⁴]|[⁻]?[¹²³⁴]|\^\(?[-−]?\d\)?|[2-4](?![\d.,]))?"
_ATOM: Final = (
    r"(?:[kcdmμn]?m|[kmμn]?g|[mμ]?[lLsA]|[kmM]?W|k?Wh|[mk]?V|[kMG]?Hz|[mkM]?[NJ]|[hkM]?Pa|[pnμ]?F"
    r"|m?[HT]|[nμ]?C|[kM]?Ω|Wb|m?mol|k?cal|[kMG]?eV|lx|Bq|Ci|Sv|Gy|h|min|°C|bar|px|ha|K|M|rad|độ"
    rf"|vòng|phút|giờ|giây|lít|u|dam|hm){_POWER}"
)
"""Pattern of the units of :data:`_ATOMS`; one of all names takes much longer to compile."""
_PRODUCT: Final = rf"{_ATOM}(?:[.·⋅*]{_ATOM}){{0,3}}"
UNIT: Final = rf"{_PRODUCT}(?:/(?:{_PRODUCT}|\({_PRODUCT}\))){{0,2}}(?![\w²³⁻^/])(?![·⋅]\w)"
"""Pattern of a unit, or of a product or rate of several units."""
_PLAIN: Final = rf"(?:rad|k?g|k?m|[cdm]m|m?s|h|K){_POWER}"
"""A product must have at least one of these units, since ``N.V.A.`` are initials."""
_PRODUCT_OF_TWO: Final = (
    rf"(?:{_ATOM}(?:[.·⋅*]{_ATOM}){{0,2}}[.·⋅*]{_PLAIN}|{_PLAIN}(?:[.·⋅*]{_ATOM}){{1,3}})"
)
_END: Final = r"(?![\w²³⁻^/])(?![·⋅]\w)"
COMPOUND: Final = (
    rf"(?:{_PRODUCT_OF_TWO}(?:/(?:{_PRODUCT}|\({_PRODUCT}\))){{0,2}}"
    rf"|{_ATOM}/(?:{_PRODUCT_OF_TWO}|\({_PRODUCT}\))|(?:[VNWJCA]|k[WNVJ]|m[VA]|rad)/{_PRODUCT}){_END}"
)
"""Pattern of a unit that can only be a product or a rate of physical ones."""
RATE: Final = (
    rf"(?:{_PRODUCT_OF_TWO}/(?:{_PRODUCT}|\({_PRODUCT}\))"
    rf"|{_ATOM}/(?:{_PRODUCT_OF_TWO}|\({_PRODUCT}\))|(?:[VNW]/m|N/C|J/K|rad/s){_POWER}"
    rf"|{_ATOM}(?:[.·⋅]{_ATOM}){{0,2}}[.·⋅](?:s|m|kg|K|mol)(?:⁻[¹²³]|\^-\d)){_END}"
)
"""Pattern of a unit that is known without a number before it."""
_UNIT: Final = lazily(rf"\ ?(?P<unit>{UNIT})")
_PARTS: Final = lazily(r"[/.·⋅*()]|[^/.·⋅*()²³⁴⁻¹^\d]+|[²³⁴⁻¹^\d−-]+")
_SUPERSCRIPTS: Final = str.maketrans("¹²³⁴⁻−", "1234--", "^()")
_COUNTS: Final = {"2": "hai", "3": "ba", "4": "bốn", "1": "một"}


class Measure(NamedTuple):
    """The words of a unit, and the position behind it."""

    said: str
    written: str
    end: int


def measure(string: str, start: int) -> Measure | None:
    """Return the unit at a position of a text, with at most one space before it."""
    found = _UNIT.match(string, start, start + 32)
    return Measure(named(found["unit"]), found["unit"], found.end()) if found else None


def named(unit: str) -> str:
    """Return the words of a unit that :data:`UNIT` has matched."""
    words: list[str] = []
    last = ""
    for part in _PARTS.findall(unit):
        if part == "/":
            words.append("trên")
        elif part in ".·⋅*()":
            continue
        elif part in _ATOMS:
            words.append(_ATOMS[part])
            last = part
        else:
            words.append(_power(part.translate(_SUPERSCRIPTS), last))
    return " ".join(filter(None, words))


def _power(exponent: str, base: str) -> str:
    """Return the words of an exponent: square and cubic metres, and seconds to the power of two."""
    sign = "âm " if exponent.startswith("-") else ""
    digit = exponent.lstrip("-")
    if not sign and digit == "2":
        return "vuông" if base in LENGTHS else "bình phương"
    if not sign and digit == "3":
        return "khối" if base in LENGTHS else "lập phương"
    return f"mũ {sign}{_COUNTS.get(digit, digit)}"
