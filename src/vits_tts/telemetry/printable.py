"""Makes untrusted text safe to show on a terminal and in a line of a log.

Characters that Unicode does not count as printable are written as escapes. Among them are control
characters (which begin terminal sequences), all line ends (also U+0085, U+2028 and U+2029) and
marks that change the direction of text.
"""

import json
from collections.abc import Callable


def printable(text: str) -> str:
    r"""Return ``text`` as one line, with escapes such as ``\n``, ``\x1b`` and ``\u202e``."""
    return text if text.isprintable() else _escaped(text, _as_python)


def printable_json(text: str) -> str:
    r"""Return equal JSON, with escapes such as ``\u202e`` for characters that are not printable.

    Line ends between its values stay.
    """
    if text.isascii() and "\x7f" not in text:  # JSON escapes all other control characters itself
        return text
    return _escaped(text, _as_json)


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    return "".join(letter if letter.isprintable() else escape(letter) for letter in text)


def _as_python(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _as_json(letter: str) -> str:
    return letter if letter == "\n" else json.dumps(letter)[1:-1]
