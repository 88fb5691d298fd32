"""A text under normalisation that remembers where each of its characters came from.

The text is stored as its spoken form and a sorted list of changes. A :class:`Change` is a stretch
that was rewritten. Everything between two changes is copied from the source, only moved as a block.
So a rewriting step costs time in proportion to its edits, not to the length of the text.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from vits_tts.errors import TextTooLong
from vits_tts.text.traces import Signature

Edit: TypeAlias = tuple[int, int, str]
"""``(start, end, replacement)``: replaces the spoken characters from ``start`` to ``end``."""


class Change(NamedTuple):
    """A rewritten stretch: spoken characters ``start`` to ``end``, and their part of the source."""

    start: int
    end: int
    source_start: int
    source_end: int


_tuple: Final = tuple.__new__
"""Makes a change from a tuple in half the time of ``Change``."""


class Stretch(NamedTuple):
    """Consecutive spoken characters, and their place (code points) in the source."""

    spoken: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """The spoken form of a text, and the changes that led from the source to it, in order.

    ``limit`` is the maximum length of the spoken form, in characters.
    """

    spoken: str
    changes: tuple[Change, ...] = ()
    limit: int = sys.maxsize
    signature: Signature | None = field(default=None, compare=False, repr=False)
    """The needs of rules that the text meets, and maybe more, while it is read by a chain."""

    def rewritten(self, edits: Iterable[Edit]) -> "Text":
        """Return a new text with the edits applied. Edits are in order and do not overlap.

        Raises:
            TextTooLong: the result would have more than ``limit`` characters. This is checked
                before the result is built, so a hostile text cannot take memory.

        """
        pieces: list[str] = []
        changes = _Changes(self.changes)
        done = 0
        length = len(self.spoken)
        places: list[tuple[int, int]] = []
        for start, end, said in edits:
            length += len(said) - (end - start)
            if length > self.limit:
                raise _too_long(self.limit)
            pieces += (self.spoken[done:start], said)
            changes.edit(start, end, len(said))
            done = end
            places.append((length - len(self.spoken) + end - len(said), len(said)))
        pieces.append(self.spoken[done:])
        spoken = "".join(pieces)
        if self.signature is not None:  # new traces are in the replacements, and at their sides
            new = [spoken[max(0, start - 1) : start + size + 1] for start, size in places]
            self.signature.add(" ".join(new))
        return Text(spoken, changes.finished(), self.limit, self.signature)

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the start and end in the source of the spoken characters ``start`` to ``end``.

        A position inside a change maps to the edges of the change, so the result covers it whole.
        """
        return self._place(start, left=True), self._place(end, left=False)

    def spoken_place(self, position: int) -> int:
        """Return the place of the first spoken character that comes from ``position`` or after it.

        A change that covers the position belongs to the text before it.
        """
        drift = 0  # spoken place minus source place
        for change in self.changes:
            if position <= change.source_start:  # source before it may have been left out
                return min(position + drift, change.start)
            if position < change.source_end:
                return change.end
            drift = change.end - change.source_end
        return min(position + drift, len(self.spoken))

    def near(self, position: int) -> int:
        """Return the approximate place in the source of one spoken position.

        Positions inside a change are interpolated linearly.
        """
        last = bisect_right(self.changes, position, key=attrgetter("start")) - 1
        if last < 0:
            return position
        change = self.changes[last]
        if position >= change.end:
            return change.source_end + position - change.end
        written, spoken = change.source_end - change.source_start, change.end - change.start
        return change.source_start + (position - change.start) * written // spoken

    def _place(self, position: int, *, left: bool) -> int:
        """Return the place in the source of one spoken position.

        Inside a change this is its left edge or, without ``left``, its right edge.
        """
        bisect = bisect_right if left else bisect_left
        last = bisect(self.changes, position, key=attrgetter("start")) - 1
        if last < 0:
            return position
        change = self.changes[last]
        if position < change.end:
            return change.source_start if left else change.source_end
        return change.source_end + position - change.end

    def stretches(self, start: int, end: int) -> Iterator[Stretch]:
        """Yield the spoken characters from ``start`` to ``end``, split where changes begin and end.

        Each stretch is either copied from the source or the result of one change.
        """
        done = start
        first = bisect_right(self.changes, start, key=attrgetter("end"))
        for change in self.changes[first:]:
            if change.start >= end:
                break
            if change.start > done:
                yield self._stretch(done, change.start)
            if change.end > change.start:
                yield self._stretch(max(change.start, start), min(change.end, end))
            done = change.end
        if done < end:
            yield self._stretch(done, end)

    def _stretch(self, start: int, end: int) -> Stretch:
        return Stretch(self.spoken[start:end], *self.source(start, end))


