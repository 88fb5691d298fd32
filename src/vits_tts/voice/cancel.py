"""Stopping an inference that nobody waits for any more."""

import onnxruntime

_LOG_FATAL = 4


class Cancelled(Exception):
    """The run was stopped because nobody wants its result any more."""


class Cancel:
    """Stops a run from another thread, at the graph's next node."""

    def __init__(self) -> None:
        """Start uncancelled."""
        self.cancelled = False
        self._options: onnxruntime.RunOptions | None = None

    def options(self) -> onnxruntime.RunOptions:
        """Return new options for a run that this stops; the one before it has to be over."""
        options = onnxruntime.RunOptions()
        options.log_severity_level = _LOG_FATAL  # being stopped is no error to print
        self._options = options
        if self.cancelled:  # looked at only now, so that none slips through
            options.terminate = True
        return options

    def cancel(self) -> None:
        """Stop the run that is under way, or the next that would start with this."""
        self.cancelled = True
        if self._options is not None:
            self._options.terminate = True
