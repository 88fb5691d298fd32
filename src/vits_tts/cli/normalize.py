"""The command ``normalize``, which prints text as it would be spoken."""

import json
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from vits_tts.cli.options import Examples, Load, config_option, lines_of, standard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vits_tts.config import Config
    from vits_tts.text.split import Reading


@click.command(
    cls=Examples,
    examples=(
        'echo "Giá 35k/kg, mở cửa 7h-11h30" | vits-tts normalize',
        "vits-tts normalize --json < news.txt",
    ),
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON object for each line, with offsets."
)
@config_option
def normalize(as_json: bool, load: Load) -> None:
    """Print each line of stdin as it would be spoken."""
    from vits_tts.markup import plan_of
    from vits_tts.telemetry import logging
    from vits_tts.text.normalizer.pipeline import Normalizer
    from vits_tts.text.split import Reading, split

    config = load()
    logging.configure(config.logging, sys.stderr, level="error")
    normaliser = Normalizer(
        config.text.region, config.text.emoji, config.text.lexicon, config.text.restore_marks
    )
    pauses = config.voice.sentence_pause, config.voice.paragraph_pause
    lenient, inline = config.markup.unknown == "ignore", config.markup.inline
    with ExitStack() as stack:
        read_marked: Callable[[str], Reading] | None = None
        for line in lines_of(standard(sys.stdin).read(), "standard input"):
            if plan_of(line, None, lenient=lenient, inline=inline):
                read_marked = read_marked or stack.enter_context(_reader_of_markup(config))
                reading = read_marked(line)
            else:
                text = normaliser(line)
                reading = Reading(text, split(text, *pauses))
            if as_json:
                click.echo(json.dumps(reading.described(), ensure_ascii=False))
            else:
                click.echo(" ".join(reading.text.spoken.split()))


@contextmanager
def _reader_of_markup(config: "Config") -> "Iterator[Callable[[str], Reading]]":
    """Yield the function that reads a line with SSML or inline marks; it loads no voice."""
    import asyncio  # completion is fast without it

    from vits_tts.speech import build

    speech = build(config)
    with asyncio.Runner() as runner:
        try:
            yield lambda line: runner.run(speech.reading(line))
        finally:
            runner.run(speech.close())
