"""Foreign words that no lexicon has: read as syllables that a Vietnamese listener follows.

sea-g2p knows how English readers say a word (or guesses by rule). Its sounds are put into
Vietnamese syllables here: one consonant at the head of each, only the endings that Vietnamese has
(m, n, ng, p, t, c), and the tone that a final stop asks for. Where English has a weak vowel, the
letter that was written decides, for that is how Vietnamese readers take foreign names (Barcelona).
"""

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Final

from sea_g2p import G2P

from vits_tts.text.letters import spelled
from vits_tts.text.rules import Rule, Step
from vits_tts.text.syllables import TONES, UNMARKED, is_syllable, toned

_SOUNDS: Final = re.compile(
    r"tʃ|dʒ|aɪə|aɪ|aʊ|eɪ|oʊ|əʊ|ɔɪ|ɪɹ|ʊɹ|[iuɑɔɜ]ː|[ɪʊʌəɚɐæɛɒɔɑaeiouᵻʏyøœ]"
    r"|[pbtdkgɡfvθðszʃʒhmnŋlɹrɾjwʔx]"
)
_VOWELS: Final = {
    "aɪə": "ai ơ", "aɪ": "ai", "aʊ": "ao", "eɪ": "ây", "oʊ": "ô", "əʊ": "ô", "ɔɪ": "oi",
    "ɪɹ": "ia", "ʊɹ": "ua", "iː": "i", "uː": "u", "ɑː": "a", "ɔː": "o", "ɜː": "ơ", "ɪ": "i",
    "ʊ": "u", "ʌ": "ă", "ə": "ơ", "ɚ": "ơ", "ɐ": "a", "æ": "a", "ɛ": "e", "ɒ": "o", "ɔ": "o",
    "ɑ": "a", "a": "a", "e": "ê", "i": "i", "o": "ô", "u": "u", "ᵻ": "i", "ʏ": "i", "y": "i",
    "ø": "ơ", "œ": "ơ",
}  # fmt: skip
_WEAK: Final = frozenset(["ə", "ɐ", "ɑː", "ᵻ", "ɪ", "oʊ", "ɔː", "ɔ", "ɒ", "æ"])
_WRITTEN: Final = {"a": "a", "o": "ô", "e": "ê", "u": "u", "i": "i", "y": "i"}
_ONSETS: Final = {
    "p": "p", "b": "b", "t": "t", "d": "đ", "k": "c", "g": "g", "ɡ": "g", "f": "ph", "v": "v",
    "θ": "th", "ð": "d", "s": "x", "z": "d", "ʃ": "s", "ʒ": "gi", "tʃ": "ch", "dʒ": "gi",
    "h": "h", "x": "kh", "m": "m", "n": "n", "ŋ": "ng", "l": "l", "ɹ": "r", "r": "r", "ɾ": "t",
    "j": "d", "w": "o",
}  # fmt: skip
_CODAS: Final = {
    "p": "p", "b": "p", "f": "p", "v": "p", "t": "t", "d": "t", "s": "t", "z": "t", "θ": "t",
    "ð": "t", "ʃ": "t", "ʒ": "t", "tʃ": "t", "dʒ": "t", "ɾ": "t", "k": "c", "g": "c", "ɡ": "c",
    "m": "m", "n": "n", "ŋ": "ng", "l": "n",
}  # fmt: skip
_VIETNAMESE: Final = {"z": "d", "f": "ph", "j": "gi", "w": "qu"}
_FOREIGN_LETTERS: Final = re.compile(r"^[zfjw]")
_DIPHTHONG: Final = re.compile(r"(?:ie|uye|uo)[a-z]{1,2}$")
"""What marks make of it is hardly anything else: viet, tieng, nguoi, truong, but not true."""

_ALONE: Final = {"c": "cờ", "g": "gờ", "gi": "giờ", "o": "u"}
_BEFORE_CODA: Final = {"ây": "ê", "ai": "ai", "ao": "ao", "oi": "oi", "ai ơ": "ai ơ", "ia": "ia"}
_GLIDES: Final = frozenset(["ai", "ao", "oi", "ai ơ"])
_WORD: Final = r"(?<![\w])[^\W\d_]++(?:['’][^\W\d_]{1,3})?(?!\w)"
_SHORTEST_GUESSED: Final = 3
_LONGEST: Final = 30  # no word is longer; what is, is read in pieces

_ENGINE_LOCK: Final = threading.Lock()


@lru_cache(maxsize=1)
def _engine() -> G2P:
    return G2P()


@lru_cache(maxsize=16_384)
def said(word: str) -> str:
    """Return a foreign word (lower case) in Vietnamese syllables.

    A word without a vowel is spelled; one in a script that nobody here reads is dropped.
    """
    if word.endswith("k") and not word.isascii() and is_syllable(f"{word[:-1]}c"):
        return f"{word[:-1]}c"  # Lắk, Tơk
    respelled = _FOREIGN_LETTERS.sub(lambda match: _VIETNAMESE[match[0]], word)
    if is_syllable(respelled):
        return respelled
    plain = _latin(word)
    if not plain:
        return ""
    if plain in UNMARKED and plain == word and _DIPHTHONG.search(word):
        return UNMARKED[plain]
    if not re.search(r"[aeiouy]", plain) or len(plain) < _SHORTEST_GUESSED:
        return spelled(plain)
    with _ENGINE_LOCK:
        sounds = _SOUNDS.findall(str(_engine().convert(plain)))
    return " ".join(_syllables(_with_letters(sounds, plain))) or spelled(plain)


def _latin(word: str) -> str:
    """Return the word in plain Latin letters; empty if it has none."""
    bare = unicodedata.normalize(
        "NFKD", word.replace("đ", "d").replace("ø", "o").replace("ß", "ss")
    )
    return re.sub(r"[^a-z]", "", bare.lower())


