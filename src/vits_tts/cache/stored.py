"""How a sentence is stored outside of the process: a small head, a checksum, FLAC.

FLAC halves the bytes of raw samples for about half a millisecond of work a sentence, which lz4 and
zstd do not (``benchmarks/stored_form.py`` prints the comparison).

Layout, little-endian: ``VTS``, the format's version (1 byte), sample rate (4 bytes), number of
samples (4 bytes), digest of all but itself (8 bytes), FLAC.
"""

import hashlib
import io
import struct
from typing import Final

import numpy as np
import soundfile

from vits_tts.types import Pcm

VERSION: Final = 1
_HEAD: Final = struct.Struct("<3sBII")
_MAGIC: Final = b"VTS"
_DIGEST_BYTES: Final = 8
_START: Final = _HEAD.size + _DIGEST_BYTES


class Damaged(Exception):
    """Bytes that are not what ``pack`` made: cut, changed, or of another version."""


def pack(pcm: Pcm) -> bytes:
    """Return the stored form of a sentence."""
    flac = io.BytesIO()
    soundfile.write(flac, pcm.samples, pcm.sample_rate, "PCM_16", format="FLAC")
    body = flac.getvalue()
    head = _HEAD.pack(_MAGIC, VERSION, pcm.sample_rate, len(pcm.samples))
    return head + _digest(head, body) + body


def unpack(data: bytes) -> Pcm:
    """Return the sentence that ``pack`` stored.

    Raises:
        Damaged: it is not that any more.

    """
    head, digest, body = data[: _HEAD.size], data[_HEAD.size : _START], data[_START:]
    if len(data) < _START or digest != _digest(head, body):
        raise Damaged("the checksum does not hold")
    magic, version, sample_rate, count = _HEAD.unpack(head)
    if magic != _MAGIC or version != VERSION:
        raise Damaged(f"the format is {magic!r} {version}, not {_MAGIC!r} {VERSION}")
    try:
        samples, rate = soundfile.read(io.BytesIO(body), dtype="int16")
    except soundfile.SoundFileError as error:
        raise Damaged(str(error)) from None
    if rate != sample_rate or samples.shape != (count,):
        raise Damaged("the samples are not as many as the head says")
    return Pcm(np.ascontiguousarray(samples), sample_rate)


def _digest(head: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(head + body, digest_size=_DIGEST_BYTES).digest()
