"""The command ``normalize``, which prints text as it would be spoken."""

import json
import sys

import click

from vits_tts.cli.options import Examples, Load, config_option, lines_of, standard


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
    from vits_tts.telemetry import logging
    from vits_tts.text.normalizer.pipeline import Normalizer
    from vits_tts.text.split import Reading, split

    config = load()
    logging.configure(config.logging, sys.stderr, level="error")
    normaliser = Normalizer(
        config.text.region, config.text.emoji, config.text.lexicon, config.text.restore_marks
    )
    for line in lines_of(standard(sys.stdin).read(), "standard input"):
        text = normaliser(line)
        if as_json:
            pauses = config.voice.sentence_pause, config.voice.paragraph_pause
            reading = Reading(text, split(text, *pauses)).described()
            click.echo(json.dumps(reading, ensure_ascii=False))
        else:
            click.echo(" ".join(text.spoken.split()))
