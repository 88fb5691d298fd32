"""Stopping an inference that nobody waits for any more."""

import onnxruntime

_LOG_FATAL = 4


class Cancelled(Exception):
    """The run was stopped because nobody wants its result any more."""


class Cancel:
    """Stops a run from another thread, at the graph's next node."""

    def __init__(self) -> None:
        """Start uncancelled."""
        self.options = onnxruntime.RunOptions()
        self.options.log_severity_level = _LOG_FATAL  # being stopped is no error to print
        self.cancelled = False

    def cancel(self) -> None:
        """Stop the run that holds this, or the next that would start with it."""
        self.cancelled = True
        self.options.terminate = True
