"""Necessary conditions of the patterns of rules, which are quicker to check than the patterns.

Some hundred rules run for each sentence, and most of them find nothing. ``data/conditions.json``
tells for the pattern of each rule which traces a text with a match has, and where a match can
start. ``training/reading/conditions.py`` derives both from the patterns. A pattern that
is not in the file, such as one of a user's lexicon, has no conditions.
"""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from importlib import resources
from typing import Any, NamedTuple, TypeAlias

from vits_tts.text.patterns import lazily
from vits_tts.text.traces import traces

Needs: TypeAlias = tuple[frozenset[str], ...]
"""Sets of traces: a text needs at least one of each."""


class Conditions(NamedTuple):
    """The conditions of one pattern."""

    needs: Needs
    """The needs of a text with a match."""
    starts: re.Pattern[str] | None
    """Finds a character wherever a match can start; None if these places are not known, or many.

    It does not find digits other than 0 to 9, for which Python searches half as fast.
    """
    behind: bool
    """True if the match starts after such a character, instead of with it."""

    def with_need(self, characters: str) -> "Conditions":
        """Return these conditions and that a text has at least one of the characters, if any."""
        if not characters:
            return self
        need = frozenset.union(*map(frozenset, map(traces, characters)))
        others = (other for other in self.needs if not need <= other)
        return self._replace(needs=(need, *others))

    def matches(self, pattern: re.Pattern[str], spoken: str) -> Iterable[re.Match[str]]:
        """Return the matches of the pattern in a text without other digits than 0 to 9.

        They are those of its method ``finditer``, which tries a pattern at each place of a text. To
        search for a character is much faster.
        """
        if self.starts is None:
            return pattern.finditer(spoken)
        matches, behind, done = [], self.behind, 0
        for start in self.starts.finditer(spoken):
            place = start.end() if behind else start.start()
            if place >= done and (found := pattern.match(spoken, place)):
                matches.append(found)
                done = found.end()
        return matches


def conditions_of(pattern: str) -> Conditions:
    """Return the conditions of a rule's pattern."""
    starts, behind, *needs = _table().get(key(pattern), ("", False))
    return Conditions(
        tuple(frozenset([*singles, *_pairs(pairs)]) for singles, pairs in needs),
        lazily(starts) if starts else None,
        behind,
    )


def key(pattern: str) -> str:
    """Return the name of a pattern in the file."""
    return blake2b(pattern.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@lru_cache(maxsize=1)
def _table() -> dict[str, list[Any]]:
    """Return the conditions by the keys of patterns.

    A list has the pattern for ``starts``, ``behind``, and for each set of needs its single
    characters and its pairs.
    """
    text = resources.files("vits_tts.text").joinpath("data/conditions.json").read_text("utf-8")
    return dict(json.loads(text))


def _pairs(letters: str) -> list[str]:
    return [letters[at : at + 2] for at in range(0, len(letters), 2)]
