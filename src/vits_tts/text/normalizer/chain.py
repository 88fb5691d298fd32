"""The chain of steps, of which only those run that may change a text.

Most of its hundreds of rules cannot match a given text, and to call each of them would take longer
than the reading itself. So a prefilter has an index of what all rules need. Looking up a text once
gives the steps whose needs are met, as the bits of a number. A step that changes the text may add
bits, for the steps after it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, reduce
from operator import or_
from typing import Final, NamedTuple

from vits_tts.text.aligned import Text
from vits_tts.text.normalizer.conditions import Needs
from vits_tts.text.normalizer.rules import Rewrite, Rule, Step, Where
from vits_tts.text.traces import OTHER_DIGITS, Signature, has_other_digits, traces

_WORDS: Final = 8192
"""Number of words whose needs are remembered, with about half a kilobyte each."""
_LONGEST: Final = 40
"""Maximum length of such a word, so that they take little memory."""


class Prefilter:
    """Tells which steps may change a text, from the traces that it has.

    Every need of every step has a bit in the signature of a text. That of need ``n`` of step ``s``
    is ``n * steps + s``, counted from the bit after :data:`OTHER_DIGITS`. So the steps whose needs
    ``n`` are met stand side by side, for all steps at once.
    """

    def __init__(self, needs: Sequence[Needs]) -> None:
        """Build the index from the needs of each step."""
        self._steps = len(needs)
        self._most = max(map(len, needs), default=0)
        self._missing = 0  # bits of needs that steps do not have: each text meets them
        index: dict[str, int] = {}
        for step, sets in enumerate(needs):
            for n in range(self._most):
                bit = 1 << (OTHER_DIGITS.bit_length() + n * self._steps + step)
                if n >= len(sets):
                    self._missing |= bit
                    continue
                for trace in sets[n]:
                    index[trace] = index.get(trace, 0) | bit
        same: dict[int, int] = {}  # many traces meet the same needs, and share one number
        self._index = {trace: same.setdefault(bits, bits) for trace, bits in index.items()}
        self._remembered = lru_cache(maxsize=_WORDS)(self._met_by)

    def signature(self, spoken: str) -> Signature:
        """Return the signature of a text."""
        return Signature(self._of_word, spoken)

    def candidates(self, met: int) -> int:
        """Return the steps whose needs are all met, as bits."""
        met = (met | self._missing) >> OTHER_DIGITS.bit_length()
        steps = (1 << self._steps) - 1
        for _ in range(self._most):
            steps &= met
            met >>= self._steps
        return steps

    def _of_word(self, word: str) -> int:
        return self._remembered(word) if len(word) <= _LONGEST else self._met_by(word)

    def _met_by(self, word: str) -> int:
        """Return the bits of the needs that a word between two spaces meets."""
        needs = (self._index.get(trace, 0) for trace in traces(f" {word} "))
        return reduce(or_, needs, OTHER_DIGITS if has_other_digits(word) else 0)


class _Guard(NamedTuple):
    """The place before a group of steps, which are skipped if the group does not want the text."""

    group: Where
    steps: int
    """The steps of the group, as bits."""
    end: int
    """The number of the first step behind the group."""


class Chain:
    """All steps of reading in their order. Groups are dissolved into their steps."""

    def __init__(self, before: Iterable[Step], after: Iterable[Step]) -> None:
        """Join the steps before the lexicons of users, and those after them."""
        self._steps: list[Rewrite | _Guard] = []
        needs: list[Needs] = []
        self._add(before, (), needs)
        self._middle: Final = len(self._steps)
        self._add(after, (), needs)
        self._prefilter: Final = Prefilter(needs)

    def __call__(
        self, text: Text, lexicons: Iterable[Rewrite], check: Callable[[], None] | None = None
    ) -> Text:
        """Return the text after all steps. ``check`` is called before each and may raise."""
        text = replace(text, signature=self._prefilter.signature(text.spoken))
        text = self._run(text, 0, self._middle, check)
        for lexicon in lexicons:
            if check:
                check()
            text = lexicon(text)
        text = self._run(text, self._middle, len(self._steps), check)
        return replace(text, signature=None)

    def _run(self, text: Text, number: int, end: int, check: Callable[[], None] | None) -> Text:
        """Return the text after the steps from ``number`` to ``end``."""
        signature = text.signature
        assert signature is not None  # noqa: S101
        met, part = signature.met, (1 << end) - 1
        candidates = self._prefilter.candidates(met) & part
        while left := candidates >> number:
            number += (left & -left).bit_length()  # the number of the step after the next candidate
            step = self._steps[number - 1]
            if isinstance(step, _Guard):
                if not candidates & step.steps or not step.group.wants(text):
                    number = step.end
                continue
            if check:
                check()
            text = step(text)
            if signature.met != met:
                met = signature.met
                candidates = self._prefilter.candidates(met) & part
        return text

    def _add(self, steps: Iterable[Step], outer: Needs, needs: list[Needs]) -> None:
        """Add steps, and to ``needs`` those of each. All steps have the needs ``outer`` as well."""
        for step in steps:
            own = _joined(step.needs, outer) if isinstance(step, Rule | Where) else outer
            needs.append(own)
            if not isinstance(step, Where):
                self._steps.append(step)
                continue
            guard = len(self._steps)
            self._steps.append(_Guard(step, 0, 0))
            self._add(step.steps, own, needs)
            end = len(self._steps)
            self._steps[guard] = _Guard(step, (1 << end) - (1 << guard + 1), end)


def _joined(needs: Needs, outer: Needs) -> Needs:
    """Return both, without the outer needs that follow from one of the others."""
    return (*needs, *(other for other in outer if not any(need <= other for need in needs)))
