"""Make a voice from a folder of recordings, in one command that can be stopped and repeated."""

import argparse
import dataclasses
import errno
import logging
import math
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from training import align, borrowed, corpus, export, joined, measured, prepare, sources, terms
from training.card import Facts, card
from training.config import CONFIGS, Config
from training.corpus import CorpusError, Recording
from training.data import BORROWED, JOINED, STEERING
from training.files import checkpoint
from training.prepare import Settings
from training.signal import RATES, Framing
from training.terms import STAGES, Refused
from training.train import INTERRUPTED, train, with_steps
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.voice import model_card

FEWEST = 4  # recordings that train
LEVEL_DB = -20.0  # power of every recording
_LOG = logging.getLogger("new")


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
    found.add_argument(
        "--start-from", help="voice to start from: its work folder, .onnx, or embedded name"
    )
    found.add_argument(
        "--prosody-from", type=Path, help="recordings of others to learn durations and melody from"
    )
    found.add_argument("--prosody-licence", help="of those recordings")
    found.add_argument(
        "--notice", action="append", default=[], help="a line for the model card; may be repeated"
    )
    found.add_argument("--text-column", type=int, help="of metadata.csv, from 1; else it is found")
    found.add_argument("--mend", action="store_true", help="reduce noise, remove hum, even levels")
    found.add_argument(
        "--tempo", type=float, default=1.0, help="multiplies durations when the voice speaks"
    )
    found.add_argument("--config", choices=sorted(CONFIGS), default="small")
    found.add_argument(
        "--steps",
        type=int,
        nargs="+",
        help="length of each training: one number, or three for prosody, acoustic and voice",
    )
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
        if options.steps and len(options.steps) not in {1, len(STAGES)}:
            raise Refused("--steps: give one number, or three")
        self.options = options
        self.work: Path = options.work
        self.recordings = corpus.read(options.folder, options.text_column)
        self.lent = borrowed.read(options.prosody_from) if options.prosody_from else []
        self.single = bool(self.lent) and joined.are_single(self.recordings)
        # a voice of joined syllables is measured by the sentences of others
        self.held_out = set() if self.single else corpus.held_out(options.folder, self.recordings)
        self.until = time.monotonic() + options.minutes * 60
        self.source = sources.find(options.start_from, self.work) if options.start_from else None
        self.licence, self.described = terms.describe(
            options, self.recordings, self.held_out, self.lent, self.source
        )
        self.config = dataclasses.replace(
            with_steps(CONFIGS[options.config], options.steps),
            sample_rate=self.described.sample_rate,
        )
        if self.source:
            self.source.check(self.config)
        terms.check_begun(self.work, self.config)
        self.described = terms.begun(self.work, self.described)
        self.lent = _spoken(self.lent)
        # a syllable is said as it is written, not read as a shortening
        self.recordings = _spoken(self.recordings, words=2 if self.single else 1)
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
        if self.lent:
            self.borrow()
        if self.single and not self.join():
            return False
        for number, stage in enumerate(STAGES, 3):
            _LOG.info("stage %d of %d: training, %s", number, count, stage)
            if not self.train(stage, self.work, self.config):
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
        return Settings(
            self.framing,
            *self.described.pitch,
            trim=True,
            level_db=LEVEL_DB,
            mend=self.described.mend,
            lengthen=not self.single,
        )

    def borrow(self) -> None:
        """Prepare the recordings of others, at this speaker's level of pitch, unless it is done.

        Raises:
            CorpusError: one of them cannot be used.

        """
        clips = torch.load(self.work / "features.pt", weights_only=False)
        spoken = np.log(np.concatenate([clip["hertz"][clip["voiced"] > 0] for clip in clips]))
        level, spread = float(spoken.mean()), float(spoken.std())
        self.config = dataclasses.replace(self.config, pitch=(level, spread))
        work = self.work / BORROWED
        if (work / "aligner.pt").exists():  # the last file that is written
            return
        _LOG.info("preparing %d recordings of others", len(self.lent))
        held_out = corpus.held_out(self.options.prosody_from, self.lent)
        borrowed.run(self.lent, held_out, clips, work, self.config, jobs=self.options.jobs)

    def join(self) -> bool:
        """Make sentences of the recorded syllables; return whether they are all made.

        First the prosody of others is learnt, in half the steps that the own one gets later: there
        is less of it, and it is soon learnt by heart.

        Raises:
            CorpusError: there are too few syllables.

        """
        work = self.work / JOINED
        if (work / "features.pt").exists():
            return True
        clips = torch.load(self.work / "features.pt", weights_only=False)
        joined.enough_units(clips, self.settings())  # too few are refused before training
        del clips
        _LOG.info("training, prosody of others")
        steps = max(1, self.config.prosody_steps // 2)
        config = dataclasses.replace(self.config, prosody_steps=steps)
        if not self.train("prosody", self.work / BORROWED, config):
            return False
        _LOG.info("joining syllables to sentences")
        clips = torch.load(self.work / "features.pt", weights_only=False)
        prosody = export.load_prosody(self.work / BORROWED)[0]
        joined.run(
            clips, prosody, work, self.settings(), jobs=self.options.jobs, seed=self.options.seed
        )
        return True

    def warn_of_low_rates(self) -> None:
        """Log how many recordings have nothing in the upper part of the voice's range."""
        rates = corpus.rates(self.recordings)
        low = sum(count for rate, count in rates.items() if rate < self.framing.sample_rate)
        if low:
            _LOG.warning(
                "%d of %d recordings have a sample rate below %d Hz, so the voice will be dull",
                low, len(self.recordings), self.framing.sample_rate,
            )  # fmt: skip

    def train(self, stage: str, work: Path, config: Config) -> bool:
        """Train one network as far as the time allows; return whether it is finished."""
        options = self.options
        return train(
            stage,
            work,
            config,
            seed=options.seed,
            device=options.device,
            minutes=max(0.0, (self.until - time.monotonic()) / 60),
            source=self.source,
        )

    def write(self) -> None:
        """Write the voice, its model card, and the measures if there are any."""
        output: Path = self.options.output or self.work / self.described.name
        model = export.export(self.work, output)
        clips = torch.load(self.work / "features.pt", weights_only=False)
        trained = [clip for clip in clips if not clip["held_out"]]
        steered = 0 if self.single else len(trained[::STEERING])
        samples = sum(len(clip["audio"]) for clip in clips)
        facts = Facts(
            trained=len(trained) - steered,
            steered=steered,
            held_out=len(clips) - len(trained),
            minutes=samples / self.framing.sample_rate / 60,
            rates=corpus.rates(self.recordings),
            steps={stage: checkpoint(self.work, stage)["step"] for stage in STAGES},
            config=self.config,
            lent=self.borrowed_count(),
            joined=self.single,
            unmeasured="not measured yet",
        )
        path = output / f"{self.described.name}{model_card.SUFFIX}"
        path.write_text(card(self.described, self.licence, facts), encoding="utf-8")
        facts = self.measured(facts, model)
        path.write_text(card(self.described, self.licence, facts), encoding="utf-8")
        _LOG.info(
            "finished: install the voice with `vits-tts voices install %s`",
            shlex.quote(str(output)),
        )

    def borrowed_count(self) -> int:
        """Return how many recordings of others the melody was learnt from."""
        if not self.lent:
            return 0
        clips = torch.load(self.work / BORROWED / "features.pt", weights_only=False)
        return sum(not clip["held_out"] and not clip.get("own") for clip in clips)

    def measured(self, facts: Facts, model: Path) -> Facts:
        """Return the facts with the measures of the voice, or with the reason for their lack."""
        work, settings = self.work, self.settings()
        held = [one for one in self.recordings if one.name in self.held_out]
        if self.single:
            work, settings = work / BORROWED, borrowed.settings(self.framing)
            names = corpus.held_out(self.options.prosody_from, self.lent)
            held = [one for one in self.lent if one.name in names]
        held = held[: self.options.measure]
        if not held:
            reason = "no recording was held out" if self.options.measure else "none was asked for"
            return dataclasses.replace(facts, unmeasured=reason)
        try:
            figures, cost = measured.measure(
                work, model, held, settings, same_speaker=not self.single
            )
        except ImportError as error:
            _LOG.warning("not measured: %s", error)
            reason = f"the package {error.name} was not installed"
            return dataclasses.replace(facts, unmeasured=reason)
        return dataclasses.replace(facts, figures=figures, cost=cost, unmeasured="")


def _spoken(recordings: list[Recording], words: int = 1) -> list[Recording]:
    """Return recordings with texts of at least ``words`` as the service reads them."""
    normalizer = Normalizer()
    return [
        dataclasses.replace(one, text=normalizer(one.text).spoken)
        if len(one.text.split()) >= words
        else one
        for one in recordings
    ]


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
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        sys.stderr.write(f"{error}; make room and repeat the same command to continue\n")
        return 1
    except KeyboardInterrupt:
        finished = False
    if not finished:
        _LOG.info(again)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
