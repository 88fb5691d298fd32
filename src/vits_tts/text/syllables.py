"""All valid Vietnamese syllables and their spelling.

A syllable has an onset, a rhyme and one of six tones. The rules are those of school books:

- k, gh and ngh stand before e, ê, i and y; c, g and ng before other vowels.
- qu stands before rhymes that begin with a glide.
- gi loses its i before a rhyme that begins with i (gì, giếng).
- Rhymes that end in c, ch, p or t have only the tones sắc and nặng.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Final

TONES: Final = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")
"""The combining marks of the tones ngang (no mark), huyền, sắc, hỏi, ngã and nặng."""

_STOPPED_TONES: Final = ("\u0301", "\u0323")

RHYMES: Final = frozenset(
    """a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây
    e ec em en eng eo ep et ê êch êm ên ênh êp êt êu i ich im in inh ip it iu ia iêc iêm iên iêng
    iêp iêt iêu o oc oi om on ong op ot oong ooc ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt
    u uc ui um un ung up ut ua uôc uôi uôm uôn uông uôt ư ưc ưi ưm ưn ưng ưt ưu ưa ươc ươi ươm ươn
    ương ươp ươt ươu y""".split()
)
_GLIDED: Final = frozenset(
    """oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oe oem oen oeo oep oet
    uân uâng uât uây uê uêch uên uênh uêt uêu uơ uy uya uych uyên uyêt uyn uynh uyp uyt uyu
    """.split()
)
_BARE: Final = frozenset(["yêm", "yên", "yêng", "yêt", "yêu"])
_AFTER_QU: Final = frozenset(
    """a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc ân âng ât âu ây e ec en eng
    eo et ê êch ên ênh êt êu i ich in inh it ơ ơn ơt y ych yên yêt yn ynh yp yt ôc
    ơi""".split()
)
_BEFORE_ALL: Final = ("", *"b ch d đ h kh l m n nh p ph r s t th tr v x".split(" "))
_FRONT: Final = "eêiy"
_LABIALS: Final = frozenset(["b", "m", "p", "v"])
_AFTER_LABIALS: Final = frozenset(["uyt", "uych"])
_Y_AFTER: Final = frozenset(["", "h", "k", "l", "m", "s", "t", "v"])

_STOP: Final = re.compile(r"(?:c|ch|p|t)$")
_TONE_MARKS: Final = re.compile("[\u0300\u0301\u0303\u0309\u0323]")


def _bases() -> Iterator[tuple[str, str]]:
    """Yield ``(onset, rhyme)`` of every valid syllable without its tone."""
    rhymes = sorted(RHYMES | _GLIDED)
    for onset, rhyme in product(_BEFORE_ALL, rhymes):
        labial = onset in _LABIALS and rhyme.startswith("uy") and rhyme not in _AFTER_LABIALS
        if not labial and (rhyme != "y" or onset in _Y_AFTER):
            yield onset, rhyme
    for rhyme in rhymes:
        front = rhyme[0] in _FRONT
        for onset in ("k", "gh", "ngh") if front else ("c", "g", "ng"):
            if rhyme != "y" or onset == "k":
                yield onset, rhyme
    yield from (("", rhyme) for rhyme in sorted(_BARE))
    yield from (("qu", rhyme) for rhyme in sorted(_AFTER_QU))
    for rhyme in sorted(RHYMES - {"y"}):
        if rhyme[0] == "i":
            yield "g", rhyme  # gì, gìn, giếng: one i is written
        else:
            yield "gi", rhyme


BASES: Final = {onset + rhyme: (onset, rhyme) for onset, rhyme in _bases()}
"""Maps every syllable without its tone to its onset and rhyme."""


@lru_cache(maxsize=1)
def unmarked() -> Mapping[str, str]:
    """Return a map from letters without marks (viet) to a syllable that they may stand for.

    Letters that are a syllable themselves are not in it.
    """
    marked: dict[str, str] = {}
    for base in sorted(BASES, key=lambda base: sum(base.count(letter) for letter in "ăươâ")):
        decomposed = unicodedata.normalize("NFD", base.replace("đ", "d"))
        plain = "".join(letter for letter in decomposed if letter.isascii())
        if plain not in BASES:
            marked.setdefault(plain, base)
    return marked


def all_syllables() -> Iterator[str]:
    """Yield every valid syllable with each of its possible tones, spelled as in newspapers."""
    for base, (onset, rhyme) in BASES.items():
        for tone in _STOPPED_TONES if _STOP.search(rhyme) else TONES:
            yield toned(base, onset, tone)


def toned(base: str, onset: str, tone: str) -> str:
    """Return the syllable in NFC with its tone mark placed in the traditional style (hòa, thúy)."""
    if not tone:
        return base
    place = _tone_place(base, len(onset))
    return unicodedata.normalize("NFC", base[: place + 1] + tone + base[place + 1 :])


def _tone_place(base: str, start: int) -> int:
    if base.startswith(("gi", "qu")):
        start = 2 if base[2:3] and base[2] in _VOWELS else 1
    vowels = [i for i in range(start, len(base)) if base[i] in _VOWELS]
    marked = [i for i in vowels if base[i] in "ăâêôơư"]
    if marked:
        return marked[-1]
    if len(vowels) == 1:
        return vowels[0]
    final = base[vowels[-1] + 1 :]
    return vowels[1] if final or len(vowels) > 2 else vowels[0]  # noqa: PLR2004


_VOWELS: Final = frozenset("aăâeêioôơuưy")


@lru_cache(maxsize=65_536)
def is_syllable(word: str) -> bool:
    """Return whether a lower-case word in NFC is a Vietnamese syllable.

    A syllable that ends in a stop consonant may lack its tone, as it does in place names (Krông
    Pak) and in texts without marks.
    """
    bare = _TONE_MARKS.sub("", unicodedata.normalize("NFD", word))
    if len(word) > 8 or len(unicodedata.normalize("NFD", word)) - len(bare) > 1:  # noqa: PLR2004
        return False
    base = unicodedata.normalize("NFC", bare)
    if base not in BASES:
        return False
    tone = _TONE_MARKS.search(unicodedata.normalize("NFD", word))
    stopped = _STOP.search(base) is not None
    return not (stopped and tone and tone[0] not in _STOPPED_TONES)
