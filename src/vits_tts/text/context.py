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


def abridged(line: str, spoken: str, kept: str) -> str:
    """Return a sentence that has the same effect on the rest of a line as its beginning.

    It is empty if the beginning has no letters or no tone marks, or if the text ``kept`` behind it
    has the same effect. ``spoken`` is the reading of the line, in which more words are written out.
    """
    lead = _LETTER.search(line)
    if lead is None or not may_drop(line):
        return ""
    words = ["à"]
    if chat.is_certain(line):
        words.append("ko")
    if restore.has_bare_words(line):
        words.append("tien")
    both = f"{line}\n{spoken}"
    if _FIRST.search(both):
        words.append("tao")
    if _SECOND.search(both):
        words.append("mày")
    if abbreviations.is_geometric(both):
        words.append("song song")
    first = _LETTER.search(kept)
    if words == ["à"] and first and first[0].islower() == lead[0].islower() and may_drop(kept):
        return ""
    notes = ", ".join(words) + ". "
    return notes if lead[0].islower() else notes.capitalize()
