"""The phonemes of a word in IPA, from the symbols that a voice was given.

A voice of Piper takes code points: letters of IPA, and around them marks of stress, length and
place. The Vietnamese of espeak-ng writes ``y`` for ɨ, and tones as signs behind the vowel.
"""

import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

_STRESS: Final = frozenset("ˈˌ")
_MODIFIERS: Final = frozenset("ːˑʰʲʷˤ˞ʼ")
_TONES: Final = {"2": "˨˩", "ɜ": "˧˥", "4": "˧˩˧", "5": "˧ˀ˥", "6": "˧˨ˀ"}
"""Signs of espeak-ng for the tones of Vietnamese, as Chao's letters; the level tone has none."""
_VOWELS: Final = frozenset("aeiouyæøœɐɑɒɔəɘɚɛɜɤɨɪɯɵɶʉʊʌᵻ")


class Phoneme(NamedTuple):
    """A phoneme in IPA, with the indices of its symbols: ``start`` is inside, ``end`` is not."""

    ipa: str
    start: int
    end: int


_KEPT_WORDS: Final = 8192
"""Words whose phonemes are remembered: most words of a text were spoken before."""


@lru_cache(_KEPT_WORDS)
def grouped(symbols: str, language: str) -> tuple[Phoneme, ...]:
    """Return the phonemes of a word, in order: each with its diacritics, length and tone.

    Stress is left out; its mark belongs to the symbols of the phoneme that follows. Symbols without
    a sound belong to the phoneme before them.

    Args:
        symbols: The symbols that the voice was given for the word, each of which is one code point.
        language: The espeak-ng voice that they come from, such as ``vi``.

    """
    vietnamese = language == "vi" or language.startswith("vi-")
    found: list[Phoneme] = []
    pending: int | None = None
    for place, symbol in enumerate(symbols):
        if symbol in _STRESS:
            pending = place if pending is None else pending
            continue
        added = _added(symbol, found, vietnamese=vietnamese)
        if added is None:
            start = place if pending is None else pending
            sound = "ɨ" if vietnamese and symbol == "y" else symbol
            found.append(Phoneme(sound, start, place + 1))
        elif found:
            found[-1] = Phoneme(found[-1].ipa + added, found[-1].start, place + 1)
        pending = None
    return tuple(found)


def _added(symbol: str, before: list[Phoneme], *, vietnamese: bool) -> str | None:
    """Return the part of IPA that a symbol adds to the phoneme before it; None if it begins one."""
    if vietnamese and symbol in _TONES and (symbol.isdigit() or _ends_in_vowel(before)):
        return _TONES[symbol]
    if unicodedata.combining(symbol) or symbol in _MODIFIERS:
        return symbol
    return None if symbol.isalpha() else ""


def _ends_in_vowel(before: list[Phoneme]) -> bool:
    """Return whether a sign of tone may follow: espeak-ng also uses ɜ for a vowel of English."""
    return bool(before) and before[-1].ipa[0] in _VOWELS and before[-1].ipa[-1] not in "˥˦˧˨˩"
