"""The cache in memory: limited in bytes and in age; it evicts the least recently used first."""

import time
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

from vits_tts.config import MemoryCacheSettings
from vits_tts.telemetry.metrics import CACHE_BYTES, CACHE_EVICTIONS
from vits_tts.types import Pcm

_OVERHEAD_BYTES: Final = 640
"""Estimated memory of an entry besides its samples and times: key, arrays, links."""


class _Entries(TTLCache[str, Pcm]):
    """A cache that counts its evictions."""

    def popitem(self) -> tuple[str, Pcm]:
        """Evict the least recently used sentence."""
        CACHE_EVICTIONS.inc()
        return super().popitem()


class MemoryCache:
    """Keeps sentences by key; it has no lock, so use it from one event loop."""

    def __init__(
        self, settings: MemoryCacheSettings, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """Limit the cache to the bytes and the age in seconds of the settings."""
        self._entries = _Entries(
            maxsize=int(settings.max_bytes),
            ttl=settings.ttl_seconds,
            timer=timer,
            getsizeof=_weight,
        )

    def __contains__(self, key: str) -> bool:
        """Return whether ``key`` is cached, without counting that as a use."""
        return key in self._entries

    def get(self, key: str) -> Pcm | None:
        """Return the sentence of ``key``; None if it is not cached."""
        return self._entries.get(key)

    def put(self, key: str, pcm: Pcm) -> None:
        """Cache the sentence of ``key``, unless it is larger than the whole cache."""
        if _weight(pcm) <= self._entries.maxsize:
            pcm.samples.setflags(write=False)  # all requests share the array
            self._entries[key] = pcm
            CACHE_BYTES.set(self.nbytes)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        CACHE_BYTES.set(0)

    @property
    def nbytes(self) -> int:
        """The bytes in use."""
        return int(self._entries.currsize)


def _weight(pcm: Pcm) -> int:
    return pcm.nbytes + (pcm.timing.nbytes if pcm.timing else 0) + _OVERHEAD_BYTES
