"""Text to phoneme ids, in one place so that training and service can share one path.

Piper's layout: ``^`` first, ``$`` last, and a pad ``_`` after every symbol but the last.
"""

import unicodedata
from functools import cache

from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
from piper.phonemize_espeak import EspeakPhonemizer

PHONEME_ID_MAP: dict[str, list[int]] = {k: list(v) for k, v in DEFAULT_PHONEME_ID_MAP.items()}
NUM_SYMBOLS = 256
ESPEAK_VOICE = "vi"


@cache
def _phonemizer() -> EspeakPhonemizer:
    return EspeakPhonemizer()


def phonemise(text: str) -> list[str]:
    """Return the phonemes of ``text`` as NFD code points, its sentences joined by spaces."""
    sentences = _phonemizer().phonemize(ESPEAK_VOICE, text)
    joined = " ".join("".join(sentence) for sentence in sentences)
    return list(unicodedata.normalize("NFD", joined))


def to_ids(phonemes: list[str]) -> list[int]:
    """Return Piper's ids of ``phonemes`` with BOS, EOS and pads; unknown symbols are left out."""
    ids = [*PHONEME_ID_MAP["^"], *PHONEME_ID_MAP["_"]]
    for phoneme in phonemes:
        if phoneme in PHONEME_ID_MAP:
            ids += [*PHONEME_ID_MAP[phoneme], *PHONEME_ID_MAP["_"]]
    return [*ids, *PHONEME_ID_MAP["$"]]


def text_to_ids(text: str) -> list[int]:
    """Return the phoneme ids of a written sentence."""
    return to_ids(phonemise(text))
