"""The audio formats: a registry with all facts about each, and the check of requests.

To add a format, add an entry to ``_REGISTRY``. Requests, ``Accept``, file names, content types, the
command line and the OpenAPI description all follow from it. ``docs/FORMATS.md`` has a table for
readers, which a test compares with the registry.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from vits_tts.errors import (
    BitRateInvalid,
    FormatInvalid,
    FormatUnavailable,
    SampleRateInvalid,
)

if TYPE_CHECKING:
    from vits_tts.audio.codec import Codec

MIN_BIT_RATE: Final = 6000
MIN_SAMPLE_RATE: Final = 8000
MAX_SAMPLE_RATE: Final = 48000
_ANY: Final = range(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE + 1)
_MPEG: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS: Final = (8000, 12000, 16000, 24000, 48000)
_OPUS_BITS: Final = range(MIN_BIT_RATE, 256001)
_TELEPHONE_RATE: Final = 8000
WAV_HEADER_BYTES: Final = 44
CONTAINERS: Final[Mapping[str, str]] = {"m4b": "audio/mp4"}
"""Suffixes and media types of files that jobs make of many speeches; none of them is streamed."""
COMPANIONS: Final[Mapping[str, str]] = {"json": "application/json"}
"""Suffixes and media types of files that jobs keep beside speech, such as its times."""
NOT_SPEECH: Final[Mapping[str, str]] = {**CONTAINERS, **COMPANIONS}
"""``CONTAINERS`` and ``COMPANIONS``: files that are not the speech of one request."""
_DIGITS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Encoding:
    """A format with its rates: samples per second and, for a lossy format, bits per second."""

    format: str
    sample_rate: int
    bit_rate: int | None = None

    @property
    def media_type(self) -> str:
        """The value of ``Content-Type``, with the sample rate if the format has no header."""
        return ENCODED[self.format].media_type(self.sample_rate)


MakeCodec: TypeAlias = Callable[[Encoding, bool], "Codec"]
"""Returns a codec for an encoding; the flag says whether the bytes are sent as a stream."""

ReadSeconds: TypeAlias = Callable[[Path, int], float]
"""Returns the length in seconds of the file at a path, given its sample rate in hertz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """Everything about one format; every format can be streamed."""

    name: str
    """Its name in requests, and the suffix of files of `/tts`."""
    description: str
    """A short description for the documentation."""
    codec: MakeCodec
    content_type: str
    """The media type of responses, without a sample rate."""
    content_types: Mapping[int, str] = field(default_factory=dict)
    """Other media types, for particular sample rates."""
    accepted: tuple[str, ...]
    """Media types that choose it in an ``Accept`` header, in lower case; the usual one first."""
    suffixes: tuple[str, ...]
    """Suffixes of file names that choose it on the command line; batches write the first one."""
    aliases: tuple[str, ...] = ()
    """Other names for it in requests."""
    headerless: bool = False
    """True if the bytes do not contain the sample rate, so that ``Content-Type`` names it."""
    sample_rates: Sequence[int] = _ANY
    """The sample rates that it can have, in hertz, ascending."""
    sample_rate: int | None = None
    """The default sample rate; None: the voice's own, or the next one above that it can have."""
    bit_rates: Callable[[int], Sequence[int]] = lambda _: ()
    """Returns the bit rates that it can have at a sample rate; none if it is not lossy."""
    bit_rate: int = 0
    """The default bit rate; a lower one where the sample rate does not allow it."""
    header_bytes: int = 0
    """Bytes before the samples, where all samples have the same size."""
    sample_bytes: int | None = None
    """Bytes of a sample; None if samples are compressed."""
    least_sample_bytes: float = 2
    """The fewest bytes of a sample on average, where samples are compressed without a bit rate."""
    read_seconds: ReadSeconds | None = None
    """Reads the length of a file whose samples are compressed."""
    package: str = "soundfile"
    """The package that encodes it."""

    @property
    def available(self) -> bool:
        """True if the package that encodes it is installed."""
        return _installed(self.package)

    def media_type(self, sample_rate: int) -> str:
        """Return the value of ``Content-Type`` at a sample rate."""
        if special := self.content_types.get(sample_rate):
            return special
        return f"{self.content_type}; rate={sample_rate}" if self.headerless else self.content_type


# --- codecs: imported when they are first needed, since libraries of codecs load slowly ----------


