"""Positions of the mouth for phonemes of IPA: the numbers of Azure and the names of Polly.

Sources: Azure's table of viseme ids and its phonetic sets (vi-VN first, then cs-CZ, fr-FR, hu-HU),
https://learn.microsoft.com/azure/ai-services/speech-service/how-to-speech-synthesis-viseme,
and Polly's tables of phonemes and visemes,
https://docs.aws.amazon.com/polly/latest/dg/ref-phoneme-tables-shell.html. A symbol that is missing
in both gets the position of the most similar symbol.
"""

import unicodedata
from typing import Final, NamedTuple

SILENCE: Final = 0


class Viseme(NamedTuple):
    """A position of the mouth: Azure's id, 0 to 21, and Polly's name."""

    azure: int
    polly: str


CLOSED: Final = Viseme(SILENCE, "sil")
"""The mouth in silence."""

_TABLE: Final = (
    (1, "@", "əɚɘɵɤ"), (1, "a", "æ"), (1, "E", "ʌ"), (1, "o", "ø"),
    (2, "a", "aɑ"), (2, "O", "ɒ"),
    (3, "O", "ɔ"),
    (4, "e", "e"), (4, "E", "ɛ"), (4, "a", "ɐ"), (4, "O", "œɶ"), (4, "u", "ʊyʏ"),
    (5, "E", "ɝɜɞ"),
    (6, "i", "iɪɨᵻjɯʝ"),
    (7, "u", "uwɥʉʍ"),
    (8, "o", "o"),
    (12, "k", "hxɦħχʕʜç"),
    (13, "r", "ɹrɾɻɽ"), (13, "k", "ʁʀ"),
    (14, "t", "lɫɭɬɮʟʎ"),
    (15, "s", "szʂʐ"),
    (16, "S", "ʃʒɕʑ"), (16, "k", "cɟ"),
    (17, "T", "ð"),
    (18, "f", "fvʋ"),
    (19, "t", "tdnɗʈɖɳʔʦ"), (19, "J", "ɲ"), (19, "T", "θ"),
    (20, "k", "kgɡɠŋɣɰqɢɴ"),
    (21, "p", "pbmɓɱβɸʙ"),
)  # fmt: skip
_OF: Final = {
    letter: Viseme(azure, polly) for azure, polly, letters in _TABLE for letter in letters
}


def viseme(phoneme: str) -> Viseme | None:
    """Return the position of the mouth for a phoneme of IPA; None for a sign without a position.

    Diacritics, length and tone do not change the position. A letter outside IPA gets the position
    of the Latin letter that it contains, if any.
    """
    for letter in unicodedata.normalize("NFD", phoneme):
        if letter in _OF:
            return _OF[letter]
        if letter == "đ":
            return _OF["d"]
    return None
