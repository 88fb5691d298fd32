"""Values of SSML attributes: rates, volumes and times."""

import re
from typing import Final

_RATES: Final = {
    "x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5,
}  # fmt: skip
_DECIBELS: Final = {
    "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 6.0, "x-loud": 12.0,
}  # fmt: skip
_STRENGTHS: Final = {
    "none": 0.0, "x-weak": 0.0, "weak": 0.25, "medium": 0.5, "strong": 1.0, "x-strong": 1.5,
}  # fmt: skip
USUAL_BREAK: Final = _STRENGTHS["medium"]

MIN_RATE: Final = 0.25
MAX_RATE: Final = 4.0
MAX_DECIBELS: Final = 12.0

_NUMBER: Final = r"(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})"
_RATE: Final = re.compile(rf"(?P<sign>[+-]?)(?P<number>{_NUMBER})(?P<percent>%?)")
_VOLUME: Final = re.compile(rf"(?P<sign>[+-]?)(?P<number>{_NUMBER})(?P<unit>(?:dB|%)?)")
_TIME: Final = re.compile(rf"\+?(?P<number>{_NUMBER})(?P<unit>ms|s)")


def rate(value: str, enclosing: float) -> float:
    """Return the speed that ``rate`` asks for, as a factor of the request's own.

    A name, a number (``1.2``) and a percentage (``120%``) are multiples of the usual rate. A
    percentage with a sign (``+20%``) changes the rate of the ``enclosing`` element.

    Raises:
        ValueError: the message has advice.

    """
    if value in _RATES:
        return _RATES[value]
    found = _RATE.fullmatch(value)
    if not found or (found["sign"] and not found["percent"]):
        raise ValueError(f"rate is {_listed(_RATES)}, a number such as 1.2, or 120% or +20%")
    number = float(found["number"]) / (100 if found["percent"] else 1)
    factor = number
    if found["sign"]:
        factor = enclosing * (1 + number if found["sign"] == "+" else 1 - number)
    if not MIN_RATE <= factor <= MAX_RATE:
        raise ValueError(
            f"the rates multiply to a value outside {MIN_RATE:.0%} to {MAX_RATE:.0%} "
            "of the usual one"
        )
    return factor


def volume(value: str, enclosing: float) -> float:
    """Return the factor of the amplitude that ``volume`` asks for.

    A name or a number from 0 to 100 is an absolute volume. Decibels (``+6dB``) and percentages
    with a sign (``-20%``) change the volume of the ``enclosing`` element.

    Raises:
        ValueError: the message has advice.

    """
    if value == "silent":
        return 0.0
    if value in _DECIBELS:
        return _factor(_DECIBELS[value])
    found = _VOLUME.fullmatch(value)
    if not found or (found["sign"], found["unit"]) in {("", "%"), ("+", ""), ("-", "")}:
        raise ValueError(
            f"volume is silent, {_listed(_DECIBELS)}, a number from 0 to 100, or a change: -6dB, "
            "+20%"
        )
    number = float(found["number"])
    if found["unit"]:
        change = -number if found["sign"] == "-" else number
        relative = max(0.0, 1 + change / 100) if found["unit"] == "%" else _factor(change)
        factor = enclosing * relative
        if factor > _factor(MAX_DECIBELS):
            raise ValueError(f"the volumes add up to more than +{MAX_DECIBELS:g}dB")
        return factor
    if number > 100:  # noqa: PLR2004  # the scale of SSML
        raise ValueError("volume is a number from 0 to 100, or decibels: +6dB")
    return number / 100


def seconds(value: str) -> float:
    """Return the seconds of a time such as ``500ms`` or ``1.5s``.

    Raises:
        ValueError: the message has advice.

    """
    found = _TIME.fullmatch(value)
    if not found:
        raise ValueError("time is a number with s or ms: 1.5s, 500ms")
    return float(found["number"]) / (1000 if found["unit"] == "ms" else 1)


def strength(value: str) -> float:
    """Return the seconds of a break of this ``strength``.

    Raises:
        ValueError: the message has advice.

    """
    if value not in _STRENGTHS:
        raise ValueError(f"strength is {_listed(_STRENGTHS)}")
    return _STRENGTHS[value]


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _listed(names: dict[str, float]) -> str:
    return ", ".join(names)
