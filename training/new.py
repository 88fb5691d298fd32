"""Make a voice from a folder of recordings, in one command that can be stopped and repeated."""

import argparse
import dataclasses
import logging
import math
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training import align, corpus, description, export, licences, measured, prepare
from training.card import Facts, card
from training.config import CONFIGS, Config
from training.corpus import CorpusError, Recording
from training.description import EMBEDDED, Description
from training.licences import Irreconcilable, Licence
from training.prepare import Settings
from training.signal import RATES, SAMPLE_RATE, Framing
from training.train import INTERRUPTED, train, with_steps
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.voice import model_card

STAGES = ("prosody", "acoustic", "voice")
SIZES = (
    "prosody_size prosody_blocks prosody_frames acoustic_size acoustic_blocks acoustic_frames "
    "decoder_size decoder_blocks"
).split()
"""The sizes of a voice's networks in a configuration."""
FEWEST = 4  # recordings that train
_NAME = re.compile(r"vi_VN-\w{1,60}-[a-z_]{1,20}")
_LOG = logging.getLogger("new")


class Refused(Exception):
    """The command cannot be carried out; the message says why."""


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    found = argparse.ArgumentParser(
        description="Make a voice from a folder of recordings: metadata.csv with lines id|text, "
        "and wavs/ID.wav, .flac or .mp3. Repeat the same command to continue it."
    )
    found.add_argument("folder", type=Path, metavar="FOLDER", help="the recordings")
    found.add_argument("--name", required=True, help="such as vi_VN-lan-compact")
    found.add_argument("--licence", required=True, help='of the recordings, such as "CC BY 4.0"')
    found.add_argument("--attribution", help="whom users of the voice have to name")
    found.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    found.add_argument("--output", type=Path, help="folder of the voice; default WORK/NAME")
    found.add_argument("--rate", type=int, choices=RATES, help="of the voice in Hz; default 16000")
    found.add_argument("--start-from", type=Path, help="work folder of a voice to start from")
    found.add_argument("--config", choices=sorted(CONFIGS), default="small")
    found.add_argument("--steps", type=int, help="length of each training")
    found.add_argument("--minutes", type=float, default=math.inf, help="length of this sitting")
    found.add_argument("--at-least", type=float, default=5.0, help="minutes of sound to ask for")
    found.add_argument("--measure", type=int, default=50, help="recordings to measure at the end")
    found.add_argument("--device", default="auto")
    found.add_argument("--threads", type=int, default=0, help="0: all cores")
    found.add_argument("--jobs", type=int, default=2, help="processes that prepare recordings")
    found.add_argument("--seed", type=int, default=1)
    return found


