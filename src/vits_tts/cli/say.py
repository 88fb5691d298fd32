"""``say``: a text becomes a file."""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vits_tts import config as configuration
from vits_tts import logs
from vits_tts.audio.files import write_whole
from vits_tts.cli.options import Examples, config_option, read_stdin, standard

if TYPE_CHECKING:
    from vits_tts.speech import Speech


@click.command(
    cls=Examples,
    examples=(
        'vits-tts say "Xin chào các bạn" -o hello.wav',
        "vits-tts say --speed slow -o story.wav < story.txt",
    ),
)
@click.argument("text", required=False)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="WAV to write; - for stdout.",
)
@click.option("--speed", metavar="SPEED", help="very_slow … very_fast, or a rate from 0.25 to 4.")
@click.option("--voice", metavar="NAME", help="A voice that the settings name.")
@click.option("--speaker", metavar="NAME", help="A speaker of that voice, by name or number.")
@config_option
def say(
    text: str | None,
    output: str,
    speed: str | None,
    voice: str | None,
    speaker: str | None,
    config_path: Path | None,
) -> None:
    """Say TEXT (or what comes on stdin) into a WAV file, without a server."""
    from vits_tts.speech import build

    config = configuration.load(config_path)
    logs.configure(config.logging, sys.stderr, level="critical")
    spoken = read_stdin() if text is None or text == "-" else text
    options = {"speed": speed, "voice": voice, "speaker": speaker}
    audio = asyncio.run(_say(build(config), spoken, options))
    _write(output, audio)


async def _say(speech: "Speech", text: str, options: dict[str, Any]) -> bytes:
    from vits_tts.audio import wav
    from vits_tts.speech import Tally

    try:
        request = await speech.request(text, **options)
        speech.start()
        speech.watch()
        await speech.voices.load(request.voice)
        async with aclosing(speech.stream(request, Tally())) as stream:
            parts = [pcm.samples.tobytes() async for pcm in stream]
    finally:
        await speech.close()
    rate = speech.voices.find(request.voice).sample_rate
    return wav.header(rate, sum(map(len, parts))) + b"".join(parts)


def _write(output: str, audio: bytes) -> None:
    """Write a regular file whole or not at all, and into anything else (a pipe, a device)."""
    path = Path(output).resolve()
    if output == "-":
        with standard(sys.stdout) as stream:
            stream.write(audio)
    elif path.exists() and not path.is_file():
        with path.open("wb") as special:
            special.write(audio)
    else:
        write_whole(path, [audio])
