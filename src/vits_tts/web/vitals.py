"""How a process is, for the metrics: memory, threads, open files, connections, requests."""

import threading
from pathlib import Path
from typing import Final

from vits_tts.metrics import CONNECTIONS, MEMORY_BYTES, OPEN_FILES, THREADS, UNDER_WAY
from vits_tts.web.state import State

_STATUS: Final = Path("/proc/self/statm")
_FILES: Final = Path("/proc/self/fd")
_PAGE: Final = 4096


def show(state: State) -> None:
    """Set the gauges of this process."""
    CONNECTIONS.set(state.connections())
    UNDER_WAY.set(len(state))
    THREADS.set(threading.active_count())
    if _STATUS.exists():  # Linux
        MEMORY_BYTES.set(int(_STATUS.read_text().split()[1]) * _PAGE)
        OPEN_FILES.set(sum(1 for _ in _FILES.iterdir()))