def _wav(encoding: Encoding, _: bool) -> "Codec":
    from vits_tts.audio.wav import Wav  # noqa: PLC0415

    return Wav(encoding.sample_rate)


def _wav_of(name: str) -> MakeCodec:
    def make(encoding: Encoding, streamed: bool) -> "Codec":
        from vits_tts.audio.wav import WavOf  # noqa: PLC0415

        return WavOf(name, encoding.sample_rate, ENCODED[name].codec(encoding, streamed))

    return make


def _floats(_: Encoding, __: bool) -> "Codec":
    from vits_tts.audio.codec import Floats  # noqa: PLC0415

    return Floats()


def _flac(encoding: Encoding, streamed: bool) -> "Codec":
    from vits_tts.audio.libsndfile import Flac  # noqa: PLC0415

    return Flac(encoding.sample_rate, streamed=streamed)


def _mp3(encoding: Encoding, streamed: bool) -> "Codec":
    from vits_tts.audio.libsndfile import Mp3  # noqa: PLC0415

    return Mp3(encoding.sample_rate, encoding.bit_rate or 0, streamed=streamed)


def _opus(encoding: Encoding, _: bool) -> "Codec":
    from vits_tts.audio.libsndfile import Opus  # noqa: PLC0415

    return Opus(encoding.sample_rate, encoding.bit_rate or 0)


def _aac(encoding: Encoding, _: bool) -> "Codec":
    from vits_tts.audio.aac import Aac  # noqa: PLC0415

    return Aac(encoding.sample_rate, encoding.bit_rate or 0)


def _raw(_: Encoding, __: bool) -> "Codec":
    from vits_tts.audio.codec import Raw  # noqa: PLC0415

    return Raw()


def _g711(law: str) -> MakeCodec:
    def make(encoding: Encoding, _: bool) -> "Codec":
        from vits_tts.audio.libsndfile import G711  # noqa: PLC0415

        return G711(law, encoding.sample_rate)

    return make


def _libsndfile_seconds(path: Path, _: int) -> float:
    from vits_tts.audio import libsndfile  # noqa: PLC0415

    return libsndfile.seconds(path)


def _aac_seconds(path: Path, sample_rate: int) -> float:
    from vits_tts.audio import aac  # noqa: PLC0415

    return aac.seconds(path, sample_rate)


# --- bit rates -----------------------------------------------------------------------------------


def _mp3_bit_rates(sample_rate: int) -> Sequence[int]:
    """Return the bit rates of layer III in MPEG-1, MPEG-2 (half the rates) or 2.5 (a quarter)."""
    if sample_rate >= 32000:  # noqa: PLR2004
        kilobits = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
    else:
        kilobits = [8, 16, 24, 32, 40, 48, 56, 64]
        if sample_rate >= 16000:  # noqa: PLR2004
            kilobits += [80, 96, 112, 128, 144, 160]
    return tuple(number * 1000 for number in kilobits)


def _aac_bit_rates(sample_rate: int) -> Sequence[int]:
    """Return bit rates up to 6144 bits for each frame of 1024 samples, a channel's maximum."""
    return range(8000, min(6 * sample_rate, 256000) + 1)


# --- the registry --------------------------------------------------------------------------------

