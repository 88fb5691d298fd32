"""Letter-to-sound rules for foreign names, by the spelling of their language."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from vits_tts.text.normalizer.spelling_rules import PINYIN_FINALS, PINYIN_INITIALS, RULES
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

_COMPILED: Final = {
    language: [(lazily(pattern), tuple(sounds.split())) for pattern, sounds in rules]
    for language, rules in ((name, rules) for name, rules in RULES.items())
}
_PINYIN: Final = lazily(
    "(?P<initial>" + "|".join(filter(None, PINYIN_INITIALS)) + ")?(?P<final>"
    + "|".join(sorted(PINYIN_FINALS, key=len, reverse=True)) + ")(?=$|[^aeiouüv])"
)  # fmt: skip


_AFTER_W: Final = {
    "a": "oa", "ai": "oai", "an": "oan", "ang": "oang", "ei": "uây", "en": "uân", "eng": "uâng",
    "o": "ua", "u": "u",
}  # fmt: skip


@lru_cache(maxsize=4096)
def sounds(word: str, language: str) -> tuple[str, ...]:
    """Return the sounds (IPA symbols) of a lower-case word by the spelling of ``language``."""
    found: list[str] = []
    rules = _COMPILED[language]
    at = 0
    while at < len(word):
        for pattern, said in rules:
            match = pattern.match(word, at)
            if match and match.end() > at:
                if not found or said[:1] != (found[-1],) or said[0] in "aeiou":
                    found += said
                at = match.end()
                break
        else:
            plain = unicodedata.normalize("NFD", word[at])[0]
            if plain != word[at] and plain.isascii():
                word = word[:at] + plain + word[at + 1 :]
            else:
                at += 1
    return tuple(found)


@lru_cache(maxsize=4096)
def pinyin(word: str) -> str:
    """Return a pinyin word as Vietnamese syllables, or an empty string if it is not pinyin."""
    word = unicodedata.normalize("NFD", word.lower())
    word = "".join(letter for letter in word if letter.isascii())
    said = []
    at = 0
    while at < len(word):
        if word[at] == "'":
            at += 1
            continue
        match = _longest(word, at)
        if match is None:
            return ""
        syllable = _syllable(match["initial"] or "", match["final"])
        if not syllable:
            return ""
        said.append(syllable)
        at = match.end()
    return " ".join(said)


def _longest(word: str, at: int) -> re.Match[str] | None:
    """Return the longest syllable at a place that leaves a valid syllable, or the end, after it."""
    for match in (_PINYIN.match(word, at),):
        if match:
            return match
    for end in range(min(len(word), at + 6), at, -1):  # n and g may belong to the next syllable
        match = _PINYIN.fullmatch(word[at:end])
        if match and (end == len(word) or _PINYIN.match(word, end) or _follows(word, end)):
            return _PINYIN.match(word[:end], at)
    return None


def _follows(word: str, at: int) -> bool:
    return any(_PINYIN.fullmatch(word[at:end]) for end in range(at + 1, min(len(word), at + 6) + 1))


def _syllable(initial: str, final: str) -> str:
    onset, rhyme = PINYIN_INITIALS[initial], PINYIN_FINALS[final]
    if initial in {"zh", "ch", "sh", "r", "z", "c", "s"} and final == "i":
        rhyme = "ư"
    if initial in {"j", "q", "x", "y"} and final.startswith("u"):
        rhyme = {"u": "uy", "ue": "uê", "uan": "uyên", "un": "uân"}.get(final, rhyme)
    if initial == "w":
        onset, rhyme = "", _AFTER_W.get(final, rhyme)
    if initial == "y":
        special = {
            "i": "i",
            "in": "in",
            "ing": "inh",
            "u": "uy",
            "ue": "uê",
            "uan": "uyên",
            "un": "uân",
        }
        if final in special:
            onset, rhyme = "", special[final]
    front = rhyme[0] in "eêiy"
    onset = {"c": "k"}.get(onset, onset) if front else onset
    if onset == "c" and rhyme.startswith(("oa", "oă", "uâ", "uê", "uy")):
        onset, rhyme = "qu", rhyme[1:]
    if (
        onset in {"p", "b", "m", "ph"}
        and rhyme.startswith("o")
        and len(rhyme) > 1
        and rhyme[1] in "ae"
    ):
        rhyme = rhyme[1:]
    for candidate in (
        onset + rhyme,
        onset + rhyme.replace("iê", "ia") if rhyme == "iê" else "",
        onset + rhyme[1:] if len(rhyme) > 1 else "",
    ):
        if candidate and is_syllable(candidate):
            return candidate
    return ""
