"""Words in which the keys of the Telex method stand as letters: ``hamx`` for hãm.

They appear where the keyboard program was off. A word is decoded only if it is neither a Vietnamese
syllable nor a known foreign word, and if its line has marks elsewhere.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from vits_tts.text.normalizer import languages
from vits_tts.text.normalizer.rules import Rule, Where
from vits_tts.text.normalizer.slips import rank
from vits_tts.text.syllables import BASES, is_syllable, toned

_TONES: Final = {
    "s": "\u0301",
    "f": "\u0300",
    "r": "\u0309",
    "x": "\u0303",
    "j": "\u0323",
}
_DOUBLED: Final = {"aa": "â", "ee": "ê", "oo": "ô", "dd": "đ"}
_HOOKED: Final = (("uo", "ươ"), ("a", "ă"), ("o", "ơ"), ("u", "ư"))
_SHORTEST_WITH_X: Final = 3
"""A word of this length that ends in x is more often a name or a unit (``lux``)."""

_COMMON: Final = 4000
"""Maximum rank of a decoded syllable; rarer ones are more often chance."""


def step(known: Callable[[str], bool]) -> Where:
    """Return the step. Words for which ``known`` is true are left unchanged."""

    def decoded(match: re.Match[str]) -> str | None:
        word = match[0]
        if is_syllable(word) or known(word) or languages.known(word):
            return None
        return decode(word) or None

    return Where(
        "[à-ỹ]",
        Rule(
            r"(?<![\w@#/.'’-])(?=[a-z]{0,6}(?:w|aa|ee|oo|dd|[aeiouy][a-z]{0,2}[fjrsx]))"
            r"[a-z]{3,8}(?![\w@/'’-])(?!\.\w)",
            decoded,
        ),
    )


@lru_cache(maxsize=8192)
def decode(word: str) -> str:
    """Return the syllable that the keys of a word make; empty if they make none.

    A word whose only key is a final s or r is left: it is more often English (``fans``).
    """
    keys = re.fullmatch(r"([a-z]*?[aeiouyw][a-z]*?)([fjrsx]?)([a-z]*?)(w?)([fjrsx]?)", word)
    if keys is None or (keys[2] and keys[5]):
        return ""
    letters, tone = keys[1] + keys[3], keys[2] or keys[5]
    base = letters
    for pair, letter in _DOUBLED.items():
        base = base.replace(pair, letter)
    hooked = keys[4] == "w" or "w" in base
    base = base.replace("w", "")
    if hooked:
        plain, letter = next((pair for pair in _HOOKED if pair[0] in base), ("", ""))
        base = base.replace(plain, letter, 1) if plain else base
    changed = hooked or base != letters
    certain = changed or tone in {"f", "j"} or (tone == "x" and len(word) > _SHORTEST_WITH_X)
    if base not in BASES or not certain:
        return ""
    syllable = toned(base, BASES[base][0], _TONES[tone]) if tone else base
    return syllable if rank(syllable) < _COMMON else ""
