"""Measure how much the reader varies, by sentences with the same words in two clips."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training import measures
from training.frontend import SILENCES

SHORTEST = 6
"""Syllables in a row that count as a repeat."""
_NUMBER = 9  # column of the tokens: number of the syllable in its utterance

Syllable = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Reading:
    """A clip's features, its syllables as ``(phone, marks, tone)`` of each token, and places."""

    features: dict[str, Any]
    syllables: list[Syllable]
    tokens: list[list[int]]

    def part(self, first: int, count: int) -> dict[str, Any]:
        """Return some syllables in the form of :func:`measures.find`, without pauses."""
        tokens = [token for syllable in self.tokens[first : first + count] for token in syllable]
        durations = self.features["durations"].astype(int)
        starts = np.cumsum(durations) - durations
        frames = [starts[token] + np.arange(durations[token]) for token in tokens]
        where = np.concatenate(frames)
        return {
            "ints": self.features["ints"][tokens],
            "durations": durations[tokens],
            "hertz": self.features["hertz"][where],
            "voiced": self.features["voiced"][where],
        }


def reading(features: dict[str, Any]) -> Reading:
    """Split a clip into its syllables."""
    ints = features["ints"]
    found: dict[int, list[int]] = defaultdict(list)
    for token, row in enumerate(ints):
        if row[0] not in SILENCES:
            found[int(row[_NUMBER])].append(token)
    tokens = [found[number] for number in sorted(found)]
    syllables = [tuple(tuple(map(int, ints[token, :3])) for token in mine) for mine in tokens]
    return Reading(features, syllables, tokens)


def repeats(readings: list[Reading]) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield pairs of readings with the starts and the length of their longest common run."""
    seen: dict[tuple[Syllable, ...], set[int]] = defaultdict(set)
    for number, one in enumerate(readings):
        for first in range(len(one.syllables) - SHORTEST + 1):
            seen[tuple(one.syllables[first : first + SHORTEST])].add(number)
    pairs = {pair for mine in seen.values() for pair in combinations(sorted(mine), 2)}
    for a, b in sorted(pairs):
        matcher = SequenceMatcher(None, readings[a].syllables, readings[b].syllables, False)
        match = matcher.find_longest_match()
        yield a, b, match.a, match.b, match.size


def differences(work: Path) -> list[dict[str, float]]:
    """Return for each repeat the sums of :func:`measures.compare_pitch`.

    ``apart`` is how many clips lie between the two, ``syllables`` the length of the repeat, and
    ``held_out`` is true if just one of the two is held out.
    """
    clips = torch.load(work / "features.pt", weights_only=False)
    readings = [reading(clip) for clip in clips]
    rows = []
    for a, b, first_a, first_b, count in repeats(readings):
        parts = readings[a].part(first_a, count), readings[b].part(first_b, count)
        row = measures.compare_pitch(*parts)
        held_out = float(clips[a]["held_out"] != clips[b]["held_out"])
        rows.append(row | {"apart": b - a, "syllables": count, "held_out": held_out})
    return [row for row in rows if row["both"]]
