"""Shared by commands: options, help with examples, and the standard streams."""

import codecs
import os
import sys
from collections.abc import Callable, Iterator, Sequence
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
"""A function that reads the settings and may raise ``ConfigError``."""

PROGRAM = "vits-tts"
_BLOCK_BYTES = 64 * 1024


def config_option(command: F) -> F:
    """Add ``--config`` to a command, which receives a ``Load`` function as argument ``load``."""
    return click.option(
        "--config",
        "load",
        type=click.Path(path_type=Path),
        metavar="PATH",
        callback=lambda _context, _option, path: partial(load_config, path),
        help="Settings to use instead of ./config.yaml.",
    )(command)


def load_config(path: Path | None) -> "Config":
    """Return the settings of a file, or of ``config.yaml`` in the current folder.

    Raises:
        ConfigError: A setting cannot be used.

    """
    from vits_tts import config

    return config.load(path)


def gathered(
    argument: str, kind: Callable[..., Any], options: Sequence[Callable[[F], F]]
) -> Callable[[F], F]:
    """Return a decorator that adds ``options`` to a command and passes their values together.

    The command receives them as ``argument``, an object of the dataclass ``kind``, which has a
    field for each option.
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
    """A command whose help ends with examples, one on each line."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        """Store the examples; other arguments go to ``click.Command``."""
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples at the end of the help."""
        del ctx
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def standard(stream: TextIO | None) -> BinaryIO:
    """Return the binary stream under a standard stream.

    Raises:
        ConfigError: The stream was closed before the program started.

    """
    if stream is None:
        raise ConfigError("the standard stream is closed")
    return stream.buffer


def read_stdin() -> str:
    """Read all of stdin and return it as text.

    Raises:
        ConfigError: Stdin is closed, or is not UTF-8.

    """
    return decoded(standard(sys.stdin).read(), "standard input")


def arriving() -> Iterator[str]:
    """Yield the text of stdin as it arrives.

    Raises:
        ConfigError: Stdin is closed, or is not UTF-8.

    """
    # Not the buffered stream: a thread that waits in it would hold its lock at the program's end.
    number = standard(sys.stdin).fileno()
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while data := os.read(number, _BLOCK_BYTES):
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise ConfigError("standard input is not UTF-8") from None


def lines_of(data: bytes, name: str) -> list[str]:
    r"""Return the lines of ``data``, split at ``\n`` only.

    Bytes that are not UTF-8 become U+FFFD, with a warning on stderr that contains ``name``.
    """
    text = mended(data, name)
    lines = text.split("\n")
    if lines[-1] == "":
        del lines[-1]
    return [line.removesuffix("\r") for line in lines]


def mended(data: bytes, name: str) -> str:
    """Decode UTF-8 and return the text; invalid bytes become U+FFFD, with a warning on stderr."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        click.echo(
            f"vits-tts: {name}: line {line}: bytes that are not UTF-8 were replaced", err=True
        )
        return data.decode("utf-8-sig", errors="replace")


def decoded(data: bytes, name: str) -> str:
    """Decode UTF-8 and return the text; ``name`` is used in the error message.

    Raises:
        ConfigError: The bytes are not UTF-8.

    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8") from None
