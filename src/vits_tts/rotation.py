"""A log file that several processes write and rotate together."""

import logging

from concurrent_log_handler import ConcurrentRotatingFileHandler


class RotatingFile(ConcurrentRotatingFileHandler):
    """Rotated at its size, by whichever process finds it full."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Lose the line: a traceback for each on stderr helps nobody."""
