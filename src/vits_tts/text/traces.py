"""Traces of a text: its characters and pairs of adjacent characters, as written and in lower case.

They tell quickly that a text has no match of a regular expression: a hundred rules for numbers need
a certain letter beside a digit, and most sentences have none of these pairs.
"""

from collections.abc import Callable
from functools import reduce
from operator import add, or_
from typing import Final

from vits_tts.text.patterns import lazily

OTHER_DIGITS: Final = 1
"""The bit of a signature whose text has decimal digits other than 0 to 9."""
_DIGIT: Final = lazily(r"\d")
_USUAL_DIGIT: Final = lazily("[0-9]")


def has_other_digits(spoken: str) -> bool:
    """Return whether a text has decimal digits other than 0 to 9, such as those of Arabic."""
    return not spoken.isascii() and _DIGIT.search(_USUAL_DIGIT.sub("", spoken)) is not None


def traces(spoken: str) -> set[str]:
    """Return the characters of a text and its pairs of adjacent characters.

    Each pair is there as it is written and in lower case. All decimal digits count as ``0``.
    """
    plain = _DIGIT.sub("0", spoken)
    folded = plain.lower()
    if len(folded) != len(plain):  # some letter has two in lower case
        folded = "".join(letter.lower()[0] for letter in plain)
    found = set(plain)
    found.update(map(add, plain, plain[1:]), map(add, folded, folded[1:]))
    return found


class Signature:
    """The needs of rules that a text meets, as the bits of a number.

    A text shares its signature with those made from it, so it has the needs that any of them met.
    It tells for certain only which needs a text does not meet.
    """

    __slots__ = ("_of_word", "met")

    def __init__(self, of_word: Callable[[str], int], spoken: str) -> None:
        """Look at a text; ``of_word`` returns the needs met by a word between two spaces."""
        self._of_word = of_word
        self.met = 0
        """The bits of the needs that are met, and maybe :data:`OTHER_DIGITS`."""
        self.add(spoken)

    def add(self, spoken: str) -> None:
        """Add the needs that a new part of the text meets.

        A trace is inside a word or beside a space, so the words tell all of them. Most words are
        common ones, which were seen before.
        """
        words = set(_USUAL_DIGIT.sub("0", spoken).split(" "))
        self.met = reduce(or_, map(self._of_word, words), self.met)
