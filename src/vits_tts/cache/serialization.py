"""Serialization of sentences for Redis: a header, a checksum, times, samples as FLAC.

FLAC halves the bytes of raw samples for about half a millisecond of work per sentence; lz4 and zstd
save less (``benchmarks/stored_form.py`` prints the comparison).

Layout, little-endian:

- ``VTS`` (3 bytes), and the version of this format (1 byte);
- the sample rate and the number of samples (4 bytes each);
- the kind of the times (1 byte): 0 unknown, 1 exact, 2 estimated;
- the number of words, and that of phonemes (2 bytes each);
- the number of bytes of the phonemes' names (4 bytes);
- a digest of all other bytes (8 bytes);
- four integers of 4 bytes for each word, as in :class:`~vits_tts.types.Timing`;
- three integers of 4 bytes for each phoneme, and their names in UTF-8, separated by line ends;
- the samples as FLAC.
"""

import hashlib
import io
import struct
from sys import intern
from typing import Final

import numpy as np
import soundfile

from vits_tts.types import Pcm, Samples, Timing

VERSION: Final = 3
_HEAD: Final = struct.Struct("<3sBIIBHHI")
_MAGIC: Final = b"VTS"
_DIGEST_BYTES: Final = 8
_START: Final = _HEAD.size + _DIGEST_BYTES
_NOTHING, _TIMES, _ESTIMATE = range(3)
_WORD_BYTES: Final = 16
_PHONEME_BYTES: Final = 12
_MOST_WORDS: Final = 1000
"""More words than a sentence of ``text.split.MAX_CHARS`` can have."""
_MOST_PHONEMES: Final = 10_000
_MOST_NAME_BYTES: Final = 16 * _MOST_PHONEMES
_RATES: Final = range(4000, 192_001)
"""Sample rates that a voice may have."""
_MOST_SAMPLES: Final = 16 * 1024 * 1024
"""More samples than the longest sentence has at the slowest speed; limits memory while decoding."""
_FASTEST: Final = 0.0
"""The compression level of FLAC that is decoded fastest: a tenth less time, 2 % more bytes."""


class Damaged(Exception):
    """Raised for bytes that are not from :func:`pack`: truncated, changed, of another version."""


def pack(pcm: Pcm) -> bytes:
    """Return a sentence as bytes."""
    flac = io.BytesIO()
    soundfile.write(
        flac, pcm.samples, pcm.sample_rate, "PCM_16", format="FLAC", compression_level=_FASTEST
    )
    times, names, known, words, phonemes = b"", b"", _NOTHING, 0, 0
    if timing := pcm.timing:
        known = _ESTIMATE if timing.estimated else _TIMES
        words, phonemes = len(timing.words), len(timing.phonemes)
        times = b"".join(
            part.astype("<i4").tobytes() for part in (timing.words, timing.phoneme_times)
        )
        names = "\n".join(timing.phonemes).encode()
    head = _HEAD.pack(
        _MAGIC, VERSION, pcm.sample_rate, len(pcm.samples), known, words, phonemes, len(names)
    )
    body = times + names + flac.getvalue()
    return head + _digest(head, body) + body


def unpack(data: bytes) -> Pcm:
    """Return the sentence of the bytes that :func:`pack` returned.

    Raises:
        Damaged: the checksum fails, or the content is invalid.

    """
    view = memoryview(data)  # slices of it copy nothing
    head, digest, body = view[: _HEAD.size], view[_HEAD.size : _START], view[_START:]
    if len(data) < _START or digest != _digest(head, body):
        raise Damaged("the checksum does not match")
    magic, version, sample_rate, count, known, words, phonemes, named = _HEAD.unpack(head)
    if magic != _MAGIC or version != VERSION:
        raise Damaged(f"the format is {magic!r} {version}, not {_MAGIC!r} {VERSION}")
    names_at = words * _WORD_BYTES + phonemes * _PHONEME_BYTES
    if (
        sample_rate not in _RATES
        or count > _MOST_SAMPLES
        or words > _MOST_WORDS
        or phonemes > _MOST_PHONEMES
        or named > _MOST_NAME_BYTES
        or len(body) < names_at + named
    ):
        raise Damaged("the header has values that no sentence can have")
    samples = _decoded(body[names_at + named :], sample_rate, count)
    timing = None
    if known != _NOTHING:
        numbers = np.frombuffer(body, "<i4", names_at // 4).astype(np.int32)
        names = _names(body[names_at : names_at + named], phonemes)
        places, times = numbers[: 4 * words].reshape(-1, 4), numbers[4 * words :].reshape(-1, 3)
        if (numbers < 0).any() or (places[:, ::2] > places[:, 1::2]).any():
            raise Damaged("the times of the words are invalid")
        if (times[:, 0] >= words).any() or (times[:, 1] > times[:, 2]).any():
            raise Damaged("the times of the phonemes are invalid")
        timing = Timing(count, places, known == _ESTIMATE, names, times)
    return Pcm(samples, sample_rate, timing=timing)


def _names(data: memoryview, count: int) -> tuple[str, ...]:
    """Return the names of ``count`` phonemes.

    Raises:
        Damaged: there is another number of them, or they are not UTF-8.

    """
    try:
        names = tuple(map(intern, str(data, "utf-8").split("\n"))) if count else ()
    except UnicodeDecodeError:
        raise Damaged("the phonemes are not UTF-8") from None
    if len(names) != count or not all(names):
        raise Damaged("the phonemes do not match the header")
    return names


def _decoded(flac: memoryview, sample_rate: int, count: int) -> Samples:
    """Return the ``count`` samples of a FLAC file, an array of int16; never decode more.

    Raises:
        Damaged: the bytes are not FLAC, or have another rate or number of samples.

    """
    if bytes(flac[:4]) != b"fLaC":  # libsndfile would accept any format
        raise Damaged("the audio is not FLAC")
    try:
        with soundfile.SoundFile(io.BytesIO(flac)) as file:
            told = (file.samplerate, file.channels, file.subtype, file.frames)
            if told != (sample_rate, 1, "PCM_16", count):
                raise Damaged("the audio does not match the header")
            samples = file.read(count, dtype="int16")
    except soundfile.SoundFileError as error:
        raise Damaged(str(error)) from None
    if samples.shape != (count,):
        raise Damaged("the number of samples does not match the header")
    return np.ascontiguousarray(samples)


def _digest(head: bytes | memoryview, body: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(head, digest_size=_DIGEST_BYTES)
    digest.update(body)
    return digest.digest()
