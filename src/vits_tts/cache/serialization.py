"""Serialization of sentences for Redis: a header, a checksum, the times of words, FLAC.

FLAC halves the bytes of raw samples for about half a millisecond of work per sentence; lz4 and zstd
save less (``benchmarks/stored_form.py`` prints the comparison).

Layout, little-endian:

- ``VTS`` (3 bytes), and the version of this format (1 byte);
- the sample rate and the number of samples (4 bytes each);
- the kind of the times of words (1 byte): 0 unknown, 1 exact, 2 estimated;
- the number of words (2 bytes);
- a digest of all other bytes (8 bytes);
- four integers of 4 bytes for each word, as in :class:`~vits_tts.types.Timing`;
- the samples as FLAC.
"""

import hashlib
import io
import struct
from typing import Final

import numpy as np
import soundfile

from vits_tts.types import Pcm, Samples, Timing

VERSION: Final = 2
_HEAD: Final = struct.Struct("<3sBIIBH")
_MAGIC: Final = b"VTS"
_DIGEST_BYTES: Final = 8
_START: Final = _HEAD.size + _DIGEST_BYTES
_NOTHING, _TIMES, _ESTIMATE = range(3)
_WORD_BYTES: Final = 16
_MOST_WORDS: Final = 1000
"""More words than a sentence of ``text.split.MAX_CHARS`` can have."""
_RATES: Final = range(4000, 192_001)
"""Sample rates that a voice may have."""
_MOST_SAMPLES: Final = 16 * 1024 * 1024
"""More samples than the longest sentence has at the slowest speed; limits memory while decoding."""


class Damaged(Exception):
    """Raised for bytes that are not from :func:`pack`: truncated, changed, of another version."""


def pack(pcm: Pcm) -> bytes:
    """Return a sentence as bytes."""
    flac = io.BytesIO()
    soundfile.write(flac, pcm.samples, pcm.sample_rate, "PCM_16", format="FLAC")
    words, known = b"", _NOTHING
    if pcm.timing:
        words = pcm.timing.words.astype("<i4").tobytes()
        known = _ESTIMATE if pcm.timing.estimated else _TIMES
    count = len(words) // _WORD_BYTES
    head = _HEAD.pack(_MAGIC, VERSION, pcm.sample_rate, len(pcm.samples), known, count)
    body = words + flac.getvalue()
    return head + _digest(head, body) + body


def unpack(data: bytes) -> Pcm:
    """Return the sentence of the bytes that :func:`pack` returned.

    Raises:
        Damaged: the checksum fails, or the content is invalid.

    """
    head, digest, body = data[: _HEAD.size], data[_HEAD.size : _START], data[_START:]
    if len(data) < _START or digest != _digest(head, body):
        raise Damaged("the checksum does not match")
    magic, version, sample_rate, count, known, words = _HEAD.unpack(head)
    if magic != _MAGIC or version != VERSION:
        raise Damaged(f"the format is {magic!r} {version}, not {_MAGIC!r} {VERSION}")
    if (
        sample_rate not in _RATES
        or count > _MOST_SAMPLES
        or words > _MOST_WORDS
        or len(body) < words * _WORD_BYTES
    ):
        raise Damaged("the header has values that no sentence can have")
    samples = _decoded(body[words * _WORD_BYTES :], sample_rate, count)
    timing = None
    if known != _NOTHING:
        numbers = np.frombuffer(body, "<i4", words * 4).astype(np.int32).reshape(-1, 4)
        if (numbers < 0).any() or (numbers[:, ::2] > numbers[:, 1::2]).any():
            raise Damaged("the times of the words are invalid")
        timing = Timing(count, numbers, known == _ESTIMATE)
    return Pcm(samples, sample_rate, timing=timing)


def _decoded(flac: bytes, sample_rate: int, count: int) -> Samples:
    """Return the ``count`` samples of a FLAC file, an array of int16; never decode more.

    Raises:
        Damaged: the bytes are not FLAC, or have another rate or number of samples.

    """
    if not flac.startswith(b"fLaC"):  # libsndfile would accept any format
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


def _digest(head: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(head + body, digest_size=_DIGEST_BYTES).digest()
