r"""Write src/vits_tts/text/data/conditions.json: necessary conditions of the patterns of rules.

The conditions are derived from the tree of each regular expression. A match of ``\d\ ?(?:kg|km)``
needs a digit, one of the pairs ``kg`` and ``km``, and starts with a digit. scripts/format runs it:
python -m training.reading.conditions
"""

import gc
import importlib
import json
import re
import sys
from collections.abc import Iterable
from functools import cache
from itertools import chain, product, takewhile
from math import fsum, prod
from pathlib import Path
from typing import Any, Final, NamedTuple

from vits_tts.text.normalizer.conditions import key
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.normalizer.rules import FLAGS, Rule, Where

TARGET: Final = Path(__file__).parents[2] / "src/vits_tts/text/data/conditions.json"
_OP: Final[Any] = importlib.import_module("re._constants")
_PARSER: Final[Any] = importlib.import_module("re._parser")

_SPACES: Final = frozenset(filter(str.isspace, map(chr, range(sys.maxunicode))))
_BASIC: Final = "".join(chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000)
"""The characters of the basic plane, in which all letters with unusual pairs of cases are."""
_SIGMAS: Final = frozenset("Σσς")
"""Letters whose lower-case form depends on the next letter."""
_LARGEST: Final = 160
"""Maximum size of a set of traces."""
_MOST: Final = 4
"""Maximum number of sets for a pattern."""
_FREQUENT: Final = 60.0
"""Sets with a larger sum of frequencies tell too little."""
_REACH: Final = 4
"""Number of characters at the start of a match that are searched for."""
_FEW: Final = 45.0
"""Maximum number of places in a thousand characters at which a match is tried."""
_ALL: Final = 1000.0
_OF_WORDS: Final = 0.25
"""Share of the letters that begin words."""
Set = frozenset[str] | None
"""Characters of which one must stand at a place; None if it may be any one."""


class Facts(NamedTuple):
    """Necessary conditions of a part of a regular expression."""

    needs: tuple[frozenset[str], ...] = ()
    """Sets of traces, of each of which a text needs at least one."""
    first: Set = frozenset()
    """The characters with which it may start, if it is not empty."""
    last: Set = frozenset()
    """The characters with which it may end, if it is not empty."""
    empty: bool = True
    """True if it may match nothing."""
    before: Set = None
    """The characters of which one must stand directly before it."""
    fast: bool = False
    """True if Python itself searches for the first character."""


_UNKNOWN: Final = Facts(first=None, last=None)


def frequency(trace: str) -> float:
    """Return about how often a trace occurs in a thousand characters of text."""
    if len(trace) == 1:
        for letters, often in (
            (" ", 200.0), ("0", 40.0), ("nh", 70.0), ("ticg", 50.0), ("aoum", 30.0),
            ("lđrsvbkpdqyxàáôạ.,", 15.0),
        ):  # fmt: skip
            if trace in letters:
                return often
        return 6.0 if trace.islower() else 2.0
    if trace != trace.lower():
        return 0.3
    if "0" in trace:
        return 4.0 if " " in trace else 2.0
    frequent = sum(letter in "aeioungthcm " for letter in trace)
    return (0.5, 1.0, 4.0)[frequent]


def _sum(traces: Iterable[str]) -> float:
    return fsum(map(frequency, traces))


def _union(first: Set, second: Set) -> Set:
    return None if first is None or second is None else first | second


@cache
def _equal(letter: str) -> frozenset[str]:
    """Return the characters that a pattern for a letter matches if case is ignored.

    Some are neither its capital nor its small letter: ``ſ`` for s, the Kelvin sign for k.
    """
    pattern = re.compile(re.escape(letter), re.IGNORECASE)
    usual = filter(pattern.fullmatch, (letter, letter.lower(), letter.upper()))
    return frozenset([*usual, *pattern.findall(_BASIC)])


def _variants(code: int, flags: int) -> frozenset[str]:
    letter = chr(code)
    return _equal(letter) if flags & re.IGNORECASE else frozenset([letter])


def _characters(op: Any, given: Any, flags: int) -> Set:
    """Return the characters that a node for one character matches; a digit is ``0``."""
    if op is _OP.LITERAL:
        return _plain(_variants(given, flags))
    if op is not _OP.IN:
        return None
    found: set[str] = set()
    for kind, value in given:
        if kind is _OP.LITERAL:
            found |= _variants(value, flags)
        elif kind is _OP.RANGE and value[1] - value[0] <= _LARGEST:
            for code in range(value[0], value[1] + 1):
                found |= _variants(code, flags)
        elif kind is _OP.CATEGORY and value is _OP.CATEGORY_DIGIT:
            found.add("0")
        elif kind is _OP.CATEGORY and value is _OP.CATEGORY_SPACE:
            found |= _SPACES
        else:
            return None
    return _plain(found)


