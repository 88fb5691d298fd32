"""The breaker: after a few failures nobody tries, then one does, then all or nobody again."""

from itertools import pairwise

from vits_tts.cache.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breaker


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def opened(clock: Clock) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker("test", clock)
    for _ in range(FAILURES):
        breaker.failed("down")
    return breaker


def test_a_few_failures_in_a_row_open_it() -> None:
    """One success in between and the count begins anew."""
    breaker = Breaker("test", Clock())
    for _ in range(5):
        for _ in range(FAILURES - 1):
            breaker.failed("down")
        breaker.succeeded()
    assert breaker.closed
    assert breaker.may_try()
    assert not opened(Clock()).closed


def test_one_tries_after_the_pause() -> None:
    """Nobody does before, and only one after."""
    clock = Clock()
    breaker = opened(clock)
    assert not breaker.may_try()
    clock.now = 1.3 * FIRST_PAUSE
    assert breaker.may_try()
    assert not breaker.may_try()
    breaker.succeeded()
    assert breaker.closed
    assert breaker.may_try()


def test_pauses_grow_to_a_limit() -> None:
    """Each failed try doubles the pause; a success makes it short again."""
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(9):
        start = clock.now
        while not breaker.may_try():
            clock.now += 0.05
        pauses.append(clock.now - start)
        breaker.failed("still down")
    assert all(after > 1.2 * before for before, after in pairwise(pauses[:4]))
    assert 0.8 * LONGEST_PAUSE <= pauses[-1] <= 1.3 * LONGEST_PAUSE
    breaker.succeeded()
    assert opened(clock).closed is False


def test_what_was_begun_before_it_opened_does_not_count() -> None:
    """A late success does not close it, and late failures do not lengthen its pause."""
    clock = Clock()
    breaker = opened(clock)
    breaker.succeeded()
    assert not breaker.closed
    for _ in range(10):
        breaker.failed("down, as was known")
    clock.now = 1.3 * FIRST_PAUSE
    assert breaker.may_try()
    breaker.succeeded()
    assert breaker.closed
