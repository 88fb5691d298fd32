"""Reading of a text that is still being written: only sentences that no later character changes.

The rules of the normalizer look at a line. Most of them look at 48 characters around a match, some
at all words of the line (missing tone marks, open quotations), a few beyond it (spans of Markup).
So no piece of a text is read alone. A *cut* is a place behind a sentence or a line. It is *settled*
if the reading of the text before it stays the same whatever follows (``text.settled``). All
sentences before a settled cut are final.

Whether a cut is settled depends on the text before it and at most the next word. So the result does
not depend on how the text was cut into pieces on its way. ``tests/text/test_incremental.py``
compares it with the reading of the whole text.

The thoughts of a language model (``text.thoughts``) are dropped as they come, so that they take no
memory. The text before one is read as a whole, like a paragraph.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from vits_tts.text import thoughts
from vits_tts.text.aligned import Text
from vits_tts.text.letters import SMALLS
from vits_tts.text.settled import WORD, Settled
from vits_tts.text.split import split
from vits_tts.text.syllables import is_syllable
from vits_tts.types import Sentence

_CUT: Final = re.compile(
    r"""
    [.!?…。！？]["'”’»)\]*_`~]{0,8}\s  # the end of a sentence
    | [\n\r]                           # the end of a line
    """,
    re.VERBOSE,
)
_CLAUSE: Final = re.compile(rf"(?<!\w)([^\W\d_][{SMALLS}]{{1,6}})[,;:.!?…][\"”’»)]{{0,4}}\s")
_SPACE: Final = re.compile(r"\s")
_NEXT_WORD: Final = re.compile(r"\s{0,8}\S{1,40}\s|\s{0,8}\S{40}|\s{8}")

_CONTEXT_CHARS: Final = 80
"""Minimum characters before the unspoken text that are read again with it as context."""
_MAX_UNSAID_CHARS: Final = 1000
"""An unspoken text of this length is cut between two words, so that reading it stays cheap."""
_PATIENT_TRIALS: Final = 8
"""The number of cuts that are all tried; of later cuts only some are, to keep the time linear."""


@dataclass(frozen=True, slots=True)
class Part:
    """Sentences that are final, their spoken text and the pause before them in seconds.

    Places of sentences count the characters of the stream. The part covers the characters from
    ``start`` to ``end``. ``text`` maps its spoken form to places that count from ``offset``.
    """

    sentences: tuple[Sentence, ...]
    pause: float
    start: int
    end: int
    text: Text
    offset: int
    written: str
    """The text that was read, which begins with the context, at the place ``offset``."""
    said: int
    """Where the spoken text of this part begins in ``text``."""


class IncrementalReading:
    """Takes a text in pieces and returns its sentences as soon as they are final.

    It reads in the thread that calls it.
    """

    def __init__(
        self,
        read: Callable[[str], Text],
        sentence_pause: float = 0.0,
        paragraph_pause: float = 0.0,
    ) -> None:
        """Read with ``read``, which returns the spoken form of a text."""
        self._settled = Settled(read)
        self._pauses = (sentence_pause, paragraph_pause)
        self._coming = ""  # characters that have come and were not looked at
        self._thought: thoughts.Opening | None = None  # the thought that ends the text
        self._text = ""  # the unsaid text, and the context before it
        self._base = 0  # place of its first character in the stream
        self._said = 0  # characters of it that were returned
        self._searched = 0  # characters of it in which all cuts were tried
        self._trials = 0
        self._next_trial = 0  # a cut before this place is not tried
        self._tried = 0  # the cut that was tried without the next word
        self._unsettled = 0  # characters of it in which the words of no clause are final
        self._spoken = False  # whether any sentence was returned since the text began anew
        self._pause = 0.0  # seconds before the first one, if others were returned before

    @property
    def received(self) -> int:
        """The number of characters that have arrived."""
        return self._base + len(self._text) + len(self._coming)

    @property
    def unsaid(self) -> str:
        """The characters that have arrived and may still be spoken."""
        return self._text[self._said :] + ("" if self._thought else self._coming)

    def add(self, piece: str) -> None:
        """Add the next piece of the text."""
        self._coming += piece

    def settled(self) -> Iterator[Part]:
        """Yield the parts that have become final, in order."""
        while True:
            self._take()
            while (end := self._next_cut()) is not None:
                if part := self._part(end):
                    yield part
            if self._thought is None:
                return
            if self._text and (part := self._rest(self._pauses[1])):
                yield part
            if not self._drop(self._thought):
                return

    def clause(self) -> Part | None:
        """Return the unspoken text up to its last final clause; None if no clause is final.

        The clause is spoken as a sentence, with the same words and another intonation.
        """
        self._take()
        matches = list(_CLAUSE.finditer(self._text, max(self._said, self._unsettled)))
        for match in matches[:-_PATIENT_TRIALS:-1]:
            end = match.end()
            if not is_syllable(match[1].lower()):
                continue
            if self._settled.words(self._text[:end], self._said):
                return self._part(end)
        if matches:
            self._unsettled = matches[-1].end()
        return None

    def flush(self) -> Part | None:
        """Return all unspoken text, as if the text ended here; later text is read as a new text.

        Returns None if nothing is left to be spoken.
        """
        if thought := self._thought:  # the reading of the whole text drops it
            begun = len(self._text) or len(thought.tag)
            self._base += len(self._text) - begun
            self._text = self._text[: -len(thought.tag)] + thought.tag
            self._thought = None
        self._text += self._coming
        self._coming = ""
        return self._rest(self._pauses[0])

    # --- thoughts --------------------------------------------------------------------------------

    def _take(self) -> None:
        """Add the arrived text up to the next thought, which becomes the end of a paragraph."""
        if self._thought or not self._coming:
            return
        joined = self._text[-1:] + self._coming
        known = len(joined) - len(self._coming)
        self._thought = thoughts.Opening.of(joined, known)
        if self._thought:
            start, end = self._thought.start, self._thought.end
            self._text += joined[known:start] + "\n\n".ljust(end - start)
        else:
            end = max(known, thoughts.begun(joined))
            self._text += joined[known:end]
        self._coming = joined[end:]

    def _drop(self, thought: thoughts.Opening) -> bool:
        """Drop the arrived part of a thought; return True if the thought has ended."""
        end = thought.closing(self._coming, 0)
        dropped = thoughts.closing_begun(self._coming) if end is None else end
        self._base += dropped
        self._coming = self._coming[dropped:]
        if end is not None:
            self._thought = None
        return end is not None

    # --- cuts ------------------------------------------------------------------------------------

    def _next_cut(self) -> int | None:
        """Return the first settled cut of the unspoken text; None if there is none so far.

        A cut is tried when it arrives and, if it is not settled, once more with the next word.
        """
        for match in _CUT.finditer(self._text, self._searched):
            end = match.end()
            if end - self._said > _MAX_UNSAID_CHARS:
                break
            if end >= self._next_trial and not self._text[self._said : end].isspace():
                if self._tried != end and self._settled.sentences(self._text[:end], self._said):
                    return self._cut(end)
                self._tried = end
                word = _NEXT_WORD.match(self._text, end)
                if word is None:
                    return None
                if self._settled.sentences(self._text[:end], self._said, word[0]):
                    return self._cut(end)
                self._trials += 1
                if self._trials >= _PATIENT_TRIALS:
                    self._next_trial = end + (end - self._said) // 4
            self._searched = end
        if len(self._text) - self._said > _MAX_UNSAID_CHARS:
            return self._cut(self._forced())
        return None

    def _cut(self, end: int) -> int:
        self._searched = end
        self._trials = self._next_trial = self._tried = 0
        return end

    def _forced(self) -> int:
        """Return the place behind a word at which to cut a long text without a settled cut."""
        most = self._said + _MAX_UNSAID_CHARS
        spaces = [match.end() for match in _SPACE.finditer(self._text, self._said, most)]
        for end in spaces[:-_PATIENT_TRIALS:-1]:
            if self._settled.words(self._text[:end], self._said):
                return end
        return spaces[-1] if spaces else most

    # --- parts -----------------------------------------------------------------------------------

    def _rest(self, pause: float) -> Part | None:
        """Return all unspoken text, or None; later text begins a new text after ``pause``."""
        part = self._part(len(self._text)) if self.unsaid.strip() else None
        self._base += len(self._text)
        self._text = ""
        self._said = self._unsettled = 0
        self._cut(0)
        if self._spoken:
            self._spoken, self._pause = False, pause
        return part

    def _part(self, end: int) -> Part | None:
        """Return the sentences up to ``end``, which count as spoken; None if there are none."""
        text = self._settled.reading(self._text[:end])
        begin = text.spoken_place(self._said)
        said, pause = [], 0.0
        done = 0
        for sentence in split(text, *self._pauses):
            place = text.spoken.index(sentence.text, done)
            done = place + len(sentence.text)
            if done <= begin:
                pause = sentence.pause
            elif place >= begin:
                said.append(_moved(sentence, self._base))
            elif WORD.search(rest := text.spoken[begin:done].strip(" ,;:")):
                pause = 0.0
                source = text.source(done - len(rest), done)
                remaining = Sentence(rest, sentence.pause, start=source[0], end=source[1])
                said.append(_moved(remaining, self._base))
        start, self._said = self._base + self._said, end
        part = None
        if said:
            if not self._spoken:
                pause = self._pause
            part = Part(
                tuple(said), pause, start, self._base + end, text, self._base,
                self._text[:end], begin,
            )  # fmt: skip
            self._spoken = True
        self._cut(end)
        self._forget()
        return part

    def _forget(self) -> None:
        """Drop the text that is no longer needed as context."""
        if self._said <= _CONTEXT_CHARS:
            return
        most = self._said - _CONTEXT_CHARS
        cuts = [match.end() for match in _CUT.finditer(self._text, 0, most)]
        dropped = cuts[-1] if cuts else 0
        self._text = self._text[dropped:]
        self._base += dropped
        self._said -= dropped
        self._searched -= dropped
        self._unsettled = max(0, self._unsettled - dropped)


def beginning(text: str, cuts: int, characters: int) -> str:
    """Return the beginning of a text to its ``cuts``-th cut, with a little more to try that.

    It has at most ``characters``.
    """
    for number, match in enumerate(_CUT.finditer(text, 0, characters), 1):
        if number == cuts:
            return text[: min(match.end() + _CONTEXT_CHARS, characters)]
    return text[:characters]


def _moved(sentence: Sentence, by: int) -> Sentence:
    return replace(sentence, start=sentence.start + by, end=sentence.end + by)
