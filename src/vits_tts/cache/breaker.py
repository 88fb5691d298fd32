"""A circuit breaker: after a few failures a dependency is left alone for a growing time.

What was begun before it opened and ends later says nothing of the time since: while it is open, and
nobody has been let try, nothing counts. Otherwise many that fail together would lengthen the pause
many times, and a late success would close what is still in trouble.

Source of the pattern: M. Nygard, "Release It!", 2nd edition, section 5.2.
"""

import random
import time
from collections.abc import Callable
from typing import Final

from loguru import logger

from vits_tts.metrics import BREAKER_OPEN

FAILURES: Final = 3
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0


class Breaker:
    """Closed: everything passes. Open: nothing does, until the pause is over and one may try."""

    def __init__(self, name: str, timer: Callable[[], float] = time.monotonic) -> None:
        """Begin closed; ``name`` is said in logs and metrics."""
        self.name = name
        self._timer = timer
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._closed = True
        self._trying = False
        self._next_try = 0.0
        BREAKER_OPEN.labels(name).set(0)

    @property
    def closed(self) -> bool:
        """Whether the dependency is in use."""
        return self._closed

    def may_try(self) -> bool:
        """Return whether to try now; while open, that is once after each pause."""
        if self._closed:
            return True
        if self._timer() < self._next_try:
            return False
        self._next_try = self._timer() + self._pause  # who got the yes tries for all others
        self._trying = True
        return True

    def succeeded(self) -> None:
        """Count a success: forget the failures; close, if it was let try."""
        if self._closed:
            self._failures = 0
        elif self._trying:
            self._close()

    def failed(self, reason: str) -> None:
        """Count a failure: after a few in a row open, and stay open for longer each time."""
        if self._closed:
            self._failures += 1
            if self._failures >= FAILURES:
                self._open(reason)
        elif self._trying:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
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
        """Let nobody try for a while; spread, so that many workers do not try all at once."""
        self._trying = False
        self._next_try = self._timer() + self._pause * random.uniform(0.8, 1.2)  # noqa: S311
