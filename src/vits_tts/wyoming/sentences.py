"""Splitting text that arrives in parts into complete sentences, so that speech can begin early."""

import re
from typing import Final

_END: Final = re.compile(
    r"""
    (?:[!?…]|\.\.)["'”’»)\]]{0,3}\s+     # marks that end sentences only
    | (?<=[^\W\d_]{2})(?<![A-ZĐ])\.["'”’»)\]]{0,3}\s+(?![a-z])  # a point after a word
    | \n\s*                              # the end of a line
    """,
    re.VERBOSE,
)
"""The end of a sentence. A full stop after `TP`, `TS`, one letter or a number may belong to an
abbreviation, an initial or an ordinal, so it does not count."""
_LONGEST_END: Final = 8
"""The maximum number of characters before white space that the pattern examines."""


class SentenceBuffer:
    """Collects text and returns the sentences that are complete."""

    def __init__(self) -> None:
        """Start with an empty text."""
        self._text = ""
        self._searched = 0
        """The text before this index contains no end of a sentence, so it is not searched again."""

    def add(self, text: str) -> None:
        """Append ``text``."""
        self._text += text

    def complete(self) -> str:
        """Remove and return all complete sentences with the white space after them; may be empty.

        The last sentence stays until further text arrives. Only the next characters show whether
        its full stop ended it: a lower-case letter would continue the sentence.
        """
        end = 0
        for match in _END.finditer(self._text, self._searched):
            if match.end() < len(self._text):
                end = match.end()
        done, self._text = self._text[:end], self._text[end:]
        self._searched = max(0, len(self._text.rstrip()) - _LONGEST_END)
        return done

    def rest(self) -> str:
        """Remove and return the remaining text; call it when the text has ended."""
        rest, self._text, self._searched = self._text, "", 0
        return rest
