"""Count the sounds of the texts, and find those that are too rare to be learnt."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from vits_tts.text.syllables import BASES, RHYMES, is_syllable, toned

TONES = {
    "": "ngang",
    "\u0300": "huyền",
    "\u0301": "sắc",
    "\u0309": "hỏi",
    "\u0303": "ngã",
    "\u0323": "nặng",
}
STOPS = ("c", "ch", "p", "t")
_INITIALS = {"k": "c", "q": "c", "qu": "c", "gh": "g", "ngh": "ng", "gi": "gi", "": "none"}
_FINAL = re.compile(r"(ch|nh|ng|[cmnptiyou])$")
_MARK = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_MARGINAL = {("initial", "p"), *(("rhyme", rhyme) for rhyme in ("eng", "ooc", "oong", "ưm", "ưn"))}
"""Sounds of a few borrowed words; a voice is no worse for not having them."""
SAMPLES = 3  # syllables named as examples of a sound


@dataclass(frozen=True)
class Sounds:
    """A syllable's initial, rhyme, final and tone, by their spelling."""

    initial: str
    rhyme: str
    final: str
    tone: str


@dataclass(frozen=True)
class Need:
    """At least ``least`` of each sound of a kind; ``why`` tells the reader."""

    kind: str
    least: int
    why: str


NEEDS = (
    Need("initial", 20, "the sound of a consonant is learnt from many vowels beside it"),
    Need("final", 20, "how a vowel goes into its final differs from vowel to vowel"),
    Need("tone", 100, "a tone's contour is learnt by all finals, places and neighbours"),
    Need("tone on a stop", 10, "sắc and nặng are other, short contours before c, ch, p, t"),
    Need("rhyme", 3, "a rhyme that was heard once or twice is learnt with its accidents"),
    Need("two tones", 10, "each tone is bent by the one before it and the one after"),
)


@dataclass(frozen=True)
class Rare:
    """A sound that is too rare: how often it is there, is wanted, and syllables that have it."""

    kind: str
    name: str
    count: int
    least: int
    examples: str


@dataclass(frozen=True)
class Coverage:
    """Counts by kind and sound, over all texts."""

    syllables: int
    different: int
    once: int  # syllables that are there once
    foreign: list[tuple[str, int]]  # words that are no syllables, with their counts
    counts: dict[str, dict[str, int]]
    joins: int  # different pairs of a final and the next syllable's initial
    all_joins: int
    isolated: bool  # nearly all clips are one syllable, which have no neighbours
    rare: list[Rare]


def split(syllable: str) -> Sounds | None:
    """Return the sounds of a syllable in lower case; None if it is none."""
    syllable = unicodedata.normalize("NFC", syllable)
    if not is_syllable(syllable):
        return None
    decomposed = unicodedata.normalize("NFD", syllable)
    mark = _MARK.search(decomposed)
    base = unicodedata.normalize("NFC", _MARK.sub("", decomposed))
    onset, rhyme = BASES[base]
    return Sounds(
        initial=_INITIALS.get(onset, onset),
        rhyme=rhyme,
        final=final(rhyme),
        tone=TONES[mark[0] if mark else ""],
    )


def final(rhyme: str) -> str:
    """Return the consonant or glide that closes a rhyme, or ``none``.

    The second vowel of ``ia``, ``ua`` and ``ưa`` is no glide, nor is a vowel that stands alone.
    """
    found = _FINAL.search(rhyme)
    before = rhyme[: found.start()] if found else ""
    if not found or not before or rhyme == "uy":
        return "none"
    return {"y": "i", "o": "u"}.get(found[0], found[0])


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).lower())


