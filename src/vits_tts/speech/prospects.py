"""What listeners under way are going to make, and when they come to it.

A sentence that somebody reaches no later than another listener costs the other one nothing: it will
be on its way, or there.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class Prospects:
    """The sentences that listeners make, each with the moment at which its listener reaches it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin with nobody."""
        self._now = now
        self._listeners: list[Mapping[str, float]] = []

    def made(self, key: str, after: float) -> bool:
        """Return whether somebody reaches a sentence within ``after`` seconds."""
        by = self._now() + after
        return any(reached.get(key, by + 1) <= by for reached in self._listeners)

    @contextmanager
    def promised(self, sentences: Mapping[str, float]) -> Iterator[None]:
        """Count sentences as somebody's to make, each after so many seconds."""
        now = self._now()
        reached = {key: now + after for key, after in sentences.items()}
        self._listeners.append(reached)
        try:
            yield
        finally:
            self._listeners.remove(reached)
