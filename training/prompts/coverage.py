"""Measure which sounds of Vietnamese a list of sentences has.

``python -m training.prompts.coverage [FILE]`` prints it.

A sentence counts as it is spoken: the server's reading turns numbers and English words into
syllables, and each syllable is split into initial, rhyme and tone. Neighbours are two syllables of
one phrase: a punctuation mark between them is a pause.
"""

import argparse
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Final, NamedTuple

from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.syllables import BASES, TONES, is_syllable

PROMPTS: Final = Path(__file__).with_name("sentences.txt")
SHORTEST, LONGEST = 5, 25  # syllables of a sentence as it is spoken
PAUSE: Final = 3  # the pauses around a sentence take the time of about this many syllables

INITIALS: Final = frozenset(
    ["", *"b c ch d đ g gi h kh l m n ng nh p ph qu r s t th tr v x".split()]
)
_SAME_INITIAL: Final = {"k": "c", "gh": "g", "ngh": "ng"}

STOPS: Final = frozenset(["p", "t", "ch", "c"])
FINALS: Final = frozenset(["", "i", "u", "m", "n", "nh", "ng", *STOPS])
"""Ends of a syllable: none, the glides written i or y and u or o, nasals and stops."""
TONE_NAMES: Final = ("ngang", "huyền", "sắc", "hỏi", "ngã", "nặng")
TONE_CLASSES: Final = (*TONE_NAMES, "sắc before a stop", "nặng before a stop")
"""The six tones, of which two sound otherwise, shorter, before a stop."""

_SPELLED_WITH_QU: Final = {"y": "uy", "i": "uy", "ê": "uê", "ơ": "uơ", "â": "uâ", "ô": "uô"}
_RARE_RHYMES: Final = frozenset("êng oao oau oăp oec oem oeng oep uâc uâu uêu uơn uơt ưn".split())
"""Rhymes that the spelling allows and no everyday word has."""


class Syllable(NamedTuple):
    """One spoken syllable: its initial, rhyme, final and class of tone."""

    initial: str
    rhyme: str
    final: str
    tone: str


def _rhyme(initial: str, written: str) -> str:
    """Return a rhyme in its spelling after other initials than qu and none."""
    if initial == "qu":
        first = written[0]
        return _SPELLED_WITH_QU.get(first, "o" + first) + written[1:]
    if written[0] == "y":
        return "i" + written[1:]
    return written


def final_of(rhyme: str) -> str:
    """Return the final of a rhyme; the empty string if it ends in its vowel."""
    for final in ("ch", "nh", "ng", "p", "t", "c", "m", "n"):
        if rhyme.endswith(final):
            return final
    if len(rhyme) == 1 or rhyme == "uy":
        return ""
    return {"i": "i", "y": "i", "u": "u", "o": "u"}.get(rhyme[-1], "")


def _sounds(base: str) -> tuple[str, str]:
    """Return the initial and the rhyme of a syllable without its tone."""
    initial, written = BASES[base]
    if base.startswith("gi") and initial == "g":
        initial = "gi"  # gì, giếng: one i is written for two
    return _SAME_INITIAL.get(initial, initial), _rhyme(initial, written)


RHYMES: Final = frozenset(_sounds(base)[1] for base in BASES) - _RARE_RHYMES
"""Rhymes of everyday words; after qu they have the spelling that they have after other initials."""


def parsed(word: str) -> Syllable | None:
    """Return the parts of a written syllable in lower case; None if the word is not one."""
    if not is_syllable(word):
        return None
    decomposed = unicodedata.normalize("NFD", word)
    mark = next((mark for mark in TONES[1:] if mark in decomposed), "")
    base = unicodedata.normalize("NFC", decomposed.replace(mark, "") if mark else decomposed)
    initial, rhyme = _sounds(base)
    final = final_of(rhyme)
    tone = TONE_NAMES[TONES.index(mark)]
    return Syllable(initial, rhyme, final, f"{tone} before a stop" if final in STOPS else tone)


def phrases(spoken: str) -> Iterator[list[Syllable | None]]:
    """Yield the words of each phrase of a spoken text; None for a word that is not a syllable."""
    for phrase in re.split(r"[^\w\s]+", unicodedata.normalize("NFC", spoken.lower())):
        if words := phrase.split():
            yield [parsed(word) for word in words]


Unit = tuple[str, str, str]
"""A thing to cover: its set, and one or two names in it."""


