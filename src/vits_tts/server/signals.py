"""Signals that arrive before their handlers can act on them."""


class EarlySignal:
    """A signal handler that only remembers that its signal came."""

    def __init__(self) -> None:
        """Create the handler before any signal."""
        self.came = False

    def __call__(self, *_: object) -> None:
        """Record the signal."""
        self.came = True