def _plain(letters: set[str] | frozenset[str]) -> Set:
    if any("\ud800" <= letter <= "\udfff" for letter in letters):
        return None  # no file can have them
    return frozenset("0" if letter.isdecimal() else letter for letter in letters)


def _adjacent(first: Set, second: Set) -> tuple[frozenset[str], ...]:
    """Return the need of one of the pairs of two characters that follow each other."""
    if not first or not second or not _SIGMAS.isdisjoint(first | second):
        return ()
    written = {a + b for a, b in product(first, second)}
    pairs = {pair for pair in written if (small := _small(pair)) == pair or small not in written}
    return (frozenset(pairs),) if len(pairs) <= _LARGEST else ()


def _small(pair: str) -> str:
    """Return a pair in lower case, which is a trace of each text that has the pair."""
    return pair[0].lower()[0] + pair[1].lower()[0]


def _of_node(op: Any, given: Any, flags: int) -> Facts:  # noqa: PLR0911  # one for each kind
    if op in {_OP.LITERAL, _OP.IN}:
        letters = _characters(op, given, flags)
        fast = not flags & re.IGNORECASE
        return Facts((letters,) if letters else (), letters, letters, empty=False, fast=fast)
    if op in {_OP.NOT_LITERAL, _OP.ANY}:
        return Facts((), None, None, empty=False)
    if op is _OP.SUBPATTERN:
        _, added, removed, tree = given
        return _of_sequence(tree, (flags | added) & ~removed)
    if op is _OP.ATOMIC_GROUP:
        return _of_sequence(given, flags)
    if op in {_OP.MAX_REPEAT, _OP.MIN_REPEAT, _OP.POSSESSIVE_REPEAT}:
        least, _, tree = given
        found = _of_sequence(tree, flags)
        if least:
            return found._replace(before=None, fast=False)
        return Facts((), found.first, found.last, empty=True)
    if op is _OP.BRANCH:
        return _of_branches([_of_sequence(tree, flags) for tree in given[1]])
    return _UNKNOWN


def _of_branches(branches: list[Facts]) -> Facts:
    first: Set = frozenset()
    last: Set = frozenset()
    before: Set = frozenset()
    for one in branches:
        first, last = _union(first, one.first), _union(last, one.last)
        before = _union(before, one.before)
    needs: tuple[frozenset[str], ...] = ()
    if all(one.needs for one in branches):
        best = frozenset(chain.from_iterable(min(one.needs, key=_sum) for one in branches))
        needs = (best,) if len(best) <= _LARGEST else ()
    return Facts(
        needs,
        first,
        last,
        any(one.empty for one in branches),
        before,
        all(one.fast for one in branches),
    )


def _of_sequence(tree: Any, flags: int) -> Facts:  # noqa: C901, PLR0912
    needs: list[frozenset[str]] = []
    first: Set = frozenset()
    last: Set = None  # the character directly before the next node
    end: Set = frozenset()  # the last character of what the sequence itself has matched
    before: Set = None
    empty, started, fast = True, False, False
    for op, given in tree:
        if op in {_OP.AT, _OP.ASSERT_NOT}:
            started = True
            continue
        if op is _OP.ASSERT:
            started = True
            direction, inner = given
            found = _of_sequence(inner, flags)
            needs += found.needs
            if direction > 0:
                if not found.empty:
                    needs += _adjacent(last, found.first)
            elif not found.empty and found.last:
                if last is None:
                    last = found.last
                if empty and end == frozenset() and (before is None or found.last < before):
                    before = found.last
            continue
        found = _of_node(op, given, flags)
        needs += found.needs
        if empty:
            first = _union(first, found.first)
            if end == frozenset() and before is None:
                before = found.before
            fast = not started and found.fast
        started = True
        if found.empty and found.first == frozenset():  # it looks around only
            last = found.before if last is None else last
            continue
        if found.empty:
            if last is not None:
                last = _union(last, found.last)
            end = _union(end, found.last)
            continue
        needs += _adjacent(last, found.first)
        last = end = found.last
        empty = False
    return Facts(tuple(needs), first, end, empty, before, fast)


