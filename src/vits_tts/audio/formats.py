"""The formats of audio: one table of what can be asked for, and the check of what was asked."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Final

from vits_tts.errors import (
    BitRateInvalid,
    FormatInvalid,
    FormatUnavailable,
    SampleRateInvalid,
)

MIN_BIT_RATE: Final = 6000
MIN_SAMPLE_RATE: Final = 8000
MAX_SAMPLE_RATE: Final = 48000
_ANY: Final = range(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE + 1)
_MPEG: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS: Final = (8000, 12000, 16000, 24000, 48000)
_OPUS_BITS: Final = range(MIN_BIT_RATE, 256001)
_TELEPHONE_RATE: Final = 8000
_DIGITS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How samples become bytes: a format's name, samples a second and, if it is lossy, bits."""

    format: str
    sample_rate: int
    bit_rate: int | None = None

    @property
    def media_type(self) -> str:
        """What ``Content-Type`` says."""
        kind = FORMATS[self.format]
        if self.format == "mulaw" and self.sample_rate == _TELEPHONE_RATE:
            return "audio/basic"  # RFC 2046, section 4.3
        return f"{kind.content_type}; rate={self.sample_rate}" if kind.told else kind.content_type


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what it is called, and which rates it takes."""

    name: str
    media_types: tuple[str, ...]
    """Under which names ``Accept`` may ask for it."""
    content_type: str
    """What it is sent as."""
    told: bool = False
    """Whether nothing in it tells the sample rate, so that ``Content-Type`` has to."""
    sample_rates: Sequence[int] = _ANY
    sample_rate: int | None = None
    """The one it has unless another is asked for; None: the voice's, or the next it takes."""
    bit_rates: Callable[[int], Sequence[int]] = lambda _: ()
    """Those it takes at a sample rate; none if the bits follow from the samples."""
    bit_rate: int = 0
    needs: str = "soundfile"
    """The package that encodes it."""

    @property
    def available(self) -> bool:
        """Whether it can be made here."""
        return _installed(self.needs)


def _mp3_bit_rates(sample_rate: int) -> Sequence[int]:
    """Return those of layer III in MPEG-1, MPEG-2 (half the rates) or MPEG-2.5 (a quarter)."""
    if sample_rate >= 32000:  # noqa: PLR2004
        kilobits = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
    else:
        kilobits = [8, 16, 24, 32, 40, 48, 56, 64]
        if sample_rate >= 16000:  # noqa: PLR2004
            kilobits += [80, 96, 112, 128, 144, 160]
    return tuple(number * 1000 for number in kilobits)


def _aac_bit_rates(sample_rate: int) -> Sequence[int]:
    """Return up to 6144 bits for each frame of 1024 samples, the most that a channel may have."""
    return range(8000, min(6 * sample_rate, 256000) + 1)


_TABLE: Final = (
    Format(
        "wav",
        ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
        "audio/wav",
    ),
    Format("flac", ("audio/flac", "audio/x-flac"), "audio/flac"),
    Format(
        "mp3",
        ("audio/mpeg", "audio/mp3"),
        "audio/mpeg",
        sample_rates=_MPEG,
        bit_rates=_mp3_bit_rates,
        bit_rate=64000,
    ),
    Format(
        "opus",
        ("audio/ogg", "audio/opus", "application/ogg"),
        "audio/ogg; codecs=opus",
        sample_rates=_OPUS,
        bit_rates=lambda _: _OPUS_BITS,
        bit_rate=32000,
    ),
    Format(
        "aac",
        ("audio/aac", "audio/aacp", "audio/x-aac"),
        "audio/aac",
        sample_rates=_MPEG,
        bit_rates=_aac_bit_rates,
        bit_rate=64000,
        needs="av",
    ),
    Format("pcm", ("audio/pcm",), "audio/pcm", told=True),
    Format(
        "mulaw",
        ("audio/basic", "audio/pcmu"),
        "audio/PCMU",  # RFC 4856
        told=True,
        sample_rate=_TELEPHONE_RATE,
    ),
    Format("alaw", ("audio/pcma",), "audio/PCMA", told=True, sample_rate=_TELEPHONE_RATE),
)

