"""``voices``: which there are."""

import json
from pathlib import Path

import click

from vits_tts import config as configuration
from vits_tts.cli.options import Examples, config_option
from vits_tts.voice import catalogue


@click.group()
def voices() -> None:
    """Look after voices."""


@voices.command(
    "list", cls=Examples, examples=("vits-tts voices list", "vits-tts voices list --json")
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@config_option
def list_voices(as_json: bool, config_path: Path | None) -> None:
    """List the voices that are installed, with their licences."""
    config = configuration.load(config_path)
    found, broken = catalogue.readable(config.voice.folder)
    for problem in broken:
        click.echo(f"vits-tts: {problem}", err=True)
    if as_json:
        rows = [voice.described(default=voice.name == config.voice.name) for voice in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for voice in found:
        mark = "*" if voice.name == config.voice.name else " "
        speakers = f", {voice.num_speakers} speakers" if voice.speakers else ""
        click.echo(
            f"{mark} {voice.name}  {voice.language_code}, {voice.sample_rate} Hz{speakers}, "
            f"licence: {voice.licence.name}"
        )