class _Heads:
    """The characters at the first places of the matches of a regular expression."""

    def __init__(self, tree: Any, flags: int) -> None:
        self._sets: list[Set] = [frozenset()] * _REACH
        ends = self._sequence(tree, flags, {0})
        self.known = min(ends)
        """The number of places that every match has, at most :data:`_REACH`."""

    def sets(self) -> list[frozenset[str]]:
        """Return the sets of the first places, up to the first one that may be anything."""
        return [
            one
            for one in takewhile(lambda one: one is not None, self._sets[: self.known])
            if one is not None
        ]

    def _sequence(self, tree: Any, flags: int, places: set[int]) -> set[int]:
        for op, given in tree:
            places = self._node(op, given, flags, places)
        return places

    def _node(  # noqa: C901, PLR0911  # one for each kind
        self, op: Any, given: Any, flags: int, places: set[int]
    ) -> set[int]:
        """Note the characters of a node at several places, and return where it may end."""
        if op in {_OP.AT, _OP.ASSERT, _OP.ASSERT_NOT}:
            return places
        if op in {_OP.LITERAL, _OP.IN, _OP.NOT_LITERAL, _OP.ANY}:
            found = _characters(op, given, flags)
            for place in places - {_REACH}:
                self._sets[place] = _union(self._sets[place], found)
            return {min(place + 1, _REACH) for place in places}
        if op is _OP.SUBPATTERN:
            _, added, removed, tree = given
            return self._sequence(tree, (flags | added) & ~removed, places)
        if op is _OP.ATOMIC_GROUP:
            return self._sequence(given, flags, places)
        if op is _OP.BRANCH:
            return set().union(*(self._sequence(tree, flags, places) for tree in given[1]))
        if op in {_OP.MAX_REPEAT, _OP.MIN_REPEAT, _OP.POSSESSIVE_REPEAT}:
            least, most, tree = given
            ends = set() if least else set(places)
            for times in range(1, min(most, least + _REACH) + 1):
                places = self._sequence(tree, flags, places)
                if times >= least:
                    ends |= places
            return ends
        for place in range(min(places), _REACH):
            self._sets[place] = None
        return {min(places)}


def _class(letters: frozenset[str]) -> str:
    """Return a set of characters as a regular expression."""
    named = r"\s" if letters >= _SPACES else ""
    named += "0-9" if "0" in letters else ""
    others = letters - {"0"} - (_SPACES if letters >= _SPACES else frozenset())
    return f"[{named}{''.join(map(re.escape, sorted(others)))}]"


def _starts(tree: Any, found: Facts) -> tuple[str, bool]:
    """Return a regular expression that finds where matches can start, and if it ends there.

    It is empty if it would find too many places.
    """
    sets = _Heads(tree, tree.state.flags).sets()
    while sets and _sum(sets[-1]) >= _ALL:
        sets.pop()
    ahead = [min(1.0, _sum(one) / _ALL) for one in sets]
    ways: list[tuple[float, str, bool]] = []
    if sets:
        outside = _not_behind(tree, _class(sets[0]))
        places = _ALL * prod(ahead) * (_OF_WORDS if outside else 1)
        head = _ahead(sets[1:])
        ways.append((places, f"{_class(sets[0])}{outside}{head}", False))
    if found.before:
        places = _sum(found.before) * prod(ahead)
        ways.append((places, f"{_class(found.before)}{_ahead(sets)}", True))
    places, pattern, behind = min(ways, default=(_ALL, "", False))
    return (pattern, behind) if places < _FEW else ("", False)


def _ahead(sets: list[frozenset[str]]) -> str:
    return f"(?={''.join(map(_class, sets))})" if sets else ""


def _not_behind(tree: Any, first: str) -> str:
    """Return the condition that the character before a match must not be one of some."""
    for op, given in tree:
        if op is not _OP.ASSERT_NOT or given[0] > 0:
            return ""
        (kind, value), *others = given[1]
        if others or kind is not _OP.IN or value[0][0] is _OP.NEGATE:
            continue
        parts = {_OP.CATEGORY_WORD: r"\w", _OP.CATEGORY_DIGIT: r"\d"}
        known = [one for one in value if one[0] is _OP.CATEGORY and one[1] in parts]
        if known:
            return f"(?<![{''.join(parts[one[1]] for one in known)}]{first})"
    return ""


def conditions(pattern: str) -> list[Any]:
    """Return the conditions of a pattern in the form of the file."""
    tree = _PARSER.parse(pattern, FLAGS)
    found = _of_sequence(tree, tree.state.flags)
    needs: list[frozenset[str]] = []
    for need in sorted(set(found.needs), key=lambda one: (_sum(one), sorted(one))):
        if _sum(need) < _FREQUENT and not any(other <= need for other in needs):
            needs.append(need)
    starts, behind = ("", False) if found.empty or found.fast else _starts(tree, found)
    return [starts, behind, *map(_listed, needs[:_MOST])]


def _listed(need: frozenset[str]) -> list[str]:
    return ["".join(sorted(one for one in need if len(one) == size)) for size in (1, 2)]


def patterns() -> list[str]:
    """Return the patterns of all rules and groups of rules of the package, sorted."""
    readers = [Normalizer(region) for region in ("north", "central", "south")]
    found = {thing.pattern.pattern for thing in gc.get_objects() if isinstance(thing, Rule | Where)}
    del readers
    return sorted(found)


def table() -> str:
    """Return the content of the file."""
    found = {key(pattern): conditions(pattern) for pattern in patterns()}
    lines = (
        f"{json.dumps(name)}: {json.dumps(found[name], ensure_ascii=False)}"
        for name in sorted(found)
        if found[name] != ["", False]
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(table(), encoding="utf-8")
