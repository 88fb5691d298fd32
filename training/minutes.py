"""Train voices from some minutes of the same recordings, and compare them in one table."""

import argparse
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
import torch
from tqdm import tqdm

from training import corpus, measures
from training.align import Aligner
from training.corpus import Recording
from training.figures import Row, heard, summary, table
from training.signal import SAMPLE_RATE
from training.speaker import Speaker
from training.terms import STAGES
from training.train import INTERRUPTED

NAME = "vi_VN-minutes-compact"
NATURAL = "recordings"
FIGURES = ("syllable error %", "P.808", "NISQA-TTS", "DistillMOS", "pitch error cents")
_SPENT = "spent.json"
_BORROWS = "+"
_SHARED = ("acoustic", "voice")
"""Networks that do not depend on the recordings from which the melody is learnt."""
_LOG = logging.getLogger("minutes")


@dataclass(frozen=True)
class Size:
    """A voice of the table: the minutes that it learns from, and whether it borrows its melody."""

    minutes: float
    borrows: bool = False

    @property
    def label(self) -> str:
        """The name of its column and of its folder."""
        return f"{self.minutes:g}{_BORROWS if self.borrows else ''}"


class Interrupted(Exception):
    """A training was asked to stop before its end."""


def draw(recordings: Sequence[Recording], minutes: float, seed: int) -> list[Recording]:
    """Return recordings of at least ``minutes`` of sound, or all of them.

    They are drawn at random; a larger draw contains the smaller ones.
    """
    shuffled = list(recordings)
    random.Random(seed).shuffle(shuffled)  # noqa: S311  # no secret
    drawn: list[Recording] = []
    seconds = 0.0
    for recording in shuffled:
        if seconds >= 60 * minutes:
            break
        drawn.append(recording)
        seconds += soundfile.info(str(recording.path)).duration
    return drawn


def lay_out(folder: Path, drawn: Iterable[Recording], held_out: Iterable[Recording]) -> None:
    """Write a folder of recordings as `training.new` takes it, with links to the sounds."""
    held_out = list(held_out)
    wavs = folder / "wavs"
    wavs.mkdir(parents=True, exist_ok=True)
    lines = []
    for recording in sorted([*drawn, *held_out], key=lambda one: one.name):
        link = (wavs / recording.name).with_suffix(recording.path.suffix)
        link.unlink(missing_ok=True)
        link.symlink_to(recording.path.resolve())
        lines.append(f"{recording.name}|{recording.text}\n")
    (folder / corpus.METADATA).write_text("".join(lines), encoding="utf-8")
    names = "".join(f"{recording.name}\n" for recording in held_out)
    (folder / corpus.HELD_OUT).write_text(names, encoding="utf-8")


class Trainings:
    """Runs `training.new` for several voices, some of them at the same time."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Keep the options of the command."""
        self._options = options
        self._running: set[int] = set()  # process ids
        self._ended = threading.Event()
        """Set when one has stopped or failed, or shall: no other begins."""

    def run(self, sizes: Sequence[Size]) -> None:
        """Train voices; after one has stopped, begin no other.

        Raises:
            Interrupted: one of them stopped before its end.
            RuntimeError: one of them failed.

        """
        with ThreadPoolExecutor(self._options.jobs) as threads:
            futures = [threads.submit(self._train, size) for size in sizes]
        errors = [error for future in futures if (error := future.exception())]
        for error in sorted(errors, key=lambda error: isinstance(error, Interrupted)):
            raise error  # a failure rather than an interruption that it caused

    def stop(self) -> None:
        """Ask the running ones to keep their state and stop."""
        self._ended.set()
        for process in list(self._running):
            os.kill(process, signal.SIGTERM)

    def _train(self, size: Size) -> None:
        if self._ended.is_set():
            raise Interrupted
        folder: Path = self._options.work / size.label
        if size.borrows:
            _share(self._options.work / Size(size.minutes).label, folder)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(  # noqa: S603  # this program, without a shell
                self._asked(size), stdout=log, stderr=subprocess.STDOUT
            )
            self._running.add(process.pid)
            _, status, used = os.wait4(process.pid, 0)
            self._running.discard(process.pid)
            process.returncode = os.waitstatus_to_exitcode(status)
        spent = _spent(folder) + used.ru_utime + used.ru_stime
        (folder / _SPENT).write_text(json.dumps(spent), encoding="utf-8")
        if process.returncode:
            self._ended.set()
        if process.returncode == INTERRUPTED:
            raise Interrupted
        if process.returncode:
            raise RuntimeError(f"training.new failed for {size.label}: see {folder / 'log'}")

    def _asked(self, size: Size) -> list[str]:
        """Return the command for one voice."""
        options = self._options
        asked = [
            sys.executable, "-m", "training.new",
            str(options.work / f"recordings-{size.minutes:g}"), "--name", NAME,
            "--licence", options.licence, "--work", str(options.work / size.label),
            "--measure", "0", "--at-least", "0", "--threads", str(options.threads), "--jobs", "1",
        ]  # fmt: skip
        if options.steps:
            asked += ["--steps", *map(str, options.steps)]
        if options.config:
            asked += ["--config", options.config]
        if size.borrows:
            asked += ["--prosody-from", str(options.prosody_from)]
            asked += ["--prosody-licence", options.prosody_licence, "--notice", "for comparison"]
        return asked