def _wanted() -> frozenset[Unit]:
    closed = {f"{tone} before a stop" for tone in ("sắc", "nặng")}
    return frozenset(
        [
            *(("initial", initial, "") for initial in INITIALS),
            *(("rhyme", rhyme, "") for rhyme in RHYMES),
            *(
                ("final with tone", final, tone)
                for final, tone in product(FINALS, TONE_CLASSES)
                if (tone in closed) == (final in STOPS)
            ),
            *(("initial with tone", *pair) for pair in product(INITIALS - {"p"}, TONE_NAMES)),
            *(("tone after tone", *pair) for pair in product(TONE_CLASSES, TONE_CLASSES)),
            *(("initial after final", *pair) for pair in product(FINALS, INITIALS)),
        ]
    )


WANTED: Final = _wanted()
"""All that the prompts have to cover.

These are every initial, rhyme, final with every tone that it can have, initial with every tone
(p, which is foreign, has no such set), tone after every tone, and initial after every final.
"""


def units(spoken: str) -> frozenset[Unit]:
    """Return the units of :data:`WANTED` that a spoken text has."""
    found: set[Unit] = set()
    for phrase in phrases(spoken):
        for syllable in filter(None, phrase):
            found.add(("initial", syllable.initial, ""))
            found.add(("rhyme", syllable.rhyme, ""))
            found.add(("final with tone", syllable.final, syllable.tone))
            found.add(("initial with tone", syllable.initial, syllable.tone.split()[0]))
        for left, right in pairwise(phrase):
            if left and right:
                found.add(("tone after tone", left.tone, right.tone))
                found.add(("initial after final", left.final, right.initial))
    return frozenset(found) & WANTED


def length(spoken: str) -> int:
    """Return the number of words in a spoken text, which are syllables in Vietnamese."""
    return sum(len(phrase) for phrase in phrases(spoken))


def read(path: Path = PROMPTS) -> dict[str, str]:
    """Return the sentences of a file by their ids, in its order.

    Each line is ``id|text``; empty lines and lines that begin with # are skipped.

    Raises:
        ValueError: a line has another form, or an id occurs twice.

    """
    prompts: dict[str, str] = {}
    names: set[str] = set()
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, bar, text = (part.strip() for part in line.partition("|"))
        if not (bar and text and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)):
            raise ValueError(
                f"{path}, line {number}: a line is id|text, "
                "and an id has up to 64 letters, digits, - and _"
            )
        if name.lower() in names:  # of files, whose names ignore case on some systems
            raise ValueError(f"{path}, line {number}: the id {name} occurs twice")
        names.add(name.lower())
        prompts[name] = unicodedata.normalize("NFC", text)
    if not prompts:
        raise ValueError(f"{path} has no sentences")
    return prompts


def ordered(spoken: Sequence[str]) -> list[int]:
    """Return indices of sentences such that each next one adds the most units that are missing.

    Longer sentences have more units, so additions count by the syllable; of equal ones the first
    in the list comes first. When nothing is missing that any sentence has, all counts as missing
    again, so that the rest covers the sounds a second time, and so on.
    """
    own = [units(text) for text in spoken]
    sizes = [length(text) + PAUSE for text in spoken]
    rest, covered, order = list(range(len(spoken))), set[Unit](), list[int]()
    while rest:
        if not any(own[index] - covered for index in rest):
            covered.clear()
        best = max(rest, key=lambda index: (len(own[index] - covered) / sizes[index], -index))
        rest.remove(best)
        order.append(best)
        covered |= own[best]
    return order


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how much of each set is covered, and the units that are missing."""
    parser = argparse.ArgumentParser(
        prog="python -m training.prompts.coverage", description=__doc__
    )
    parser.add_argument("file", nargs="?", type=Path, default=PROMPTS, help="lines of id|text")
    parser.add_argument("--first", type=int, help="look only at this many sentences")
    parser.add_argument(
        "--order", action="store_true", help="print the sentences, those that add most first"
    )
    options = parser.parse_args(arguments)
    normaliser = Normalizer()
    prompts = list(read(options.file).values())[: options.first]
    spoken = [normaliser(text).spoken for text in prompts]
    if options.order:
        for number, index in enumerate(ordered(spoken), 1):
            sys.stdout.write(f"{number:03}|{prompts[index]}\n")
        return 0
    covered = frozenset[Unit]().union(*map(units, spoken))
    sys.stdout.write(f"{len(spoken)} sentences, {sum(map(length, spoken))} syllables\n")
    for kind in sorted({unit[0] for unit in WANTED}):
        wanted = {unit for unit in WANTED if unit[0] == kind}
        missing = sorted(wanted - covered)
        sys.stdout.write(f"{kind}: {len(wanted) - len(missing)} of {len(wanted)}\n")
        for _, first, second in missing:
            sys.stdout.write(f"  missing: {first or '-'} {second}".rstrip() + "\n")
    return 0 if covered == WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
