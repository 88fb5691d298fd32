"""Rules of pronunciation, and their effect on the plan of a request.

A rule replaces a text by an alias, which is then read as if it had been written, or gives its
phonemes. Rules act before anything else is read, so that they only change the plan.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

from vits_tts.markup.plan import Phonemes, Plan, Segment
from vits_tts.text import unspoken

MAX_STRING_CHARS: Final = 100
MAX_ALIAS_CHARS: Final = 200
_INSIDE: Final = r"[^\s\[\]()<>]"
_ADDRESS: Final = re.compile(rf"(?<!{_INSIDE}){_INSIDE}*?(?:://|@|\bwww\.)\S*")
"""Web addresses and e-mail, in which no rule applies. Each is looked for from its beginning only:
else a long word without one would take time in proportion to the square of its length."""

Knows: TypeAlias = Callable[[Segment, Phonemes], bool]
"""Returns whether the voice of a segment can say phonemes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The pronunciation of ``string``: an ``alias``, or ``phonemes`` in an ``alphabet``."""

    string: str
    alias: str | None = None
    phonemes: str | None = None
    alphabet: Literal["ipa", "x-voice"] = "ipa"
    case_sensitive: bool = True
    word_boundaries: bool = True

    def __post_init__(self) -> None:
        """Compose letters and marks (NFC), as texts are composed before they are compared."""
        object.__setattr__(self, "string", unicodedata.normalize("NFC", self.string))

    @property
    def given(self) -> Phonemes | None:
        """The phonemes, as a segment of a plan has them."""
        return None if self.phonemes is None else Phonemes(self.phonemes, self.alphabet)

    @property
    def written(self) -> str:
        """The string with which texts are compared: in lower case, unless case matters."""
        return self.string if self.case_sensitive else self.string.lower()

    def to_json(self) -> dict[str, Any]:
        """Return the rule as a JSON object, without the fields that have their default."""
        usual = asdict(Rule(self.string))
        return {name: value for name, value in asdict(self).items() if value != usual[name]} | {
            "string": self.string
        }


@dataclass(frozen=True)
class Rules:
    """The rules of one version. Two objects with the same version are equal."""

    version: str
    rules: tuple[Rule, ...] = field(compare=False)

    @cached_property
    def _index(self) -> Mapping[str, tuple[int, ...]]:
        """Lengths of the strings by their first characters, the longest first."""
        lengths: dict[str, set[int]] = {}
        for rule in self.rules:
            lengths.setdefault(rule.string[:1].lower(), set()).add(len(rule.string))
        return {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}

    @cached_property
    def _exact(self) -> Mapping[str, Rule]:
        return {rule.string: rule for rule in self.rules if rule.case_sensitive}

    @cached_property
    def _any_case(self) -> Mapping[str, Rule]:
        return {rule.written: rule for rule in self.rules if not rule.case_sensitive}

    def at(self, text: str, start: int) -> Rule | None:
        """Return the rule of the longest string that begins at ``start``."""
        for length in self._index.get(text[start].lower(), ()):
            written = text[start : start + length]
            rule = self._exact.get(written) or self._any_case.get(written.lower())
            if rule and len(written) == length and _stands(text, start, start + length, rule):
                return rule
        return None


def applied(
    plan: Plan | None, text: str, dictionaries: tuple[Rules, ...], known: Knows
) -> Plan | None:
    """Return the plan of a text with the pronunciations that the rules give.

    If several dictionaries have a rule for a string, the first of them applies. Rules with phonemes
    that the voice does not know have no effect. Returns ``plan`` itself if no rule applies.
    """
    before = plan or Plan(text, text, (Segment(text, 0, len(text)),))
    segments: list[Segment] = []
    for segment in before.segments:
        fixed = segment.say_as or segment.phonemes or not segment.text
        segments += (segment,) if fixed else _split(segment, dictionaries, known)
    changed = tuple(segments)
    return plan if changed == before.segments else replace(before, segments=changed)


def _split(segment: Segment, dictionaries: tuple[Rules, ...], known: Knows) -> Iterator[Segment]:
    """Yield the parts of a segment, with those that a rule changes."""
    text, done = segment.text, 0
    copied = len(text) == segment.end - segment.start
    written, places = _composed(text)
    skipped = {found.start(): found.end() for found in _ADDRESS.finditer(written)}
    skipped |= unspoken.spans(written)
    place = 0
    while place < len(written):
        if place in skipped:
            place = skipped[place]
            continue
        rule = next(filter(None, (rules.at(written, place) for rules in dictionaries)), None)
        phonemes = rule.given if rule else None
        if rule is None or (phonemes and not known(segment, phonemes)):
            place += 1
            continue
        end = place + len(rule.string)
        if done < places[place]:
            yield _part(segment, done, places[place], copied)
        made = _part(segment, places[place], places[end], copied)
        if phonemes:
            yield replace(made, phonemes=phonemes)
        else:
            yield replace(made, text=rule.alias or "")
        place, done = end, places[end]
    if done < len(text):
        yield _part(segment, done, len(text), copied) if done else segment


def _composed(text: str) -> tuple[str, Sequence[int]]:
    """Return a text in NFC, and the place in ``text`` of each of its characters and of its end."""
    if unicodedata.is_normalized("NFC", text):
        return text, range(len(text) + 1)
    pieces: list[str] = []
    places: list[int] = []
    start = 0
    for end in range(1, len(text) + 1):
        if end < len(text) and unicodedata.combining(text[end]):
            continue
        pieces.append(unicodedata.normalize("NFC", text[start:end]))
        places += (min(start + nth, end) for nth in range(len(pieces[-1])))
        start = end
    return "".join(pieces), (*places, len(text))


def _part(segment: Segment, start: int, end: int, copied: bool) -> Segment:
    """Return a part of a segment.

    Its place is that of the part if the text was ``copied``, else that of the whole segment.
    """
    text = segment.text[start:end]
    if not copied:
        return replace(segment, text=text)
    return replace(segment, text=text, start=segment.start + start, end=segment.start + end)


def _stands(text: str, start: int, end: int, rule: Rule) -> bool:
    """Return whether a rule applies to the string between two places of a text."""
    if not rule.word_boundaries:
        return True
    before, after = text[start - 1 : start], text[end : end + 1]
    inside = text[start:end]
    return not (before.isalnum() and inside[:1].isalnum()) and not (
        after.isalnum() and inside[-1:].isalnum()
    )
