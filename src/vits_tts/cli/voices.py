"""``voices``: which there are, which there could be, installing and removing them."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from vits_tts.cli.options import Examples, Load, config_option
from vits_tts.errors import VoiceError

if TYPE_CHECKING:
    from vits_tts.config import Config
    from vits_tts.voice.card import Licence
    from vits_tts.voice.manifest import Manifest
    from vits_tts.voice.supply import Supply
    from vits_tts.voice.supply.offers import Offer

_UNSTATED = "see its MODEL_CARD"


@click.group()
def voices() -> None:
    """Look after voices."""


@voices.command(
    "list",
    cls=Examples,
    examples=(
        "vits-tts voices list",
        "vits-tts voices list --json",
        "vits-tts voices list --available --language vi",
    ),
)
@click.option("--available", is_flag=True, help="Those of the catalogue, * before installed ones.")
@click.option("--language", metavar="NAME", help="Only those of a language: vi, vi_VN, Vietnamese.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@config_option
def list_voices(available: bool, language: str | None, as_json: bool, load: Load) -> None:
    """List the voices that are installed, with their licences, or those that could be."""
    config = load()
    rows = _available(config, language) if available else _installed(config, language)
    if as_json:
        click.echo(json.dumps([row for row, _ in rows], ensure_ascii=False, indent=2))
        return
    for row, mark in rows:
        _echo(f"{mark} {row['name']}  {_summary(row)}")
    for row, _ in rows:
        _advise(row["name"], row.get("advice"))


@voices.command(
    "info",
    cls=Examples,
    examples=("vits-tts voices info vi_VN-vivos-x_low", "vits-tts voices info NAME --json"),
)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
def show_voice(name: str, as_json: bool, load: Load) -> None:
    """Tell all about a voice: one that is installed, or one of the catalogue."""
    from vits_tts.voice import catalogue, manifest

    config = load()
    found = catalogue.installed(config.voice.folder)
    if name in found:
        row = _installed_row(manifest.read(found[name]), config)
        row |= {"installed": True, "file": str(found[name])}
    else:
        supply = _supply(config)
        offer = supply.find(name)
        row = _offered_row(offer, supply.licence(offer)) | {"installed": False}
        row["files"] = {path: file.size_bytes for path, file in offer.files.items()}
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False, indent=2))
        return
    for key, value in row.items():
        if value not in (None, [], {}, ""):
            title, shown = ("size", _megabytes(value)) if key == "bytes" else (key, _shown(value))
            _echo(f"{title.replace('_', ' ')}: {shown}")


@voices.command(
    "install",
    cls=Examples,
    examples=(
        "vits-tts voices install vi_VN-vivos-x_low",
        "vits-tts voices install vi_VN-25hours_single-low vi_VN-vais1000-medium",
    ),
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--force", is_flag=True, help="Replace another voice of the same name.")
@config_option
def install(names: tuple[str, ...], force: bool, load: Load) -> None:
    """Install voices from the catalogue: download, check, try, and only then give them their name.

    What was broken off is continued by the same command. The licence is shown; the settings have to
    name a voice before a server speaks with it.
    """
    from vits_tts import logs

    config = load()
    logs.configure(config.logging, sys.stderr, level="critical")
    supply = _supply(config)
    for offer in [supply.find(name) for name in names]:  # all names first
        same = supply.standing(offer)
        if same is False and not force:
            raise VoiceError(f"voice {offer.key}: another one is installed; --force replaces it")
        voice = supply.install(offer, _progress) if not same else supply.installed(offer)
        done = "is installed already" if same else "installed"
        _echo(f"{voice.name}: {done}, licence: {_licence(voice.licence)}")
        _advise(voice.name, voice.licence.advice)


@voices.command(
    "remove", cls=Examples, examples=("vits-tts voices remove vi_VN-vivos-x_low --yes",)
)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def remove(name: str, yes: bool, load: Load) -> None:
    """Remove a voice that was installed, and what was cut of it."""
    from vits_tts.voice.supply.install import removable
    from vits_tts.voice.supply.install import remove as remove_voice

    config = load()
    model = removable(name, config.voice)
    if not yes:
        click.confirm(f"Remove {model} ({_megabytes(model.stat().st_size)})?", abort=True, err=True)
    remove_voice(model, config.voice)
    click.echo(f"{name}: removed")


def _echo(line: str, *, err: bool = False) -> None:
    """Print a line without what would command the terminal: a catalogue is somebody else's."""
    click.echo("".join(letter for letter in line if letter.isprintable()), err=err)


def _supply(config: "Config") -> "Supply":
    from vits_tts.voice.supply import Supply

    return Supply(config.voice)


def _installed(config: "Config", language: str | None) -> list[tuple[dict[str, Any], str]]:
    from vits_tts.voice import catalogue

    found, broken = catalogue.readable(config.voice.folder)
    for problem in broken:
        click.echo(f"vits-tts: {problem}", err=True)
    rows = [_installed_row(voice, config) for voice in found if voice.speaks(language)]
    return [(row, "*" if row["default"] else " ") for row in rows]


def _available(config: "Config", language: str | None) -> list[tuple[dict[str, Any], str]]:
    from vits_tts.voice import catalogue

    supply = _supply(config)
    there = catalogue.installed(config.voice.folder)
    rows = [_offered_row(*offered) for offered in supply.available(language)]
    for name, reason in supply.broken.items():
        _echo(f"vits-tts: voice {name}: cannot be used: {reason}", err=True)
    return [(row, "*" if row["name"] in there else " ") for row in rows]


def _installed_row(voice: "Manifest", config: "Config") -> dict[str, Any]:
    row = voice.described(default=voice.name == config.voice.name)
    return row | {"bytes": voice.model_bytes}


def _offered_row(offer: "Offer", licence: "Licence | None") -> dict[str, Any]:
    return {
        "name": offer.key,
        "language": offer.language.code,
        "quality": offer.quality,
        "sample_rate": offer.rate,
        "bytes": offer.size,
        "speakers": list(offer.speakers),
        "licence": licence.name if licence else _UNSTATED,
        "licence_url": licence.url if licence else None,
    }


def _summary(row: dict[str, Any]) -> str:
    """Return a voice in one line."""
    rate, size, speakers = row["sample_rate"], row.get("bytes"), row["speakers"]
    parts = [
        row["language"],
        row.get("quality"),
        f"{rate} Hz" if rate else None,
        _megabytes(size) if size else None,
    ]
    first = ", ".join(part for part in parts if part)
    many = f", {len(speakers)} speakers" if speakers else ""
    return f"{first}{many}, licence: {row['licence']}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} ({_megabytes(size)})" for key, size in value.items())
    if isinstance(value, list):
        return ", ".join(value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _licence(licence: "Licence") -> str:
    return f"{licence.name} ({licence.url})" if licence.url else licence.name


def _advise(name: str, advice: str | None) -> None:
    if advice:
        _echo(f"vits-tts: voice {name}: {advice}", err=True)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


@contextmanager
def _progress(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=size, label=name, file=sys.stderr, hidden=hidden) as bar:

        def told(count: int) -> None:
            bar.update(count - bar.pos)

        yield told
