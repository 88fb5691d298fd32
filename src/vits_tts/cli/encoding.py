"""How speech is encoded, as the options of ``say`` and ``batch`` put it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vits_tts.cli.completion import complete_format
from vits_tts.cli.options import gathered

if TYPE_CHECKING:
    from vits_tts.audio.formats import Encoding

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """A format and its rates, as far as they were asked for."""

    format: str | None
    sample_rate: str | None
    bit_rate: str | None

    def encoding(self, path: PurePath | None, voice_rate: int) -> "Encoding":
        """Return how to encode into ``path`` what a voice says.

        Raises:
            RequestError: it cannot be.

        """
        from vits_tts.audio import writing

        return writing.encoding(path, self.format, self.sample_rate, self.bit_rate, voice_rate)


def encoding_options(command: F) -> F:
    """Give a command the options that make an ``Asked``, which it gets as ``asked``."""
    return gathered("asked", Asked, _OPTIONS)(command)


_OPTIONS = (
    click.option(
        "--format",
        metavar="NAME",
        shell_complete=complete_format,
        help="wav, flac, mp3, opus, aac, pcm, mulaw, alaw; else (say) what the file name ends in.",
    ),
    click.option("--sample-rate", metavar="HERTZ", help="Else the voice's own, where that can be."),
    click.option("--bit-rate", metavar="BITS", help="A second, of mp3, opus and aac."),
)
