"""Reading of a text that is still being written: only sentences that no later character changes.

The rules of the normalizer look at a line. Most of them look at 48 characters around a match, some
at all words of the line (missing tone marks, open quotations), a few beyond it (spans of Markup).
So no piece of a text is read alone. A *cut* is a place behind a sentence or a line. It is *settled*
if the reading of the text before it stays the same whatever follows (``text.settled``). All
sentences before a settled cut are final.

Whether a cut is settled depends on the text before it and at most the next word. So the result does
not depend on how the text was cut into pieces on its way. ``tests/text/test_incremental.py``
compares it with the reading of the whole text.

Sentences that were said are dropped, except for some context. A few words stand for the dropped
beginning of a line (``text.context``).

The thoughts of a language model (``text.thoughts``) are dropped as they arrive, so that they take
no memory. The text before one is read as a whole, like a paragraph.

A pause that the text asks for (``text.pause_marks``) is held back until it is complete. Behind
ordinary words its end is a cut like that of a sentence. There is no cut inside an element of SSML;
only complete elements may be added.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from vits_tts.text import context, pause_marks, thoughts
from vits_tts.text.aligned import Text
from vits_tts.text.letters import SMALLS
from vits_tts.text.normalizer.markup import shown
from vits_tts.text.normalizer.rules import CONTEXT
from vits_tts.text.patterns import lazily
from vits_tts.text.pause_marks import Span
from vits_tts.text.settled import WORD, Settled
from vits_tts.text.split import Reading, split
from vits_tts.text.syllables import is_syllable
from vits_tts.types import Sentence

_CUT: Final = lazily(
    r"""
    [.!?…。！？]["'”’»)\]*_`~]{0,8}\s  # the end of a sentence
    | [\n\r]                           # the end of a line
    """,
    re.VERBOSE,
)
_CLAUSE: Final = lazily(rf"(?<!\w)([^\W\d_][{SMALLS}]{{1,6}})[,;:.!?…][\"”’»)]{{0,4}}\s")
_SPACE: Final = lazily(r"\s")
_MAY_CUT: Final = lazily(r"[.!?…。！？\n\r<\[]")
"""A text without any of these characters has no cut, no pause and no thought."""
_NEXT_WORD: Final = lazily(r"\s{0,8}\S{1,40}\s|\s{0,8}\S{40}|\s{8}")

_CONTEXT_CHARS: Final = CONTEXT + 8
"""Minimum characters before the unspoken text that are read again with it as context."""
_AHEAD_CHARS: Final = 80
"""Characters behind a cut that are enough to try it."""
_MAX_UNSAID_CHARS: Final = 1000
"""An unspoken text of this length is cut between two words, so that reading it stays cheap."""
_MOST_UNMARKED: Final = 200
"""Characters of a line without tone marks that are kept, to keep the time linear."""
_PATIENT_TRIALS: Final = 8
"""The first cuts, this many, are all tried; of later cuts only some, to keep the time linear."""

Spans: TypeAlias = Callable[[str, int], Iterable[Span]]
"""Returns the places of all markup in a text, from a place on that is not inside markup."""


@dataclass(frozen=True, slots=True)
class Part:
    """Sentences that are final, their spoken text and the pause before them in seconds.

    Places of sentences count the characters of the stream. The part covers the characters from
    ``start`` to ``end``. ``text`` maps its spoken form to places that count from ``offset``.
    Without sentences it is only ``silence``.
    """

    sentences: tuple[Sentence, ...]
    pause: float
    start: int
    end: int
    text: Text
    offset: int
    written: str
    """The text that was read, which begins with the context, at the place ``offset``. Markup in
    it is not shown."""
    said: int
    """Where the spoken text of this part begins in ``text``."""
    silence: float = 0.0
    """Seconds of silence before it that the text itself asks for; ``pause`` is then 0."""


class IncrementalReading:
    """Takes a text in pieces and returns its sentences as soon as they are final.

    It reads in the thread that calls it.
    """

    def __init__(
        self,
        read: Callable[[str], Text],
        sentence_pause: float = 0.0,
        paragraph_pause: float = 0.0,
        read_marked: Callable[[str], Reading | None] | None = None,
        spans: Spans = pause_marks.spans,
    ) -> None:
        """Read with ``read``, which returns the spoken form of a text.

        ``read_marked`` returns the reading of a text that has markup, or None for another text.
        Without it, marks of pauses are read as words. ``spans`` finds the markup.
        """
        self._read = read
        self._read_marked = read_marked
        self._spans = spans if read_marked else _nothing
        self._settled = Settled(self._reading, self._spans)
        self._pauses = (sentence_pause, paragraph_pause)
        self._coming = ""  # characters that have arrived and were not examined
        self._thought: thoughts.Opening | None = None  # the thought that ends the text
        self._text = ""  # the unsaid text, and the context before it
        self._base = 0  # place of its first character in the stream
        self._said = 0  # characters of it that were returned
        self._searched = 0  # characters of it in which all cuts were tried
        self._trials = 0
        self._next_trial = 0  # a cut before this place is not tried
        self._tried = 0  # the cut that was tried without the next word
        self._unsettled = 0  # characters of it before which no clause has final words
        self._spoken = False  # whether any sentence was returned since the text began anew
        self._pause = 0.0  # seconds before the text to come, if sentences were returned
        self._given = 0.0  # seconds of silence that the text requested after the last one
        self._silent = False  # whether something came after it that has no words
        self._last: Sentence | None = None  # that one
        self.pause_seconds = 0.0
        """Seconds of all pauses that the returned parts of the text have asked for."""

    @property
    def received(self) -> int:
        """The number of characters that have arrived."""
        return self._base + len(self._text) + len(self._coming)

    @property
    def unsaid(self) -> str:
        """The characters that have arrived and may still be spoken."""
        return self._text[self._said :] + ("" if self._thought else self._coming)

    @property
    def may_settle(self) -> bool:
        """False if :meth:`settled` would find nothing. This is cheap, and reads nothing."""
        return (
            self._thought is not None
            or self._tried > self._searched  # a cut that waits for the next word
            or len(self._text) + len(self._coming) - self._said > _MAX_UNSAID_CHARS
            or _MAY_CUT.search(self._coming) is not None
            or _MAY_CUT.search(self._text, self._searched) is not None
        )

    @property
    def may_have_clause(self) -> bool:
        """False if :meth:`clause` would find nothing. This is cheap, and reads nothing."""
        new = self._text[max(self._said, self._unsettled) :] + self._coming
        return _CLAUSE.search(new) is not None

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
        matches = list(self._clauses(max(self._said, self._unsettled)))
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

    def rest(self, *, ends: bool) -> Sequence[Part]:
        """Return all unspoken text in parts, at a flush or where the text ``ends``."""
        del ends
        part = self.flush()
        return [part] if part else []

    def apart(self, written: str, reading: Reading) -> Part | None:
        """Return the sentences of a text that follows and was read separately, after :meth:`flush`.

        Returns None if it has neither words nor pauses.
        """
        start = self._base
        self._base += len(written)
        self.pause_seconds += sum(seconds for _, seconds in reading.pauses)
        sentences = tuple(_moved(sentence, start) for sentence in reading.sentences)
        if not sentences and not reading.lead:
            return None
        pause = 0.0 if reading.lead else self._pause
        asked = bool(sentences[-1].pause) if sentences else True
        self._pause = 0.0 if asked else self._pauses[0]
        seen = written if reading.shown is None else reading.shown
        return Part(sentences, pause, start, self._base, reading.text, start, seen, 0, reading.lead)

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
            end = thoughts.begun(joined)
            if self._read_marked:
                end = min(end, pause_marks.begun(joined))
            end = max(known, end)
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

    def _cuts(self, start: int) -> Iterator[tuple[int, int, bool]]:
        """Yield the places behind sentences, lines and pauses, from ``start`` on.

        Each is the end of a match, with its beginning, and whether it is a pause.
        """
        for span in self._spans(self._text, start):
            yield from ((*one.span(), False) for one in _CUT.finditer(self._text, start, span[0]))
            if span.kind in {"pause", "end"}:
                yield span.start, span.end, span.kind == "pause"
            start = span.end
        yield from ((*one.span(), False) for one in _CUT.finditer(self._text, start))

    def _next_cut(self) -> int | None:
        """Return the first settled cut of the unspoken text; None if there is none so far."""
        for start, end, pause in self._cuts(self._searched):
            if end - self._said > _MAX_UNSAID_CHARS:
                break
            if pause and not self._may_pause(start):
                self._searched = end
                continue
            if pause and not self._text[self._said : start].strip():
                return self._cut(end)  # no words that later text could change
            if end >= self._next_trial and not self._text[self._said : end].isspace():
                settled = self._is_settled(end)
                if settled is None:
                    return None
                if settled:
                    return self._cut(end)
                self._trials += 1
                if self._trials >= _PATIENT_TRIALS:
                    self._next_trial = end + (end - self._said) // 4
            self._searched = end
        if len(self._text) - self._said > _MAX_UNSAID_CHARS:
            return self._cut(self._forced())
        return None

    def _clauses(self, start: int) -> Iterator[re.Match[str]]:
        """Yield the ends of clauses from ``start`` on, but none inside markup."""
        ends = iter(self._spans(self._text, self._said))
        span = next(ends, None)
        for match in _CLAUSE.finditer(self._text, start):
            while span and span.end <= match.start():
                span = next(ends, None)
            if span is None or match.end() <= span.start:
                yield match

    def _is_settled(self, end: int) -> bool | None:
        """Return whether a cut is settled; None if that is known only with the next word.

        A cut is tried when it arrives and, if it is not settled, once more with the next word.
        """
        if self._tried != end and self._settled.sentences(self._text[:end], self._said):
            return True
        self._tried = end
        word = self._next_word(end)
        if word is None:
            return None
        return self._settled.sentences(self._text[:end], self._said, word)

    def _may_pause(self, place: int) -> bool:
        """Return whether a pause at ``place`` may end a sentence before more text arrives.

        A number or an abbreviation before it may depend on the words behind it.
        """
        unsaid = self._text[self._said : place].rstrip()
        if not unsaid:
            return True
        ending = " " if unsaid[-1] in ",;:.!?" else ", "
        return self._settled.ordinary(f"{self._text[: self._said]}{unsaid}{ending}", self._said)

    def _next_word(self, place: int) -> str | None:
        """Return the next word of the text with the space around it; None if it is not complete."""
        word = _NEXT_WORD.match(self._text, place)
        if word is None:
            return None
        end = word.end()
        for span in self._spans(self._text, place):  # the word may be the beginning of markup
            if span.start >= end:
                break
            end = max(end, span.end)
        return self._text[place:end]

    def _cut(self, end: int) -> int:
        self._searched = end
        self._trials = self._next_trial = self._tried = 0
        return end

    def _forced(self) -> int:
        """Return the place behind a word at which to cut a long text without a settled cut."""
        done, most = self._said, self._said + _MAX_UNSAID_CHARS
        ends: list[int] = []
        for span in self._spans(self._text, self._said):
            spaces = _SPACE.finditer(self._text, done, min(span.start, most))
            ends += (match.end() for match in spaces)
            done = span.end
            if done > most:
                if span.start < most:  # markup longer than that is not cut
                    most = span.start if span.start > self._said else span.end
                break
            ends.append(done)
        ends += (match.end() for match in _SPACE.finditer(self._text, done, most))
        for end in ends[:-_PATIENT_TRIALS:-1]:
            if self._settled.words(self._text[:end], self._said):
                return end
        return ends[-1] if ends else most

    # --- parts -----------------------------------------------------------------------------------

    def _rest(self, pause: float) -> Part | None:
        """Return all unspoken text, or None; later text begins a new text after ``pause``."""
        part = None
        if self.unsaid.strip() or self._silent:
            part = self._part(len(self._text), ends=True)
        self._base += len(self._text)
        self._text = ""
        self._said = self._unsettled = 0
        self._last = None
        self._cut(0)
        if self._given or (part and part.silence and not part.sentences):
            pause = 0.0
        if self._spoken:
            self._spoken, self._pause = False, pause
        self._given, self._silent = 0.0, False
        return part

    def _reading(self, text: str) -> Reading:
        """Return the reading of a text, with its markup, if any."""
        if self._read_marked and (found := self._read_marked(text)):
            return found
        spoken = self._read(text)
        return Reading(spoken, split(spoken, *self._pauses))

    def _part(self, end: int, *, ends: bool = False) -> Part | None:
        """Return the sentences up to ``end``, which count as spoken; None if there are none.

        If the text ``ends`` there, a part may have only the silence that the text requests.
        """
        written = self._text[:end]
        reading = self._settled.reading(written)
        text = reading.text
        begin = text.spoken_place(self._said)
        said = []
        done = 0
        pause, asked = reading.lead, reading.lead > 0
        known = self._known(reading.sentences)
        for number, sentence in enumerate(reading.sentences):
            place = text.spoken.index(sentence.text, done)
            done = place + len(sentence.text)
            if number <= known or done <= begin:
                pause, asked = sentence.pause, number in reading.asked
            elif known >= 0 or place >= begin:
                said.append(_moved(sentence, self._base))
            elif WORD.search(rest := text.spoken[begin:done].strip(" ,;:")):
                pause, asked = 0.0, False
                source = text.source(done - len(rest), done)
                remaining = replace(sentence, text=rest, start=source[0], end=source[1])
                said.append(_moved(remaining, self._base))
        self.pause_seconds += sum(each for place, each in reading.pauses if place >= self._said)
        start, self._said = self._base + self._said, end
        silence = max(0.0, pause - self._given) if asked else 0.0
        part = None
        if said or (ends and silence):
            if asked:
                pause = 0.0
            elif not self._spoken:
                pause = self._pause
            part = Part(
                tuple(said), pause, start, self._base + end, text, self._base,
                shown(written if reading.shown is None else reading.shown), begin, silence,
            )  # fmt: skip
        self._silent = not said
        if said:
            self._spoken = True
            self._last = said[-1]
            self._given = said[-1].pause
        self._cut(end)
        self._forget()
        return part

    def _known(self, sentences: Sequence[Sentence]) -> int:
        """Return the number of the last sentence that was returned, if it was a whole one, or -1.

        Places do not tell where the next one begins if one change covers the end of both.
        """
        if (last := self._last) is None:
            return -1
        start, end = last.start - self._base, last.end - self._base
        found = (
            number
            for number, sentence in enumerate(sentences)
            if sentence.text == last.text and sentence.start < end and start < sentence.end
        )
        return next(found, -1)

    def _forget(self) -> None:
        """Drop the text that is no longer needed as context.

        A few words take the place of the dropped beginning of a line. The first of two asterisks
        stays with the second one, which would open a span without it.
        Pauses after the last sentence stay, because others may add to them.
        """
        if self._said <= _CONTEXT_CHARS:
            return
        most = self._said - _CONTEXT_CHARS
        for span in reversed(list(self._spans(self._text, 0))):  # tags are no context
            most -= span.end - span.start if most <= span.end <= self._said else 0
        if self._last and self._base + self._said - self._last.end <= _MAX_UNSAID_CHARS:
            most = min(most, self._last.end - self._base)
        dropped = 0
        for _, end, _ in self._cuts(0):
            if end > most:
                break
            if most - end > _MAX_UNSAID_CHARS or self._may_drop(end, most):
                dropped = end
        line = _last_line(self._text[:dropped])
        if line:
            text = self._settled.reading(self._text[: self._said]).text
            spoken = _last_line(text.spoken[: text.spoken_place(dropped)])
            said = self._text[dropped : self._said].partition("\n")[0]
            line = context.abridged(line, spoken, said)
        if len(line) >= dropped:  # or places of the text would not count the characters of it
            return
        self._text = line + self._text[dropped:]
        dropped -= len(line)
        self._base += dropped
        self._said -= dropped
        self._searched -= dropped
        self._unsettled = max(0, self._unsettled - dropped)

    def _may_drop(self, end: int, most: int) -> bool:
        """Return whether the text after ``end`` is read alike without the text before it."""
        line = _last_line(self._text[:end])
        return not _is_open(line) and (most - end > _MOST_UNMARKED or context.may_drop(line))


def beginning(text: str, cuts: int, characters: int) -> str:
    """Return the beginning of a text to its ``cuts``-th cut, and the text that may settle it.

    It has at most ``characters`` characters.
    """
    for number, match in enumerate(_CUT.finditer(text, 0, characters), 1):
        if number == cuts:
            return text[: min(match.end() + _AHEAD_CHARS, characters)]
    return text[:characters]


def _last_line(text: str) -> str:
    return text[text.rfind("\n") + 1 :]


def _is_open(line: str) -> bool:
    """Return whether a line has an odd number of a mark that opens and closes."""
    line = line.lstrip().removeprefix("* ")
    return any(line.count(mark) % 2 for mark in '*_`~"$')


def _moved(sentence: Sentence, by: int) -> Sentence:
    marks = tuple(replace(mark, position=mark.position + by) for mark in sentence.marks)
    return replace(sentence, start=sentence.start + by, end=sentence.end + by, marks=marks)


def _nothing(text: str, start: int) -> Iterable[Span]:
    """Return no markup."""
    del text, start
    return ()
