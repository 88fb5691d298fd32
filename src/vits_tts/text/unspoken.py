"""Parts of a plain text that are never spoken: thoughts, comments, scripts, styles and tags.

Pauses and rules of pronunciation inside them have no effect.
"""

import re
from typing import Final

from vits_tts.text import thoughts
from vits_tts.text.patterns import lazily

_MORE: Final = "[a-z0-9:_-]"
TAG: Final = (
    rf"</?[a-z]{_MORE}{{0,30}}(?:\s(?=[^<>=]{{0,60}}=)[^<>]{{0,1000}}|\s{{1,60}})?/?>"
    rf"|(?:(?<![\w)])<[a-z]|<[a-z]{_MORE}{{1,30}})\s[\s!-;?-~]{{1,200}}>"
    r"|<\|(?:im_start|start_header_id)\|>(?:system|user|assistant|tool)(?=[\r\n<])"
    r"|<\|[^<>|\n]{1,40}\|>"
)
"""A tag of HTML or XML, or a token by which language models separate messages: ``<|im_end|>``.

The role of the writer belongs to the token before it: ``<|im_start|>assistant``.

Attributes without a value are ASCII, and rare. A tag of one letter that touches a word has none:
``Nếu a<b và c>d`` and ``if a<b and c>d`` compare numbers.
"""
CUTS: Final = (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"))
"""Opening and closing marks of the parts that are left out with their content."""

_OPENING: Final = lazily("(?i:" + TAG + ")|" + "|".join(re.escape(mark) for mark, _ in CUTS))


def spans(text: str) -> dict[int, int]:
    """Return the end of each part by its start, in order. The parts do not overlap."""
    if "<" not in text:
        return {}
    found: dict[int, int] = {}
    done = 0
    for start, end in (*thoughts.spans(text), (len(text), len(text))):
        found |= _between(text, done, start)
        if start < end:
            found[start] = end
        done = end
    return found


def _between(text: str, start: int, end: int) -> dict[int, int]:
    """Return the parts between two places; the text there contains no thought."""
    found: dict[int, int] = {}
    missing: set[str] = set()
    while opening := _OPENING.search(text, start, end):
        start = opening.end()
        for mark, closing in CUTS:
            if text.startswith(mark, opening.start()) and closing not in missing:
                place = text.find(closing, opening.start(), end)
                if place >= 0:
                    start = place + len(closing)
                else:
                    missing.add(closing)
        if opening[0].endswith(">") or start > opening.end():
            found[opening.start()] = start
    return found
