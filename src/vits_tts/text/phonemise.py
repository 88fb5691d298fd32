"""Phonemising: from a sentence to the phonemes that a voice was trained on.

Piper's voices take espeak-ng's phonemes, one Unicode code point each (letters and marks apart), or
plainly the text's own code points. espeak-ng is the copy that piper-tts brings along. It keeps its
state in globals, is not thread-safe and breaks when it is initialised twice, so there is one of it
and one lock before it in the whole process, however many phonemisers there are.
"""

import ctypes
import re
import sys
import threading
import unicodedata
from typing import Final, Literal, TypeAlias

from piper import espeakbridge
from piper.phonemize_espeak import ESPEAK_DATA_DIR

from vits_tts.text.respell import corrected, respelled

_LANGUAGE_SWITCH: Final = re.compile(r"\([^)]+\)")
_WITHIN_SENTENCE: Final = {",", ":", ";"}

Clause: TypeAlias = tuple[str, str, bool]
"""Phonemes, the mark behind them, and whether it ends a sentence."""


class Phonemiser:
    """From sentences to phonemes; threads may share one."""

    def phonemes(self, text: str, kind: Literal["espeak", "text"], language: str) -> list[str]:
        """Return the phonemes of one sentence as a voice of this kind wants them."""
        return self.espeak(text, language) if kind == "espeak" else self.codepoints(text)

    def espeak(self, text: str, language: str) -> list[str]:
        """Return the phonemes of one sentence in the espeak voice ``language`` (``vi``).

        What espeak-ng takes for several sentences is joined: the text is one already.
        """
        vietnamese = language == "vi" or language.startswith("vi-")
        phonemes: list[str] = []
        for part in _parts(_ESPEAK.clauses(respelled(text) if vietnamese else text, language)):
            if phonemes and phonemes[-1] != " ":
                phonemes.append(" ")
            phonemes.extend(corrected(part) if vietnamese else part)
        return phonemes

    def codepoints(self, text: str) -> list[str]:
        """Return the text's own code points, decomposed, for voices trained on letters."""
        return list(unicodedata.normalize("NFD", text))


class _Espeak:
    """espeak-ng, once it is needed, and the voice that it was told to take."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._language: str | None = None

    def clauses(self, text: str, language: str) -> list[Clause]:
        """Return the clauses that it finds in a text.

        The voice is set only when it is another one: espeak-ng frees nothing of the last, which is
        more than a kilobyte each time.
        """
        with self._lock:
            if self._language is None:
                espeakbridge.initialize(str(ESPEAK_DATA_DIR))
            if language != self._language:
                self._language = ""  # should it not be there
                espeakbridge.set_voice(language)
                self._language = language
            clauses: list[Clause] = espeakbridge.get_phonemes(text)
        _release(clauses)
        return clauses


_ESPEAK: Final = _Espeak()


def _parts(clauses: list[Clause]) -> list[str]:
    """Return the decomposed phonemes of each sentence that espeak-ng has found, as Piper does."""
    parts = [""]
    for phonemes, mark, ends in clauses:
        spoken = _LANGUAGE_SWITCH.sub("", phonemes) + mark
        parts[-1] += unicodedata.normalize("NFD", spoken + " " * (mark in _WITHIN_SENTENCE))
        if ends:
            parts.append("")
    return [part for part in parts if part]


def _references(clauses: list[Clause]) -> list[int]:
    return [sys.getrefcount(clause) for clause in clauses]


_OWED: Final = _references(list(zip([""], [""], [False], strict=True)))[0]
"""How often a clause is referred to that nobody but its list holds; a literal would be held by its
code, too."""


def _release(clauses: list[Clause]) -> None:
    """Let go of each clause once more if piper-tts has not.

    Its bridge (1.3 to 1.8) forgets a reference to every clause, so none would ever be freed: 300
    bytes a sentence, for as long as the server runs.
    """
    for clause, references in zip(clauses, _references(clauses), strict=True):
        if references > _OWED:
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(clause))
