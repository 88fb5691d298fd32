"""Admission: nobody is let in who could not be served in time, or at others' cost."""

from contextlib import ExitStack

import pytest

from vits_tts.config import Limits
from vits_tts.errors import Busy
from vits_tts.scheduling.admission import Admission, Demand

SENTENCE = Demand(start=0.1, seconds=5.0, rate=0.12)
BOOK = Demand(start=0.1, seconds=3600.0, rate=0.12)
CACHED = Demand(0.0, 0.0, 0.0)


class Fixed:
    """A time that is moved by hand."""

    time = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.time


def admission(clock: Fixed, threads: int = 2, **limits: float) -> Admission:
    """Return an admission with two threads and a start within two seconds."""
    return Admission(threads, Limits.model_validate(limits), clock)


def admitted(admission: Admission, demand: Demand, stack: ExitStack) -> int:
    """Let in as many as can be; return how many."""
    for number in range(1000):
        try:
            stack.enter_context(admission.admitted(demand))
        except Busy:
            return number
    return 1000


def test_long_speech_is_admitted_while_it_can_be_made_as_fast_as_it_is_heard() -> None:
    """Two threads of which 85 % are promised, 0.12 s of work for a second of speech: 14."""
    with ExitStack() as stack:
        assert admitted(admission(Fixed(), max_start_delay=60), BOOK, stack) == 14


def test_nobody_starts_late() -> None:
    """Each start costs a tenth of a second of one of two threads: 20 within a second."""
    with ExitStack() as stack:
        start = Demand(start=0.1, seconds=60.0, rate=0.0)
        assert admitted(admission(Fixed(), max_start_delay=1.01), start, stack) == 20


@pytest.mark.parametrize("demand", [SENTENCE, Demand(0.05, 60.0, 0.1)])
def test_who_is_refused_hears_when_to_come_again(demand: Demand) -> None:
    """And is let in then, no earlier than need be."""
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
            playback.hand(clock.time, stretch)  # heard as fast as it plays
        with gate.admitted(demand):
            pass


def test_what_is_cached_is_always_served() -> None:
    """It costs nothing, however much is under way."""
    gate = admission(Fixed())
    with ExitStack() as stack:
        admitted(gate, BOOK, stack)
        assert admitted(gate, CACHED, stack) == 1000


def test_who_is_alone_is_served_however_slow_the_machine() -> None:
    """Late is better than never, when nobody else suffers."""
    slow = Demand(start=10.0, seconds=60.0, rate=5.0)
    with ExitStack() as stack:
        assert admitted(admission(Fixed()), slow, stack) == 1


def test_cached_listeners_are_nobody_to_wait_for() -> None:
    """Whoever costs nothing does not keep out the only one who costs much."""
    gate = admission(Fixed())
    with gate.admitted(CACHED), gate.admitted(Demand(start=10.0, seconds=60.0, rate=5.0)):
        pass


def test_who_leaves_makes_room() -> None:
    """At once."""
    gate = admission(Fixed())
    with ExitStack() as stack:
        full = admitted(gate, BOOK, stack)
        assert len(gate) == full
    with ExitStack() as stack:
        assert admitted(gate, BOOK, stack) == full


def test_slots_are_counted() -> None:
    """``limits.max_concurrent`` bounds all requests; files leave a quarter to listeners."""
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
