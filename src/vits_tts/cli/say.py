"""The command ``say``, which speaks a text into a file, a pipe or the loudspeaker."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vits_tts.cli.encoding import Asked, encoding_options
from vits_tts.cli.options import Examples, arriving, decoded, gathered, read_stdin, standard
from vits_tts.cli.progress import progress
from vits_tts.cli.speaking import Library, Speaking, speaking_options

if TYPE_CHECKING:
    from collections.abc import Generator

    from vits_tts.audio.writing import Sink
    from vits_tts.types import Window

F = TypeVar("F", bound=Callable[..., Any])

_LONG_CHARS = 300


@dataclass(frozen=True, slots=True)
class Source:
    """The values of the options for the text."""

    text: str | None
    path: Path | None
    streamed: bool
    ssml: bool

    def check(self, speaking: Speaking) -> None:
        """Check that the options can be used together.

        Raises:
            click.UsageError: They cannot.

        """
        if self.path is not None and self.text is not None:
            raise click.UsageError("TEXT and --file exclude each other.")
        if not self.streamed:
            return
        if self.path is not None or self.text not in {None, "-"}:
            raise click.UsageError("--stream reads stdin; give no TEXT and no --file.")
        if speaking.url is not None:
            raise click.UsageError("--stream and --url exclude each other: --stream has no server.")

    def read(self) -> str:
        """Return the text; an empty one if it is to be spoken as it arrives.

        Raises:
            ConfigError: It is not UTF-8.

        """
        if self.streamed:
            return ""
        if self.path is not None:
            return decoded(self.path.read_bytes(), str(self.path))
        return read_stdin() if self.text is None or self.text == "-" else self.text


def text_options(command: F) -> F:
    """Add the options for the text to a command, which receives them as argument ``source``."""
    return gathered("source", Source, _TEXT_OPTIONS)(command)


_TEXT_OPTIONS = (
    click.argument("text", required=False),
    click.option(
        "--file",
        "path",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Speak the text of a file, in UTF-8.",
    ),
    click.option("--stream", "streamed", is_flag=True, help="Speak a pipe's text as it arrives."),
    click.option(
        "--ssml",
        is_flag=True,
        help="Read the text as SSML; one that begins with <speak always is. With --stream, SSML "
        "elements may stand in plain text.",
    ),
)


@click.command(
    cls=Examples,
    examples=(
        'vits-tts say "Xin chào các bạn" -o hello.wav',
        'vits-tts say "Xin chào các bạn" --play',
        "vits-tts say --file story.txt --speed slow -o story.wav",
        "vits-tts say --file story.ssml --ssml -o story.wav",
        'llm "Kể một câu chuyện" | vits-tts say --stream --play',
        "vits-tts say --url http://localhost:8888 -o - < story.txt | aplay",
    ),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="File to write; - for stdout.",
)
@click.option("--play", is_flag=True, help="Play the speech while it is synthesised.")
@text_options
@encoding_options
@speaking_options
def say(
    output: str | None,
    play: bool,
    source: Source,
    speaking: Speaking,
    asked: Asked,
) -> None:
    """Speak TEXT, a FILE or stdin (-), with the library or with a server."""
    if output is None and not play:
        raise click.UsageError("Missing option '-o' or '--play': name a file, or play the speech.")
    if output == "-" and sys.stdout and sys.stdout.isatty():
        raise click.UsageError("-o - is for pipes, and stdout is a terminal; name a file.")
    source.check(speaking)
    spoken = source.read()
    with speaking.opened() as speaker, ExitStack() as stack:
        targets = []
        if output is not None:
            targets.append(stack.enter_context(_sink(output, asked, speaker.sample_rate)))
        if play:
            from vits_tts.cli.players import Playback

            targets.append(stack.enter_context(Playback(speaker.sample_rate)))
        if source.streamed and isinstance(speaker, Library):
            speech = speaker.speak(arriving(), ssml=source.ssml)
        else:
            whole = not play and output != "-"
            speech = _shown(speaker.stream(spoken, ssml=source.ssml, whole=whole), len(spoken))
        with closing(speech) as windows:
            for window in windows:
                for target in targets:
                    target.write(window)
        for target in targets:
            target.finish()


def _sink(output: str, asked: Asked, sample_rate: int) -> AbstractContextManager["Sink"]:
    from vits_tts.audio import writing

    if output == "-":
        encoding = asked.encoding(None, sample_rate)
        return writing.stream(standard(sys.stdout), encoding, sample_rate)
    path = Path(output)
    return writing.file(path, asked.encoding(path, sample_rate), sample_rate)


def _shown(windows: "Generator[Window, None, None]", chars: int) -> "Generator[Window, None, None]":
    """Yield the windows unchanged, and show a progress bar if the text is long."""
    if chars < _LONG_CHARS:
        yield from windows
        return
    with progress(chars, "speaking") as done:
        for window in windows:
            done(int(window.progress * chars))
            yield window
        done(chars)
