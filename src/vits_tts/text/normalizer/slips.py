"""Typing errors: misplaced marks, repeated letters, words run together.

Only words that are not syllables are changed, and only if one syllable is the likely intention:
``nguời``, ``đựơc``, ``baỏ``, ``cũg``, ``đẹpppp``, ``anhTuấn``, ``thànhphố``. Contractions are
written out: ``nviên``, ``hđộng``, ``saoz``.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import resources
from typing import Final

from vits_tts.text.aligned import Text
from vits_tts.text.letters import CAPITALS, SMALLS
from vits_tts.text.normalizer import cues, languages
from vits_tts.text.normalizer.rules import Rule, Step, after, before
from vits_tts.text.normalizer.tables import SortedFile
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import BASES, TONES, is_syllable, toned

_TONE_MARKS: Final = lazily("[\u0300\u0301\u0303\u0309\u0323]")
_CONSONANTS: Final = "bcdđghklmnpqrstvxy"
_ONSETS: Final = "ch|gh|kh|ng|nh|ph|th|tr"
_MARKED: Final = f"[{SMALLS.removeprefix('a-z')}]"
_LONGEST: Final = 24  # maximum letters of words run together
_RARE: Final = 10**9
_COMPLETIONS: Final = {
    "a": "âă",
    "e": "ê",
    "o": "ôơ",
    "u": "ư",
    "ă": "â",
    "ơ": "ô",
    "ô": "ơ",
    "d": "đ",
}


@lru_cache(maxsize=1)
def ranks() -> dict[str, int]:
    """Return the rank of each syllable in frequency; the most frequent has 0."""
    text = resources.files("vits_tts.text").joinpath("data/syllables.txt").read_text("utf-8")
    words = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {word: place for place, word in enumerate(words)}


def rank(syllable: str) -> int:
    """Return the rank of a syllable, or ``_RARE`` if it has none."""
    return ranks().get(syllable, _RARE)


def steps(known: Callable[[str], bool]) -> tuple[Step, ...]:
    """Return the steps.

    Words for which ``known`` is true (those of a lexicon) are left unchanged.
    """

    def contracted(match: re.Match[str]) -> str | None:
        word, start = match[0].lower(), match.start()
        if match[0][0].isupper() and start and match.string[start - 1] != "\n":
            return None  # a name
        said = "" if known(word) else _contracted(word)
        certain = not word.isascii() or _MARKED_LETTER.search(match.string)
        return _like(match[0], said) if said and certain else None

    def parted(match: re.Match[str]) -> str | None:
        return None if known(match[0].lower()) else _cut_at_capitals(match)

    def stretched(match: re.Match[str]) -> str | None:
        if _LAUGHTER.fullmatch(match[0].lower()):
            return "ha ha"
        laugh = re.fullmatch(r"(.{2,5}?[^k]|)k{3,}", match[0].lower())
        return _laughing(laugh[1]) if laugh else _shortened(match[0], known)

    joined = Rule(
        r"(?<=[a-zà-ỹA-ZĐ])_(?=[A-ZĐ])(?![^\s]{0,40}(?:\.\w|@|/))",
        " ",
        glued=True,
        needs="_",
    )
    chosen = Rule(r"(?<=\s)OR(?=\s)", _alternative, needs="O")
    words = (
        Rule(
            rf"(?<![\w@#/.])(?=\w{{0,24}}[{CAPITALS}]{{2}})(?=\w{{0,24}}{_MARKED})"
            rf"[{SMALLS}{CAPITALS}]{{3,26}}(?![\w@/])",
            _unglued,
            glued=True,
        ),
        Rule(
            rf"[{_CONSONANTS}{_CONSONANTS.upper()}][{_CONSONANTS}h](?<![\w@#/.’'-]..)"
            rf"(?:(?<!{_ONSETS}|{_ONSETS.title()})|(?!h?[aeiouyà-ỹ]))[{SMALLS}]{{1,7}}"
            rf"(?![\w@/’'-])(?!\.\w)",
            contracted,
            glued=True,
        ),
        Rule(
            rf"(?<![\w@#/])(?<!(?<!\.)\.)(?=\w{{0,30}}?([{SMALLS}{CAPITALS}])\1)[{SMALLS}{CAPITALS}]{{2,40}}(?![\w@/])",
            stretched,
            glued=True,
        ),
        Rule(
            rf"(?<![\w@#/.])[{CAPITALS}]?[{SMALLS}]{{1,7}}[{CAPITALS}][{SMALLS}{CAPITALS}]{{1,23}}(?![\w@/])",
            parted,
            glued=True,
        ),
        Rule(
            rf"(?<![\w@#/])(?<!(?<!\.)\.)[{CAPITALS}{SMALLS}](?=[{SMALLS}]{{0,24}}{_MARKED}|(?<={_MARKED}))[{SMALLS}]{{1,24}}(?![\w@/])",
            _mended,
            glued=True,
        ),
    )

    @lru_cache(maxsize=8192)
    def right(word: str) -> bool:
        """Return whether no rule can change a word, in any context."""
        matches = [rule.pattern.search(word) for rule in words]
        glued, first, *others = zip(
            matches, (_unglued, contracted, stretched, parted, _mended), strict=True
        )
        return first[0] is None and all(
            not match or read(match) is None for match, read in (glued, *others)
        )

    def corrected(text: Text) -> Text:
        """Return the text with its words corrected."""
        if all(map(right, _TOKEN.findall(text.spoken))):
            return text
        for rule in words:
            text = rule(text)
        return text

    return (joined, chosen, corrected)


_TOKEN: Final = lazily(r"\w+")
_LAUGHTER: Final = lazily(r"(?=.{0,20}h.{0,20}h)(?=.{0,20}[aâ])[haâ]{5,40}")
"""Laughter that was typed in haste: ``hhahah``."""


def _is_long_english(part: str) -> bool:
    return len(part) >= _LONG_PART and languages.is_english(part.lower())


def _english(word: str, parts: list[str]) -> bool:
    """Return whether a word is two or three English ones (``SmartBanking``) and no name itself."""
    return (
        1 < len(parts) <= _MOST_PARTS
        and all(map(_is_long_english, parts))
        and languages.known(word.lower()) is None
    )


def _shortened(word: str, known: Callable[[str], bool]) -> str | None:
    """Return a word without its repeated letters (đẹpppp, quááá, tuii)."""
    lower = word.lower()
    if word.isupper() or is_syllable(lower) or known(lower) or re.fullmatch("[ivxlcdm]+", lower):
        return None
    if lower == "tttm":
        return None
    lower = re.sub(r"([^\x00-\x7f])([aeiouy])\2+$", _held, lower)
    if is_syllable(lower):
        return _like(word, lower)
    single = re.sub(r"(.)\1+", r"\1", lower)
    drawn = re.search(r"(.)\1\1", lower) is not None
    if not drawn and (lower[-2:] != 2 * lower[-1] or lower[-1] in "sfl"):
        return None
    twice = re.sub(r"(.)\1\1+", r"\1\1", lower)
    for shorter in (re.sub(r"(.)\1+$", r"\1", lower), single, twice):
        if is_syllable(shorter) or known(shorter) or rank(shorter) < _RARE:
            return _like(word, shorter)
    shorter = _southern(single) or (single if single in cues.table("chat.tsv") else twice)
    return _like(word, shorter) if drawn else None


def _laughing(word: str) -> str | None:
    """Return a word that was typed together with laughter (``quákkk``) as two words."""
    if not word:
        return "kkk"
    fixed = re.sub(r"^q(?=[aáàảãạ])", "qu", word)
    return f"{fixed} kkk" if is_syllable(fixed) else None


def _southern(word: str) -> str:
    """Return the syllable of a word with ``dz`` for v, as in ``dzời``; empty if there is none."""
    meant = f"v{word[2:]}" if word.startswith("dz") else ""
    return meant if meant and rank(meant) < _RARE else ""


def _held(match: re.Match[str]) -> str:
    """Return a marked vowel without the plain ones repeated after it (quáaaa)."""
    plain = unicodedata.normalize("NFD", match[1])[0]
    return match[1] if plain == match[2] else match[0]


_GLUED: Final = frozenset("theo của với tại trên từ và là trong cho khi".split())
"""Function words to which pages glue the name in a link after them: ``TheoReuters``."""
_ENDINGS: Final = frozenset(
    "AI API CLI CV DB GAN GPT GPU JS LLM NLP PDF QL SDK SQL TTS TV UI UX VAE XML".split()
)
"""Abbreviations that end names: ``GenAI``, ``DynamoDB``, ``CycleGAN``."""


def _cut_at_capitals(match: re.Match[str]) -> str | None:
    """Return ``anhTuấn`` and ``giảngTRƯỜNG`` as two words; names such as VinFast are left."""
    word = match[0]
    parts = re.findall(rf"[{CAPITALS}]?[{SMALLS}]+|[{CAPITALS}]+", word)
    first = parts[0].lower()
    if first in _GLUED and len(word) > len(first) + 2 and word[len(first) + 1 :].islower():
        return f"{parts[0]} {word[len(first) :]}"
    if len(parts) == 2 and parts[1] in _ENDINGS and len(first) > 2:  # noqa: PLR2004
        return " ".join(parts)
    if word.isascii():
        return " ".join(parts) if _english(word, parts) else None
    if len(parts) < 2 or not all(is_syllable(part.lower()) for part in parts):  # noqa: PLR2004
        return None
    return " ".join(parts)


def _alternative(match: re.Match[str]) -> str | None:
    """Read ``tỷ giá OR lãi suất``, as searches and conditions are written."""
    around = f"{before(match)} {after(match)}"
    named = _OPERATORS.search(around)
    return "hoặc" if _MARKED_LETTER.search(around) and not named else None


_OPERATORS: Final = lazily(r"\b(?:and|not|xor|sql|toán tử|cổng)\b")
"""Words beside an OR that is named and not meant."""


def _unglued(match: re.Match[str]) -> str | None:
    """Return ``giáUSDngân`` as three words and ``HĐNDthành`` as two; None for other words."""
    word = match[0]
    found = _GLUED_CAPITALS.fullmatch(word)
    if found is None or is_syllable(word.lower()):
        return None
    head, capitals, tail = found["head"] or "", found["capitals"], found["tail"] or ""
    if head and not (_MARKED_LETTER.search(head) and is_syllable(head.lower())):
        return None
    if not head and (
        len(capitals) <= _SHORTEST_CAPITALS
        or capitals in _CAPITAL_ONSETS
        or not _MARKED_LETTER.search(tail)
    ):
        return None  # BThạnh, NGười
    if not tail:
        return f"{head} {capitals}"
    # the last capital may begin the word that follows, as in vớiPVTiền
    ends = len(capitals) if len(capitals) == _SHORTEST_CAPITALS else len(capitals) - 1
    rest = min((f"{capitals[end:]}{tail}" for end in (len(capitals), ends)), key=_rank)
    if _rank(rest) < _COMMON:
        return f"{head} {capitals[: len(capitals) + len(tail) - len(rest)]} {rest}".lstrip()
    return f"{head} {capitals}{tail}" if head else None  # đườngLPBank


def _rank(word: str) -> int:
    return rank(word.lower())


_GLUED_CAPITALS: Final = lazily(
    rf"(?P<head>[{CAPITALS}]?[{SMALLS}]{{1,7}})?(?P<capitals>[{CAPITALS}]{{2,8}})"
    rf"(?P<tail>[{SMALLS}]{{1,7}})?"
)
_SHORTEST_CAPITALS: Final = 2
_CAPITAL_ONSETS: Final = frozenset("CH GH GI KH NG NGH NH PH QU TH TR".split())
"""Onsets of words whose marked letters lost their capitals: ``NGười``."""


def _mended(match: re.Match[str]) -> str | None:
    return _better(match[0])


@lru_cache(maxsize=8192)
def _better(word: str) -> str | None:
    """Return the word that is meant by a misspelled one with marks; None if it is right."""
    lower = word.lower()
    if is_syllable(lower):
        better = usual(lower)
        return _like(word, better) if better != lower else None
    better = (
        _southern(lower)
        or _contracted(lower)
        or _with_particle(lower)
        or _with_shortening(lower)
        or mend(lower)
    )
    if better:
        return _like(word, better)
    parts = cut(lower)
    if parts:
        return _like(word, " ".join(parts))
    return _after_name(word) if word[0].isupper() else None


def _after_name(word: str) -> str | None:
    """Return ``Championshiptrên`` and ``Vinspeedđề`` as a foreign name and a syllable."""
    for at in range(_LONG_PART, len(word) - 1):
        head, tail = word[:at], word[at:]
        if not head.isascii():
            return None
        if not _MARKED_LETTER.search(tail) or not is_syllable(tail) or rank(tail) >= _COMMON:
            continue
        unknown = len(head) > _LONG_PART and tail[0] == "đ" and not is_syllable(head.lower())
        if unknown or languages.known(head.lower()) is not None:
            return f"{head} {tail}"
    return None


@lru_cache(maxsize=1)
def _contractions() -> SortedFile:
    return SortedFile("contracted.tsv")


@lru_cache(maxsize=4096)
def _contracted(word: str) -> str:
    """Return the two syllables of a word whose first one is an initial (``nviên``), or nothing."""
    return _contractions().get(word)


def _with_particle(word: str) -> str:
    """Return the words of ``gìz`` (gì vậy) and ``đúngr`` (đúng rồi); empty for others."""
    head, last = word[:-1], word[-1]
    if last not in "rz" or not is_syllable(head) or rank(head) > _COMMON:
        return ""
    if last == "r":
        return f"{head} rồi"
    return f"{head} vậy" if head in _ASKING else head


def _with_shortening(word: str) -> str:
    """Return ``liệuok`` and ``giáko`` as a syllable and a shortening; empty for others."""
    found = _SHORTENING.fullmatch(word)
    if found is None or not is_syllable(found["head"]) or rank(found["head"]) > _COMMON:
        return ""
    if found["end"] == "k" and found["head"] not in _LABELS:
        return ""  # a k for fun, as in đók
    return f"{found['head']} {found['end']}"


_SHORTENING: Final = lazily(
    rf"(?P<head>\w{{0,5}}{_MARKED}\w{{0,3}}?)"
    r"(?P<end>oke(?:la|y)?|okie?|ok|ko|kh|k|không|đc|dc|yes)"
)
_LABELS: Final = frozenset("liệu sắc tả phẩm bật dụng hương".split())
"""The last words of the labels of shop reviews, to which an answer is glued: ``Màu sắck giống``."""


def _like(word: str, better: str) -> str:
    return better.capitalize() if word[0].isupper() else better


@lru_cache(maxsize=8192)
def usual(word: str) -> str:
    """Return a syllable with its tone in the usual place, adding the tone that a stop requires."""
    decomposed = unicodedata.normalize("NFD", word)
    tone = _TONE_MARKS.search(decomposed)
    base = unicodedata.normalize("NFC", _TONE_MARKS.sub("", decomposed))
    onset, rhyme = BASES[base]
    if tone is None:
        if not rhyme.endswith(("c", "ch", "p", "t")) or word.isascii():
            return word
        stops = [toned(base, onset, tone) for tone in (TONES[2], TONES[5])]
        best = min(stops, key=rank)
        if onset == "d":  # dươc is a hasty được, and not a rare dược
            other = min((f"đ{stop[1:]}" for stop in stops), key=rank)
            best = other if rank(other) * 4 < rank(best) else best
        return best
    placed = toned(base, onset, tone[0])
    # Both hoà and hòa are valid styles. A mark on another vowel is an error.
    return word if placed == word or _new_style(word) else placed


def _new_style(word: str) -> bool:
    return re.search(r"o[àáảãạèéẻẽẹ]|u[ỳýỷỹỵ]", word) is not None


@lru_cache(maxsize=8192)
def mend(word: str) -> str:
    """Return the syllable intended by a misspelled word; empty if that is uncertain."""
    decomposed = unicodedata.normalize("NFD", word)
    tones = _TONE_MARKS.findall(decomposed)
    base = unicodedata.normalize("NFC", _TONE_MARKS.sub("", decomposed))
    if len(tones) > 1:
        return ""
    if base in BASES and _STOPPED.search(base) and tones and tones[0] not in _STOP_TONES:
        stops = sorted((toned(base, BASES[base][0], tone) for tone in _STOP_TONES), key=rank)
        return stops[0] if rank(stops[0]) * 4 < rank(stops[1]) else ""  # tẳt
    return _mended_base(base, tones) or _unswapped(base, tones)


_STOPPED: Final = lazily("(?:c|ch|p|t)$")
_STOP_TONES: Final = (TONES[2], TONES[5])
"""The tones that a syllable with one of these endings may have."""


def _unswapped(base: str, tones: list[str]) -> str:
    """Return the syllable of a word with two letters in the wrong order (``nguời``, ``thíhc``).

    Short words are left, because they are more often interjections (``àh``).
    """
    if len(base) < _SHORTEST_SWAPPED:
        return ""
    found = {
        toned(candidate, BASES[candidate][0], tone)
        for at in range(1, len(base) - 1)
        if (candidate := base[:at] + base[at + 1] + base[at] + base[at + 2 :]) in BASES
        for tone in (tones or ("",))
    }
    known = sorted((syllable for syllable in found if rank(syllable) < _FREQUENT), key=rank)
    certain = len(known) == 1 or (known and rank(known[0]) * 4 < rank(known[1]))
    return known[0] if certain else ""


_SHORTEST_SWAPPED: Final = 4
_FREQUENT: Final = 1500
"""Maximum rank of a syllable that a word with swapped letters may mean."""


def _mended_base(base: str, tones: list[str]) -> str:
    """Return the syllable of a base with one of the corrections of :func:`_bases`."""
    found = {
        toned(candidate, BASES[candidate][0], tone)
        for candidate in _bases(base)
        if candidate in BASES
        for tone in (tones or _possible_tones(candidate))
    }
    known = sorted((syllable for syllable in found if rank(syllable) < _RARE), key=rank)
    if not known:
        return ""
    certain = len(known) == 1 or rank(known[0]) * 4 < rank(known[1])
    return known[0] if certain else ""


_UNHARDENED: Final = lazily("n?g[eêi]")
"""A ``g`` or ``ng`` that lacks its h before one of these vowels."""


def _possible_tones(base: str) -> tuple[str, ...]:
    return (TONES[2], TONES[5]) if BASES[base][1].endswith(("c", "ch", "p", "t")) else ("",)


def _bases(base: str) -> Iterator[str]:
    """Yield corrections of a base: for a half-written ươ, a missing mark, ng without n or g."""
    yield base.replace("uơ", "ươ").replace("ưo", "ươ")
    if "uo" in base:
        yield base.replace("uo", "ươ")
        yield base.replace("uo", "uô")
    if base.endswith("g") and not base.endswith("ng"):
        yield base[:-1] + "ng"
    if "uyê" in base:
        yield base.replace("uyê", "uê")  # as in khuyếch
    if base.endswith("q"):
        yield base[:-1] + "ng"
    if base.endswith("y"):
        yield base[:-1] + "i"  # as in tôy
    if base[:1] == base[1:2]:
        yield base[1:]  # as in nnào
    if _UNHARDENED.match(base):
        yield base.replace("g", "gh", 1)  # as in ngiêng
    for place, letter in enumerate(base):
        for other in _COMPLETIONS.get(letter, ""):
            yield base[:place] + other + base[place + 1 :]


@lru_cache(maxsize=8192)
def cut(word: str) -> tuple[str, ...]:
    """Return the frequent syllables that were written as one word (thànhphố), or none.

    Dynamic programming: ``best[end]`` is the division of the first ``end`` letters with the fewest
    syllables, then the smallest sum of ranks.
    """
    if not 5 <= len(word) <= _LONGEST:  # noqa: PLR2004
        return ()
    best: list[tuple[int, int, tuple[str, ...]] | None] = [(0, 0, ())]
    for end in range(1, len(word) + 1):
        ways = [
            (count + 1, total + rank(part), (*head, part))
            for start in range(max(0, end - 7), end - 1)
            if (way := best[start]) is not None
            for count, total, head in (way,)
            if rank(part := word[start:end]) < _COMMON
        ]
        best.append(min(ways, default=None))
    way = best[-1]
    return way[2] if way and 1 < way[0] <= 4 else ()  # noqa: PLR2004


_MOST_PARTS: Final = 3
_LONG_PART: Final = 3
_COMMON: Final = 3500
_ASKING: Final = frozenset("sao gì đâu nào ai hả thế mấy".split())
_MARKED_LETTER: Final = lazily(_MARKED)
