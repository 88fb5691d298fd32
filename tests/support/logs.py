"""The log of the process of the tests, which they may set up as a server does."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from vits_tts.telemetry import log_writer
from vits_tts.telemetry import logging as ours


@contextmanager
def log_restored() -> Iterator[None]:
    """Restore the log after a block that may have set it up; its lines are written by then."""
    straight, root = ours._straight, logging.getLogger()
    before = straight.level, straight.line, straight.writers
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        if straight.writers is not before[2]:
            logger.remove()  # its sinks
        log_writer.end({*straight.writers} - {*before[2]})
        straight.level, straight.line, straight.writers = before
        root.handlers[:] = handlers
        root.setLevel(level)
