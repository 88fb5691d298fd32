"""Playback: the clock of one listener, from which deadlines are computed.

A listener starts to play when the first chunk arrives, and plays without interruption. The next
chunk is due at the moment when everything delivered so far will have been heard. A sentence further
ahead is due later, by the length of the speech before it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vits_tts.scheduling.urgency import NO_DEADLINE, Urgency

START_PATIENCE: Final = 0.25
"""Seconds until the first sound of a new stream is due.

Streams that would run dry within this time are served before it; streams with more audio in reserve
are served after it.
"""
_LONGEST_START: Final = 2.0
"""Seconds after its request at which a first sound is due, even if other streams run dry."""


@dataclass(eq=False, slots=True)
class Stretch:
    """One sentence of a playback, with its expected and its delivered length in seconds.

    It is ``owed`` if it has to be synthesised for this listener: it is neither cached nor
    synthesised for another one.
    """

    playback: "Playback"
    expected: float
    owed: bool
    handed: float = 0.0

    @property
    def left(self) -> float:
        """Seconds of the sentence that are expected but not delivered yet."""
        return max(self.expected - self.handed, 0.0)

    def urge(self, made: float) -> Urgency:
        """Return the urgency of its next piece of work, with ``made`` seconds synthesised."""
        return self.playback.urgency(self, made)


class Playback:
    """The sentences that one listener will hear, and the moment until which it has audio."""

    def __init__(self, owed: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        """Start at the moment of the request, with ``owed`` seconds of speech to synthesise."""
        self._now = now
        self._since = now()
        self._end = self._since
        self._asked = self._since
        self._stretches: list[Stretch] = []
        self._owed = owed
        self.begun = False
        self.resumed = False
        """Whether it has waited for its text, so that the first claim no longer describes it."""

    @property
    def end(self) -> float:
        """The moment (monotonic) at which everything delivered so far will have been heard."""
        return self._end

    @property
    def owed(self) -> float:
        """Seconds of speech that are still expected to be synthesised for this listener."""
        return max(self._owed, 0.0)

    def expect(self, seconds: float, *, owed: bool = True) -> Stretch:
        """Append a sentence of about ``seconds`` of speech and return it."""
        stretch = Stretch(self, seconds, owed)
        self._stretches.append(stretch)
        return stretch

    def owe(self, seconds: float) -> None:
        """Add ``seconds`` to the speech to be synthesised for this listener; may be negative."""
        self._owed += seconds

    def ask(self) -> None:
        """Record that the listener has received everything so far and waits for more."""
        self._asked = self._now()

    def resume(self) -> None:
        """Record that there is new text for a listener that had received all speech.

        The silence until its first sound is not a gap: the writer was late, not the server.
        """
        if self._end <= self._now():
            self._since = self._now()
            self.resumed, self.begun = True, False

    def silent_for(self) -> float:
        """Return for how many seconds the listener has had nothing to hear."""
        return max(0.0, self._now() - self._end)

    def hand(self, seconds: float, stretch: Stretch | None = None) -> float:
        """Count ``seconds`` of audio as delivered, and return the gap before it in seconds.

        Audio without a ``stretch`` is a pause. A gap is silence that the listener heard because the
        audio was late. It is 0 if the client itself was slow to receive.
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
        """Remove a sentence that has been delivered completely."""
        self._stretches.remove(stretch)
        if stretch.owed:  # the real length differs from the expected one
            self._owed -= stretch.expected - stretch.handed

    def urgency(self, stretch: Stretch, made: float) -> Urgency:
        """Return the urgency of the next piece of ``stretch``, of which ``made`` seconds exist."""
        now = self._now()
        before = sum(other.left for other in self._stretches[: self._stretches.index(stretch)])
        ahead = before + made - stretch.handed
        if ahead > 0:
            return Urgency(max(self._end, now) + ahead, self._since)
        if not self.begun:
            return Urgency(min(now + START_PATIENCE, self._since + _LONGEST_START), self._since)
        return Urgency(self._end, self._since)


class BackgroundPlayback(Playback):
    """Playback of work to which no client listens meanwhile: files and cache warming."""

    def urgency(self, stretch: Stretch, made: float) -> Urgency:  # noqa: ARG002
        """Return ``NO_DEADLINE``."""
        return NO_DEADLINE

    def hand(self, seconds: float, stretch: Stretch | None = None) -> float:
        """Count ``seconds`` as delivered, and return 0: without a listener there is no gap."""
        super().hand(seconds, stretch)
        return 0.0
