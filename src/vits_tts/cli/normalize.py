"""``normalize``: what would be said."""

import json
import sys

import click

from vits_tts.cli.options import Examples, Load, config_option, read_stdin


@click.command(
    cls=Examples,
    examples=(
        'echo "Giá 35k/kg, mở cửa 7h-11h30" | vits-tts normalize',
        "vits-tts normalize --json < news.txt",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with offsets.")
@config_option
def normalize(as_json: bool, load: Load) -> None:
    """Show what would be said for each line of stdin."""
    from vits_tts import logs
    from vits_tts.text.normalise import Normaliser
    from vits_tts.text.split import Reading, split

    config = load()
    logs.configure(config.logging, sys.stderr, level="error")
    normaliser = Normaliser(config.text.region, config.text.emoji, config.text.lexicon)
    for line in read_stdin().splitlines():
        text = normaliser(line)
        if as_json:
            pauses = config.voice.sentence_pause, config.voice.paragraph_pause
            reading = Reading(text, split(text, *pauses)).described()
            click.echo(json.dumps(reading, ensure_ascii=False))
        else:
            click.echo(" ".join(text.spoken.split()))
