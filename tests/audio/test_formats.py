"""Formats: encoded sound is decoded by another library, and all of it is there."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.support.decoding import DECODERS, by_dr_libs, by_ffmpeg, delay
from tests.support.sound import Sound
from vits_tts.audio import formats, ogg, wav
from vits_tts.audio.encoder import Encoder, whole
from vits_tts.audio.formats import FORMATS, Encoding
from vits_tts.audio.resample import Resampler
from vits_tts.errors import RequestError
from vits_tts.types import Pcm, Samples

LOSSLESS = ["wav", "flac", "pcm"]
LOSSY = ["mp3", "opus", "aac"]
TELEPHONE = ["mulaw", "alaw"]
WINDOWS = (1777, 100, 4410, 1)


def chirp(sample_rate: int, seconds: float = 1.5) -> Samples:
    """Return a rising tone, which matches itself at one place only and ends at full level."""
    time = np.arange(int(sample_rate * seconds)) / sample_rate
    return (9000 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype(np.int16)


def said(samples: Samples, sample_rate: int) -> Sound:
    """Return the input in the form in which it is compared."""
    return Sound(samples / 32768, sample_rate)


def in_windows(samples: Samples, sizes: tuple[int, ...] = WINDOWS) -> list[Samples]:
    """Split samples into parts of the given sizes and the rest."""
    return np.split(samples, np.cumsum(sizes))


def streamed(parts: list[Samples], encoding: Encoding, sample_rate: int) -> list[bytes]:
    """Return the bytes after each part, and the rest at the end."""
    encoder = Encoder(encoding, sample_rate)
    return [*(encoder.encode(part) for part in parts), encoder.finish()]


def asked(name: str, sample_rate: int) -> Encoding:
    """Return the encoding of a format at a rate, with defaults for everything else."""
    return formats.encoding(name, sample_rate, None, sample_rate)


def rates(name: str) -> list[int]:
    """Return the sample rates to try: all of a few, some of many."""
    taken = FORMATS[name].sample_rates
    return [8000, 16000, 22050, 33333, 48000] if isinstance(taken, range) else list(taken)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_to_the_sample(name: str) -> None:
    """Lossless formats return every sample exactly, streamed or whole, at any rate."""
    for rate in rates(name):
        samples, encoding = chirp(rate), asked(name, rate)
        for data in (
            b"".join(streamed(in_windows(samples), encoding, rate)),
            whole(Pcm(samples, rate), encoding),
        ):
            sound = DECODERS[name](data, rate)
            assert sound.sample_rate == rate
            assert np.array_equal(np.rint(sound.samples * 32768), samples)


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("how", ["streamed", "whole"])
def test_lossy_keeps_the_tail(name: str, how: str) -> None:
    """Lossy formats keep the whole sound to its last 10 ms, at its place, and similar."""
    for rate in rates(name):
        samples, encoding = chirp(rate), asked(name, rate)
        if how == "whole":
            data = whole(Pcm(samples, rate), encoding)
        else:
            data = b"".join(streamed(in_windows(samples), encoding, rate))
        heard = by_ffmpeg(data)
        original = said(samples, rate)
        if heard.sample_rate != rate:  # FFmpeg always gives Opus at 48 kHz
            assert heard.sample_rate == 48000
            converted = Resampler(rate, 48000)(samples, last=True)
            original = said(converted, 48000)
        shift = delay(heard, original)
        exact = name == "opus" or (name, how) == ("mp3", "whole")
        assert 0 <= shift <= (12 if exact else 1105)
        longest = 0 if exact else 1105 + 1152
        assert 0 <= len(heard.samples) - len(original.samples) <= longest
        aligned = heard.samples[shift : shift + len(original.samples)]
        assert len(aligned) >= len(original.samples) - 12
        assert np.corrcoef(aligned, original.samples[: len(aligned)])[0, 1] > 0.95
        end = slice(-heard.sample_rate // 100, None)
        assert np.std(aligned[end]) > 0.5 * np.std(original.samples[end])


@pytest.mark.parametrize("name", TELEPHONE)
def test_telephone(name: str) -> None:
    """A telephone format uses a byte a sample, and is as near as the tables of G.711 allow."""
    samples = chirp(8000)
    for data in (
        b"".join(streamed(in_windows(samples), asked(name, 8000), 8000)),
        whole(Pcm(samples, 8000), asked(name, 8000)),
    ):
        assert len(data) == len(samples)
        sound = DECODERS[name](data, 8000)
        off = np.abs(sound.samples * 32768 - samples)
        assert np.all(off <= 16 + np.abs(samples) / 16)


@pytest.mark.parametrize("name", list(FORMATS))
def test_same_bytes_however_it_comes(name: str) -> None:
    """The bytes do not depend on how the sound was split, so all replicas make the same file."""
    samples = chirp(22050)
    encoding = formats.encoding(name, None, None, 22050)
    at_once = b"".join(streamed([samples], encoding, 22050))
    assert at_once == b"".join(streamed(in_windows(samples), encoding, 22050))
    assert whole(Pcm(samples, 22050), encoding) == whole(Pcm(samples, 22050), encoding)


@pytest.mark.parametrize("name", ["flac", "mp3", "opus", "aac"])
def test_bytes_come_window_by_window(name: str) -> None:
    """A fifth of a second of input gives audible sound, before the rest is there."""
    samples = chirp(24000)
    parts = np.split(samples, 5)
    data = streamed(list(parts), asked(name, 24000), 24000)
    assert all(data)
    heard = [by_ffmpeg(b"".join(data[: count + 1])).seconds for count in range(len(parts))]
    assert heard[0] > 0.1
    assert all(later - earlier > 0.1 for earlier, later in pairwise(heard))


@pytest.mark.parametrize("name", ["wav", "flac", "pcm"])
@pytest.mark.parametrize(("rate", "other"), [(22050, 8000), (16000, 48000), (22050, 24000)])
def test_resampled_without_seams(name: str, rate: int, other: int) -> None:
    """Resampled sound has the same length and content, also where windows meet."""
    samples = chirp(rate)
    encoding = formats.encoding(name, other, None, rate)
    parts = [samples[start : start + 999] for start in range(0, len(samples), 999)]
    sound = DECODERS[name](b"".join(streamed(parts, encoding, rate)), other)
    assert sound.sample_rate == other
    assert len(sound.samples) == pytest.approx(len(samples) * other / rate, abs=1)
    off = sound.samples * 32768 - chirp(other)[: len(sound.samples)]
    assert np.abs(off[other // 50 : -other // 50]).max() < 4


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
def test_every_bit_rate_of_mp3(rate: int) -> None:
    """MP3 has the requested bit rate, and loses no frame at the beginning or the end."""
    samples = chirp(rate)
    for bits in FORMATS["mp3"].bit_rates(rate):
        encoding = formats.encoding("mp3", rate, bits, rate)
        data = b"".join(streamed(in_windows(samples), encoding, rate))
        sound = by_dr_libs(data)
        assert sound.sample_rate == rate
        assert len(sound.samples) >= len(samples)
        assert len(data) * 8 / sound.seconds == pytest.approx(bits, rel=0.01)
        assert 0 <= delay(sound, said(samples, rate)) <= 1105 + 529


@pytest.mark.parametrize(("name", "least", "most"), [("opus", 12000, 96000), ("aac", 24000, 96000)])
def test_bit_rate_of_others(name: str, least: int, most: int) -> None:
    """More bits a second give more bytes; the input is noise, since silence costs nothing."""
    noise = np.random.default_rng(1).normal(0, 3000, 48000).astype(np.int16)
    sizes = [
        len(whole(Pcm(noise, 24000), formats.encoding(name, 24000, bits, 24000)))
        for bits in (least, most)
    ]
    assert sizes[1] * 8 / 2 == pytest.approx(most, rel=0.25)
    assert sizes[0] < sizes[1] / 2


def test_pages_of_ogg() -> None:
    """Every page of Ogg has the same serial number and its own right checksum."""
    data = whole(Pcm(chirp(16000), 16000), asked("opus", 16000))
    starts = [match.start() for match in re.finditer(b"OggS\0", data)] + [len(data)]
    assert len(starts) > 10
    for start, end in pairwise(starts):
        page = bytearray(data[start:end])
        assert page[14:18] == b"vits"
        given, page[22:26] = bytes(page[22:26]), bytes(4)
        assert ogg.checksum(page).to_bytes(4, "little") == given


@pytest.mark.parametrize("name", list(FORMATS))
def test_very_short(name: str) -> None:
    """A single sample can be decoded in every format, and an empty input is not an error."""
    encoding = formats.encoding(name, None, None, 16000)
    one = np.array([5], np.int16)
    for data in (whole(Pcm(one, 16000), encoding), b"".join(streamed([one], encoding, 16000))):
        heard = by_ffmpeg(data) if name in LOSSY else DECODERS[name](data, encoding.sample_rate)
        length = heard.sample_rate // 16000 or 1  # half a sample at 8 kHz counts as one
        assert len(heard.samples) >= length
        assert name in LOSSY or len(heard.samples) == length
    streamed([], encoding, 16000)


def test_plain_wav_is_untouched() -> None:
    """A stream of WAV at the voice's rate is a header and the unchanged samples."""
    samples = chirp(16000)
    data = b"".join(streamed(in_windows(samples), formats.plain(16000), 16000))
    assert data == wav.header(16000) + samples.tobytes()
    finished = wav.header(16000, samples.nbytes) + samples.tobytes()
    assert whole(Pcm(samples, 16000), formats.plain(16000)) == finished


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((None, None, None), Encoding("wav", 22050)),
        (("ogg", None, None), Encoding("opus", 24000, 32000)),
        (("opus", "16000", "24000"), Encoding("opus", 16000, 24000)),
        (("mp3", None, None), Encoding("mp3", 22050, 64000)),
        (("mp3", 48000.0, 320000), Encoding("mp3", 48000, 320000)),
        (("aac", 8000, None), Encoding("aac", 8000, 48000)),
        (("mulaw", None, None), Encoding("mulaw", 8000)),
        (("alaw", "16000", None), Encoding("alaw", 16000)),
        (("flac", 44100, None), Encoding("flac", 44100)),
    ],
)
def test_what_is_asked_for(asked: tuple[str, str, str], given: Encoding) -> None:
    """Missing options get defaults: the voice's rate, or the nearest one of the format."""
    assert formats.encoding(*asked, 22050) == given


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        (("midi", None, None), "format_invalid", "wav, flac, mp3"),
        (("", None, None), "format_invalid", "wav, flac, mp3"),
        (("wav", "", None), "sample_rate_invalid", "from 8000 to 48000"),
        (("wav", "fast", None), "sample_rate_invalid", "from 8000 to 48000"),
        (("wav", 7999, None), "sample_rate_invalid", "from 8000 to 48000"),
        (("wav", 8000.5, None), "sample_rate_invalid", "from 8000 to 48000"),
        (("wav", "inf", None), "sample_rate_invalid", "from 8000 to 48000"),
        (("wav", "nan", None), "sample_rate_invalid", "from 8000 to 48000"),
        (("opus", 22050, None), "sample_rate_invalid", "8000, 12000, 16000, 24000, 48000"),
        (("mp3", 9000, None), "sample_rate_invalid", "one of 8000, 11025"),
        (("wav", None, 64000), "bit_rate_invalid", "has no bit_rate"),
        (("mp3", None, 100000), "bit_rate_invalid", "one of 8000, 16000"),
        (("mp3", 48000, 8000), "bit_rate_invalid", "at 48000 Hz must be one of 32000"),
        (("opus", None, 5999), "bit_rate_invalid", "from 6000 to 256000"),
        (("aac", 8000, 64000), "bit_rate_invalid", "from 8000 to 48000"),
    ],
)
def test_what_cannot_be(asked: tuple[str, str, str], code: str, says: str) -> None:
    """An impossible encoding is refused with the possible values."""
    with pytest.raises(RequestError) as caught:
        formats.encoding(*asked, 22050)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert says in caught.value.message
    assert caught.value.field == code.removesuffix("_invalid")


