"""The sentences that current streams are going to synthesise, and when they will do so.

If two streams need the same sentence, the later one does not have to synthesise it: by then it is
under synthesis, or cached.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class PlannedSentences:
    """Keeps the moment at which each stream will synthesise each of its sentences."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin without listeners."""
        self._now = now
        self._listeners: list[Mapping[str, float]] = []

    def made(self, key: str, after: float) -> bool:
        """Return whether another stream will synthesise a sentence within ``after`` seconds."""
        by = self._now() + after
        return any(reached.get(key, by + 1) <= by for reached in self._listeners)

    @contextmanager
    def promised(self, sentences: Mapping[str, float]) -> Iterator[None]:
        """Keep the ``sentences`` of a stream in a block: their keys, and the seconds until each."""
        now = self._now()
        reached = {key: now + after for key, after in sentences.items()}
        self._listeners.append(reached)
        try:
            yield
        finally:
            self._listeners.remove(reached)
