"""What commands share: their options, their help, the standard streams."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, TypeAlias, TypeVar, cast

import click

from vits_tts.errors import ConfigError

if TYPE_CHECKING:
    from vits_tts.config import Config

F = TypeVar("F", bound=Callable[..., Any])
Load: TypeAlias = "Callable[[], Config]"
"""Reads the settings; raises ``ConfigError``."""

PROGRAM = "vits-tts"


def config_option(command: F) -> F:
    """Give a command ``--config``; it gets what reads the settings, as ``load``."""
    return click.option(
        "--config",
        "load",
        type=click.Path(path_type=Path),
        metavar="PATH",
        callback=lambda _context, _option, path: partial(load_config, path),
        help="Settings to use instead of ./config.yaml.",
    )(command)


def load_config(path: Path | None) -> "Config":
    """Return the settings in a file, or else those of the current folder.

    Raises:
        ConfigError: they cannot be used.

    """
    from vits_tts import config

    return config.load(path)


def gathered(
    argument: str, kind: Callable[..., Any], options: Sequence[Callable[[F], F]]
) -> Callable[[F], F]:
    """Return what gives a command ``options`` and hands it their values as one ``argument``.

    ``kind`` is a dataclass with a field for each of them.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]

    def decorated(command: F) -> F:
        @wraps(command)
        def made(*arguments: Any, **values: Any) -> Any:
            values[argument] = kind(**{name: values.pop(name) for name in names})
            return command(*arguments, **values)

        given: Any = made
        for option in reversed(options):
            given = option(given)
        return cast("F", given)

    return decorated


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
    return decoded(standard(sys.stdin).read(), "standard input")


def decoded(data: bytes, name: str) -> str:
    """Return a text from the bytes of ``name``.

    Raises:
        ConfigError: they are not UTF-8.

    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8") from None
