"""Phonemes that an author gives, checked and converted to the symbols of a voice.

In the text of a sentence they are between ⟦ and ⟧. The rules of reading remove these signs from
other text. Each pair is one word.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final, Literal

OPEN: Final = "⟦"
CLOSE: Final = "⟧"
GIVEN: Final = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
MAX_SYMBOLS: Final = 200

_SYLLABLE_MARKS: Final = re.compile(r"[\s.]+")
_TONES: Final = (
    ("˧ˀ˥", "5"), ("˧ʔ˥", "5"), ("˧˥ˀ", "5"), ("˧˥ʔ", "5"), ("˦ˀ˥", "5"), ("˦ʔ˥", "5"),
    ("˧˩˧", "4"), ("˧˩˨", "4"), ("˨˩˥", "4"), ("˧˨˧", "4"), ("˨˩˦", "4"),
    ("˧˨ˀ", "6"), ("˧˨ʔ", "6"), ("˨˩ˀ", "6"), ("˨˩ʔ", "6"), ("˨˩˨", "6"), ("˧˩ˀ", "6"),
    ("˧˩ʔ", "6"),
    ("˧˥", "ɜ"), ("˨˦", "ɜ"), ("˦˥", "ɜ"), ("˧˦", "ɜ"), ("˧˩", "4"), ("˨˩", "2"), ("˧˨", "2"),
    ("˧˧", ""), ("˦˦", ""), ("˧", ""), ("˦", ""),
)  # fmt: skip
"""The tones of Vietnamese as Chao's letters, of the North and the South, and espeak-ng's signs."""
_TONE_LETTER: Final = re.compile("[˥˦˧˨˩]")
_SAME: Final = str.maketrans(
    {"g": "ɡ", "'": "ˈ", ":": "ː", "͡": None, "͜": None, "|": None, "‖": None, "‿": None}
)
"""Other characters for symbols of IPA, and those that have no sound."""
_VOWELS: Final = frozenset("aeiouyæøœɐɑɒɔəɘɚɛɜɤɨɪɯɵɶʉʊʌᵻ")


def as_words(symbols: str, alphabet: Literal["ipa", "x-voice"], known: Collection[str]) -> str:
    """Return given phonemes in the form that the text of a sentence has, a word for each syllable.

    Args:
        symbols: The phonemes; syllables are separated by spaces, or in IPA by points.
        alphabet: ``ipa``, or ``x-voice`` for the symbols that the voice was trained on.
        known: The symbols that the voice knows.

    Raises:
        ValueError: there is none, there are too many, or the voice does not know one.

    """
    if len(symbols) > MAX_SYMBOLS:
        raise ValueError(f"ph has up to {MAX_SYMBOLS} symbols")
    if alphabet == "ipa":
        words = [
            _from_ipa(word) for word in _SYLLABLE_MARKS.split(unicodedata.normalize("NFD", symbols))
        ]
    else:
        words = unicodedata.normalize("NFD", symbols).split()
    words = [word for word in words if word]
    for symbol in "".join(words):
        if symbol not in known or symbol in "^_$.,;:!?":
            raise ValueError(
                f"the voice has no phoneme {symbol!r} (U+{ord(symbol):04X}); it has "
                f"{' '.join(sorted(sign for sign in known if sign.isalpha()))}"
            )
    if not any(map(str.isalpha, "".join(words))):
        raise ValueError("ph has no sound")
    return " ".join(f"{OPEN}{word}{CLOSE}" for word in words)


def _from_ipa(word: str) -> str:
    """Return one syllable of IPA in the symbols of espeak-ng: the tone follows the vowel."""
    tone = ""
    for letters, sign in _TONES:
        if letters in word:
            word, tone = word.replace(letters, "", 1), sign
            break
    if _TONE_LETTER.search(word):
        raise ValueError(f"{word!r:.40} has no tone of Vietnamese: ˧ ˨˩ ˧˥ ˧˩˧ ˧ˀ˥ ˧˨ˀ")
    word = word.translate(_SAME)
    end = max((place for place, sign in enumerate(word) if sign in _VOWELS), default=-1) + 1
    while end and end < len(word) and (unicodedata.combining(word[end]) or word[end] in "ːˑ"):
        end += 1
    return word[:end] + tone + word[end:]


def parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a sentence, each with whether it is given phonemes."""
    done = 0
    for found in GIVEN.finditer(text):
        if written := text[done : found.start()].strip():
            yield written, False
        yield found[1], True
        done = found.end()
    if written := text[done:].strip():
        yield written, False
