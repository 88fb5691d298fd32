"""The few words that stand for the dropped beginning of a line.

Most rules look at a few words around a match. Some decisions depend on a whole line: whether it is
chat, whether its words lack their tone marks, whether two people in it call each other "tao" and
"mày", and whether it is about geometry. A text that comes in pieces does not keep long lines. So
the dropped sentences of a line are replaced by words with which the rules decide as they do with
all of it.
"""

from typing import Final

from vits_tts.text.normalizer import abbreviations, chat, restore
from vits_tts.text.patterns import lazily

_LETTER: Final = lazily(r"[^\W\d_]")
_FIRST: Final = lazily(r"(?<![\w.])(?:t|tao)(?!\w)")
_SECOND: Final = lazily(r"(?<![\w.])(?:m|mày)(?!\w)")


def may_drop(line: str) -> bool:
    """Return whether the beginning of a line may be abridged.

    In a line without any tone mark, the reading of each word depends on all others.
    """
    return not line.strip() or restore.MARKED.search(line) is not None


def abridged(line: str) -> str:
    """Return a sentence that has the same effect on the rest of a line as its beginning.

    It is empty if the beginning has neither letters nor tone marks.
    """
    lead = _LETTER.search(line)
    if lead is None or not may_drop(line):
        return ""
    words = ["à"]
    if chat.is_certain(line):
        words.append("ko")
    if restore.has_bare_words(line):
        words.append("tien")
    if _FIRST.search(line):
        words.append("tao")
    if _SECOND.search(line):
        words.append("mày")
    if abbreviations.is_geometric(line):
        words.append("song song")
    notes = ", ".join(words) + ". "
    return notes if lead[0].islower() else notes.capitalize()
