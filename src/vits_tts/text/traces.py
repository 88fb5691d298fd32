"""Traces of a text: its characters and pairs of adjacent characters.

They tell quickly that a text has no match of a regular expression: a hundred rules for numbers need
a certain letter beside a digit, and most sentences have none of these pairs.
"""

from operator import add
from typing import Final

from vits_tts.text.patterns import lazily

_DIGIT: Final = lazily(r"\d")


def traces(spoken: str) -> set[str]:
    """Return the characters of a text, and its pairs of adjacent characters in lower case.

    All decimal digits count as ``0``.
    """
    plain = _DIGIT.sub("0", spoken)
    folded = plain.lower()
    if len(folded) != len(plain):  # some letter has two in lower case
        folded = "".join(letter.lower()[0] for letter in plain)
    found = set(plain)
    found.update(map(add, folded, folded[1:]))
    return found
