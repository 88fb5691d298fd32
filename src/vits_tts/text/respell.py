"""Respelling: what espeak-ng's Vietnamese gets wrong, written so that it gets it right.

Found by phonemising every syllable there is and comparing each with its neighbours: the onset, the
rhyme and the tone of a syllable have to come out as they do in all others. Only what the voice is
given changes; what is shown as normalised text, and what the cache knows a sentence by, does not.
"""

import re
from typing import Final

_WRITTEN_SO: Final = (
    (r"ọa(?!\w)", "oạ"),  # họa came out in two syllables
    (r"oo(?=ng(?!\w)|c(?!\w))", "o"),
    (r"o(?:ó)(?=c(?!\w)|ng(?!\w))", "ó"),  # moóc got a glide: m-w-óc
    (r"oò(?=ng(?!\w))", "ò"),
    (r"oỏ(?=ng(?!\w))", "ỏ"),
    (r"oõ(?=ng(?!\w))", "õ"),
    (r"oọ(?=c(?!\w)|ng(?!\w))", "ọ"),
    (r"(?<!\w)gi(?=(?:m|n|nh)?(?!\w))", "di"),  # gin lost its vowel
    (r"(?<!\w)gi(?=[êếệ]c(?!\w))", "di"),
    (r"(?<!\w)gi(?=[êếệ]ch|u[ôốồổỗộa])", "d"),
    (r"(?<=(?<!\w)qu)i(?=(?:n|nh)?(?!\w))", "y"),
)
_PATTERNS: Final = tuple((re.compile(wrong), right) for wrong, right in _WRITTEN_SO)


_HEARD: Final = (("vˈiːʲəʊ", "vˈɛw"), ("vˌiːʲəʊ", "vˌɛw"))
"""veo, which no spelling gets right, for it is taken for an English word."""


def corrected(phonemes: str) -> str:
    """Return espeak-ng's phonemes with what no respelling mends."""
    for wrong, right in _HEARD:
        phonemes = phonemes.replace(wrong, right)
    return phonemes


def respelled(text: str) -> str:
    """Return a normalised text as espeak-ng reads it right."""
    for wrong, right in _PATTERNS:
        text = wrong.sub(right, text)
    return text
