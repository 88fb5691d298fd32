"""The options of ``say`` and ``batch`` for format and rates."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vits_tts.audio.formats import FORMATS, LOSSY
from vits_tts.cli.completion import complete_format
from vits_tts.cli.options import gathered

if TYPE_CHECKING:
    from vits_tts.audio.formats import Encoding

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """The values of ``--format``, ``--sample-rate`` and ``--bit-rate``; None if not given."""

    format: str | None
    sample_rate: str | None
    bit_rate: str | None

    def encoding(self, path: PurePath | None, voice_rate: int) -> "Encoding":
        """Return the encoding for ``path``; without a format, its suffix decides.

        ``voice_rate`` is the voice's sample rate in hertz.

        Raises:
            RequestError: The format or a rate is not supported.

        """
        from vits_tts.audio import writing

        return writing.encoding(path, self.format, self.sample_rate, self.bit_rate, voice_rate)


def encoding_options(command: F) -> F:
    """Add these options to a command, which receives them as the argument ``asked``."""
    return gathered("asked", Asked, _OPTIONS)(command)


_OPTIONS = (
    click.option(
        "--format",
        metavar="NAME",
        shell_complete=complete_format,
        help=f"{', '.join(FORMATS)}; default: wav, or the suffix of FILE.",
    ),
    click.option("--sample-rate", metavar="HERTZ", help="Default: the voice's, if supported."),
    click.option(
        "--bit-rate",
        metavar="BITS",
        help=f"Bits per second of {', '.join(LOSSY[:-1])} and {LOSSY[-1]}.",
    ),
)
