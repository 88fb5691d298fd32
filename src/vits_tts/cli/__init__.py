"""The command line: one module for each group of commands; ``commands`` puts them together."""

import atexit
import gc
import os
import sys
from typing import NoReturn

from vits_tts.uncollected import uncollected


def main() -> NoReturn:
    """Run the command line; its import takes a moment, in which Ctrl-C must work too."""
    # At its end, Python looks for cycles among all objects, although the process gives back its
    # memory anyway. It skips frozen ones, which saves 0.15 s of each command and each worker.
    atexit.register(gc.freeze)
    # numpy's OpenBLAS starts a thread for each core when it is imported. They spin for a while, a
    # sixth of the processor time of a start. No matrix here is large enough for two threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with uncollected():
            from vits_tts.cli.commands import run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
