"""A circuit breaker: after several failures it stops the use of a dependency for a growing time.

While it is open and no trial call is under way, results do not count, because they belong to
calls that began before it opened. Otherwise many calls that fail together would lengthen the
pause many times, and a late success would close the breaker although the dependency is still
failing.

Source of the pattern: M. Nygard, "Release It!", 2nd edition, section 5.2.
"""

import random
import time
from collections.abc import Callable
from typing import Final

from loguru import logger

from vits_tts.telemetry.metrics import BREAKER_OPEN

FAILURES: Final = 3
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0


class CircuitBreaker:
    """Closed, it allows all calls. Open, it allows one trial call after each pause."""

    def __init__(
        self,
        name: str,
        timer: Callable[[], float] = time.monotonic,
        *,
        failures: int = FAILURES,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        """Create a closed breaker; ``name`` identifies it in logs and metrics.

        It opens after ``failures`` failures in a row. A pause lasts at most ``longest_pause``
        seconds.
        """
        self.name = name
        self._timer = timer
        self._enough = failures
        self._longest_pause = longest_pause
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._closed = True
        self._trying = False
        self._next_try = 0.0
        BREAKER_OPEN.labels(name).set(0)

    @property
    def closed(self) -> bool:
        """True while all calls are allowed."""
        return self._closed

    def may_try(self) -> bool:
        """Return whether a call is allowed now; while open, one is allowed after each pause."""
        if self._closed:
            return True
        if self._timer() < self._next_try:
            return False
        self._next_try = self._timer() + self._pause  # one caller tries for all others
        self._trying = True
        return True

    def succeeded(self) -> None:
        """Record a success: reset the count of failures, or close after a trial call."""
        if self._closed:
            self._failures = 0
        elif self._trying:
            self._close()

    def failed(self, reason: str) -> None:
        """Record a failure: open after several in a row, or double the pause after a trial call."""
        if self._closed:
            self._failures += 1
            if self._failures >= self._enough:
                self._open(reason)
        elif self._trying:
            self._pause = min(2 * self._pause, self._longest_pause)
            self._wait()

    def _open(self, reason: str) -> None:
        self._closed = False
        self._wait()
        BREAKER_OPEN.labels(self.name).set(1)
        logger.warning("breaker open", breaker=self.name, reason=reason)

    def _close(self) -> None:
        self._closed = True
        self._failures = 0
        self._pause = FIRST_PAUSE
        BREAKER_OPEN.labels(self.name).set(0)
        logger.info("breaker closed", breaker=self.name)

    def _wait(self) -> None:
        """Start a pause, random within 20 %, so that workers try at different times."""
        self._trying = False
        self._next_try = self._timer() + self._pause * random.uniform(0.8, 1.2)  # noqa: S311
