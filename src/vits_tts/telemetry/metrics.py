"""Prometheus metrics, summed over all workers of a server.

With our master, every worker writes its numbers to files in one folder. That is prometheus_client's
multiprocess mode, selected by ``PROMETHEUS_MULTIPROC_DIR`` before this module is imported. The
worker that answers ``/metrics`` adds them up. Without the folder, a process shows only its own.
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

from vits_tts.telemetry import metric_files

_FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

Labelled = TypeVar("Labelled", Counter, Histogram)


@cache
def series(metric: Labelled, *labels: str) -> Labelled:
    """Return the series of a metric for the given label values.

    The result is cached, because looking it up costs more than counting. Use it only for labels
    with few values.
    """
    return metric.labels(*labels)


CACHE_LOOKUPS: Final = Counter(
    "vits_tts_cache_lookups_total",
    "Sentences looked up, by tier (memory, flight, redis) and outcome (hit, miss, error).",
    ["tier", "outcome"],
)
CACHE_BYTES: Final = Gauge(
    "vits_tts_cache_memory_bytes",
    "Bytes of speech in the memory cache.",
    multiprocess_mode="livesum",
)
CACHE_EVICTIONS: Final = Counter(
    "vits_tts_cache_memory_evictions_total", "Sentences dropped from the memory cache to make room."
)
REDIS_BYTES: Final = Counter(
    "vits_tts_cache_redis_bytes_total", "Bytes exchanged with Redis.", ["direction"]
)
REDIS_DAMAGED: Final = Counter(
    "vits_tts_cache_redis_damaged_total", "Values in Redis whose checksum or content is invalid."
)
REDIS_UNSIGNED: Final = Counter(
    "vits_tts_cache_redis_unsigned_total",
    "Values in Redis whose signature is missing or wrong; only with cache.redis.secret.",
)
BREAKER_OPEN: Final = Gauge(
    "vits_tts_breaker_open",
    "Workers whose circuit breaker for a dependency is open.",
    ["breaker"],
    multiprocess_mode="livesum",
)
DICTIONARY_STALE: Final = Gauge(
    "vits_tts_dictionaries_stale",
    "Workers that use the last known pronunciation dictionaries because Redis fails.",
    multiprocess_mode="livesum",
)
LOCK_WAIT: Final = Histogram(
    "vits_tts_cache_lock_wait_seconds",
    "Seconds spent waiting for a sentence that another process synthesises.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LIMITED: Final = Counter(
    "vits_tts_rate_limited_total", "Requests refused by a rate limit.", ["limit"]
)
WAITING_PIECES: Final = Gauge(
    "vits_tts_scheduler_waiting_pieces",
    "Pieces of work (text stages and windows) that wait for an inference thread.",
    multiprocess_mode="livesum",
)
BUSY_THREADS: Final = Gauge(
    "vits_tts_scheduler_busy_threads", "Busy inference threads.", multiprocess_mode="livesum"
)
GAPS: Final = Histogram(
    "vits_tts_gap_seconds",
    "Gaps in seconds that listeners heard because a window was late.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REFUSALS: Final = Counter(
    "vits_tts_refusals_total",
    "Requests answered 503: late (could not be served in time), full (limits.max_concurrent), "
    "caller (limits.max_concurrent_per_caller), room (unfinished files have reserved all of "
    "audio.max_bytes), unread (too many texts wait to be read).",
    ["reason"],
)
ENDED: Final = Counter(
    "vits_tts_requests_too_costly_total",
    "Requests ended because they used more than limits.request_cpu_seconds of processor time, by "
    "route and by the stage that used most of it (reading, synthesis, encoding).",
    ["route", "stage"],
)
CALLBACKS: Final = Counter(
    "vits_tts_callbacks_total",
    "Results posted to callers' hosts, by outcome: taken, failed (given up).",
    ["outcome"],
)
REQUESTS: Final = Counter(
    "vits_tts_requests_total",
    "Requests answered, by route, method and status; 499 means that the client disconnected.",
    ["route", "method", "status"],
)
REQUEST_SECONDS: Final = Histogram(
    "vits_tts_request_seconds",
    "Seconds from the first byte of a request to the last byte of its response.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
FIRST_AUDIO: Final = Histogram(
    "vits_tts_first_audio_seconds",
    "Seconds from the first byte of a request to the first sound of its stream; the label is hit "
    "if all sentences were cached.",
    ["cache"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10),
)
AUDIO_SECONDS: Final = Counter(
    "vits_tts_audio_seconds_total", "Seconds of speech sent to clients.", ["route"]
)
SYNTHESISED_SECONDS: Final = Counter(
    "vits_tts_synthesised_audio_seconds_total", "Seconds of speech that were synthesised."
)
SYNTHESIS_SECONDS: Final = Counter(
    "vits_tts_synthesis_seconds_total",
    "Seconds of synthesis, as work of one thread. Divided by "
    "vits_tts_synthesised_audio_seconds_total it is the real-time factor.",
)
UNDER_WAY: Final = Gauge(
    "vits_tts_requests_under_way", "Requests under way.", multiprocess_mode="livesum"
)
CONNECTIONS: Final = Gauge(
    "vits_tts_connections", "Open connections of clients.", multiprocess_mode="livesum"
)
CONNECTIONS_DROPPED: Final = Counter(
    "vits_tts_connections_dropped_total",
    "Connections closed because of a limit (room: max_connections, address: "
    "max_connections_per_address), or because the client was idle too long (idle), sent a request "
    "too slowly (late) or read a response too slowly (slow).",
    ["reason"],
)
THREADS: Final = Gauge("vits_tts_threads", "Python's threads.", multiprocess_mode="livesum")
MEMORY_BYTES: Final = Gauge(
    "vits_tts_memory_bytes", "Resident memory of the workers.", multiprocess_mode="livesum"
)
OPEN_FILES: Final = Gauge(
    "vits_tts_open_files", "Open file descriptors of the workers.", multiprocess_mode="livesum"
)
VOICES_LOADED: Final = Gauge(
    "vits_tts_voices_loaded", "Voices loaded, over all workers.", multiprocess_mode="livesum"
)
VOICES_BYTES: Final = Gauge(
    "vits_tts_voices_bytes",
    "Estimated bytes of memory of all loaded voices.",
    multiprocess_mode="livesum",
)
VOICE_LOADS: Final = Counter(
    "vits_tts_voice_loads_total", "Voices loaded, by outcome (loaded, failed).", ["outcome"]
)
VOICE_DROPS: Final = Counter(
    "vits_tts_voice_drops_total",
    "Voices dropped from memory: to load another one (room), or after voice.unused_seconds "
    "(unused).",
    ["reason"],
)
LOG_DROPPED: Final = Counter(
    "vits_tts_log_lines_dropped_total",
    "Log lines of workers that were dropped because they could not be written in time, by log "
    "(stdout, file).",
    ["log"],
)
AUDIO_FILES_BYTES: Final = Gauge(
    "vits_tts_audio_files_bytes",
    "Bytes in the folder of saved files, including those reserved for unfinished files.",
    multiprocess_mode="livemostrecent",
)
AUDIO_FILES_DROPPED: Final = Counter(
    "vits_tts_audio_files_dropped_total",
    "Saved files removed: to make room (room), after audio.max_age_seconds (age), or because the "
    "process that was writing them died (unfinished).",
    ["reason"],
)
DISK_TIMEOUTS: Final = Counter(
    "vits_tts_disk_timeouts_total",
    "Operations on the disk of the saved files that took longer than audio.timeout_seconds.",
)
SOCKETS: Final = Gauge(
    "vits_tts_sockets", "Open WebSockets, over all workers.", multiprocess_mode="livesum"
)
CONTEXTS: Final = Counter(
    "vits_tts_socket_contexts_total",
    "Texts of WebSockets, by their end (finished, cancelled, failed).",
    ["end"],
)
SYNTHESES: Final = Counter("vits_tts_syntheses_total", "Sentences synthesised.")
JOB_ITEMS: Final = Counter(
    "vits_tts_job_items_total",
    "Items of jobs that were tried, by outcome (succeeded, failed); each attempt counts.",
    ["outcome"],
)
JOB_SECONDS: Final = Counter(
    "vits_tts_job_audio_seconds_total", "Seconds of sound in the files of jobs."
)
JOBS_RUNNING: Final = Gauge(
    "vits_tts_job_items_running",
    "Items of jobs that are being made.",
    multiprocess_mode="livesum",
)
JOB_STORAGE_CALLS: Final = Counter(
    "vits_tts_job_storage_calls_total",
    "Requests to the object storage of jobs.storage, by outcome (succeeded, failed).",
    ["outcome"],
)
USAGE_CHARACTERS: Final = Counter(
    "vits_tts_usage_characters_total", "Characters of text booked, over all keys."
)
USAGE_SECONDS: Final = Counter(
    "vits_tts_usage_audio_seconds_total",
    "Seconds of sound booked, over all keys, by source (made, cached).",
    ["source"],
)
USAGE_UNSAVED: Final = Gauge(
    "vits_tts_usage_unsaved",
    "Bookings that wait in memory because the disk cannot be written.",
    multiprocess_mode="livesum",
)


def complete() -> bool:
    """Return whether :func:`page` shows all values of this process."""
    return metric_files.complete()


def page() -> bytes:
    """Return all metrics in Prometheus's text format; call it in a thread, since it reads files."""
    if _FOLDER_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
