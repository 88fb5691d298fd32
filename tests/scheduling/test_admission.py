"""Admission: a new stream is refused if it would be late, or make others late."""

from contextlib import ExitStack

import pytest

from vits_tts.config import Limits
from vits_tts.errors import Busy
from vits_tts.scheduling.admission import Admission, Demand

SENTENCE = Demand(start=0.1, seconds=5.0, rate=0.12)
BOOK = Demand(start=0.1, seconds=3600.0, rate=0.12)
CACHED = Demand(0.0, 0.0, 0.0)


class Fixed:
    """A clock whose time is set by the test."""

    time = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.time


def admission(clock: Fixed, threads: int = 2, **limits: float) -> Admission:
    """Return an admission with two threads and a start within two seconds."""
    return Admission(threads, Limits.model_validate(limits), clock)


def admitted(admission: Admission, demand: Demand, stack: ExitStack) -> int:
    """Admit as many requests as possible; return their number."""
    for number in range(1000):
        try:
            stack.enter_context(admission.admitted(demand))
        except Busy:
            return number
    return 1000


def test_long_speech_is_admitted_while_it_can_be_made_as_fast_as_it_is_heard() -> None:
    """Long speech is admitted up to the capacity.

    Two threads, of which 85 % may be used, at 0.12 s of work for a second of speech: 14 listeners.
    """
    with ExitStack() as stack:
        assert admitted(admission(Fixed(), max_start_delay=60), BOOK, stack) == 14


def test_nobody_starts_late() -> None:
    """Each start costs 0.1 s of one of two threads: 20 starts within a second."""
    with ExitStack() as stack:
        start = Demand(start=0.1, seconds=60.0, rate=0.0)
        assert admitted(admission(Fixed(), max_start_delay=1.01), start, stack) == 20


@pytest.mark.parametrize("demand", [SENTENCE, Demand(0.05, 60.0, 0.1)])
def test_who_is_refused_hears_when_to_come_again(demand: Demand) -> None:
    """A refused request is admitted at the stated time, and not earlier."""
    clock = Fixed()
    gate = admission(clock, threads=1)
    with ExitStack() as stack:
        listeners = []

        def fill() -> None:
            for _ in range(1000):
                playback = stack.enter_context(gate.admitted(demand))
                playback.hand(0.001, playback.expect(demand.seconds))  # it has begun
                listeners.append((playback, playback.expect(demand.seconds)))

        with pytest.raises(Busy) as refused:
            fill()
        wait = refused.value.retry_after
        assert 1 <= wait <= demand.seconds + 5
        clock.time = wait + 0.01
        for playback, stretch in listeners:
            playback.hand(clock.time, stretch)  # played in real time
        with gate.admitted(demand):
            pass


@pytest.mark.slow
def test_what_is_cached_is_always_served() -> None:
    """A cached text is always admitted, however much work is under way."""
    gate = admission(Fixed())
    with ExitStack() as stack:
        admitted(gate, BOOK, stack)
        assert admitted(gate, CACHED, stack) == 1000


def test_who_is_alone_is_served_however_slow_the_machine() -> None:
    """A single listener is admitted on any machine, since no other listener suffers."""
    slow = Demand(start=10.0, seconds=60.0, rate=5.0)
    with ExitStack() as stack:
        assert admitted(admission(Fixed()), slow, stack) == 1


def test_cached_listeners_are_nobody_to_wait_for() -> None:
    """Cached listeners, which cost nothing, do not keep out the only expensive one."""
    gate = admission(Fixed())
    with gate.admitted(CACHED), gate.admitted(Demand(start=10.0, seconds=60.0, rate=5.0)):
        pass


def test_who_leaves_makes_room() -> None:
    """A client that leaves makes room at once."""
    gate = admission(Fixed())
    with ExitStack() as stack:
        full = admitted(gate, BOOK, stack)
        assert len(gate) == full
    with ExitStack() as stack:
        assert admitted(gate, BOOK, stack) == full


def test_slots_are_counted() -> None:
    """``limits.max_concurrent`` limits all requests; files leave a quarter for listeners."""
    gate = admission(Fixed(), max_concurrent=1)
    with gate.slot(heard=True), pytest.raises(Busy), gate.slot(heard=True):
        pass
    with gate.slot(heard=False):
        pass
    gate = admission(Fixed(), max_concurrent=4)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(gate.slot(heard=False))
        with pytest.raises(Busy), gate.slot(heard=False):
            pass
        with gate.slot(heard=True):
            pass
