"""``say``: a text becomes sound, in a file, in a pipe or from the loudspeaker."""

import sys
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vits_tts.cli.encoding import Asked, encoding_options
from vits_tts.cli.options import Examples, decoded, read_stdin, standard
from vits_tts.cli.progress import progress
from vits_tts.cli.speaking import Speaking, speaking_options

if TYPE_CHECKING:
    from collections.abc import Generator

    from vits_tts.audio.writing import Sink
    from vits_tts.types import Window

_LONG_CHARS = 300


@click.command(
    cls=Examples,
    examples=(
        'vits-tts say "Xin chào các bạn" -o hello.wav',
        'vits-tts say "Xin chào các bạn" --play',
        "vits-tts say --file story.txt --speed slow -o story.wav",
        "vits-tts say --url http://localhost:8888 -o - < story.txt | aplay",
    ),
)
@click.argument("text", required=False)
@click.option(
    "--file",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Say what stands in a text file.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write it; - for stdout.",
)
@click.option("--play", is_flag=True, help="Play it through the system's player, as it is made.")
@encoding_options
@speaking_options
def say(
    text: str | None,
    source: Path | None,
    output: str | None,
    play: bool,
    speaking: Speaking,
    asked: Asked,
) -> None:
    """Say TEXT, a FILE or what comes on stdin (-), by the library or by a server."""
    if output is None and not play:
        raise click.UsageError("Missing option '-o' or '--play': where should it go?")
    if source is not None and text is not None:
        raise click.UsageError("TEXT and --file exclude each other.")
    if output == "-" and sys.stdout and sys.stdout.isatty():
        raise click.UsageError("-o - is for pipes, and stdout is a terminal; name a file.")
    spoken = _text(text, source)
    with speaking.opened() as speaker, ExitStack() as stack:
        targets = []
        if output is not None:
            targets.append(stack.enter_context(_sink(output, asked, speaker.sample_rate)))
        if play:
            from vits_tts.cli.players import Playback

            targets.append(stack.enter_context(Playback(speaker.sample_rate)))
        with closing(_shown(speaker.stream(spoken), len(spoken))) as windows:
            for window in windows:
                for target in targets:
                    target.write(window)
        for target in targets:
            target.finish()


def _text(text: str | None, source: Path | None) -> str:
    if source is not None:
        return decoded(source.read_bytes(), str(source))
    return read_stdin() if text is None or text == "-" else text


def _sink(output: str, asked: Asked, sample_rate: int) -> AbstractContextManager["Sink"]:
    from vits_tts.audio import writing

    if output == "-":
        encoding = asked.encoding(None, sample_rate)
        return writing.stream(standard(sys.stdout), encoding, sample_rate)
    path = Path(output)
    return writing.file(path, asked.encoding(path, sample_rate), sample_rate)


def _shown(windows: "Generator[Window, None, None]", chars: int) -> "Generator[Window, None, None]":
    """Yield the windows, and show how far they have come where the text is long."""
    if chars < _LONG_CHARS:
        yield from windows
        return
    with progress(chars, "saying") as done:
        for window in windows:
            done(int(window.progress * chars))
            yield window
        done(chars)
