"""The commands ``cache stats``, ``cache clear`` and ``cache warm``."""

import json
import sys
from typing import TYPE_CHECKING, TextIO

import click

from vits_tts.cli.options import Examples, Load, config_option
from vits_tts.errors import ConfigError
from vits_tts.telemetry.printable import printable, printable_json

if TYPE_CHECKING:
    from vits_tts.config import Config


@click.group("cache")
def cache_commands() -> None:
    """Show, clear or fill the cache that servers share in Redis."""


@cache_commands.command(
    "stats", cls=Examples, examples=("vits-tts cache stats", "vits-tts cache stats --json")
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Time limit of the count; Redis may have millions of other keys.",
)
@config_option
def cache_stats(as_json: bool, seconds: float, load: Load) -> None:
    """Print the number and size of cached sentences for each voice."""
    import asyncio

    from vits_tts.cache import administration

    config = load()
    names = _voice_names(config)
    sizes = asyncio.run(administration.stats(config.cache.redis, seconds))
    found = sizes.voices
    if not sizes.complete:
        click.echo(f"vits-tts: incomplete: the count was stopped after {seconds:g} s", err=True)
    rows = [
        {"voice": names.get(voice, voice), "sentences": count, "bytes": size}
        for voice, (count, size) in sorted(found.items())
    ]
    if as_json:
        click.echo(printable_json(json.dumps(rows, ensure_ascii=False, indent=2)))
        return
    for row in rows:
        line = f"{row['voice']}: {row['sentences']} sentences, {row['bytes']} bytes"
        click.echo(printable(line))
    total = sum(count for count, _ in found.values())
    click.echo(f"total: {total} sentences, {sum(size for _, size in found.values())} bytes")


@cache_commands.command(
    "clear",
    cls=Examples,
    examples=("vits-tts cache clear", "vits-tts cache clear --voice vi_VN-vais1000-compact"),
)
@click.option("--voice", metavar="NAME", help="Only this voice's sentences.")
@config_option
def cache_clear(voice: str | None, load: Load) -> None:
    """Delete cached sentences in Redis, and in the memory of every server that uses it."""
    import asyncio

    from vits_tts.cache import administration
    from vits_tts.config import nearest

    config = load()
    digest = None
    if voice:
        digests = {name: digest for digest, name in _voice_names(config).items()}
        if voice not in digests:
            hint = nearest(voice, list(digests))
            raise ConfigError(f"there is no voice {voice!r}{hint}")
        digest = digests[voice]
    count = asyncio.run(administration.clear(config.cache.redis, digest))
    click.echo(f"{count} sentences deleted")


@cache_commands.command(
    "warm", cls=Examples, examples=("vits-tts cache warm phrases.txt --speed fast",)
)
@click.argument("phrases", type=click.File(encoding="utf-8"), metavar="FILE")
@click.option("--speed", metavar="SPEED", help="As for say.")
@click.option("--voice", metavar="NAME", help="As for say.")
@click.option("--speaker", metavar="NAME", help="As for say.")
@config_option
def cache_warm(
    phrases: TextIO,
    speed: str | None,
    voice: str | None,
    speaker: str | None,
    load: Load,
) -> None:
    """Synthesise the phrases in FILE, one on each line, so that servers find them in Redis.

    Phrases that are cached already are skipped, so an interrupted run can simply be repeated.
    """
    import asyncio

    from vits_tts.cache import administration
    from vits_tts.speech import SpeechOptions, build, warm
    from vits_tts.telemetry import logging

    config = load()
    asyncio.run(administration.check(config.cache.redis))
    logging.configure(config.logging, sys.stderr, level="critical")
    lines = [line.strip() for line in phrases if line.strip()]
    options = SpeechOptions(speed, voice, speaker)
    with click.progressbar(length=len(lines), label="phrases", file=sys.stderr) as bar:
        made, there = asyncio.run(warm(build(config), lines, options, lambda: bar.update(1)))
    click.echo(f"{made} sentences made, {there} were cached")


def _voice_names(config: "Config") -> dict[str, str]:
    """Return the name of each installed voice, by the digest that keys in Redis contain."""
    from vits_tts.voice import installed

    found, _ = installed.readable(config.voice.folder)
    return {voice.short_digest: voice.name for voice in found}
