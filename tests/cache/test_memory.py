"""The cache in memory: limited in bytes and in age, least recently used out first."""

import numpy as np
import pytest
from prometheus_client import REGISTRY

from vits_tts.cache.memory import MemoryCache
from vits_tts.config import MemoryCacheSettings as Settings
from vits_tts.types import Pcm


def pcm(count: int = 1000) -> Pcm:
    """Return speech of this many samples."""
    return Pcm(np.ones(count, np.int16), 16000)


class Clock:
    """A clock whose time is set by the test."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def evictions() -> float:
    """Return this process's number of evictions for space, from its metrics."""
    return REGISTRY.get_sample_value("vits_tts_cache_memory_evictions_total") or 0.0


def test_least_recently_used_goes_first() -> None:
    """Recently used sentences stay when space is needed."""
    cache = MemoryCache(Settings(max_bytes=8000, ttl_seconds=60))
    for key in "abc":
        cache.put(key, pcm())
    assert cache.get("a")
    before = evictions()
    cache.put("d", pcm())
    assert evictions() == before + 1
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    assert cache.nbytes <= 8000


def test_bounded_whatever_comes() -> None:
    """The bytes never exceed the limit, and a sentence larger than the limit is not kept."""
    cache = MemoryCache(Settings(max_bytes=10_000, ttl_seconds=60))
    for number in range(200):
        cache.put(str(number), pcm(number * 37))
        assert cache.nbytes <= 10_000
    cache.put("huge", pcm(100_000))
    assert cache.get("huge") is None


def test_old_sentences_are_dropped() -> None:
    """A sentence is not kept longer than its time to live."""
    clock = Clock()
    cache = MemoryCache(Settings(max_bytes=100_000, ttl_seconds=10), clock)
    cache.put("a", pcm())
    clock.now = 9.9
    assert cache.get("a")
    clock.now = 10.1
    before = evictions()
    assert cache.get("a") is None
    assert evictions() == before  # too old is not an eviction for space


def test_nobody_changes_what_is_shared() -> None:
    """Cached samples are read-only, because callers share them."""
    cache = MemoryCache(Settings(max_bytes=100_000, ttl_seconds=10))
    cache.put("a", pcm())
    kept = cache.get("a")
    assert kept
    with pytest.raises(ValueError, match="read-only"):
        kept.samples[0] = 5
