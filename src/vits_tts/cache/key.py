"""The key of a sentence: equal only for requests that sound the same.

It is the digest of everything that changes a sample: the voice's files, the words after
normalising, the speaker, the three scales and the gain. ``VERSION`` is raised whenever the same
inputs would come to sound otherwise, for example with new rules of reading.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from vits_tts.types import Prosody

VERSION: Final = 2


@lru_cache(maxsize=1024)
def sentence_key(voice_digest: str, sentence: str, prosody: Prosody, volume: float = 1.0) -> str:
    """Return the key of one sentence as 40 hexadecimal digits."""
    scales = (prosody.length_scale, prosody.noise_scale, prosody.noise_w)
    return _digest([voice_digest, sentence, prosody.speaker_id, *scales, volume])


def speech_hash(parts: Iterable[tuple[str, float]], sample_rate: int) -> str:
    """Return the hash of a whole text from its sentences' keys and pauses in seconds."""
    return _digest([sample_rate, *(list(part) for part in parts)])


def encoded_hash(plain: str, name: str, sample_rate: int, bit_rate: int | None) -> str:
    """Return the hash of a speech in a format, from that of its samples as plain WAV."""
    return _digest([plain, name, sample_rate, bit_rate])


def _digest(values: list[object]) -> str:
    canonical = json.dumps([VERSION, *values], ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=20).hexdigest()
