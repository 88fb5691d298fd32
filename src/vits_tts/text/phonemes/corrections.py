"""Corrections of espeak-ng's Vietnamese: syllables that it misreads are spelled in another way.

The errors were found by phonemising every valid syllable and comparing it with syllables of the
same onset, rhyme or tone. The corrections change only the phonemes. The normalised text that users
see, and the cache key, keep the usual spelling.
"""

import re
from typing import Final

_WRITTEN_SO: Final = (
    (r"ọa(?!\w)", "oạ"),  # họa is read as two syllables
    (r"oo(?=ng(?!\w)|c(?!\w))", "o"),
    (r"o(?:ó)(?=c(?!\w)|ng(?!\w))", "ó"),  # moóc is read with a glide: m-w-óc
    (r"oò(?=ng(?!\w))", "ò"),
    (r"oỏ(?=ng(?!\w))", "ỏ"),
    (r"oõ(?=ng(?!\w))", "õ"),
    (r"oọ(?=c(?!\w)|ng(?!\w))", "ọ"),
    (r"(?<!\w)gi(?=(?:m|n|nh)?(?!\w))", "di"),  # gin is read without its vowel
    (r"(?<!\w)gi(?=[êếệ]c(?!\w))", "di"),
    (r"(?<!\w)gi(?=[êếệ]ch|u[ôốồổỗộa])", "d"),
    (r"(?<=(?<!\w)qu)i(?=(?:n|nh)?(?!\w))", "y"),
)
_PATTERNS: Final = tuple((re.compile(wrong), right) for wrong, right in _WRITTEN_SO)


_HEARD: Final = (("vˈiːʲəʊ", "vˈɛw"), ("vˌiːʲəʊ", "vˌɛw"))
"""Replacements in the phonemes of veo: espeak-ng reads it as English, however it is spelled."""


def corrected(phonemes: str) -> str:
    """Return espeak-ng's phonemes with the errors corrected that no spelling avoids."""
    for wrong, right in _HEARD:
        phonemes = phonemes.replace(wrong, right)
    return phonemes


def respelled(text: str) -> str:
    """Return a normalised text in a spelling that espeak-ng reads correctly."""
    for wrong, right in _PATTERNS:
        text = wrong.sub(right, text)
    return text