def count(texts: Iterable[str]) -> Coverage:
    """Count the sounds of the texts, and find those that are too rare."""
    kinds: dict[str, Counter[str]] = {need.kind: Counter() for need in NEEDS}
    spelled: Counter[str] = Counter()
    foreign: Counter[str] = Counter()
    joins: Counter[tuple[str, str]] = Counter()
    lengths = []
    for text in texts:
        found = [(word, split(word)) for word in words(text)]
        lengths.append(len(found))
        for word, sounds in found:
            if sounds is None:
                foreign[word] += 1
                continue
            spelled[word] += 1
            for kind, name in _kinds(sounds):
                kinds[kind][name] += 1
        for (_, first), (_, second) in pairwise(found):
            if first and second:
                kinds["two tones"][f"{first.tone} {second.tone}"] += 1
                joins[first.final, second.initial] += 1
    isolated = sum(length <= 1 for length in lengths) > 0.9 * len(lengths)
    every = {need.kind: _examples(need.kind) for need in NEEDS}
    counts = {kind: {name: kinds[kind][name] for name in sorted(every[kind])} for kind in every}
    finals, initials = every["final"], every["initial"]
    return Coverage(
        syllables=spelled.total(),
        different=len(spelled),
        once=sum(times == 1 for times in spelled.values()),
        foreign=foreign.most_common(),
        counts=counts,
        joins=len(joins),
        all_joins=len(finals) * len(initials),
        isolated=isolated,
        rare=[
            Rare(need.kind, name, times, need.least, ", ".join(every[need.kind][name]))
            for need in NEEDS
            if not (isolated and need.kind == "two tones")
            for name, times in counts[need.kind].items()
            if times < need.least and (need.kind, name) not in _MARGINAL
        ],
    )


def _kinds(sounds: Sounds) -> list[tuple[str, str]]:
    found = [
        ("initial", sounds.initial),
        ("final", sounds.final),
        ("tone", sounds.tone),
        ("rhyme", sounds.rhyme),
    ]
    if sounds.final in STOPS:
        found.append(("tone on a stop", f"{sounds.tone} {sounds.final}"))
    return found


def _examples(kind: str) -> dict[str, list[str]]:
    """Return all sounds of a kind that a text may have, each with syllables that have it."""
    if kind == "two tones":
        return {f"{a} {b}": [] for a, b in product(TONES.values(), repeat=2)}
    examples: dict[str, list[str]] = {}
    for base, (onset, rhyme) in sorted(BASES.items(), key=lambda item: (len(item[0]), item[0])):
        if kind == "rhyme" and rhyme not in RHYMES:
            continue  # rhymes with a glide are those rhymes behind one
        closed = final(rhyme) in STOPS
        for mark, tone in TONES.items():
            if closed and tone not in ("sắc", "nặng"):
                continue
            sounds = Sounds(_INITIALS.get(onset, onset), rhyme, final(rhyme), tone)
            for name in (name for k, name in _kinds(sounds) if k == kind):
                if len(examples.setdefault(name, [])) < SAMPLES:
                    examples[name].append(toned(base, onset, mark))
    return examples


def choose(prompts: Sequence[str], rare: Sequence[Rare], most: int = 40) -> list[str]:
    """Return prompts that together have the rare sounds most often, the most useful first."""
    missing = {(one.kind, one.name): one.least - one.count for one in rare}
    having = {}
    for prompt in dict.fromkeys(prompts):
        found = [split(word) for word in words(prompt)]
        kinds = [kind for sounds in found if sounds for kind in _kinds(sounds)]
        kinds += [("two tones", f"{a.tone} {b.tone}") for a, b in pairwise(found) if a and b]
        having[prompt] = Counter(kind for kind in kinds if kind in missing)
    chosen: list[str] = []
    while having and len(chosen) < most:
        gains = {
            prompt: sum(min(times, missing[kind]) for kind, times in kinds.items())
            for prompt, kinds in having.items()
        }
        best = max(gains, key=lambda prompt: gains[prompt])
        if gains[best] <= 0:
            break
        for kind, times in having.pop(best).items():
            missing[kind] = max(0, missing[kind] - times)
        chosen.append(best)
    return chosen
