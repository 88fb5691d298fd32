"""Convert text to phoneme ids: the service's own phonemes, in Piper's layout.

That is ``^`` first, ``$`` last, and a pad ``_`` after every symbol but the last.
"""

from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

from vits_tts.text.phonemes.espeak import Phonemizer

PHONEME_ID_MAP: dict[str, list[int]] = {k: list(v) for k, v in DEFAULT_PHONEME_ID_MAP.items()}
NUM_SYMBOLS = 256
ESPEAK_VOICE = "vi"


def to_ids(phonemes: list[str]) -> list[int]:
    """Return Piper's ids of ``phonemes`` with BOS, EOS and pads; unknown symbols are left out."""
    ids = [*PHONEME_ID_MAP["^"], *PHONEME_ID_MAP["_"]]
    for phoneme in phonemes:
        if phoneme in PHONEME_ID_MAP:
            ids += [*PHONEME_ID_MAP[phoneme], *PHONEME_ID_MAP["_"]]
    return [*ids, *PHONEME_ID_MAP["$"]]


def text_to_ids(text: str) -> list[int]:
    """Return the phoneme ids of a written sentence."""
    return to_ids(Phonemizer().espeak(text, ESPEAK_VOICE))
