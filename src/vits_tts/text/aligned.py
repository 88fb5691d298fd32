"""A text on its way to being spoken, which remembers where each of its stretches came from.

What was not touched is the source's own characters; what was rewritten is a :class:`Change`, and
everything between two changes moved as one block. So a step costs what it rewrites, and a long
text that needs no reading costs nothing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, TypeAlias

Edit: TypeAlias = tuple[int, int, str]
"""Replace the spoken characters from the first number to the second by the text."""


class Change(NamedTuple):
    """A rewritten stretch: ``start`` to ``end`` of what is spoken was that part of the source."""

    start: int
    end: int
    source_start: int
    source_end: int


class Stretch(NamedTuple):
    """Spoken words and where in the source they stand."""

    spoken: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """What is spoken, and the changes that led there, in order."""

    spoken: str
    changes: tuple[Change, ...] = ()

    def rewritten(self, edits: Iterable[Edit]) -> "Text":
        """Return the text with the edits made; they are in order and do not overlap."""
        pieces: list[str] = []
        changes = _Changes(self.changes)
        done = 0
        for start, end, said in edits:
            pieces += (self.spoken[done:start], said)
            changes.edit(start, end, len(said))
            done = end
        pieces.append(self.spoken[done:])
        return Text("".join(pieces), changes.finished())

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the source the spoken characters from ``start`` to ``end`` stand."""
        return self._place(start, left=True), self._place(end, left=False)

    def near(self, position: int) -> int:
        """Return about where in the source a spoken position stands: in a change, by its share."""
        last = bisect_right(self.changes, position, key=attrgetter("start")) - 1
        if last < 0:
            return position
        change = self.changes[last]
        if position >= change.end:
            return change.source_end + position - change.end
        written, spoken = change.source_end - change.source_start, change.end - change.start
        return change.source_start + (position - change.start) * written // spoken

    def _place(self, position: int, *, left: bool) -> int:
        """Return the source's position of a spoken one; inside a change, that side of it."""
        bisect = bisect_right if left else bisect_left
        last = bisect(self.changes, position, key=attrgetter("start")) - 1
        if last < 0:
            return position
        change = self.changes[last]
        if position < change.end:
            return change.source_start if left else change.source_end
        return change.source_end + position - change.end

    def stretches(self, start: int, end: int) -> Iterator[Stretch]:
        """Yield the stretches from ``start`` to ``end``: written, rewritten, written."""
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


class _Changes:
    """The changes before an edit, moved; grown edit by edit."""

    def __init__(self, old: tuple[Change, ...]) -> None:
        self._old = old
        self._next = 0  # the first old change that has not been taken over
        self._new: list[Change] = []
        self._moved = 0  # new position minus old one
        self._drift = 0  # the source's position minus the old one

    def edit(self, start: int, end: int, length: int) -> None:
        """Take over what lies before ``start``; join what overlaps with the edit into one."""
        self._take_until(start)
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
        """Return all changes, once there are no more edits."""
        while self._next < len(self._old):
            self._take(self._old[self._next])
        return tuple(self._new)

    def _take_until(self, start: int) -> None:
        while self._next < len(self._old) and self._old[self._next].end <= start:
            self._take(self._old[self._next])

    def _take(self, change: Change) -> None:
        moved = self._moved
        self._new.append(change._replace(start=change.start + moved, end=change.end + moved))
        self._pass(change)

    def _pass(self, change: Change) -> None:
        self._drift = change.source_end - change.end
        self._next += 1


def _joined(before: Change, after: Change, grown: int) -> Change:
    """Return one change for two edits inside the same older one."""
    return Change(
        before.start,
        max(before.end + grown, after.end),
        before.source_start,
        max(before.source_end, after.source_end),
    )
