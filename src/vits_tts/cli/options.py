"""What commands share: their options, their help, the standard streams."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeVar

import click

from vits_tts.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """Give a command ``--config``."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Settings to use instead of ./config.yaml.",
    )(command)


class Examples(click.Command):
    """A command whose help ends with examples, each on a line of its own."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        """Keep the examples."""
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        del ctx
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def standard(stream: TextIO | None) -> BinaryIO:
    """Return the bytes under a standard stream, which may have been closed before we began."""
    if stream is None:
        raise ConfigError("the standard stream is closed")
    return stream.buffer


def read_stdin() -> str:
    """Return what comes on stdin.

    Raises:
        ConfigError: it is closed, or not UTF-8.

    """
    try:
        return standard(sys.stdin).read().decode()
    except UnicodeDecodeError:
        raise ConfigError("standard input is not UTF-8") from None