class Undertaking:
    """A voice on its way from a folder of recordings to a folder that can be installed."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Read the folder and decide the licence; begin or continue the work folder.

        Raises:
            CorpusError: the folder cannot be used.
            Refused: the options contradict each other, the other voice, or the work folder.

        """
        self.options = options
        self.work: Path = options.work
        self.recordings = corpus.read(options.folder)
        self.held_out = corpus.held_out(options.folder, self.recordings)
        self.until = time.monotonic() + options.minutes * 60
        self.licence, self.described = _describe(options, self.recordings, self.held_out)
        self.config = dataclasses.replace(
            with_steps(CONFIGS[options.config], options.steps),
            sample_rate=self.described.sample_rate,
        )
        if options.start_from:
            _check_source(options.start_from, self.config)
        self.described = _begun(self.work, self.described)
        normalizer = Normalizer()
        self.recordings = [
            dataclasses.replace(one, text=normalizer(one.text).spoken) for one in self.recordings
        ]
        self.framing = Framing(self.described.sample_rate)

    def run(self) -> bool:
        """Carry out all stages that are not done yet; return whether the voice is finished.

        Raises:
            CorpusError: a recording cannot be used, or there are too few.

        """
        count = len(STAGES) + 3
        if not (self.work / "aligner.pt").exists():  # the last file that aligning writes
            _LOG.info("stage 1 of %d: preparing %d recordings", count, len(self.recordings))
            self.prepare()
            _LOG.info("stage 2 of %d: finding the phones in them", count)
            align.run(self.work, self.config.alignment)
        for number, stage in enumerate(STAGES, 3):
            _LOG.info("stage %d of %d: training, %s", number, count, stage)
            if not self.train(stage):
                return False
        _LOG.info("stage %d of %d: writing and measuring the voice", count, count)
        self.write()
        return True

    def prepare(self) -> None:
        """Write the features of all recordings.

        Raises:
            CorpusError: a recording cannot be used, or there are too few.

        """
        self.warn_of_low_rates()
        low, high = prepare.pitch_range(self.recordings, self.framing)
        _LOG.info("looking for pitch from %.0f to %.0f Hz", low, high)
        self.described = dataclasses.replace(self.described, pitch=(low, high))
        clips = prepare.prepare(self.recordings, self.held_out, self.settings(), self.options.jobs)
        minutes = sum(len(clip["audio"]) for clip in clips) / self.framing.sample_rate / 60
        if minutes < self.options.at_least or len(clips) - len(self.held_out) < FEWEST + 1:
            problem = (
                f"{self.options.folder}: {len(clips)} recordings with {minutes:.1f} minutes of "
                f"sound are too little; {self.options.at_least:g} minutes are the least "
                "(--at-least)"
            )
            raise CorpusError([problem])
        _LOG.info(
            "%d recordings, %d of them held out, %.1f minutes",
            len(clips), len(self.held_out), minutes,
        )  # fmt: skip
        prepare.save(clips, self.work)
        self.described.save(self.work)

    def settings(self) -> Settings:
        """Return the way in which recordings become features."""
        return Settings(self.framing, *self.described.pitch, trim=True)

    def warn_of_low_rates(self) -> None:
        """Log how many recordings have nothing in the upper part of the voice's range."""
        rates = corpus.rates(self.recordings)
        low = sum(count for rate, count in rates.items() if rate < self.framing.sample_rate)
        if low:
            _LOG.warning(
                "%d of %d recordings have a sample rate below %d Hz, so the voice will be dull",
                low, len(self.recordings), self.framing.sample_rate,
            )  # fmt: skip

    def train(self, stage: str) -> bool:
        """Train one network as far as the time allows; return whether it is finished."""
        options = self.options
        return train(
            stage,
            self.work,
            self.config,
            seed=options.seed,
            device=options.device,
            minutes=max(0.0, (self.until - time.monotonic()) / 60),
            source=options.start_from,
        )

    def write(self) -> None:
        """Write the voice, its model card, and the measures if there are any."""
        output: Path = self.options.output or self.work / self.described.name
        model = export.export(self.work, output)
        clips = torch.load(self.work / "features.pt", weights_only=False)
        trained = [clip for clip in clips if not clip["held_out"]]
        steered = len(trained[::40])
        samples = sum(len(clip["audio"]) for clip in clips)
        facts = Facts(
            trained=len(trained) - steered,
            steered=steered,
            held_out=len(clips) - len(trained),
            minutes=samples / self.framing.sample_rate / 60,
            rates=corpus.rates(self.recordings),
            steps={stage: _checkpoint(self.work, stage)["step"] for stage in STAGES},
            config=self.config,
            unmeasured="not measured yet",
        )
        path = output / f"{self.described.name}{model_card.SUFFIX}"
        path.write_text(card(self.described, self.licence, facts), encoding="utf-8")
        facts = self.measured(facts, model)
        path.write_text(card(self.described, self.licence, facts), encoding="utf-8")
        _LOG.info("finished: install the voice with `vits-tts voices install %s`", output)

    def measured(self, facts: Facts, model: Path) -> Facts:
        """Return the facts with the measures of the voice, or with the reason for their lack."""
        held = [one for one in self.recordings if one.name in self.held_out]
        held = held[: self.options.measure]
        if not held:
            reason = "no recording was held out" if self.options.measure else "none was asked for"
            return dataclasses.replace(facts, unmeasured=reason)
        try:
            figures, cost = measured.measure(self.work, model, held, self.settings())
        except ImportError as error:
            _LOG.warning("not measured: %s", error)
            reason = f"the package {error.name} was not installed"
            return dataclasses.replace(facts, unmeasured=reason)
        return dataclasses.replace(facts, figures=figures, cost=cost, unmeasured="")


