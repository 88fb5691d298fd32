"""Decide the terms of a new voice: its name, its licence, and the work folder it belongs to."""

import argparse
import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

from training import corpus, description, licences
from training.config import Config
from training.corpus import Recording
from training.data import BORROWED
from training.description import EMBEDDED, Description
from training.files import checkpoint
from training.licences import Irreconcilable, Licence
from training.signal import SAMPLE_RATE

if TYPE_CHECKING:
    from training.sources import Source

SIZES = (
    "prosody_size prosody_blocks prosody_frames acoustic_size acoustic_blocks acoustic_frames "
    "decoder_size decoder_blocks"
).split()
"""The sizes of a voice's networks in a configuration."""
JUDGES = ("periods", "widths", "ffts", "width")
"""The sizes of the adversaries in a configuration."""
STAGES = ("prosody", "acoustic", "voice")
_NAME = re.compile(r"vi_VN-\w{1,60}-[a-z_]{1,20}")


class Refused(Exception):
    """The command cannot be carried out; the message says why."""


def describe(
    options: argparse.Namespace,
    recordings: list[Recording],
    held_out: set[str],
    lent: list[Recording],
    source: "Source | None",
) -> tuple[Licence, Description]:
    """Return the licence and the description of the voice that the options ask for.

    ``source`` is the voice that training starts from.

    Raises:
        Refused: the name, the licence or the other voice cannot be used.

    """
    if not _NAME.fullmatch(options.name) or options.name == EMBEDDED.name:
        raise Refused(f"--name {options.name!r:.80}: should be like vi_VN-NAME-compact")
    try:
        licence = own = licences.parse(options.licence)
    except ValueError as error:
        raise Refused(f"--licence: {error}") from None
    described = Description(
        name=options.name,
        licence=own.name,
        own_licence=own.name,
        attribution=options.attribution,
        dataset=options.name.split("-")[1],
        sample_rate=options.rate or SAMPLE_RATE,
        recordings=corpus.fingerprint(recordings, held_out),
        tempo=options.tempo,
        mend=options.mend,
        notices=tuple(options.notice),
    )
    if options.prosody_from:
        licence = _with_lender(licence, options)
        listed = (options.prosody_from / corpus.HELD_OUT).exists()
        their_held_out = corpus.held_out(options.prosody_from, lent) if listed else set()
        described = dataclasses.replace(
            described,
            lent={
                "folder": str(options.prosody_from.resolve()),
                "licence": options.prosody_licence,
                "recordings": corpus.fingerprint(lent, their_held_out),
            },
        )
    if source:
        other = source.description
        if options.rate not in {None, other.sample_rate}:
            raise Refused(
                f"--start-from {options.start_from}: that voice has {other.sample_rate} Hz, "
                f"not {options.rate}; leave --rate out"
            )
        try:
            licence = licences.stricter(licence, _licence_of(other))
        except Irreconcilable as error:
            raise Refused(f"--start-from {options.start_from}: {error}") from None
        credit = other.attribution or other.name
        described = dataclasses.replace(
            described,
            sample_rate=other.sample_rate,
            attribution="; ".join(filter(None, [options.attribution, f"started from: {credit}"])),
            source={
                "folder": str(source.path.resolve()),
                "name": other.name,
                "licence": other.licence,
                "attribution": other.attribution or "",
            },
        )
    return licence, dataclasses.replace(described, licence=licence.name, licence_url=licence.url)


def _with_lender(licence: Licence, options: argparse.Namespace) -> Licence:
    """Return the licence of a voice that learns its melody from recordings under another one.

    Raises:
        Refused: it is not stated, does not fit, or has unknown terms that no notice states.

    """
    name = f"--prosody-from {options.prosody_from}"
    if not options.prosody_licence:
        raise Refused(f"{name}: state the licence of these recordings by --prosody-licence")
    try:
        other = licences.parse(options.prosody_licence)
    except ValueError as error:
        raise Refused(f"--prosody-licence: {error}") from None
    if other.kind == "other" and other.name.casefold() != licence.name.casefold():
        if not options.notice:
            raise Refused(
                f"{name}: the terms of {other.name!r} are not known here; say by --notice what "
                "they are, for the model card"
            )
        return licence
    try:
        return licences.stricter(licence, other)
    except Irreconcilable as error:
        raise Refused(f"{name}: {error}") from None


def _licence_of(voice: Description) -> Licence:
    return licences.parse(f"{voice.licence} {voice.licence_url or ''}".strip())


def check_begun(work: Path, config: Config) -> None:
    """Check that the networks of a work folder, as far as they are trained, can be trained on.

    Raises:
        Refused: they have other sizes.

    """
    for folder, stage in ((work / BORROWED, "prosody"), *((work, stage) for stage in STAGES)):
        if not (folder / stage / "last.pt").exists():
            continue
        before = checkpoint(folder, stage)["config"]
        for size in (*SIZES, *(JUDGES if stage == "voice" else ())):
            if before[size] != getattr(config, size):
                raise Refused(
                    f"--work {work}: {stage} was begun with other sizes ({size} is "
                    f"{before[size]}, not {getattr(config, size)}); give --config as before, or "
                    "take a new folder"
                )


def begun(work: Path, described: Description) -> Description:
    """Write the description of a new work folder, or return that of the begun one.

    The name, the licences, notices, the attribution and the tempo may be changed at any time.

    Raises:
        Refused: the folder was begun with other recordings, another rate or another voice.

    """
    try:
        before = description.load(work)
    except ValueError as error:
        raise Refused(f"--work: {error}") from None
    if before is None and (work / "features.pt").exists():
        raise Refused(f"--work {work}: it belongs to another program; take a new folder")
    if before:
        facts = {
            f"a sample rate of {before.sample_rate} Hz": before.sample_rate
            == described.sample_rate,
            "other recordings or texts": before.recordings == described.recordings,
            f"--start-from {before.source.get('folder', 'nothing')}": before.source.get("folder")
            == described.source.get("folder"),
            f"--prosody-from {before.lent.get('folder', 'nothing')}": before.lent.get("recordings")
            == described.lent.get("recordings"),
            "--mend" if before.mend else "no --mend": before.mend == described.mend,
        }
        for fact, same in facts.items():
            if not same:
                raise Refused(f"--work {work}: it was begun with {fact}; take a new folder")
        described = dataclasses.replace(described, pitch=before.pitch)
    described.save(work)
    return described
