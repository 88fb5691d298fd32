"""Foreign words without an entry in a lexicon, read as Vietnamese syllables.

The library sea-g2p gives the English sounds of a word. This module turns them into syllables that
Vietnamese has: one consonant at the start, an ending out of m, n, ng, p, t and c, and the tone that
a final stop requires. A weak English vowel is read as the letter that is written, because that is
how Vietnamese readers say foreign names (Barcelona).
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from sea_g2p import G2P

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.letters import CUT, HELD, spelled
from vits_tts.text.normalizer import cues, languages, slips
from vits_tts.text.normalizer.letter_to_sound import pinyin
from vits_tts.text.normalizer.letter_to_sound import sounds as letter_sounds
from vits_tts.text.normalizer.rules import Step, apart
from vits_tts.text.normalizer.spelling_rules import RULES
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import TONES, is_syllable, toned, unmarked

_SOUNDS: Final = lazily(
    r"tʃ|dʒ|aɪə|aɪ|aʊ|eɪ|oʊ|əʊ|ɔɪ|ɪɹ|ʊɹ|[iuɑɔɜ]ː|[ɪʊʌəɚɐæɛɒɔɑaeiouᵻʏyøœ]"
    r"|[pbtdkgɡfvθðszʃʒhmnŋlɹrɾjwʔx]"
)
_VOWELS: Final = {
    "aɪə": "ai ơ", "aɪ": "ai", "aʊ": "ao", "eɪ": "ây", "oʊ": "ô", "əʊ": "ô", "ɔɪ": "oi",
    "ɪɹ": "ia", "ʊɹ": "ua", "iː": "i", "uː": "u", "ɑː": "a", "ɔː": "o", "ɜː": "ơ", "ɪ": "i",
    "ʊ": "u", "ʌ": "ă", "ə": "ơ", "ɚ": "ơ", "ɐ": "a", "æ": "a", "ɛ": "e", "ɒ": "o", "ɔ": "o",
    "ɑ": "a", "a": "a", "e": "ê", "i": "i", "o": "ô", "u": "u", "ᵻ": "i", "ʏ": "i", "y": "i",
    "ø": "ơ", "œ": "ơ", "ɯ": "ư",
}  # fmt: skip
_WEAK: Final = frozenset(["ə", "ɐ", "ɑː", "ᵻ", "ɪ", "oʊ", "ɔː", "ɔ", "ɒ", "æ"])
_WRITTEN: Final = {"a": "a", "o": "ô", "e": "ê", "u": "u", "i": "i", "y": "i"}
_ONSETS: Final = {
    "p": "p", "b": "b", "t": "t", "d": "đ", "k": "c", "g": "g", "ɡ": "g", "f": "ph", "v": "v",
    "θ": "th", "ð": "d", "s": "x", "z": "d", "ʃ": "s", "ʒ": "gi", "tʃ": "ch", "dʒ": "gi",
    "h": "h", "x": "kh", "m": "m", "n": "n", "ŋ": "ng", "l": "l", "ɹ": "r", "r": "r", "ɾ": "t",
    "j": "d", "w": "o", "nh": "nh",
}  # fmt: skip
_CODAS: Final = {
    "p": "p", "b": "p", "f": "p", "v": "p", "t": "t", "d": "t", "s": "t", "z": "t", "θ": "t",
    "ð": "t", "ʃ": "t", "ʒ": "t", "tʃ": "t", "dʒ": "t", "ɾ": "t", "k": "c", "g": "c", "ɡ": "c",
    "m": "m", "n": "n", "ŋ": "ng", "l": "n",
}  # fmt: skip
_VIETNAMESE: Final = {"z": "d", "f": "ph", "j": "gi", "w": "qu"}
_FOREIGN_LETTERS: Final = lazily(r"^[zfjw]")
_DIPHTHONG: Final = lazily(r"(?:ie|uye|uo)[a-z]{1,2}$")
"""Endings that nearly always belong to unmarked Vietnamese (viet, tieng, nguoi), unlike "true"."""

_ALONE: Final = {"c": "cờ", "g": "gờ", "gi": "giờ", "o": "u"}
_BEFORE_CODA: Final = {"ây": "ê", "ai": "ai", "ao": "ao", "oi": "oi", "ai ơ": "ai ơ", "ia": "ia"}
_GLIDES: Final = frozenset(["ai", "ao", "oi", "ai ơ"])
_WORD: Final = r"(?<![\w])[^\W\d_]++(?:['’][^\W\d_]{1,3})?(?!\w)"
_SHORTEST_GUESSED: Final = 3
_LONGEST: Final = 30  # longer words are read in pieces
_LONGEST_GLUED: Final = 200
"""Maximum letters of joined words that are split. Time and memory grow with the square."""

_ENGINE_LOCK: Final = threading.Lock()


@lru_cache(maxsize=1)
def _engine() -> G2P:
    return G2P()


@lru_cache(maxsize=16_384)
def said(word: str, language: str = "en") -> str:  # noqa: PLR0911
    """Return the syllables of a lower-case foreign word, read by the spelling of ``language``.

    A word without vowels is spelled. A word in another script than Latin gives an empty string.
    """
    if word.endswith("k") and not word.isascii() and is_syllable(f"{word[:-1]}c"):
        return f"{word[:-1]}c"  # as in Lắk and Tơk
    respelled = _FOREIGN_LETTERS.sub(lambda match: _VIETNAMESE[match[0]], word)
    if is_syllable(respelled):
        return respelled
    plain = _latin(word)
    if not plain:
        return ""
    if plain in unmarked() and plain == word and _DIPHTHONG.search(word):
        return unmarked()[plain]
    if not re.search(r"[aeiouy]", plain) or len(plain) < _SHORTEST_GUESSED:
        return spelled(plain)
    if language == "zh" and (chinese := pinyin(plain)):
        return chinese
    if language in RULES:
        letters = unicodedata.normalize("NFC", word.replace("đ", "d"))
        pairs = [(sound, _VOWELS.get(sound, "")) for sound in letter_sounds(letters, language)]
        return " ".join(_syllables(pairs)) or spelled(plain)
    with _ENGINE_LOCK:
        sounds = _SOUNDS.findall(str(_engine().convert(plain)))
    return " ".join(_syllables(_with_letters(sounds, plain))) or spelled(plain)


def _latin(word: str) -> str:
    """Return the word in ASCII letters; empty if it has none."""
    bare = unicodedata.normalize(
        "NFKD", word.replace("đ", "d").replace("ø", "o").replace("ß", "ss")
    )
    return re.sub(r"[^a-z]", "", bare.lower())


def _with_letters(sounds: list[str], word: str) -> list[tuple[str, str]]:
    """Return each sound with its Vietnamese vowel; weak vowels take that of the written letter."""
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
    """Return the syllables. A consonant begins the next syllable or ends the last one."""
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
    """Return how many consonants end the syllable; the others begin the next one."""
    if last:
        return len(consonants)
    if len(consonants) < 2:  # noqa: PLR2004
        return 0
    if consonants[1] in {"ɹ", "r", "l", "w"} and consonants[0] not in {"n", "m", "ŋ", "l", "s"}:
        return 0
    return 1


def _onset(onsets: list[str], syllables: list[str]) -> str:
    """Return the onset of the next syllable. Consonants before it become syllables (cờ, xờ)."""
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
    """Return one syllable, or two if the vowel needs two."""
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
"""Rhymes that Vietnamese spells differently."""


def _spelled(onset: str, vowel: str, coda: str) -> str:
    """Return a syllable in Vietnamese spelling, without its ending if no such syllable exists."""
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
    """Return the rhyme with a glide before it, as after w."""
    if rhyme[0] in "aăe":
        return "o" + rhyme
    if rhyme[0] in "oô":
        return rhyme
    if rhyme[0] in "âêơ":
        return "u" + rhyme
    if rhyme[0] == "i":
        return "uy" + rhyme[1:]
    return rhyme


_MISPLACED: Final = lazily("(?:^|[^gq])[iuư][àáảãạ]$")


def _read(text: Text) -> Text:
    """Return the text with its foreign words read. One language is chosen for each phrase."""
    if all(map(_is_plain, _WORDS.findall(text.spoken))):
        return text
    edits = sorted(_edits(text.spoken))
    return text.rewritten(edits) if edits else text


@lru_cache(maxsize=16_384)
def _is_plain(word: str) -> bool:
    """Return whether a word stays as it is: a syllable with its marks where they belong."""
    lower = word.lower()
    return word in {HELD, CUT} or (is_syllable(lower) and _MISPLACED.search(lower) is None)


def _edits(spoken: str) -> Iterator[Edit]:
    phrase: list[re.Match[str]] = []
    for match in _WORDS.finditer(spoken):
        if _is_plain(match[0]):
            continue
        lower = match[0].lower()
        if is_syllable(lower):
            if (better := slips.usual(lower)) != lower:
                # Such as ưà beside a digit, which slips.py does not correct.
                yield (*match.span(), better)
            continue
        if phrase and (len(phrase) > _LONGEST_PHRASE or not _joined_by(spoken, phrase[-1], match)):
            yield from _phrase(phrase)
            phrase = []
        phrase.append(match)
    yield from _phrase(phrase)


def _joined_by(spoken: str, before: re.Match[str], after: re.Match[str]) -> bool:
    """Return whether two words are adjacent, or separated by one syllable of a name."""
    between = spoken[before.end() : after.start()]
    return re.fullmatch(r"[ -](?:[A-Za-z]{1,6}[ -])?", between) is not None


def _phrase(matches: list[re.Match[str]]) -> Iterator[Edit]:
    words = [match[0].lower() for match in matches]
    language = ""
    for match, word in zip(matches, words, strict=True):
        entry = languages.known(word)
        if entry is None or not entry[1]:
            language = language or languages.of_phrase(words)
            reading = _guessed(word, match[0], language)
        else:
            reading = entry[1]
        start, end = match.span()
        yield start, end, apart(match.string, start, end, reading)


def _guessed(word: str, written: str, language: str) -> str:
    """Return the reading of a word without an entry; a long word is read in pieces."""
    letters = re.sub(r"['’]", "", word)
    glued = len(letters) <= _LONGEST_GLUED and _MARKED.search(letters)
    if glued and (spelled_so := _pieces(_SOFT.sub("d", letters))):
        return _addressed(_CALLED.sub(lambda called: _PEOPLE[called[0]], " ".join(spelled_so)))
    if written.islower() and letters.isascii():
        # only names, which have a capital, are read by the language of the phrase
        language = "la" if _SCIENTIFIC.search(letters) else "en"
    pieces = (letters[at : at + _LONGEST] for at in range(0, len(letters), _LONGEST))
    reading = " ".join(filter(None, (said(piece, language) for piece in pieces)))
    if reading.startswith("e ") and _addressed(reading) != reading:
        return f"ê{reading[1:]}"  # a name such as Edi is not the person that chat writes as e
    return reading


_SOFT: Final = lazily("z(?=ơ)")
"""The z of glucôzơ and bazơ, which Vietnamese reads as its d."""
_MARKED: Final = lazily("[ôêơưăâđạảãầấẩẫậằắẳẵặẹẻẽềếểễệịỉĩọỏõồốổỗộờớởỡợụủũừứửữựỳỷỹỵ]")
"""Letters of words in Vietnamese spelling: Brunây, prôtêin, Vlađivôxtôc."""


_CALLED: Final = lazily(r"(?<!\S)[ae](?= (?:ơi|ạ)(?!\S))")
_PEOPLE: Final = {"a": "anh", "e": "em"}
"""People who are called without a space (aơi, eơi), as chat writes them with one."""


def _addressed(syllables: str) -> str:
    """Return the syllables of a word with the person that a first ``a`` or ``e`` means in chat.

    ``echờ`` is read like ``e chờ``.
    """
    first, _, rest = syllables.partition(" ")
    if rest and first in _PEOPLE:
        for reading in cues.table("chat.tsv")[first]:
            if reading.anywhere and cues.fits(reading, "", f" {rest}", every=True):
                return f"{reading.said} {rest}"
    return syllables


@lru_cache(maxsize=4096)
def _pieces(word: str) -> tuple[str, ...]:
    """Return a word as the fewest syllables and single consonants (bờ ru nây), or nothing.

    Dynamic programming: ``best[end]`` is the cheapest way to read the first ``end`` letters. A
    syllable costs 1 and a single consonant 1.5.
    """
    best: list[tuple[float, tuple[str, ...]] | None] = [(0.0, ())]
    for end in range(1, len(word) + 1):
        ways = []
        for start in range(max(0, end - 7), end):
            head, part = best[start], word[start:end]
            if head is None:
                continue
            if is_syllable(part) and part != "ch":
                ways.append((head[0] + 1, (*head[1], part)))
            elif len(part) == 1 and part in _SINGLE_CONSONANTS:
                alone = "" if end == len(word) else f"{_SINGLE_CONSONANTS[part]}ờ"
                ways.append((head[0] + 1.5, (*head[1], *filter(None, [alone]))))
        best.append(min(ways, default=None))
    if _ANY_VOWEL.search(word) is None:
        return ()  # đb and vnđ are spelled, as other words without vowels
    return best[-1][1] if best[-1] else ()


_ANY_VOWEL: Final = lazily(r"[^\x00-\x7fđ]|[aeiouy]")


_SINGLE_CONSONANTS: Final = {
    "b": "b", "c": "c", "d": "d", "đ": "đ", "g": "g", "h": "h", "k": "kh", "l": "l", "m": "m",
    "n": "n", "p": "p", "r": "r", "s": "s", "t": "t", "v": "v", "x": "x", "f": "ph", "z": "d",
}  # fmt: skip
_LONGEST_PHRASE: Final = 12
_WORDS: Final = lazily(_WORD)
_SCIENTIFIC: Final = lazily(
    r"(?:[bcdfghklmnprstvxz](?:in|ol|at|it|yl|en|an|al|am|im|ir|il|on|oza|ozo|ozơ|us|um|ua)|azol|cillin|mycin"
    r"|statin|pril|sartan|formin|idin|amin|etin|onat|ozit|lipit|peptit)$"
)
"""Endings of chemical and medical words, which Vietnamese reads as they are spelled (creatinin)."""

STEPS: Final[tuple[Step, ...]] = (_read,)
