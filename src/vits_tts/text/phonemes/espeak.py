"""Phonemisation: from a sentence to the phonemes that a voice was trained on.

Piper's voices take either the IPA phonemes of espeak-ng, one Unicode code point each after
decomposition, or the code points of the text itself. The library espeak-ng is the copy inside
piper-tts. It keeps its state in global variables, is not thread-safe and fails when it is
initialised twice, so a process has one instance of it behind one lock.
"""

import ctypes
import re
import threading
import unicodedata
from typing import Any, Final, Literal, TypeAlias

from piper import espeakbridge
from piper.phonemize_espeak import ESPEAK_DATA_DIR

from vits_tts.text.phonemes.corrections import corrected, respelled
from vits_tts.text.phonemes.given import OPEN, parts

_LANGUAGE_SWITCH: Final = re.compile(r"\([^)]+\)")
_MARK_FIRST: Final = re.compile(r"[\s,;:.!?]*[,;:.!?]\s*")
_WITHIN_SENTENCE: Final = {",", ":", ";"}

# Constants of espeak-ng, from speak_lib.h and, for the types of clauses, from translate.h.
_FUNCTION: Final = "espeak_TextToPhonemesWithTerminator"
_CHARACTERS_AUTO: Final = 0
_PHONEMES_IPA: Final = 2
_CLAUSE_BITS: Final = 0xFFFFF
_ENDS_SENTENCE: Final = 0x80000
_MARKS: Final = {
    0x80028: ".",
    0x82028: "?",
    0x8302D: "!",
    0x41014: ",",
    0x4001E: ":",
    0x4101E: ";",
}
"""The punctuation mark of each type of clause; other types have none."""

Clause: TypeAlias = tuple[str, str, bool]
"""The phonemes of a clause, the mark after them, and whether the clause ends a sentence."""


class Phonemizer:
    """Turns sentences into phonemes. Thread-safe."""

    def phonemes(self, text: str, kind: Literal["espeak", "text"], language: str) -> list[str]:
        """Return the phonemes of one sentence, one code point each.

        Args:
            text: A normalised sentence.
            kind: The input that the voice was trained on: phonemes of espeak-ng, or letters.
            language: The espeak-ng voice, such as ``vi``.

        """
        if OPEN in text:
            return self._with_given(text, kind, language)
        return self.espeak(text, language) if kind == "espeak" else self.codepoints(text)

    def _with_given(self, text: str, kind: Literal["espeak", "text"], language: str) -> list[str]:
        """Return the phonemes of a sentence, some of which the author has given."""
        phonemes: list[str] = []
        for part, given in parts(text):
            mark = _MARK_FIRST.match(part) if not given else None
            if mark:  # espeak-ng ignores a mark at the beginning
                phonemes += mark[0].strip()[-1]
            if phonemes and phonemes[-1] != " ":
                phonemes.append(" ")
            rest = part[mark.end() :] if mark else part
            phonemes += list(part) if given else self.phonemes(rest, kind, language)
        while phonemes and phonemes[-1] == " ":
            phonemes.pop()
        return phonemes

    def espeak(self, text: str, language: str) -> list[str]:
        """Return the phonemes of one sentence, read by the espeak-ng voice ``language`` (``vi``).

        espeak-ng may split the sentence again; its parts are joined with a space.
        """
        vietnamese = language == "vi" or language.startswith("vi-")
        phonemes: list[str] = []
        for part in _parts(_ESPEAK.clauses(respelled(text) if vietnamese else text, language)):
            if phonemes and phonemes[-1] != " ":
                phonemes.append(" ")
            phonemes.extend(corrected(part) if vietnamese else part)
        return phonemes

    def codepoints(self, text: str) -> list[str]:
        """Return the code points of the decomposed (NFD) text, for voices trained on letters."""
        return list(unicodedata.normalize("NFD", text))


class _Espeak:
    """The one espeak-ng of the process. It is initialised at its first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._language: str | None = None

    def clauses(self, text: str, language: str) -> list[Clause]:
        """Return the clauses of ``text``, read by the espeak-ng voice ``language``.

        The voice is set only when it changes, because espeak-ng never frees the data of the
        previous one: more than a kilobyte each time.

        Raises:
            RuntimeError: espeak-ng has no voice of this name.

        """
        with self._lock:
            if self._language is None:
                espeakbridge.initialize(str(ESPEAK_DATA_DIR))
            if language != self._language:
                self._language = ""  # so that the next call sets a voice if this one fails
                espeakbridge.set_voice(language)
                self._language = language
            return _clauses(text)


def _exported() -> Any:
    """Return the C function of espeak-ng that reads one clause, or None if it is not exported.

    The bridge of piper-tts (1.3 to 1.8) leaks a tuple for each clause: 300 bytes a sentence.
    Calling the same function by ctypes leaks nothing and releases the GIL. The shared library
    exports it on Linux and macOS; elsewhere the bridge is used.
    """
    function = getattr(ctypes.CDLL(espeakbridge.__file__), _FUNCTION, None)
    if function is not None:
        function.restype = ctypes.c_char_p
        function.argtypes = [
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.c_int,
            ctypes.c_int,
            ctypes.POINTER(ctypes.c_int),
        ]
    return function


_read_clause: Final = _exported()


def _clauses(text: str) -> list[Clause]:
    """Return the clauses of ``text``, read by the current espeak-ng voice."""
    if _read_clause is None:
        bridged: list[Clause] = espeakbridge.get_phonemes(text)
        return bridged
    # espeak-ng moves the pointer past the clause it has read, and sets it to NULL after the last.
    buffer = ctypes.create_string_buffer(text.encode())
    rest = ctypes.c_void_p(ctypes.addressof(buffer))
    terminator = ctypes.c_int()
    clauses: list[Clause] = []
    while rest.value:
        phonemes = _read_clause(
            ctypes.byref(rest), _CHARACTERS_AUTO, _PHONEMES_IPA, ctypes.byref(terminator)
        )
        kind = terminator.value & _CLAUSE_BITS
        clauses.append((phonemes.decode(), _MARKS.get(kind, ""), bool(kind & _ENDS_SENTENCE)))
    return clauses


_ESPEAK: Final = _Espeak()


def _parts(clauses: list[Clause]) -> list[str]:
    """Return the decomposed (NFD) phonemes of each sentence that espeak-ng has found.

    Marks between clauses are kept and followed by a space, as in Piper's training data.
    """
    parts = [""]
    for phonemes, mark, ends in clauses:
        spoken = _LANGUAGE_SWITCH.sub("", phonemes) + mark
        parts[-1] += unicodedata.normalize("NFD", spoken + " " * (mark in _WITHIN_SENTENCE))
        if ends:
            parts.append("")
    return [part for part in parts if part]
