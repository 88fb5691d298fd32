"""Prometheus metrics, over all workers of a server.

Under our own master every worker writes its numbers to a file in a folder (prometheus_client's
multiprocess mode, chosen by ``PROMETHEUS_MULTIPROC_DIR`` before this module is imported), and
whichever worker is asked adds them up. Without that folder a process shows its own.
"""

import os
from functools import cache
from typing import Final, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

_FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

Labelled = TypeVar("Labelled", Counter, Histogram)


@cache
def series(metric: Labelled, *labels: str) -> Labelled:
    """Return the numbers of some labels; looking them up costs more than counting.

    For labels that take few values.
    """
    return metric.labels(*labels)


CACHE_LOOKUPS: Final = Counter(
    "vits_tts_cache_lookups_total",
    "Sentences looked up, by tier (memory, flight, redis) and outcome (hit, miss, error).",
    ["tier", "outcome"],
)
CACHE_BYTES: Final = Gauge(
    "vits_tts_cache_memory_bytes", "Bytes of speech in memory.", multiprocess_mode="livesum"
)
CACHE_EVICTIONS: Final = Counter(
    "vits_tts_cache_memory_evictions_total", "Sentences dropped from memory to make room."
)
REDIS_BYTES: Final = Counter(
    "vits_tts_cache_redis_bytes_total", "Bytes exchanged with Redis.", ["direction"]
)
REDIS_DAMAGED: Final = Counter(
    "vits_tts_cache_redis_damaged_total", "Values of ours in Redis that did not check."
)
BREAKER_OPEN: Final = Gauge(
    "vits_tts_breaker_open",
    "Workers that leave a dependency alone.",
    ["breaker"],
    multiprocess_mode="livesum",
)
LOCK_WAIT: Final = Histogram(
    "vits_tts_cache_lock_wait_seconds",
    "Time spent waiting for a sentence that another process is making.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LIMITED: Final = Counter(
    "vits_tts_rate_limited_total", "Requests refused by a rate limit.", ["limit"]
)
WAITING_PIECES: Final = Gauge(
    "vits_tts_scheduler_waiting_pieces",
    "Sentences and windows that wait for an inference thread.",
    multiprocess_mode="livesum",
)
BUSY_THREADS: Final = Gauge(
    "vits_tts_scheduler_busy_threads", "Inference threads at work.", multiprocess_mode="livesum"
)
GAPS: Final = Histogram(
    "vits_tts_gap_seconds",
    "Silences that listeners heard because a window was late.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REFUSALS: Final = Counter(
    "vits_tts_refusals_total",
    "Requests answered 503: late (could not be served in time), full (limits.max_concurrent).",
    ["reason"],
)
REQUESTS: Final = Counter(
    "vits_tts_requests_total",
    "Requests answered, by route, method and status; 499 is a caller who left.",
    ["route", "method", "status"],
)
REQUEST_SECONDS: Final = Histogram(
    "vits_tts_request_seconds",
    "Time from a request's first byte to its answer's last.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
FIRST_AUDIO: Final = Histogram(
    "vits_tts_first_audio_seconds",
    "Time from a request's first byte to the first sound of its stream; hit: all was cached.",
    ["cache"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10),
)
AUDIO_SECONDS: Final = Counter(
    "vits_tts_audio_seconds_total", "Seconds of speech given to callers.", ["route"]
)
SYNTHESISED_SECONDS: Final = Counter(
    "vits_tts_synthesised_audio_seconds_total", "Seconds of speech that were made."
)
SYNTHESIS_SECONDS: Final = Counter(
    "vits_tts_synthesis_seconds_total",
    "Seconds of one thread's work that making it took; divided by the above, the real-time factor.",
)
UNDER_WAY: Final = Gauge(
    "vits_tts_requests_under_way", "Requests under way.", multiprocess_mode="livesum"
)
CONNECTIONS: Final = Gauge(
    "vits_tts_connections", "Open connections of callers.", multiprocess_mode="livesum"
)
THREADS: Final = Gauge("vits_tts_threads", "Python's threads.", multiprocess_mode="livesum")
MEMORY_BYTES: Final = Gauge(
    "vits_tts_memory_bytes", "Resident memory of the workers.", multiprocess_mode="livesum"
)
OPEN_FILES: Final = Gauge(
    "vits_tts_open_files", "Open file descriptors of the workers.", multiprocess_mode="livesum"
)
VOICES_LOADED: Final = Gauge(
    "vits_tts_voices_loaded", "Voices in the memory of workers.", multiprocess_mode="livesum"
)
VOICES_BYTES: Final = Gauge(
    "vits_tts_voices_bytes", "Bytes that they take, about.", multiprocess_mode="livesum"
)
VOICE_LOADS: Final = Counter(
    "vits_tts_voice_loads_total", "Voices loaded, by outcome (loaded, failed).", ["outcome"]
)
VOICE_DROPS: Final = Counter(
    "vits_tts_voice_drops_total",
    "Voices dropped from memory: for another one (room), or because they were unused.",
    ["reason"],
)
SYNTHESES: Final = Counter("vits_tts_syntheses_total", "Sentences synthesised.")


def page() -> bytes:
    """Return all metrics in Prometheus's text format; reads files, so call it in a thread."""
    if _FOLDER_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
