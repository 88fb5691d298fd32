"""Keeping the event loop prompt, whatever else its process does."""

import gc
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from concurrent.futures import Future

_SWITCH_SECONDS: Final = 0.0005
"""A tenth of Python's own. The loop gives the interpreter away with each call of the system, a
dozen times a request, and a thread that reads text gives it back only after this."""


def keep_prompt(made: "Future[None]") -> None:
    """Let the loop wait for little.

    Once all is ``made`` that stays as long as the process, garbage is not looked for in it again:
    that takes a tenth of a second each time, in which nobody is answered.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    made.add_done_callback(lambda _: gc.freeze())
