"""The commands ``voices list``, ``voices info``, ``voices install`` and ``voices remove``."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from vits_tts.cli.options import Examples, Load, config_option
from vits_tts.errors import VoiceError
from vits_tts.telemetry.printable import printable, printable_json

if TYPE_CHECKING:
    from vits_tts.catalogue import VoiceCatalogue, anywhere
    from vits_tts.catalogue.index import CatalogueEntry
    from vits_tts.config import Config
    from vits_tts.voice.manifest import Manifest
    from vits_tts.voice.model_card import Licence

_UNSTATED = "see its MODEL_CARD"


@click.group()
def voices() -> None:
    """List, install and remove voices."""


@voices.command(
    "list",
    cls=Examples,
    examples=(
        "vits-tts voices list",
        "vits-tts voices list --json",
        "vits-tts voices list --available --language vi",
    ),
)
@click.option("--available", is_flag=True, help="List the catalogue; * marks installed voices.")
@click.option(
    "--language", metavar="NAME", help="Only voices of a language: vi, vi_VN, Vietnamese."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@config_option
def list_voices(available: bool, language: str | None, as_json: bool, load: Load) -> None:
    """List the installed voices with their licences, or the voices of the catalogue."""
    config = load()
    rows = _available(config, language) if available else _installed(config, language)
    if as_json:
        _echo_json([row for row, _ in rows])
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
    """Show all details of an installed voice, or of a voice in the catalogue."""
    from vits_tts.voice import installed, manifest

    config = load()
    found = installed.installed(config.voice.folder)
    if name in found:
        row = _installed_row(manifest.read(found[name]), config)
        row |= {"installed": True, "file": str(found[name])}
    else:
        supply = _supply(config)
        offer = supply.find(name)
        row = _offered_row(offer, supply.licence(offer)) | {"installed": False}
        row["files"] = {path: file.size_bytes for path, file in offer.files.items()}
    if as_json:
        _echo_json(row)
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
        "vits-tts voices install https://example.vn/lan.onnx --licence 'CC BY 4.0'",
        "vits-tts voices install hf:OWNER/REPO ./voices.zip#lan",
    ),
)
@click.argument("names", nargs=-1, required=True, metavar="NAME|ADDRESS...")
@click.option("--force", is_flag=True, help="Replace another voice of the same name.")
@click.option("--name", help="Install the voice of an address under this name.")
@click.option("--sha256", help="Expected SHA-256 of the archive, or else of the .onnx file.")
@click.option("--licence", help="Licence of a voice whose files state none.")
@config_option
def install(
    names: tuple[str, ...],
    force: bool,
    name: str | None,
    sha256: str | None,
    licence: str | None,
    load: Load,
) -> None:
    """Install voices, after checking their files and synthesising a few words.

    A NAME is one of the catalogue. An ADDRESS is a URL or a path of a .onnx file with its
    .onnx.json, of a folder or of an archive (zip, tar), or hf:OWNER/REPO[/PATH].

    Run the same command again to continue an interrupted download. To use a voice in a server, add
    its name to the settings.
    """
    from vits_tts.catalogue import VoiceCatalogue, anywhere, places
    from vits_tts.telemetry import logging

    config = load()
    logging.configure(config.logging, sys.stderr, level="critical")
    if not all(names):
        raise click.BadParameter("should not be empty", param_hint="NAME|ADDRESS")
    addresses = [one for one in names if places.is_address(one)]
    stated = _stated(name, sha256, licence, only=len(names) == 1 and bool(addresses))
    if len(addresses) < len(names):
        supply = _supply(config)
        for offer in [supply.find(one) for one in names if one not in addresses]:
            _install(supply, offer, force)
    for address in addresses:
        with anywhere.located(address, stated, config.voice, _progress) as offers:
            (offer,) = offers.voices.values()
            _install(VoiceCatalogue(config.voice, offers), offer, force)


def _stated(
    name: str | None, sha256: str | None, licence: str | None, *, only: bool
) -> "anywhere.Stated":
    """Return the facts that the options state about the only address.

    Raises:
        click.UsageError: an option is not valid, or not for these arguments.

    """
    from vits_tts.catalogue import anywhere
    from vits_tts.voice import model_card

    if (name or sha256 or licence) and not only:
        raise click.UsageError("--name, --sha256 and --licence are for one voice of an ADDRESS")
    if sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise click.BadParameter("should be 64 hexadecimal digits", param_hint="--sha256")
    said = model_card.licence(f"License: {licence}") if licence else None
    return anywhere.Stated(name, sha256 and sha256.lower(), said)


def _install(supply: "VoiceCatalogue", offer: "CatalogueEntry", force: bool) -> None:
    """Install a voice unless it is installed already, and print the outcome.

    Raises:
        VoiceError: another voice of this name is installed and may not be replaced.

    """
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
    """Remove an installed voice and its compiled files."""
    from vits_tts.catalogue.install import removable
    from vits_tts.catalogue.install import remove as remove_voice

    config = load()
    model = removable(name, config.voice)
    if not yes:
        click.confirm(f"Remove {model} ({_megabytes(model.stat().st_size)})?", abort=True, err=True)
    remove_voice(model, config.voice)
    _echo(f"{name}: removed")


def _echo(line: str, *, err: bool = False) -> None:
    """Print a line with control characters escaped, since the catalogue is not trusted."""
    click.echo(printable(line), err=err)


def _echo_json(value: Any) -> None:
    click.echo(printable_json(json.dumps(value, ensure_ascii=False, indent=2)))


def _supply(config: "Config") -> "VoiceCatalogue":
    from vits_tts.catalogue import VoiceCatalogue

    return VoiceCatalogue(config.voice)


def _installed(config: "Config", language: str | None) -> list[tuple[dict[str, Any], str]]:
    from vits_tts.voice import installed

    found, broken = installed.readable(config.voice.folder)
    for problem in broken:
        _echo(f"vits-tts: {problem}", err=True)
    rows = [_installed_row(voice, config) for voice in found if voice.speaks(language)]
    return [(row, "*" if row["default"] else " ") for row in rows]


def _available(config: "Config", language: str | None) -> list[tuple[dict[str, Any], str]]:
    from vits_tts.voice import installed

    supply = _supply(config)
    there = installed.installed(config.voice.folder)
    rows = [_offered_row(*offered) for offered in supply.available(language)]
    for name, reason in supply.broken.items():
        _echo(f"vits-tts: voice {name}: cannot be used: {reason}", err=True)
    return [(row, "*" if row["name"] in there else " ") for row in rows]


def _installed_row(voice: "Manifest", config: "Config") -> dict[str, Any]:
    row = voice.described(default=voice.name == config.voice.name)
    return row | {"bytes": voice.model_bytes}


def _offered_row(offer: "CatalogueEntry", licence: "Licence | None") -> dict[str, Any]:
    return {
        "name": offer.key,
        "language": offer.language.code,
        "quality": offer.quality,
        "sample_rate": offer.rate,
        "bytes": offer.size,
        "speakers": list(offer.speakers),
        "licence": licence.name if licence else _UNSTATED,
        "licence_url": licence.url if licence else None,
        "commercial": licence.commercial if licence else None,
    }


def _summary(row: dict[str, Any]) -> str:
    """Return one line about a voice: language, sample rate, size, speakers and licence."""
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
    """Show a progress bar if stderr is a terminal.

    Yields a function that takes the number of bytes downloaded so far, out of ``size``.
    """
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        length=size, label=printable(name), file=sys.stderr, hidden=hidden
    ) as bar:

        def told(count: int) -> None:
            bar.update(count - bar.pos)

        yield told
