"""The cache in memory: least recently used out first, bounded in bytes and in age."""

import time
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

from vits_tts.config import MemoryCacheSettings
from vits_tts.metrics import CACHE_BYTES, CACHE_EVICTIONS
from vits_tts.types import Pcm

_OVERHEAD_BYTES: Final = 640
"""What an entry costs beside its samples and times, roughly: key, arrays, links."""


class _Entries(TTLCache[str, Pcm]):
    """cachetools' cache, which says when it makes room."""

    def popitem(self) -> tuple[str, Pcm]:
        """Drop the least recently used sentence."""
        CACHE_EVICTIONS.inc()
        return super().popitem()


class MemoryCache:
    """Sentences by key. Used from the event loop alone, so it needs no lock."""

    def __init__(
        self, settings: MemoryCacheSettings, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep at most the settings' bytes for at most their seconds."""
        self._entries = _Entries(
            maxsize=int(settings.max_bytes),
            ttl=settings.ttl_seconds,
            timer=timer,
            getsizeof=_weight,
        )

    def __contains__(self, key: str) -> bool:
        """Return whether ``key`` is kept, without counting that as a use."""
        return key in self._entries

    def get(self, key: str) -> Pcm | None:
        """Return the speech of ``key``, if it is kept."""
        return self._entries.get(key)

    def put(self, key: str, pcm: Pcm) -> None:
        """Keep the speech of ``key``, unless it is larger than the whole cache."""
        if _weight(pcm) <= self._entries.maxsize:
            pcm.samples.setflags(write=False)  # it is shared by everyone who asks for it
            self._entries[key] = pcm
            CACHE_BYTES.set(self.nbytes)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        CACHE_BYTES.set(0)

    @property
    def nbytes(self) -> int:
        """Bytes that are kept now."""
        return int(self._entries.currsize)


def _weight(pcm: Pcm) -> int:
    return pcm.nbytes + (pcm.timing.words.nbytes if pcm.timing else 0) + _OVERHEAD_BYTES
