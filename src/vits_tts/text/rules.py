"""Rules: the form that nearly every step of reading has.

A rule is a pattern and a reader. The reader is given a match and returns what is said in its
place, or ``None`` to leave it. The patterns are bounded (no ``*`` or ``+`` that could be tried
again and again from each position), so a rule's work grows with the length of the text alone.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.letters import CAPITALS

Step: TypeAlias = Callable[[Text], Text]
Reader: TypeAlias = Callable[[re.Match[str]], str | None]

_SHOUTED: Final = re.compile(rf"(?<!\w)[{CAPITALS}]{{2,8}}(?!\w)")

CONTEXT: Final = 48
"""How many characters before or after a match a reader may look at."""


class Rule:
    """A step that reads what its pattern finds.

    Words are kept apart: a reading that would touch a letter gets a space. ``glued`` rules, which
    mend characters inside words, do without.
    """

    def __init__(
        self, pattern: str, read: Reader | str, *, glued: bool = False, needs: str = ""
    ) -> None:
        """Compile the pattern (verbose, ^ and $ at lines); ``read`` may be a plain replacement.

        A text without any of the characters in ``needs`` is passed on at once: to look for a
        character costs next to nothing beside looking for the pattern.
        """
        self.pattern: Final = re.compile(pattern, re.VERBOSE | re.MULTILINE)
        self._read: Final[Reader] = read if callable(read) else lambda _: read
        self._glued: Final = glued
        self._needs: Final = tuple(needs)

    def __call__(self, text: Text) -> Text:
        """Return the text with every match read."""
        if self._needs and not any(sign in text.spoken for sign in self._needs):
            return text
        edits = list(self._edits(text.spoken))
        return text.rewritten(edits) if edits else text

    def _edits(self, spoken: str) -> Iterator[Edit]:
        for match in self.pattern.finditer(spoken):
            said = self._read(match)
            if said is not None and said != match[0]:
                yield edit(match, said, glued=self._glued)


class Where:
    """Steps that are taken only where the text has something for them to do.

    Most text has no digit and no markup; this spares it the rules that need one.
    """

    def __init__(self, pattern: str, *steps: Step) -> None:
        """Compile the pattern that has to be found somewhere in the text."""
        self._pattern = re.compile(pattern)
        self._steps = steps

    def __call__(self, text: Text) -> Text:
        """Return the text after the steps, or as it was."""
        if self._pattern.search(text.spoken):
            for step in self._steps:
                text = step(text)
        return text


def edit(match: re.Match[str], said: str, *, glued: bool = False) -> Edit:
    """Return the edit that says ``said`` for the match, with spaces where words would touch."""
    start, end = match.span()
    return start, end, said if glued else apart(match.string, start, end, said)


def apart(spoken: str, start: int, end: int, said: str) -> str:
    """Return ``said`` with a space on each side where it would touch another word."""
    if not said:
        return said
    before = " " if start and spoken[start - 1].isalnum() and said[0].isalnum() else ""
    after = " " if end < len(spoken) and spoken[end].isalnum() and said[-1].isalnum() else ""
    return f"{before}{said}{after}"


def before(match: re.Match[str]) -> str:
    """Return what stands before the match in its line, lower case, at most ``CONTEXT`` long."""
    start = match.start()
    return match.string[max(0, start - CONTEXT) : start].rpartition("\n")[2].lower()


def after(match: re.Match[str]) -> str:
    """Return what stands after the match in its line, lower case, at most ``CONTEXT`` long."""
    end = match.end()
    return match.string[end : end + CONTEXT].partition("\n")[0].lower()


def shouted(spoken: str, start: int, end: int) -> bool:
    """Whether a word beside the stretch stands in capitals as well, as in a headline."""
    around = f"{spoken[max(0, start - 12) : start]} {spoken[end : end + 12]}"
    return _SHOUTED.search(around) is not None