@contextmanager
def stopped_by_signals(trainings: Trainings) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C stop the trainings, which then keep their state."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: trainings.stop()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _share(source: Path, folder: Path) -> None:
    """Start a voice that borrows its melody with the finished networks that do not depend on it."""
    for name in _SHARED:
        if not (folder / name).exists():
            shutil.copytree(source / name, folder / name)


def _spent(folder: Path) -> float:
    """Return the seconds of processor time that the voice of a folder took so far."""
    path = folder / _SPENT
    return float(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else 0.0


def measure(
    sizes: Sequence[Size], held_out: Sequence[Recording], options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Return the figures of the recordings and of each voice on the recordings held out.

    The aligner of the voice with most minutes finds the phones in all sounds.
    """
    largest = max(sizes, key=lambda size: size.minutes)
    aligner = Aligner.load(options.work / largest.label / "aligner.pt")
    models = {size.label: options.work / size.label / NAME / f"{NAME}.onnx" for size in sizes}
    voices = {name: Speaker(path, sample_rate=SAMPLE_RATE) for name, path in models.items()}
    rows: dict[str, list[Row]] = {name: [] for name in (NATURAL, *voices)}
    for recording in tqdm(held_out[: options.limit], desc="measure", unit="clip"):
        sounds = {NATURAL: corpus.sound(recording.path, SAMPLE_RATE)}
        sounds |= {name: speak(recording.text) for name, speak in voices.items()}
        found = {
            name: measures.find(aligner, sound, recording.text) for name, sound in sounds.items()
        }
        for name, sound in sounds.items():
            row = heard(sound, recording.text, nisqa=options.nisqa)
            row |= measures.compare_pitch(found[NATURAL], found[name])
            rows[name].append(row)
    columns: dict[str, dict[str, float]] = {}
    for name, mine in rows.items():
        figures = summary(mine)
        columns[name] = {key: figures[key] for key in FIGURES if key in figures}
    for size in sizes:
        columns[size.label] = _trained(options.work / size.label) | columns[size.label]
    return columns


def _trained(folder: Path) -> dict[str, float]:
    """Return how much a voice learnt from, and how long that took."""
    clips: list[dict[str, Any]] = torch.load(folder / "features.pt", weights_only=False)
    trained = [clip for clip in clips if not clip["held_out"]]
    samples = sum(len(clip["audio"]) for clip in trained)
    return {
        "recordings": float(len(trained)),
        "minutes of sound": samples / SAMPLE_RATE / 60,
        "minutes of one core": _spent(folder) / 60,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and measure; return 0, or 75 if there is more to train."""
    parser = argparse.ArgumentParser(description=f"{__doc__} Repeat the command to continue it.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the recordings, in 16 kHz")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 20, 40, 60])
    parser.add_argument("--licence", default="for comparison only")
    parser.add_argument("--steps", type=int, nargs="+", help=f"one number, or of {STAGES}")
    parser.add_argument("--config", help="sizes, as `training.new` takes them")
    parser.add_argument(
        "--prosody-from", type=Path, help="the fewest minutes once more, with the melody of others"
    )
    parser.add_argument("--prosody-licence", default="for comparison only")
    parser.add_argument("--nisqa", type=Path, help="folder with NISQA's weights; else left out")
    parser.add_argument("--limit", type=int, default=50, help="recordings to measure")
    parser.add_argument("--jobs", type=int, default=2, help="voices trained at the same time")
    parser.add_argument("--threads", type=int, default=1, help="threads of each")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    recordings = corpus.read(options.folder)
    names = corpus.held_out(options.folder, recordings)
    held_out = [recording for recording in recordings if recording.name in names]
    rest = [recording for recording in recordings if recording.name not in names]
    for minutes in options.minutes:
        drawn = draw(rest, minutes, options.seed)
        lay_out(options.work / f"recordings-{minutes:g}", drawn, held_out)
    sizes = [Size(minutes) for minutes in options.minutes]
    lent = [Size(min(options.minutes), borrows=True)] if options.prosody_from else []
    trainings = Trainings(options)
    try:
        with stopped_by_signals(trainings):
            trainings.run(sizes)
            trainings.run(lent)
    except Interrupted:
        _LOG.info("repeat the same command to continue")
        return INTERRUPTED
    columns = measure([*sizes, *lent], held_out, options)
    sys.stdout.write(table(columns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
