"""The circuit breaker: after some failures it refuses calls, then lets one through as a test."""

from itertools import pairwise

from vits_tts.circuit_breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, CircuitBreaker


class Clock:
    """A clock whose time is set by the test."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    """Return a breaker that has just opened."""
    breaker = CircuitBreaker("test", clock)
    for _ in range(FAILURES):
        breaker.failed("down")
    return breaker


def test_a_few_failures_in_a_row_open_it() -> None:
    """Only failures in a row open it: a success in between starts the count again."""
    breaker = CircuitBreaker("test", Clock())
    for _ in range(5):
        for _ in range(FAILURES - 1):
            breaker.failed("down")
        breaker.succeeded()
    assert breaker.closed
    assert breaker.may_try()
    assert not opened(Clock()).closed


def test_one_tries_after_the_pause() -> None:
    """No call is let through before the pause ends, and only one call after it."""
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
    """Each failed attempt doubles the pause up to a limit; a success makes it short again."""
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
    """Calls that began before it opened do not count.

    A late success does not close it, and late failures do not lengthen its pause.
    """
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
