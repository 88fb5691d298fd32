"""The sentences that listeners under way are going to synthesise, and when they reach them.

A sentence that one listener reaches no later than another costs the other nothing: by then it is
under synthesis, or cached.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class PlannedSentences:
    """Keeps the moment at which each listener reaches each sentence that it synthesises."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin without listeners."""
        self._now = now
        self._listeners: list[Mapping[str, float]] = []

    def made(self, key: str, after: float) -> bool:
        """Return whether a listener reaches a sentence within ``after`` seconds."""
        by = self._now() + after
        return any(reached.get(key, by + 1) <= by for reached in self._listeners)

    @contextmanager
    def promised(self, sentences: Mapping[str, float]) -> Iterator[None]:
        """Keep a listener's ``sentences``, by key, with the seconds after which it reaches each."""
        now = self._now()
        reached = {key: now + after for key, after in sentences.items()}
        self._listeners.append(reached)
        try:
            yield
        finally:
            self._listeners.remove(reached)
