"""The command line: one module for each group of commands, put together in ``commands``."""

from vits_tts.cli.commands import main

__all__ = ["main"]
