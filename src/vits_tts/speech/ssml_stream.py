"""Reading of a text that comes in pieces and has SSML in it.

A document, from ``<speak`` to ``</speak>``, is read as a whole once it is complete. Ordinary text
with elements in it is read sentence by sentence; an element is held back until it is closed.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from vits_tts.errors import MarkupInvalid, MarkupUnsupported
from vits_tts.markup.pieces import Holder, Passage
from vits_tts.text.incremental import IncrementalReading, Part
from vits_tts.text.split import Reading

T = TypeVar("T")


class StreamReading(Protocol):
    """A reading of a text that is still being written; see :class:`IncrementalReading`."""

    @property
    def pause_seconds(self) -> float:
        """Seconds of all pauses that the returned parts of the text have asked for."""

    @property
    def received(self) -> int:
        """The number of characters that have arrived."""

    @property
    def unsaid(self) -> str:
        """The characters that have arrived and may still be spoken."""

    @property
    def may_settle(self) -> bool:
        """False if :meth:`settled` would find nothing."""

    @property
    def may_have_clause(self) -> bool:
        """False if :meth:`clause` would find nothing."""

    def add(self, piece: str) -> None:
        """Add the next piece of the text."""

    def settled(self) -> Iterator[Part]:
        """Yield the parts that have become final, in order."""

    def clause(self) -> Part | None:
        """Return the unspoken text up to its last final clause."""

    def rest(self, *, ends: bool) -> Sequence[Part]:
        """Return all unspoken text in parts, at a flush or where the text ``ends``."""


class SsmlReading:
    """Takes a text with SSML in pieces and returns its sentences as soon as they are final."""

    def __init__(
        self,
        reading: IncrementalReading,
        read_document: Callable[[str], Reading],
        check: Callable[[str], None],
    ) -> None:
        """Read ordinary text with ``reading``.

        ``read_document`` reads a whole document, ``check`` raises the errors of an element.
        """
        self._reading = reading
        self._read_document = read_document
        self._check = check
        self._holder = Holder()
        self._passages: deque[Passage] = deque()
        self._lines, self._column = 0, 0  # those before the first passage that is not read

    @property
    def pause_seconds(self) -> float:
        """Seconds of all pauses that the returned parts of the text have asked for."""
        return self._reading.pause_seconds

    @property
    def received(self) -> int:
        """The number of characters that have arrived."""
        waiting = sum(len(passage.text) for passage in self._passages)
        return self._reading.received + waiting + self._holder.held

    @property
    def unsaid(self) -> str:
        """The characters that have arrived and may still be spoken; held markup counts as one."""
        markup = "<" * bool(self._holder.held)
        return self._reading.unsaid + "".join(one.text for one in self._passages) + markup

    @property
    def may_settle(self) -> bool:
        """False if :meth:`settled` would find nothing."""
        return bool(self._passages) or self._reading.may_settle

    @property
    def may_have_clause(self) -> bool:
        """False if :meth:`clause` would find nothing."""
        return self._reading.may_have_clause

    def add(self, piece: str) -> None:
        """Add the next piece of the text."""
        self._passages += self._holder.add(piece)

    def settled(self) -> Iterator[Part]:
        """Yield the parts that have become final, in order.

        Raises:
            MarkupInvalid: an element or document is broken.
            MarkupUnsupported: it asks for something that this server cannot do.
            RequestError: a voice that it names does not exist.

        """
        while True:
            yield from self._reading.settled()
            if not self._passages:
                return
            passage = self._passages[0]
            if passage.kind == "document" and (rest := self._reading.flush()):
                yield rest  # the document is looked at again
                continue
            self._passages.popleft()
            if part := self._taken(passage):
                yield part

    def clause(self) -> Part | None:
        """Return the unspoken text up to its last final clause; None if no clause is final."""
        return self._reading.clause()

    def rest(self, *, ends: bool) -> Sequence[Part]:
        """Return all unspoken text in parts; an element that is open stays unless the text ends.

        Errors are those of :meth:`settled`.
        """
        self._passages += self._holder.end() if ends else self._holder.flush()
        parts = list(self.settled())
        rest = self._reading.flush()
        return [*parts, rest] if rest else parts

    def _taken(self, passage: Passage) -> Part | None:
        """Take a passage; return the sentences of a document."""
        written, part = passage.text, None
        if passage.kind == "document":
            part = self._reading.apart(written, self._placed(self._read_document, written))
        else:
            if passage.kind == "element":
                self._placed(self._check, written)
            self._reading.add(written)
        lines = written.count("\n")
        self._lines += lines
        self._column = len(written) - written.rfind("\n") - 1 + (0 if lines else self._column)
        return part

    def _placed(self, read: Callable[[str], T], written: str) -> T:
        """Return the result of ``read``; its errors have the line and column in the whole text."""
        try:
            return read(written)
        except (MarkupInvalid, MarkupUnsupported):
            read("\n" * self._lines + " " * self._column + written)
            raise
