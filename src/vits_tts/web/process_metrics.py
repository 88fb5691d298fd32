"""Metrics of a process: memory, threads, open files, connections, requests, lost log lines."""

import contextlib
import os
import threading
from pathlib import Path
from typing import Final

from vits_tts.telemetry import logging
from vits_tts.telemetry.metrics import (
    CONNECTIONS,
    LOG_DROPPED,
    MEMORY_BYTES,
    OPEN_FILES,
    THREADS,
    UNDER_WAY,
)
from vits_tts.web.state import State

_STATUS: Final = Path("/proc/self/statm")
_FILES: Final = Path("/proc/self/fd")


def show(state: State) -> None:
    """Set the gauges of this process, and count the log lines lost since the last call."""
    CONNECTIONS.set(state.connections())
    UNDER_WAY.set(len(state))
    THREADS.set(threading.active_count())
    for log, count in logging.take_dropped().items():
        LOG_DROPPED.labels(log).inc(count)
    with contextlib.suppress(OSError):  # another system than Linux, or no free file descriptor
        MEMORY_BYTES.set(int(_STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        OPEN_FILES.set(sum(1 for _ in _FILES.iterdir()))