# --- the registry --------------------------------------------------------------------------------


def test_the_documentation_has_the_registry() -> None:
    """The table of docs/FORMATS.md names every format, alias, description and content type."""
    page = (Path(__file__).parents[2] / "docs" / "FORMATS.md").read_text(encoding="utf-8")
    rows = [re.split(r" *\| *", line)[1:4] for line in page.splitlines() if line.startswith("| `")]
    expected = []
    for entry in FORMATS.values():
        types = [f"`{entry.content_type}{'; rate=…' if entry.headerless else ''}`"]
        special = (f"`{kind}` at {rate // 1000} kHz" for rate, kind in entry.content_types.items())
        names = ", ".join(f"`{name}`" for name in (entry.name, *entry.aliases))
        expected.append([names, entry.description, ", else ".join([*special, *types])])
    assert rows[1 : len(expected) + 1] == expected


def test_nothing_stands_for_two_formats() -> None:
    """Names, aliases, suffixes and media types of ``Accept`` each select one format."""
    entries = FORMATS.values()
    for names in (
        [name for entry in entries for name in (entry.name, *entry.aliases)],
        [suffix for entry in entries for suffix in entry.suffixes],
        [media_type for entry in entries for media_type in entry.accepted],
    ):
        assert len(set(names)) == len(names)
