"""``cache``: what servers share in Redis."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING, TextIO

import click

from vits_tts.cli.options import Examples, Load, config_option
from vits_tts.errors import ConfigError

if TYPE_CHECKING:
    from vits_tts.config import Config


@click.group("cache")
def cache_commands() -> None:
    """Look after the cache that servers share in Redis."""


@cache_commands.command(
    "stats", cls=Examples, examples=("vits-tts cache stats", "vits-tts cache stats --json")
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
def cache_stats(as_json: bool, load: Load) -> None:
    """Say how many sentences are kept, and how large, by voice."""
    from vits_tts.cache import administration

    config = load()
    names = _voice_names(config)
    found = asyncio.run(administration.stats(config.cache.redis))
    rows = [
        {"voice": names.get(voice, voice), "sentences": count, "bytes": size}
        for voice, (count, size) in sorted(found.items())
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo(f"{row['voice']}: {row['sentences']} sentences, {row['bytes']} bytes")
    total = sum(count for count, _ in found.values())
    click.echo(f"in all: {total} sentences, {sum(size for _, size in found.values())} bytes")


@cache_commands.command(
    "clear",
    cls=Examples,
    examples=("vits-tts cache clear", "vits-tts cache clear --voice vi_VN-vais1000-compact"),
)
@click.option("--voice", metavar="NAME", help="Only this voice's sentences.")
@config_option
def cache_clear(voice: str | None, load: Load) -> None:
    """Drop what is kept in Redis, and the memory of every server that uses it."""
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
    click.echo(f"{count} sentences dropped")


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
    """Make the phrases in FILE, one a line, so that servers find them in Redis.

    What is there already is not made again, so a run that was broken off is simply run again.
    """
    from vits_tts import logs
    from vits_tts.cache import administration
    from vits_tts.speech import build, warm

    config = load()
    asyncio.run(administration.check(config.cache.redis))
    logs.configure(config.logging, sys.stderr, level="critical")
    lines = [line.strip() for line in phrases if line.strip()]
    options = {"speed": speed, "voice": voice, "speaker": speaker}
    with click.progressbar(length=len(lines), label="phrases", file=sys.stderr) as bar:
        made, there = asyncio.run(warm(build(config), lines, options, lambda: bar.update(1)))
    click.echo(f"{made} sentences made, {there} were there")


def _voice_names(config: "Config") -> dict[str, str]:
    """Return the names of all installed voices by the digests that cache entries carry."""
    from vits_tts.voice import catalogue

    found, _ = catalogue.readable(config.voice.folder)
    return {voice.short_digest: voice.name for voice in found}