def _describe(
    options: argparse.Namespace, recordings: list[Recording], held_out: set[str]
) -> tuple[Licence, Description]:
    """Return the licence and the description of the voice that the options ask for.

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
    )
    if options.start_from:
        other = _source(options.start_from, options.work)
        if options.rate not in {None, other.sample_rate}:
            raise Refused(
                f"--start-from {options.start_from}: that voice has {other.sample_rate} Hz, "
                f"not {options.rate}; leave --rate out"
            )
        try:
            licence = licences.stricter(own, _licence_of(other))
        except Irreconcilable as error:
            raise Refused(f"--start-from {options.start_from}: {error}") from None
        credit = other.attribution or other.name
        described = dataclasses.replace(
            described,
            sample_rate=other.sample_rate,
            attribution="; ".join(filter(None, [options.attribution, f"started from: {credit}"])),
            source={
                "folder": str(options.start_from.resolve()),
                "name": other.name,
                "licence": other.licence,
                "attribution": other.attribution or "",
            },
        )
    return licence, dataclasses.replace(described, licence=licence.name, licence_url=licence.url)


def _licence_of(voice: Description) -> Licence:
    return licences.parse(f"{voice.licence} {voice.licence_url or ''}".strip())


def _source(folder: Path, work: Path) -> Description:
    """Return the description of the voice that training starts from.

    Raises:
        Refused: the folder is not that of another voice which states its licence.

    """
    if folder.resolve() == work.resolve():
        raise Refused("--start-from and --work are the same folder")
    try:
        found = description.load(folder)
    except ValueError as error:
        raise Refused(f"--start-from: {error}") from None
    if found is None:
        raise Refused(
            f"--start-from {folder}: it has no description.json, so its licence is not known"
        )
    return found


def _check_source(folder: Path, config: Config) -> None:
    """Check that a voice can lend its weights.

    Raises:
        Refused: it is not trained to its end, or its networks have other sizes.

    """
    for stage, length in {"prosody": "prosody_steps", "voice": "steps"}.items():
        try:
            state = _checkpoint(folder, stage)
        except FileNotFoundError:
            raise Refused(f"--start-from {folder}: {stage} has not been trained there") from None
        if state["step"] < state["config"][length]:
            raise Refused(f"--start-from {folder}: {stage} is not trained to its end there")
        for size in SIZES:
            if state["config"][size] != getattr(config, size):
                raise Refused(
                    f"--start-from {folder}: its networks have other sizes ({size} is "
                    f"{state['config'][size]}, not {getattr(config, size)}); see --config"
                )


def _checkpoint(work: Path, stage: str) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(
        work / stage / "last.pt", map_location="cpu", weights_only=False, mmap=True
    )
    return found


def _begun(work: Path, described: Description) -> Description:
    """Write the description of a new work folder, or return that of the begun one.

    The name, the licence and the attribution may be changed at any time.

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
        }
        for fact, same in facts.items():
            if not same:
                raise Refused(f"--work {work}: it was begun with {fact}; take a new folder")
        described = dataclasses.replace(described, pitch=before.pitch)
    described.save(work)
    return described


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the voice; return 0, 1 for a fault of the input, or 75 if there is more to do."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    if options.threads:
        torch.set_num_threads(options.threads)
    again = "stopped before its end; repeat the same command to continue"
    try:
        finished = Undertaking(options).run()
    except (CorpusError, Refused) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        finished = False
    if not finished:
        _LOG.info(again)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