class Part(NamedTuple):
    """A part of an assembled text, and its place in the source.

    It is ``copied`` from there character by character, or stands for that place as a whole.
    """

    said: str
    start: int
    end: int
    copied: bool


def assembled(parts: Iterable[Part], limit: int = sys.maxsize) -> Text:
    """Return a text made of parts, in the order of the source.

    The source between the places is left out.
    """
    spoken: list[str] = []
    changes: list[Change] = []
    length = done = 0
    for said, start, end, copied in parts:
        if not copied:
            changes.append(Change(length, length + len(said), start, end))
        elif start != done:
            changes.append(Change(length, length, done, start))
        spoken.append(said)
        length += len(said)
        done = end
    return Text("".join(spoken), tuple(changes), limit)


def joined(texts: Iterable[tuple[int, Text]], between: str) -> Text:
    """Return one text made of several, each with its place in the source, in their order.

    Raises:
        TextTooLong: the result would have more characters than the limit of a text.

    """
    spoken: list[str] = []
    changes: list[Change] = []
    length = end = 0
    limit = sys.maxsize
    for place, text in texts:
        if spoken:
            spoken.append(between)
            changes.append(Change(length, length + len(between), end, place))
            length += len(between)
        changes += (
            Change(
                one.start + length,
                one.end + length,
                one.source_start + place,
                one.source_end + place,
            )
            for one in text.changes
        )
        end = place + text.source(0, len(text.spoken))[1]
        spoken.append(text.spoken)
        length += len(text.spoken)
        limit = min(limit, text.limit)
        if length > limit:
            raise _too_long(limit)
    return Text("".join(spoken), tuple(changes), limit)


def _too_long(limit: int) -> TextTooLong:
    return TextTooLong(f"the text has more than {limit} characters when it is spoken", field="text")


class _Changes:
    """Builds the changes of a new text from those of the old one and a series of edits.

    Old changes are taken over in order, moved by the growth of all edits before them. An edit that
    overlaps with old changes absorbs them, so changes stay sorted and disjoint.
    """

    def __init__(self, old: tuple[Change, ...]) -> None:
        self._old = old
        self._next = 0  # index of the first old change that has not been taken over
        self._new: list[Change] = []
        self._moved = 0  # position in the new spoken text minus position in the old one
        self._drift = 0  # position in the source minus position in the old spoken text

    def edit(self, start: int, end: int, length: int) -> None:
        """Add one edit: old characters ``start`` to ``end`` became ``length`` new ones."""
        self._take(bisect_right(self._old, start, self._next, key=attrgetter("end")))
        # Outside of changes, source position = old position + drift, and new position = old
        # position + moved. An old change that overlaps with the edit extends it to its own edges.
        low, source_low = start + self._moved, start + self._drift
        if self._next < len(self._old) and self._old[self._next].start < start:
            change = self._old[self._next]
            low, source_low = change.start + self._moved, change.source_start
        high = end
        while self._next < len(self._old) and self._old[self._next].start < end:
            change = self._old[self._next]
            high = max(end, change.end)
            self._pass(change)
        grown = length - (end - start)
        new = Change(low, high + self._moved + grown, source_low, high + self._drift)
        if self._new and self._new[-1].end > start + self._moved:
            new = _joined(self._new.pop(), new, grown)
        self._new.append(new)
        self._moved += grown

    def finished(self) -> tuple[Change, ...]:
        """Take over the remaining old changes and return all changes in order."""
        self._take(len(self._old))
        return tuple(self._new)

    def _take(self, end: int) -> None:
        """Take over the old changes up to the index ``end``, as a block."""
        if self._next == end:
            return
        block, moved = self._old[self._next : end], self._moved
        if moved:
            self._new += [
                _tuple(Change, (first + moved, last + moved, source_first, source_last))
                for first, last, source_first, source_last in block
            ]
        else:
            self._new += block
        self._drift = block[-1].source_end - block[-1].end
        self._next = end

    def _pass(self, change: Change) -> None:
        self._drift = change.source_end - change.end
        self._next += 1


def _joined(before: Change, after: Change, grown: int) -> Change:
    """Return one change that covers two edits inside the same old change."""
    return Change(
        before.start,
        max(before.end + grown, after.end),
        before.source_start,
        max(before.source_end, after.source_end),
    )
