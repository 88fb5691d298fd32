"""How a sentence is stored outside of the process: a small head, a checksum, its words, FLAC.

FLAC halves the bytes of raw samples for about half a millisecond of work a sentence, which lz4 and
zstd do not (``benchmarks/stored_form.py`` prints the comparison).

Layout, little-endian: ``VTS``, the format's version (1 byte), sample rate (4 bytes), number of
samples (4 bytes), whether the times of words are known (1 byte: 0 not, 1 yes, 2 by an estimate),
number of words (2 bytes), digest of all but itself (8 bytes), four numbers of 4 bytes for each
word as in :class:`~vits_tts.types.Timing`, FLAC.
"""

import hashlib
import io
import struct
from typing import Final

import numpy as np
import soundfile

from vits_tts.types import Pcm, Timing

VERSION: Final = 2
_HEAD: Final = struct.Struct("<3sBIIBH")
_MAGIC: Final = b"VTS"
_DIGEST_BYTES: Final = 8
_START: Final = _HEAD.size + _DIGEST_BYTES
_NOTHING, _TIMES, _ESTIMATE = range(3)
_WORD_BYTES: Final = 16


class Damaged(Exception):
    """Bytes that are not what ``pack`` made: cut, changed, or of another version."""


def pack(pcm: Pcm) -> bytes:
    """Return the stored form of a sentence."""
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
    """Return the sentence that ``pack`` stored.

    Raises:
        Damaged: it is not that any more.

    """
    head, digest, body = data[: _HEAD.size], data[_HEAD.size : _START], data[_START:]
    if len(data) < _START or digest != _digest(head, body):
        raise Damaged("the checksum does not hold")
    magic, version, sample_rate, count, known, words = _HEAD.unpack(head)
    if magic != _MAGIC or version != VERSION:
        raise Damaged(f"the format is {magic!r} {version}, not {_MAGIC!r} {VERSION}")
    flac = body[words * _WORD_BYTES :]
    try:
        samples, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    except soundfile.SoundFileError as error:
        raise Damaged(str(error)) from None
    if rate != sample_rate or samples.shape != (count,):
        raise Damaged("the samples are not as many as the head says")
    timing = None
    if known != _NOTHING:
        numbers = np.frombuffer(body, "<i4", words * 4).astype(np.int32)
        timing = Timing(count, numbers.reshape(-1, 4), known == _ESTIMATE)
    return Pcm(np.ascontiguousarray(samples), sample_rate, timing=timing)


def _digest(head: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(head + body, digest_size=_DIGEST_BYTES).digest()
