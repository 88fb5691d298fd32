"""Rules: the form of nearly every step of normalisation.

A rule has a pattern and a reader. The reader is a function that takes a match and returns the
spoken words that replace it, or ``None`` to leave it unchanged. The docstring of a reader names
examples of the written forms that it reads.

Patterns have bounded repetitions instead of ``*`` and ``+``, which a regular expression may try
again from every position. So the time of a rule grows linearly with the length of the text.
"""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Final, TypeAlias

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.letters import CAPITALS, CUT
from vits_tts.text.normalizer.conditions import Conditions, Needs, conditions_of
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable
from vits_tts.text.traces import OTHER_DIGITS

Rewrite: TypeAlias = Callable[[Text], Text]
"""A function from text to text, such as a :class:`Rule`."""
Step: TypeAlias = "Rewrite | Where"
"""A step of a chain, or a group of steps."""
Reader: TypeAlias = Callable[[re.Match[str]], str | None]

FLAGS: Final = re.VERBOSE | re.MULTILINE
"""Flags of the pattern of each rule."""
_WORD: Final = lazily(r"\w+")
_SHOUTED: Final = lazily(rf"(?<!\w)[{CAPITALS}]{{2,8}}(?!\w)")

_CUT_BEFORE: Final = f"{CUT} "
_CUT_AFTER: Final = f" {CUT}"

CONTEXT: Final = 48
"""Maximum number of characters before or after a match that a reader looks at."""


class Rule:
    """A step that replaces each match of a pattern by its reading.

    If a reading would touch a letter or digit, a space is inserted. ``glued`` rules insert none,
    because they correct characters inside words.
    """

    def __init__(
        self, pattern: str, read: Reader | str, *, glued: bool = False, needs: str = ""
    ) -> None:
        """Keep the pattern, in which ``^`` and ``$`` match at lines and white space is ignored.

        Args:
            pattern: The regular expression, in verbose syntax.
            read: The reader, or a fixed replacement.
            glued: Whether no space is inserted around readings.
            needs: Characters of which a text must have at least one. Without any, the pattern is
                not tried, which is much faster.

        """
        self.pattern: Final = lazily(pattern, FLAGS)
        self._read: Final[Reader] = read if callable(read) else lambda _: read
        self._glued: Final = glued
        self._needs: Final = needs

    def __call__(self, text: Text) -> Text:
        """Return the text with all matches replaced by their readings."""
        spoken = text.spoken
        if self._needs and not any(map(spoken.__contains__, self._needs)):
            return text
        signature = text.signature
        if signature is None or signature.met & OTHER_DIGITS:
            matches: Iterable[re.Match[str]] = self.pattern.finditer(spoken)
        else:
            matches = self._conditions.matches(self.pattern, spoken)
            if not matches:
                return text
        edits: list[Edit] = []
        for match in matches:
            said = self._read(match)
            if said is not None and said != match[0]:
                edits.append(edit(match, said, glued=self._glued))
        return text.rewritten(edits) if edits else text

    @property
    def needs(self) -> Needs:
        """Sets of traces, of each of which a text needs at least one. Else it stays unchanged."""
        return self._conditions.with_need(self._needs).needs

    @cached_property
    def _conditions(self) -> Conditions:
        return conditions_of(self.pattern.pattern)


class Where:
    """A group of steps that a chain runs only on texts in which a pattern is found.

    Most texts have no digits and no markup, so the rules for these are skipped.
    """

    def __init__(self, pattern: str, *steps: Step) -> None:
        """Keep the steps, and the pattern that selects the texts, in verbose syntax."""
        self.pattern: Final = lazily(pattern, FLAGS)
        self.steps: Final = steps

    @property
    def needs(self) -> Needs:
        """Sets of traces, of each of which a text needs at least one for the pattern."""
        return conditions_of(self.pattern.pattern).needs

    def wants(self, text: Text) -> bool:
        """Return whether the steps run on a text."""
        return self.pattern.search(text.spoken) is not None


def edit(match: re.Match[str], said: str, *, glued: bool = False) -> Edit:
    """Return the edit that replaces the match by ``said``, with a space where words would touch."""
    start, end = match.span()
    return start, end, said if glued else apart(match.string, start, end, said)


def apart(spoken: str, start: int, end: int, said: str) -> str:
    """Return ``said`` with a space at each side where it would touch another word."""
    if not said:
        return said
    before = " " if start and spoken[start - 1].isalnum() and said[0].isalnum() else ""
    after = " " if end < len(spoken) and spoken[end].isalnum() and said[-1].isalnum() else ""
    return f"{before}{said}{after}"


def before(match: re.Match[str]) -> str:
    """Return the lower-case text before the match in its line, at most ``CONTEXT`` characters."""
    start = match.start()
    front = match.string[max(0, start - CONTEXT) : start].rpartition("\n")[2].lower()
    return front.replace(_CUT_BEFORE, "")  # a pause of markup is not a word


def after(match: re.Match[str]) -> str:
    """Return the lower-case text after the match in its line, at most ``CONTEXT`` characters."""
    end = match.end()
    back = match.string[end : end + CONTEXT].partition("\n")[0].lower()
    return back.replace(_CUT_AFTER, "")


def shouted(spoken: str, start: int, end: int, *, beside: bool = False) -> bool:
    """Return whether a word near the range is in capitals as well, as in a headline.

    With ``beside`` only the next word on each side counts.
    """
    front, back = spoken[max(0, start - 12) : start], spoken[end : end + 12]
    if beside:
        front = "".join(_WORD.findall(front)[-1:])
        back = "".join(_WORD.findall(back)[:1])
    own = spoken[start:end]
    words = _SHOUTED.findall(f"{front} {back}")
    return any(word != own and is_syllable(word.lower()) for word in words)