def _with_letters(sounds: list[str], word: str) -> list[tuple[str, str]]:
    """Return each sound with its Vietnamese vowel; a weak one takes that of its letter."""
    written = re.findall(r"[aeiouy]+", re.sub(r"(?<=[^aeiouy])e$", "", word))
    spoken = [sound for sound in sounds if sound in _VOWELS]
    aligned = len(written) == len(spoken)
    letters = iter(written)
    pairs = []
    for sound in sounds:
        vowel = _VOWELS.get(sound, "")
        letter = next(letters, "") if vowel else ""
        if aligned and sound in _WEAK and len(letter) == 1:
            vowel = _WRITTEN[letter]
        pairs.append((sound, vowel))
    return pairs


def _syllables(pairs: list[tuple[str, str]]) -> list[str]:
    """Return the syllables: every consonant goes to the next vowel, or ends the last syllable."""
    syllables: list[str] = []
    at = 0
    while at < len(pairs):
        onset_end = at
        while onset_end < len(pairs) and not pairs[onset_end][1]:
            onset_end += 1
        onsets = [sound for sound, _ in pairs[at:onset_end]]
        if onset_end == len(pairs):
            syllables += [_alone(sound) for sound in onsets if sound in "sz" and not syllables]
            break
        vowel = pairs[onset_end][1]
        coda_end = onset_end + 1
        while coda_end < len(pairs) and not pairs[coda_end][1]:
            coda_end += 1
        last = coda_end == len(pairs)
        taken = _coda_length([sound for sound, _ in pairs[onset_end + 1 : coda_end]], last=last)
        codas = [sound for sound, _ in pairs[onset_end + 1 : onset_end + 1 + taken]]
        onset = _onset(onsets, syllables)
        syllables += _joined(onset, vowel, codas)
        at = onset_end + 1 + taken
    return [syllable for syllable in syllables if is_syllable(syllable)]


def _coda_length(consonants: list[str], *, last: bool) -> int:
    """Return how many consonants end the syllable; the rest begin the next one."""
    if last:
        return len(consonants)
    if len(consonants) < 2:  # noqa: PLR2004
        return 0
    if consonants[1] in {"ɹ", "r", "l", "w"} and consonants[0] not in {"n", "m", "ŋ", "l", "s"}:
        return 0
    return 1


def _onset(onsets: list[str], syllables: list[str]) -> str:
    """Return the onset of the next syllable; consonants before it become syllables (cờ, xờ)."""
    onsets = [sound for sound in onsets if sound in _ONSETS]
    if not onsets:
        return ""
    *clustered, last = onsets
    if last == "j" and clustered:
        clustered, last = clustered[:-1], clustered[-1]
    if last == "w" and clustered:
        clustered, last = clustered[:-1], clustered[-1] + "w"
    syllables += [_alone(sound) for sound in clustered]
    return _ONSETS.get(last) or _ONSETS[last[:-1]] + "o"


def _alone(sound: str) -> str:
    onset = _ONSETS[sound]
    return _ALONE.get(onset, f"{onset}ờ")


def _joined(onset: str, vowel: str, codas: list[str]) -> list[str]:
    """Return one syllable, or two where the vowel asks for two."""
    coda = next((_CODAS[sound] for sound in codas if sound in _CODAS), "")
    first, _, rest = vowel.partition(" ")
    if rest:
        return [*_joined(onset, first, []), *_joined("", rest, codas)]
    if coda and first in _BEFORE_CODA and first not in _GLIDES:
        first = _BEFORE_CODA[first]
    if first in _GLIDES or first == "ia":
        coda = ""
    if not coda:
        first = {"ă": "a"}.get(first, first)
    return [_spelled(onset, first, coda)]


_RHYMES: Final = {
    "ic": "ich", "ing": "inh", "êc": "êch", "êng": "ênh", "ơc": "ôc", "ơng": "âng",
}  # fmt: skip
"""Rhymes that Vietnamese writes otherwise."""


def _spelled(onset: str, vowel: str, coda: str) -> str:
    """Return a syllable as Vietnamese spells it, or without its ending if there is none such."""
    rhyme = _RHYMES.get(vowel + coda, vowel + coda)
    if onset.endswith("o"):
        onset, rhyme = onset[:-1], _glided(rhyme)
    front = rhyme[0] in "eêiy"
    if front and onset in {"c", "g", "ng"}:
        onset = {"c": "k", "g": "gh", "ng": "ngh"}[onset]
    if onset == "gi" and rhyme[0] == "i":
        onset = "g"
    tone = TONES[2] if rhyme.endswith(("c", "ch", "p", "t")) else ""
    syllable = toned(onset + rhyme, onset, tone)
    if not is_syllable(syllable) and coda:
        return _spelled(onset, vowel, "")
    return syllable


def _glided(rhyme: str) -> str:
    """Return the rhyme after a w."""
    if rhyme[0] in "aăe":
        return "o" + rhyme
    if rhyme[0] in "oô":
        return rhyme
    if rhyme[0] in "âêơ":
        return "u" + rhyme
    if rhyme[0] == "i":
        return "uy" + rhyme[1:]
    return rhyme


def _read(match: re.Match[str]) -> str | None:
    word = match[0].lower()
    if is_syllable(word):
        return None
    letters = re.sub(r"['’]", "", word)
    pieces = (letters[at : at + _LONGEST] for at in range(0, len(letters), _LONGEST))
    return " ".join(filter(None, map(said, pieces)))


STEPS: Final[tuple[Step, ...]] = (Rule(_WORD, _read),)
