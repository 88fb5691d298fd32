"""Phonemising: from a sentence to the phonemes that a voice was trained on.

Piper's voices take espeak-ng's phonemes, one Unicode code point each (letters and marks apart), or
plainly the text's own code points. espeak-ng is the copy that piper-tts brings along. It keeps its
state in globals, is not thread-safe and breaks when it is initialised twice, so there is one of it
and one lock before it in the whole process, however many phonemisers there are.
"""

import functools
import threading
import unicodedata
from typing import Final, Literal

from piper.phonemize_espeak import ESPEAK_DATA_DIR, EspeakPhonemizer

from vits_tts.text.respell import corrected, respelled

_ESPEAK_LOCK: Final = threading.Lock()


@functools.cache
def _espeak() -> EspeakPhonemizer:
    return EspeakPhonemizer(ESPEAK_DATA_DIR)


class Phonemiser:
    """From sentences to phonemes; threads may share one."""

    def phonemes(self, text: str, kind: Literal["espeak", "text"], language: str) -> list[str]:
        """Return the phonemes of one sentence as a voice of this kind wants them."""
        return self.espeak(text, language) if kind == "espeak" else self.codepoints(text)

    def espeak(self, text: str, language: str) -> list[str]:
        """Return the phonemes of one sentence in the espeak voice ``language`` (``vi``).

        Clauses are joined: the text is one sentence already.
        """
        vietnamese = language == "vi" or language.startswith("vi-")
        with _ESPEAK_LOCK:
            clauses = _espeak().phonemize(language, respelled(text) if vietnamese else text)
        phonemes: list[str] = []
        for clause in clauses:
            if phonemes and phonemes[-1] != " ":
                phonemes.append(" ")
            phonemes.extend(corrected("".join(clause)) if vietnamese else clause)
        return phonemes

    def codepoints(self, text: str) -> list[str]:
        """Return the text's own code points, decomposed, for voices trained on letters."""
        return list(unicodedata.normalize("NFD", text))
