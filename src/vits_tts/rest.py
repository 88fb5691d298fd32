"""Pauses in a long computation of a thread, so that other threads get the interpreter lock."""

import time
from typing import Final

_WORK_SECONDS: Final = 0.002
_REST_SECONDS: Final = 0.006


class Rest:
    """Lets other threads run: call it between small pieces of a long computation.

    Threads that wait for the interpreter lock get it in turns, but the event loop needs it again
    after each of its system calls. So a thread that computes without a pause makes the loop many
    times slower.
    """

    def __init__(self) -> None:
        """Begin to work."""
        self._since = time.monotonic()

    def __call__(self) -> None:
        """Sleep for a moment if the last rest was some time ago."""
        if time.monotonic() - self._since > _WORK_SECONDS:
            time.sleep(_REST_SECONDS)  # in a thread: the event loop gets the interpreter meanwhile
            self._since = time.monotonic()
