"""The command line: one module for each group of commands, put together in ``commands``."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, which takes a moment to be imported."""
    try:
        from vits_tts.cli.commands import run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
