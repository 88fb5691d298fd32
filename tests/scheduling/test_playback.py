"""Deadlines: the moment at which all delivered sound has been played."""

import pytest

from vits_tts.scheduling.playback import START_PATIENCE, BackgroundPlayback, Playback
from vits_tts.scheduling.urgency import NO_DEADLINE, Urgency


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        """Begin at 100."""
        self.time = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.time


def test_the_next_window_is_due_when_the_last_has_been_heard() -> None:
    """Before its first sound a listener waits a moment; then its deadline is exact."""
    clock = Clock()
    playback = Playback(5, clock)
    stretch = playback.expect(5)
    clock.time = 101
    assert stretch.urge(0) == Urgency(101 + START_PATIENCE, 100)
    assert playback.hand(0.5, stretch) == 0
    assert stretch.urge(0.5) == Urgency(101.5, 100)
    assert stretch.urge(2.0) == Urgency(103, 100)  # 1.5 s are ready to be delivered
    clock.time = 101.3
    playback.hand(1.5, stretch)
    assert stretch.urge(2.0) == Urgency(103, 100)
    assert playback.owed == 3


def test_a_sentence_ahead_is_due_later() -> None:
    """A later sentence is due after the expected duration of the ones before it."""
    clock = Clock()
    playback = Playback(7, clock)
    first, second = playback.expect(3), playback.expect(4)
    assert second.urge(0) == Urgency(103, 100)
    playback.hand(1, first)
    assert second.urge(0) == Urgency(103, 100)
    playback.hand(4, first)  # it was longer than expected
    assert second.urge(0) == Urgency(105, 100)
    playback.leave_out(first)
    playback.hand(0.5)  # the pause
    assert second.urge(0) == Urgency(105.5, 100)
    assert playback.owed == 4


def test_only_what_is_owed_counts_as_work() -> None:
    """Cached sentences, and those made for other listeners, are no backlog.

    Wrong estimates are corrected.
    """
    playback = Playback(6, Clock())
    cached, made = playback.expect(3, owed=False), playback.expect(6)
    playback.hand(3, cached)
    playback.leave_out(cached)
    assert playback.owed == 6
    playback.hand(2, made)
    assert playback.owed == 4
    playback.leave_out(made)  # shorter than expected
    assert playback.owed == 0


def test_nobody_waits_for_ever() -> None:
    """After two seconds a first sound is due, even if other listeners need sound."""
    clock = Clock()
    stretch = Playback(5, clock).expect(5)
    clock.time = 110
    assert stretch.urge(0) == Urgency(102, 100)


def test_a_late_window_is_a_gap() -> None:
    """A late window counts as a gap if the listener asked in time; deadlines follow from it."""
    clock = Clock()
    playback = Playback(9, clock)
    stretch = playback.expect(9)
    playback.hand(1, stretch)
    playback.ask()
    clock.time = 101.25
    assert playback.hand(1, stretch) == pytest.approx(0.25)
    assert stretch.urge(2) == Urgency(102.25, 100)


def test_a_slow_reader_is_not_late() -> None:
    """A client that reads slowly causes no gap of the server, and becomes no more urgent."""
    clock = Clock()
    playback = Playback(9, clock)
    stretch = playback.expect(9)
    playback.hand(1, stretch)
    clock.time = 110
    assert stretch.urge(3) == Urgency(112, 100)  # 2 s are ready
    playback.ask()
    assert playback.hand(2, stretch) == 0


def test_nobody_is_in_a_hurry_for_a_file() -> None:
    """A file has no deadline, before and after parts of it are done."""
    playback = BackgroundPlayback()
    stretch = playback.expect(3)
    assert stretch.urge(0) == stretch.urge(2) == NO_DEADLINE
    assert not NO_DEADLINE.hurried
