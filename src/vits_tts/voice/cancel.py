"""Stopping an inference that nobody waits for any more."""

from collections.abc import Iterator
from contextlib import contextmanager

import onnxruntime

_LOG_FATAL = 4


class Cancelled(Exception):
    """The run was stopped because nobody wants its result any more."""


class Cancel:
    """Stops runs from another thread, each at its graph's next node."""

    def __init__(self) -> None:
        """Start uncancelled."""
        self.cancelled = False
        self._under_way: set[onnxruntime.RunOptions] = set()

    @contextmanager
    def run(self) -> Iterator[onnxruntime.RunOptions]:
        """Give the options for a run that this stops; threads may run at the same time."""
        options = onnxruntime.RunOptions()
        options.log_severity_level = _LOG_FATAL  # being stopped is no error to print
        self._under_way.add(options)
        if self.cancelled:  # looked at only now, so that none slips through
            options.terminate = True
        try:
            yield options
        finally:
            self._under_way.discard(options)

    def cancel(self) -> None:
        """Stop what is under way, and whatever would start with this."""
        self.cancelled = True
        for options in tuple(self._under_way):
            options.terminate = True