_REGISTRY: Final = (
    Format(
        name="wav",
        description="16-bit PCM in RIFF",
        codec=_wav,
        content_type="audio/wav",
        accepted=("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
        suffixes=(".wav",),
        aliases=("wav16",),
        header_bytes=WAV_HEADER_BYTES,
        sample_bytes=2,
    ),
    Format(
        name="flac",
        description="FLAC, lossless",
        codec=_flac,
        content_type="audio/flac",
        accepted=("audio/flac", "audio/x-flac"),
        suffixes=(".flac",),
        least_sample_bytes=0.25,  # of very quiet speech
        read_seconds=_libsndfile_seconds,
    ),
    Format(
        name="mp3",
        description="MPEG layer III, constant bit rate",
        codec=_mp3,
        content_type="audio/mpeg",
        accepted=("audio/mpeg", "audio/mp3"),
        suffixes=(".mp3",),
        sample_rates=_MPEG,
        bit_rates=_mp3_bit_rates,
        bit_rate=64000,
        read_seconds=_libsndfile_seconds,
    ),
    Format(
        name="opus",
        description="Opus in Ogg",
        codec=_opus,
        content_type="audio/ogg; codecs=opus",
        accepted=("audio/ogg", "audio/opus", "application/ogg"),
        suffixes=(".ogg", ".opus"),
        aliases=("ogg",),
        sample_rates=_OPUS,
        bit_rates=lambda _: _OPUS_BITS,
        bit_rate=32000,
        read_seconds=_libsndfile_seconds,
    ),
    Format(
        name="aac",
        description="AAC-LC in ADTS",
        codec=_aac,
        content_type="audio/aac",
        accepted=("audio/aac", "audio/aacp", "audio/x-aac"),
        suffixes=(".aac",),
        sample_rates=_MPEG,
        bit_rates=_aac_bit_rates,
        bit_rate=64000,
        read_seconds=_aac_seconds,
        package="av",
    ),
    Format(
        name="pcm",
        description="16-bit samples, little-endian, no header",
        codec=_raw,
        content_type="audio/pcm",
        accepted=("audio/pcm",),
        suffixes=(".pcm", ".raw"),
        aliases=("sln", "sln16", "sln24", "sln48"),
        headerless=True,
        sample_bytes=2,
    ),
    Format(
        name="mulaw",
        description="G.711 mu-law, a byte a sample, no header",
        codec=_g711("ULAW"),
        content_type="audio/PCMU",  # RFC 4856
        content_types={_TELEPHONE_RATE: "audio/basic"},  # RFC 2046, section 4.3
        accepted=("audio/basic", "audio/pcmu", "audio/x-mulaw", "audio/mulaw"),
        suffixes=(".ulaw", ".mulaw"),
        aliases=("ulaw",),
        headerless=True,
        sample_rate=_TELEPHONE_RATE,
        sample_bytes=1,
    ),
    Format(
        name="alaw",
        description="G.711 A-law, a byte a sample, no header",
        codec=_g711("ALAW"),
        content_type="audio/PCMA",
        accepted=("audio/pcma", "audio/x-alaw", "audio/alaw"),
        suffixes=(".alaw",),
        headerless=True,
        sample_rate=_TELEPHONE_RATE,
        sample_bytes=1,
    ),
)

FORMATS: Final[Mapping[str, Format]] = {entry.name: entry for entry in _REGISTRY}
ENCODED: Final[Mapping[str, Format]] = {
    **FORMATS,
    "f32": Format(
        name="f32",
        description="32-bit floating point from -1 to 1, little-endian, no header",
        codec=_floats,
        content_type="audio/pcm",
        accepted=(),
        suffixes=(),
        headerless=True,
        sample_bytes=4,
    ),
    **{
        f"wav_{name}": Format(
            name=f"wav_{name}",
            description=f"{name} in RIFF",
            codec=_wav_of(name),
            content_type="audio/wav",
            accepted=(),
            suffixes=(),
            header_bytes=WAV_HEADER_BYTES,
            sample_bytes=size,
        )
        for name, size in {"f32": 4, "mulaw": 1, "alaw": 1}.items()
    },
}
"""All formats with a codec: ``FORMATS``, and those that only other services' interfaces use."""
DEFAULT: Final = "wav"
ALIASES: Final[Mapping[str, str]] = {
    alias: entry.name for entry in _REGISTRY for alias in entry.aliases
}
_IMPLIED_RATES: Final[Mapping[str, int]] = {
    "ulaw": _TELEPHONE_RATE,
    "sln": 8000,
    "sln16": 16000,
    "sln24": 24000,
    "sln48": 48000,
    "wav16": 16000,
}
"""Sample rates that a name implies, because telephone systems read such a suffix that way."""
SUFFIXES: Final[Mapping[str, str]] = {
    suffix: entry.name for entry in _REGISTRY for suffix in entry.suffixes
}
"""Format names by the suffix of a file's name."""
LOSSY: Final = tuple(entry.name for entry in _REGISTRY if entry.bit_rate)
"""Names of the formats that have a bit rate."""


def offered() -> list[str]:
    """Return the names of the formats that this installation can encode, the default first."""
    return [name for name, entry in FORMATS.items() if entry.available]


def names() -> list[str]:
    """Return the names and aliases that requests may use on this installation."""
    return offered() + [alias for alias, name in ALIASES.items() if FORMATS[name].available]


def format_of(suffix: str) -> str:
    """Return the format that a suffix of `/audio/` means, or the suffix itself if it is unknown."""
    suffix = suffix.lower()
    return ALIASES.get(suffix, suffix)


def media_types() -> tuple[str, ...]:
    """Return the media types that audio may be sent as, without parameters."""
    entries = [FORMATS[name] for name in offered()]
    usual = [entry.content_type.partition(";")[0] for entry in entries]
    special = [media_type for entry in entries for media_type in entry.content_types.values()]
    return tuple(dict.fromkeys(usual + special))


@cache
def least_bytes_a_second(name: str) -> float:
    """Return the fewest bytes of a second of audio in a format, at its lowest rates."""
    entry = ENCODED[name]
    if bit_rates := entry.bit_rates(MIN_SAMPLE_RATE):
        return bit_rates[0] / 8
    return MIN_SAMPLE_RATE * (entry.sample_bytes or entry.least_sample_bytes)


@cache
def plain(voice_rate: int) -> Encoding:
    """Return the encoding of requests that name none: WAV at the voice's sample rate, in hertz."""
    return Encoding(DEFAULT, voice_rate)


@lru_cache(maxsize=256, typed=True)
def encoding(
    name: str | None,
    sample_rate: str | float | None,
    bit_rate: str | float | None,
    voice_rate: int,
) -> Encoding:
    """Return the requested encoding, with the defaults where a parameter is None.

    ``voice_rate`` is the sample rate of the speech, in hertz.

    Raises:
        FormatInvalid, SampleRateInvalid, BitRateInvalid: no format has this name, or this one
            cannot have such a rate.
        FormatUnavailable: the package that encodes it is not installed.

    """
    entry = _format(name)
    implied = _IMPLIED_RATES.get((name or DEFAULT).lower())
    if implied and sample_rate is not None and _whole(sample_rate) != implied:
        message = f"sample_rate for {name} must be {implied}, in hertz"
        raise SampleRateInvalid(message, field="sample_rate")
    rate = _sample_rate(entry, implied or sample_rate, voice_rate)
    return Encoding(entry.name, rate, _bit_rate(entry, bit_rate, rate))


def _format(name: str | None) -> Format:
    """Return the format of a name or alias, ignoring case; the default format for None.

    Raises:
        FormatInvalid: no format has this name.
        FormatUnavailable: the package that encodes it is not installed.

    """
    if name is None:
        return FORMATS[DEFAULT]
    name = name.lower()
    entry = FORMATS.get(ALIASES.get(name, name))
    if entry is None:
        raise FormatInvalid(f"format must be one of {', '.join(names())}", field="format")
    if not entry.available:
        message = f"{entry.name} is not available: the server lacks the package {entry.package}"
        raise FormatUnavailable(message, field="format")
    return entry


def _sample_rate(entry: Format, given: str | float | None, voice_rate: int) -> int:
    """Return the given rate in hertz; else the default, the voice's rate or the next higher one."""
    allowed = entry.sample_rates
    if given is None:
        rate = entry.sample_rate or voice_rate
        if entry.name == DEFAULT or rate in allowed:  # any voice can be sent as plain WAV
            return rate
        return next((higher for higher in allowed if higher >= rate), allowed[-1])
    rate = _whole(given)
    if rate not in allowed:
        message = f"sample_rate for {entry.name} must be {_choice(allowed)}, in hertz"
        raise SampleRateInvalid(message, field="sample_rate")
    return rate


def _bit_rate(entry: Format, given: str | float | None, sample_rate: int) -> int | None:
    """Return the given rate in bits per second, else the default; None if it is not lossy."""
    allowed = entry.bit_rates(sample_rate)
    if given is None:
        return min(entry.bit_rate, allowed[-1]) if allowed else None
    if not allowed:
        message = f"{entry.name} has no bit_rate: its size follows from the samples"
        raise BitRateInvalid(message, field="bit_rate")
    rate = _whole(given)
    if rate not in allowed:
        message = f"bit_rate for {entry.name} at {sample_rate} Hz must be {_choice(allowed)}"
        raise BitRateInvalid(f"{message}, in bits per second", field="bit_rate")
    return rate


def _whole(given: str | float) -> int:
    """Return a rate as an integer, or -1, which no format has, if it is not a whole number."""
    if isinstance(given, str):
        return int(given) if _DIGITS.fullmatch(given) else -1
    if isinstance(given, float):  # is_integer is false for infinity and NaN
        return int(given) if given.is_integer() else -1
    return given


def _choice(numbers: Sequence[int]) -> str:
    if isinstance(numbers, range):
        return f"a number from {numbers[0]} to {numbers[-1]}"
    return f"one of {', '.join(map(str, numbers))}"


@cache
def _installed(package: str) -> bool:
    return find_spec(package) is not None