FORMATS: Final[Mapping[str, Format]] = {kind.name: kind for kind in _TABLE}
DEFAULT: Final = "wav"
ALIASES: Final[Mapping[str, str]] = {"ogg": "opus"}


def offered() -> list[str]:
    """Return the names of the formats that can be made here, the default one first."""
    return [name for name, kind in FORMATS.items() if kind.available]


def names() -> list[str]:
    """Return all names that can be asked for here: those, and what else they are called."""
    return offered() + [alias for alias, name in ALIASES.items() if FORMATS[name].available]


def media_types() -> tuple[str, ...]:
    """Return what sound may be sent as, parameters left out."""
    sent = (FORMATS[name].content_type.partition(";")[0] for name in offered())
    return (*dict.fromkeys(sent), "audio/basic")


@cache
def plain(voice_rate: int) -> Encoding:
    """Return what nobody has to ask for: WAV, with a voice's own samples."""
    return Encoding(DEFAULT, voice_rate)


@lru_cache(maxsize=256, typed=True)
def encoding(
    name: str | None,
    sample_rate: str | float | None,
    bit_rate: str | float | None,
    voice_rate: int,
) -> Encoding:
    """Return the encoding that is asked for, of speech at ``voice_rate``.

    Raises:
        FormatInvalid, SampleRateInvalid, BitRateInvalid: it cannot be.
        FormatUnavailable: not here.

    """
    kind = _format(name)
    rate = _sample_rate(kind, sample_rate, voice_rate)
    return Encoding(kind.name, rate, _bit_rate(kind, bit_rate, rate))


def _format(name: str | None) -> Format:
    if name is None:
        return FORMATS[DEFAULT]
    kind = FORMATS.get(ALIASES.get(name, name))
    if kind is None:
        raise FormatInvalid(f"format is one of {', '.join(names())}", field="format")
    if not kind.available:
        message = f"{kind.name} cannot be made here: the server lacks the package {kind.needs}"
        raise FormatUnavailable(message, field="format")
    return kind


def _sample_rate(kind: Format, given: str | float | None, voice_rate: int) -> int:
    taken = kind.sample_rates
    if given is None:
        rate = kind.sample_rate or voice_rate
        plainly = kind.name == DEFAULT or rate in taken
        return rate if plainly else next((more for more in taken if more >= rate), taken[-1])
    rate = _whole(given)
    if rate not in taken:
        message = f"sample_rate for {kind.name} is {_choice(taken)}, in hertz"
        raise SampleRateInvalid(message, field="sample_rate")
    return rate


def _bit_rate(kind: Format, given: str | float | None, sample_rate: int) -> int | None:
    taken = kind.bit_rates(sample_rate)
    if given is None:
        return min(kind.bit_rate, taken[-1]) if taken else None
    if not taken:
        message = f"{kind.name} has no bit_rate: it follows from the samples"
        raise BitRateInvalid(message, field="bit_rate")
    rate = _whole(given)
    if rate not in taken:
        message = f"bit_rate for {kind.name} at {sample_rate} Hz is {_choice(taken)}, in bits"
        raise BitRateInvalid(f"{message} a second", field="bit_rate")
    return rate


def _whole(given: str | float) -> int:
    """Return a whole number, or one that nothing takes."""
    if isinstance(given, str):
        return int(given) if _DIGITS.fullmatch(given) else -1
    return int(given) if float(given).is_integer() else -1


def _choice(numbers: Sequence[int]) -> str:
    if isinstance(numbers, range):
        return f"a number from {numbers[0]} to {numbers[-1]}"
    return f"one of {', '.join(map(str, numbers))}"


@cache
def _installed(package: str) -> bool:
    return find_spec(package) is not None
