"""Requests that are repeated while a server is down, and the queue as it is on the disk."""

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

ITEMS_A_JOB: Final = 1000
HEADER_BYTES: Final = 44
LIMIT_SECONDS: Final = 3600.0

Json = dict[str, Any]


def asked(work: Callable[[], httpx.Response]) -> Json:
    """Return the JSON of a request, repeated while workers are dead or the disk is full."""
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            answer = work()
            if answer.is_success:
                found: Json = answer.json()
                return found
            if answer.is_client_error:
                answer.raise_for_status()
        time.sleep(0.5)  # the server may be killed and started again meanwhile
    raise TimeoutError("the server does not answer")


def workflows(queue: Path) -> tuple[int, int]:
    """Return the rows of items that succeeded in the queue, and the most attempts of one."""
    with sqlite3.connect(f"file:{queue}?mode=ro", uri=True) as database:
        query = """SELECT count(*), max(recovery_attempts) FROM workflow_status
            WHERE name = 'item' AND status = 'SUCCESS'"""
        count, attempts = database.execute(query).fetchone()
    return int(count), int(attempts or 0)
