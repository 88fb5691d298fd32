"""What one listener hears: the clock that deadlines come from.

A listener plays what has been handed over from the moment the first of it came. The next window is
due when all of that will have been heard; a sentence further ahead is due later by what still comes
before it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vits_tts.scheduling.urgency import WHENEVER, Urgency

START_PATIENCE: Final = 0.25
"""Seconds that a listener's first sound lets others go before: those who would fall silent within
them. Whoever has more slack than that waits for it."""
_LONGEST_START: Final = 2.0
"""Seconds after which the first sound is due whatever others need."""


@dataclass(eq=False, slots=True)
class Stretch:
    """One sentence in a listener's playback: seconds that it is expected to last, and handed.

    It is ``owed`` if it has to be made for this listener: not cached, nor made for another one.
    """

    playback: "Playback"
    expected: float
    owed: bool
    handed: float = 0.0

    @property
    def left(self) -> float:
        """Seconds that are expected to be heard of it still."""
        return max(self.expected - self.handed, 0.0)

    def urge(self, made: float) -> Urgency:
        """Tell how urgent its next piece is when ``made`` seconds of it are there."""
        return self.playback.urgency(self, made)


class Playback:
    """A listener's time line; ``owed`` is how many seconds are to be made for it."""

    def __init__(self, owed: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        """Begin to wait for the first sound."""
        self._now = now
        self._since = now()
        self._end = self._since
        self._asked = self._since
        self._stretches: list[Stretch] = []
        self._owed = owed
        self.begun = False

    @property
    def end(self) -> float:
        """When all that has been handed over will have been heard."""
        return self._end

    @property
    def owed(self) -> float:
        """Seconds of speech that are expected to be made for this listener still."""
        return max(self._owed, 0.0)

    def expect(self, seconds: float, *, owed: bool = True) -> Stretch:
        """Add a sentence of about ``seconds`` to what will be heard."""
        stretch = Stretch(self, seconds, owed)
        self._stretches.append(stretch)
        return stretch

    def owe(self, seconds: float) -> None:
        """Count speech that has to be made for this listener after all, or less than none."""
        self._owed += seconds

    def ask(self) -> None:
        """Note that the listener has taken all so far and waits for more."""
        self._asked = self._now()

    def hand(self, seconds: float, stretch: Stretch | None = None) -> float:
        """Count ``seconds`` of sound as handed over, of a sentence or, without one, of a pause.

        Returns the seconds of silence that the listener heard before them although they had asked
        in time: a gap of our making.
        """
        now = self._now()
        gap = now - self._end if self.begun and self._asked <= self._end < now else 0.0
        self.begun = True
        self._end = max(self._end, now) + seconds
        if stretch:
            stretch.handed += seconds
            self._owed -= seconds if stretch.owed else 0.0
        return gap

    def leave_out(self, stretch: Stretch) -> None:
        """Forget a sentence that has been heard."""
        self._stretches.remove(stretch)
        if stretch.owed:  # it was shorter than expected, or longer
            self._owed -= stretch.expected - stretch.handed

    def urgency(self, stretch: Stretch, made: float) -> Urgency:
        """Tell how urgent the next piece of ``stretch`` is, of which ``made`` seconds are there."""
        now = self._now()
        before = sum(other.left for other in self._stretches[: self._stretches.index(stretch)])
        ahead = before + made - stretch.handed
        if ahead > 0:
            return Urgency(max(self._end, now) + ahead, self._since)
        if not self.begun:
            return Urgency(min(now + START_PATIENCE, self._since + _LONGEST_START), self._since)
        return Urgency(self._end, self._since)


class Unheard(Playback):
    """What nobody listens to: a file, or a cache that is filled. Listeners come first."""

    def urgency(self, stretch: Stretch, made: float) -> Urgency:  # noqa: ARG002
        """Tell that there is no hurry."""
        return WHENEVER

    def hand(self, seconds: float, stretch: Stretch | None = None) -> float:
        """Count what was made; nobody hears gaps."""
        super().hand(seconds, stretch)
        return 0.0
