"""Cancellation of inference whose result is no longer needed."""

from collections.abc import Iterator
from contextlib import contextmanager

import onnxruntime

_LOG_FATAL = 4


class Cancelled(Exception):
    """The run was cancelled because its result is no longer needed."""


class Cancel:
    """Cancels runs from another thread. Each stops before the next node of its graph."""

    def __init__(self) -> None:
        """Start in the state "not cancelled"."""
        self.cancelled = False
        self._under_way: set[onnxruntime.RunOptions] = set()

    @contextmanager
    def run(self) -> Iterator[onnxruntime.RunOptions]:
        """Yield the options of one run that :meth:`cancel` stops. Runs may be concurrent."""
        options = onnxruntime.RunOptions()
        # onnxruntime would print a cancelled run as an error
        options.log_severity_level = _LOG_FATAL
        self._under_way.add(options)
        if self.cancelled:  # read after the options are in the set, so that no run misses a cancel
            options.terminate = True
        try:
            yield options
        finally:
            self._under_way.discard(options)

    def cancel(self) -> None:
        """Stop the runs under way and all later ones of this object."""
        self.cancelled = True
        for options in tuple(self._under_way):
            options.terminate = True
