"""Reading of a plan: from its segments to sentences, with pauses, voices, rates and marks.

All segments of a turn are read as one text, so that markup does not change how neighbouring words
are read. Each turn of a dialogue is a text of its own. Two letters that do not occur in texts mark
the places where markup acts: ``HELD`` stands for words whose reading is given, ``CUT`` for the end
of a sentence.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, TypeAlias

from vits_tts.errors import MarkupInvalid, MarkupUnsupported
from vits_tts.markup.plan import MAX_PAUSE, Plan, Segment, place
from vits_tts.text.aligned import Edit, Part, Text, assembled, joined
from vits_tts.text.letters import CUT, HELD
from vits_tts.text.split import Reading, split
from vits_tts.types import Mark, Sentence

_MARKERS: Final = str.maketrans({HELD: " ", CUT: " "})
_MARKER: Final = re.compile(f"[{HELD}{CUT}]")
_NAMES_OF_DATES: Final = frozenset({"ngày", "tháng", "năm", "thứ"})
_ENDS_SENTENCE: Final = re.compile(r"[.!?…][\"'”’»)\s]*$|\n\s*$")

Said: TypeAlias = Callable[[Segment], str]
Read: TypeAlias = Callable[[Text], Text]


@dataclass(slots=True)
class _Boundary:
    """The pause between two runs: seconds, or the pause after a sentence or paragraph."""

    explicit: float | None = None
    natural: str | None = None
    marks: list[tuple[Segment, float]] = field(default_factory=list)
    """Marks, each with the seconds of silence before it."""

    def add(self, segment: Segment) -> None:
        if segment.mark is not None:
            self.marks.append((segment, self.explicit or 0.0))
        elif isinstance(segment.pause, float):
            self.explicit = (self.explicit or 0.0) + segment.pause
        elif self.natural != "paragraph":
            self.natural = segment.pause

    @property
    def empty(self) -> bool:
        return self.explicit is None and self.natural is None


@dataclass(slots=True)
class _Run:
    """Consecutive segments with the same voice, rate and volume, and the pause ``after`` them."""

    way: Segment
    marks: list[Mark]
    after: _Boundary = field(default_factory=_Boundary)


class PlanReader:
    """Reads one plan."""

    def __init__(
        self, plan: Plan, sentence_pause: float = 0.0, paragraph_pause: float = 0.0
    ) -> None:
        """Read ``plan``; the pauses, in seconds, apply where it does not give its own."""
        self._plan = plan
        self._pauses = {"sentence": sentence_pause, "paragraph": paragraph_pause}
        self._parts: list[Part] = []
        self._turns: list[tuple[int, list[Part]]] = [(0, self._parts)]
        """Where each text that is read apart begins in the source, and its parts."""
        self._held: list[Segment] = []
        self._runs: list[_Run] = []
        self._lead = _Boundary()
        self._collect()

    def read(self, read: Read, said: Said) -> Reading:
        """Return the sentences of the plan.

        Args:
            read: Returns the spoken form of a text, with markers left as they are.
            said: Returns the words for a segment that has ``say_as`` or ``phonemes``.

        Raises:
            MarkupInvalid: pauses add up to too much, or a segment does not fit its ``say_as``.
            MarkupUnsupported: reading the text has removed a marker.

        """
        text, cuts = self._resolved(self._read(read), said)
        sentences, lead, asked = self._sentences(text, cuts)
        pauses = tuple(
            (segment.start, segment.pause)
            for segment in self._plan.segments
            if isinstance(segment.pause, float)
        )
        plan = self._plan
        return Reading(text, sentences, lead, plan.shown, plan.described(), asked, pauses)

    # --- before reading --------------------------------------------------------------------------

    def _collect(self) -> None:
        """Join the written text, and record the places where markup acts."""
        boundary = self._lead
        for segment in self._plan.segments:
            run = self._runs[-1] if self._runs else None
            if segment.pause is not None:
                boundary.add(segment)
            elif segment.mark is not None:
                if run is None or not boundary.empty:
                    boundary.add(segment)
                else:
                    run.marks.append(Mark(segment.mark, segment.start))
            elif segment.text.isspace() or not (segment.text or segment.phonemes):
                # the end of a line between two breaks ends no sentence before both
                in_turn = run is not None and run.way.turn is not None
                between = boundary.explicit is not None and not in_turn
                blank = " " * len(segment.text) if between else segment.text
                self._part(blank, segment.start, segment.end)
            else:
                if run is None or self._is_cut(run, boundary, segment):
                    boundary = self._begin_run(segment, boundary)
                elif not boundary.empty:  # a break of zero length, inside a sentence
                    run.marks += (Mark(mark.mark or "", mark.start) for mark, _ in boundary.marks)
                    boundary = run.after = _Boundary()
                    self._part(" ", segment.start, segment.start)
                self._write(segment)

    def _is_cut(self, run: _Run, boundary: _Boundary, segment: Segment) -> bool:
        """Return whether a sentence ends before ``segment``."""
        way = run.way
        if (way.voice, way.rate, way.volume, way.turn) != (
            segment.voice,
            segment.rate,
            segment.volume,
            segment.turn,
        ):
            return True
        if boundary.explicit == 0 and not boundary.natural:
            written = "".join(part.said for part in self._parts[-8:])
            return bool(_ENDS_SENTENCE.search(written[-40:]))
        return not boundary.empty

    def _begin_run(self, segment: Segment, boundary: _Boundary) -> _Boundary:
        """Begin a run with ``segment``, and return the boundary after it."""
        if self._runs:
            if segment.turn == self._runs[-1].way.turn:
                self._part(f" {CUT} ", segment.start, segment.start)
            else:
                self._parts = []
                self._turns.append((segment.start, self._parts))
        total = boundary.explicit or 0.0
        marks = [
            Mark(mark.mark or "", mark.start, before - total) for mark, before in boundary.marks
        ]
        boundary.marks = []
        self._runs.append(_Run(segment, marks))
        return self._runs[-1].after

    def _write(self, segment: Segment) -> None:
        if segment.say_as or segment.phonemes:
            self._held.append(segment)
            self._part(" ", segment.start, segment.start)
            self._parts.append(Part(HELD, segment.start, segment.end, copied=False))
            self._part(" ", segment.end, segment.end)
        else:
            self._part(segment.text.translate(_MARKERS), segment.start, segment.end)

    def _part(self, said: str, start: int, end: int) -> None:
        written = self._plan.source[start:end]
        copied = said == written or (
            len(said) == len(written) and said.split() == written.translate(_MARKERS).split()
        )
        self._parts.append(Part(said, start, end, copied))

    def _read(self, read: Read) -> Text:
        """Return the spoken form of all turns, with a cut between two.

        Each turn is read separately, so that an open quotation or bracket does not extend into the
        next turn.
        """
        turns = (
            (
                start,
                read(
                    assembled(Part(p.said, p.start - start, p.end - start, p.copied) for p in parts)
                ),
            )
            for start, parts in self._turns
        )
        return joined(turns, f"\n{CUT}\n")

    # --- after reading ---------------------------------------------------------------------------

    def _resolved(self, text: Text, said: Said) -> tuple[Text, list[int]]:
        """Return the text with given readings in place of markers, and the places of its cuts.

        Raises:
            MarkupUnsupported: markers were lost.

        """
        edits: list[Edit] = []
        cuts: list[int] = []
        moved = 0
        held = iter(self._held)
        for found in _MARKER.finditer(text.spoken):
            start, end = found.span()
            words = ""
            if found[0] == CUT:
                cuts.append(start + moved)
            elif segment := next(held, None):
                words = self._unrepeated(said(segment), text, start)
            edits.append((start, end, words))
            moved += len(words) - 1
        if next(held, None) or len(edits) != len(self._held) + max(0, len(self._runs) - 1):
            raise MarkupUnsupported(
                "SSML: the text between two tags would be left out, such as a link or a comment; "
                "write only words",
                field="text",
            )
        return text.rewritten(edits), cuts

    def _unrepeated(self, words: str, text: Text, place: int) -> str:
        """Return the words of ``say-as`` without their first one if the text before has it already.

        Such words are ngày, tháng, năm and thứ. The number "5" is no "năm".
        """
        first, _, rest = words.partition(" ")
        before = text.spoken[max(0, place - 12) : place].rstrip()
        if not rest or first not in _NAMES_OF_DATES or before.split()[-1:] != [first]:
            return words
        end = max(0, place - 12) + len(before)
        start, end = text.source(end - len(first), end)
        return words if any(map(str.isdecimal, self._plan.source[start:end])) else rest

    def _sentences(
        self, text: Text, cuts: list[int]
    ) -> tuple[tuple[Sentence, ...], float, frozenset[int]]:
        """Return all sentences, the silence before the first, and those before explicit pauses."""
        sentences: list[Sentence] = []
        lead = self._lead.explicit or 0.0
        marks: list[Mark] = []
        asked: set[int] = set()
        for run, (start, end) in zip(
            self._runs, pairwise([0, *cuts, len(text.spoken)]), strict=False
        ):
            found = split(text, self._pauses["sentence"], self._pauses["paragraph"], (start, end))
            marks += run.marks
            if found:
                sentences += _marked(found, run.way, marks)
                marks = []
            pause = run.after.explicit
            if pause is not None:
                asked.add(len(sentences) - 1)
            if found or pause is not None:
                ended = bool(_ENDS_SENTENCE.search(text.spoken[max(start, end - 40) : end]))
                before = 0.0 if found or not sentences else sentences[-1].pause
                if pause is None:
                    pause = self._pauses[run.after.natural or "sentence"]
                    pause *= bool(run.after.natural) or ended
                pause = self._checked(before + pause, run)
                if sentences:
                    sentences[-1] = replace(sentences[-1], pause=pause)
                else:
                    lead += pause
        complete = self._ended(sentences, marks, len(sentences) - 1 in asked)
        return complete, self._checked(lead, None), frozenset(asked)

    def _ended(
        self, sentences: list[Sentence], marks: list[Mark], asked: bool
    ) -> tuple[Sentence, ...]:
        """Return the sentences, without the usual pause after the last one."""
        if not sentences:
            return ()
        last, after = sentences[-1], self._runs[-1].after
        marks += (Mark(mark.mark or "", mark.start, before) for mark, before in after.marks)
        pause = last.pause if asked else 0.0
        sentences[-1] = replace(last, pause=pause, marks=(*last.marks, *marks))
        return tuple(sentences)

    def _checked(self, pause: float, run: _Run | None) -> float:
        if pause > MAX_PAUSE:
            at = run.way.start if run else 0
            raise MarkupInvalid(
                f"the pause after the words at {place(self._plan.source, at)}: a pause lasts up to "
                f"{MAX_PAUSE:g} s, all its breaks together",
                field="text",
            )
        return pause


def _marked(found: tuple[Sentence, ...], way: Segment, marks: list[Mark]) -> Iterator[Sentence]:
    """Yield the sentences of a run with its voice and rate, each with the marks up to the next."""
    for sentence, after in zip(found, [*found[1:], None], strict=True):
        own = [mark for mark in marks if after is None or mark.position < after.start]
        marks = marks[len(own) :]
        yield replace(
            sentence,
            voice=way.voice,
            rate=way.rate,
            volume=way.volume,
            marks=tuple(own),
            turn=way.turn,
        )
