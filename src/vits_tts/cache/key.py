"""Keys of sentences and hashes of files.

Two sentences have the same key only if they sound the same. The key is a digest of everything that
changes a sample: the voice's files, the normalised words, the speaker, the three scales, the gain
and the loudness. The gain that brings a voice to a loudness follows from its files.

Raise ``VERSION`` when the same inputs would sound different, for example after a change of the
reading rules.

The hash of a file of `/tts` is computed from its sentences' keys and a secret. Without a secret,
any client could compute the hash of a text, learn whether it was synthesised, and fetch the file.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from vits_tts.types import Level, Prosody

VERSION: Final = 2
_RATE_DIGITS: Final = 4
_CHECK_DIGITS: Final = 6
_AS_IT_IS: Final = Level()


def sentence_key(
    voice_digest: str, sentence: str, prosody: Prosody, level: Level = _AS_IT_IS
) -> str:
    """Return the key of one sentence as 40 hexadecimal digits."""
    scales = (prosody.length_scale, prosody.noise_scale, prosody.noise_w)
    loudness = () if level.loudness is None else (level.loudness,)
    return _digest([voice_digest, sentence, prosody.speaker_id, *scales, level.volume, *loudness])


def speech_hash(parts: Iterable[tuple[str, float]], sample_rate: int) -> str:
    """Return the hash of a text, from its sentences' keys and the pauses after them in seconds."""
    return _digest([sample_rate, *(list(part) for part in parts)])


def encoded_hash(plain: str, name: str, sample_rate: int, bit_rate: int | None) -> str:
    """Return the hash of a speech in a format, given the hash of its samples."""
    return _digest([plain, name, sample_rate, bit_rate])


def file_hash(secret: str, plain: str, owner: str | None = None) -> str:
    """Return the hash in a file's name, given the hash of its content, as 40 hexadecimal digits.

    It cannot be computed without the ``secret``. With an ``owner``, the name of an API key, it
    differs from the hashes of all other keys.
    """
    key = hashlib.blake2b(secret.encode()).digest()
    content = json.dumps([plain, owner], ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(content.encode(), digest_size=20, key=key).hexdigest()


def with_rate(audio_hash: str, sample_rate: int) -> str:
    """Return a file's hash whose last digits hold the sample rate, in hertz, and a checksum.

    A file without a header does not contain its sample rate, but every process that sends the file
    knows its hash, on any machine. 30 digits (120 bits) of the keyed digest remain.
    """
    marked = f"{audio_hash[: -_RATE_DIGITS - _CHECK_DIGITS]}{sample_rate:0{_RATE_DIGITS}x}"
    return marked + _check(marked)


def rate_in(audio_hash: str) -> int | None:
    """Return the sample rate that :func:`with_rate` put into a hash; None if there is none.

    One in 16 million hashes without a rate passes the check by chance.
    """
    marked, check = audio_hash[:-_CHECK_DIGITS], audio_hash[-_CHECK_DIGITS:]
    return int(marked[-_RATE_DIGITS:], 16) if _check(marked) == check else None


def _check(marked: str) -> str:
    return hashlib.blake2b(marked.encode(), digest_size=_CHECK_DIGITS // 2).hexdigest()


def _digest(values: list[object]) -> str:
    canonical = json.dumps([VERSION, *values], ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=20).hexdigest()
