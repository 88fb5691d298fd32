"""Measure natural recordings, another voice and the new voice side by side; write RESULTS.md."""

import argparse
import datetime as dt
import hashlib
import json
import logging
import math
import multiprocessing
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from training import corpus, measures, plots, repeats
from training.align import Aligner
from training.figures import Row, alike, heard, summary, table, targets
from training.phonemes import PHONEME_ID_MAP
from training.signal import SAMPLE_RATE
from training.speaker import Speaker, real_time_factor

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
NATURAL, START, NEW = "natural", "starting voice", "new voice"
PARTS = ("held_out", "reader", "sentences", "utterances", "speeds", "cost")
FAR_APART = 50  # clips
SPEEDS = (0.5, 0.75, 1.0, 1.5, 2.0)
_LOG = logging.getLogger("evaluate")


class Evaluation:
    """Measures, and collects the sections of the report meanwhile."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Load voices, texts and the aligner."""
        self.options = options
        self.output: Path = options.output
        self.plots: Path = options.output / "plots"
        self.plots.mkdir(parents=True, exist_ok=True)
        self.aligner = Aligner.load(options.work / "aligner.pt")
        self.voices = {
            START: Speaker(options.baseline, sample_rate=SAMPLE_RATE),
            NEW: Speaker(options.voice, sample_rate=SAMPLE_RATE),
        }
        self.identity = identity(options.voice)
        self.identities = {
            NATURAL: "recordings",
            START: identity(options.baseline),
            NEW: self.identity,
        }
        self.sections: list[str] = []
        self.details: dict[str, Any] = {}
        self.figures: dict[str, float] = {}

    def keep(self, part: str, rows: dict[str, list[Row]]) -> None:
        """Write the results so far, so that an interrupted run can continue."""
        natural = self.options.nisqa is not None
        measured = {"voices": self.identities, "naturalness": natural, "rows": rows}
        text = json.dumps(measured, ensure_ascii=False, default=float)
        (self.options.work / f"measured-{part}.json").write_text(text, encoding="utf-8")

    def kept(self, part: str) -> dict[tuple[str, str], Row]:
        """Return the results of an earlier run for the same sound, by voice and text."""
        path = self.options.work / f"measured-{part}.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if self.options.nisqa is not None and not found.get("naturalness"):
            return {}
        known = found.get("voices", {})
        return {
            (voice, row["text"]): row
            for voice, rows in found.get("rows", {}).items()
            if known.get(voice) == self.identities[voice]
            for row in rows
        }

    def held_out(self) -> None:
        """Measure the held-out clips."""
        clips = self.clips(self.options.limit)
        rows: dict[str, list[Row]] = defaultdict(list)
        found: dict[str, list[Row]] = defaultdict(list)
        kept = self.kept("held_out")
        for text, recording in tqdm(clips, desc="held-out clips"):
            sounds = {NATURAL: recording}
            sounds |= {voice: speak(text) for voice, speak in self.voices.items()}
            for voice, sound in sounds.items():
                nisqa = self.options.nisqa
                row = kept.get((voice, text)) or heard(sound, text, nisqa=nisqa)
                found[voice].append(measures.find(self.aligner, sound, text))
                row |= measures.compare_pitch(found[NATURAL][-1], found[voice][-1])
                rows[voice].append(row | {"text": text})
            self.keep("held_out", rows)
        self.details["held-out"] = rows
        columns = {voice: summary(mine) for voice, mine in rows.items()}
        distances = plots.tone_contours(dict(found), self.plots / "tones.png")
        for voice, figures in columns.items():
            figures["tone contours, cents from natural"] = distances[voice]
        natural, new = columns[NATURAL], columns[NEW]
        ratio = new["syllable error %"] / natural["syllable error %"]
        self.figures |= {
            "syllable error over that of the recordings": ratio,
            "P.808": new["P.808"],
            "pitch error, cents": new["pitch error cents"],
        }
        other = columns[START]["syllable error %"] / natural["syllable error %"]
        pictured = {voice: found[voice][0] for voice in found}
        plots.spectrograms(pictured, clips[0][0], self.plots / "spectrograms.png")
        self.sections.append(
            f"## {len(clips)} held-out clips\n\n{table(columns)}\n"
            f"Syllable error of the new voice over natural: {ratio:.3f} "
            f"(starting voice {other:.3f}). Pitch and voicing are compared with the natural "
            "recording token by token, each token stretched to its natural length; Praat's "
            "tracker reads all three alike.\n\n"
            "![spectrograms](plots/spectrograms.png)\n\n![tones](plots/tones.png)\n"
        )

    def reader(self) -> None:
        """Measure how much the reader varies where she said the same words twice."""
        rows = repeats.differences(self.options.work)
        self.details["reader"] = rows
        kinds = {
            "all": rows,
            f"at most {FAR_APART} clips apart": [r for r in rows if r["apart"] <= FAR_APART],
            f"more than {FAR_APART} apart": [r for r in rows if r["apart"] > FAR_APART],
        }
        columns = {name: alike(mine) for name, mine in kinds.items()}
        twice = int(sum(row["held_out"] for row in rows))
        self.sections.append(
            f"## The reader beside herself\n\n{table(columns)}\n"
            f"Pairs of recordings that have at least {repeats.SHORTEST} syllables in a row in "
            "common, compared in these as a voice is compared with a recording. Divided by the "
            "square root of two, it is how far from each recording the mean of all her readings "
            f"would be. Of {twice} pairs one recording is held out and the other is not.\n"
        )

    def sentences(self) -> None:
        """Measure the written sentences, by kind."""
        lines = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()
        rows: dict[str, list[Row]] = defaultdict(list)
        kinds: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        kept = self.kept("sentences")
        # kinds mixed, so that a shorter run covers all of them
        mixed = [line for first in range(10) for line in lines[first::10]]
        for line in tqdm(mixed[: self.options.limit * 2], desc="sentences"):
            kind, text = line.split("|")
            judge = len(kinds[kind][NEW]) % 4 == 0  # DNSMOS takes twice as long as Whisper
            for voice, speak in self.voices.items():
                sound = speak(text)
                nisqa = self.options.nisqa
                row = kept.get((voice, text)) or heard(sound, text, judge=judge, nisqa=nisqa)
                row |= {"text": text, "kind": kind}
                rows[voice].append(row)
                kinds[kind][voice].append(row)
            self.keep("sentences", rows)
        self.details["sentences"] = rows
        columns = {voice: summary(mine) for voice, mine in rows.items()}
        lines = ["| kind | " + " | ".join(f"{v}: error %, P.808" for v in columns) + " |"]
        lines.append("|---" * (len(columns) + 1) + "|")
        for kind, voices in kinds.items():
            parts = [summary(voices[voice]) for voice in columns]
            cells = [f"{p['syllable error %']:.1f}, {p.get('P.808', math.nan):.2f}" for p in parts]
            lines.append(f"| {kind} ({len(voices[NEW])}) | {' | '.join(cells)} |")
        self.sections.append(
            f"## {len(rows[NEW])} written sentences\n\n{table(columns)}\n"
            + "\n".join(lines)
            + "\n\nDNSMOS on every fourth sentence of a kind.\n"
        )

    def utterances(self) -> None:
        """Find cut, doubled and missing syllables in short utterances."""
        texts = (HERE / "utterances.txt").read_text(encoding="utf-8").splitlines()
        limits = floor, margin = self.natural_floor(), self.natural_margin()
        wrong: dict[str, dict[str, list[str]]] = {voice: {} for voice in self.voices}
        quiet: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for text in tqdm(texts[: self.options.limit * 4], desc="utterances"):
            for voice, speak in self.voices.items():
                sound = speak(text)
                quiet[voice].append(measures.edges(sound))
                if faults := self.faults(sound, text, limits):
                    wrong[voice][text] = faults
        self.details["utterances"] = wrong
        self.figures["defects in 200 short utterances"] = len(wrong[NEW])
        columns = {
            voice: {
                "utterances with a defect": float(len(wrong[voice])),
                "first 10 ms, dB below the loudest (least)": min(a for a, _ in quiet[voice]),
                "last 10 ms, dB below the loudest (least)": min(b for _, b in quiet[voice]),
            }
            for voice in self.voices
        }
        count = len(quiet[NEW])
        listing = "".join(f"- {t}: {'; '.join(f)}\n" for t, f in wrong[NEW].items())
        self.sections.append(
            f"## {count} short utterances\n\n{table(columns)}\nA defect is an end that is not "
            "soft (25 dB below the loudest 10 ms), a vowel that is too short or too soft, a first "
            "or last phone that the aligner does not recognise (worse "
            f"than 99.5 % of natural ones, log likelihood {floor:.0f}), a syllable shorter than "
            "80 or longer than 800 ms, more separate loud stretches than syllables, or a sound "
            "that the aligner finds likelier with a syllable left out of the text, or doubled in "
            f"it (by more than {margin:.0f}, what 99.5 % of the syllables of recordings stay "
            "below).\n\n"
            + (f"New voice:\n\n{listing}" if listing else "New voice: none.\n")
            + f"\n{self.noticed(texts[:: max(1, 200 // self.options.limit)], limits)}"
        )

    def faults(self, sound: np.ndarray, text: str, limits: tuple[float, float]) -> list[str]:
        """Return the defects of a short utterance."""
        floor, margin = limits
        cut = measures.abrupt(sound)
        # Piper's interface adds no silence at a voice's ends; the aligner expects some
        sound = np.concatenate([np.zeros(800), sound, np.zeros(800)])
        noise = np.random.default_rng(0).normal(0, 3e-4, len(sound))
        found = measures.find(self.aligner, sound + noise, text)
        symbols = {ids[0]: symbol for symbol, ids in PHONEME_ID_MAP.items()}
        missed = measures.miscounted(self.aligner, found["mel"], text, margin)
        return [*cut, *measures.defects(found, floor, symbols), *missed]

    def noticed(self, texts: list[str], limits: tuple[float, float]) -> str:
        """Return a table of the share of artificial defects that are found."""
        several = [text for text in texts if len(text.split()) > 1]
        speak = self.voices[NEW]
        damages: dict[str, Callable[[list[str]], np.ndarray]] = {
            "first syllable said twice": lambda words: speak(" ".join([words[0], *words])),
            "last syllable said twice": lambda words: speak(" ".join([*words, words[-1]])),
            "first syllable missing": lambda words: speak(" ".join(words[1:])),
            "last syllable missing": lambda words: speak(" ".join(words[:-1])),
            "first 100 ms of sound cut": lambda words: measures.cut(
                speak(" ".join(words)), 0.1, 0.0
            ),
            "last 100 ms of sound cut": lambda words: measures.cut(
                speak(" ".join(words)), 0.0, 0.1
            ),
        }
        lines = ["| made on purpose | noticed |", "|---|---|"]
        for name, damaged in tqdm(damages.items(), desc="made on purpose"):
            found = [self.faults(damaged(text.split()), text, limits) for text in several]
            lines.append(f"| {name} | {sum(map(bool, found))} of {len(several)} |")
        return "\n".join(lines) + "\n"

    def clips(self, count: int) -> list[tuple[str, np.ndarray]]:
        """Return the texts and recordings of the first held-out clips."""
        recordings = corpus.read(self.options.data)
        held_out = corpus.held_out(self.options.data, recordings)
        clips = [recording for recording in recordings if recording.name in held_out]
        return [(one.text, corpus.sound(one.path, SAMPLE_RATE)) for one in clips[:count]]

    def natural_floor(self) -> float:
        """Return the likelihood that 99.5 % of the first and last phones of recordings exceed."""
        values = []
        for recording in corpus.read(self.options.data)[::8]:
            sound = corpus.sound(recording.path, SAMPLE_RATE)
            found = measures.find(self.aligner, sound, recording.text)
            spoken = np.flatnonzero(found["ints"][:, 2] > 0)
            values += [found["scores"][spoken[0]], found["scores"][spoken[-1]]]
        return float(np.percentile(values, 0.5))

    def natural_margin(self) -> float:
        """Return the bound that 99.5 % of the syllables of recordings stay below when recounted."""
        values = []
        for text, recording in tqdm(self.clips(30), desc="natural margin"):
            mel = measures.find(self.aligner, recording, text)["mel"]
            words = text.replace(",", " ").split()
            again = measures.recounted(self.aligner, mel, words, every=2)
            values += [likelier for _, what, likelier in again if what == "said twice"]
        return float(np.percentile(values, 99.5))

    def speeds(self) -> None:
        """Measure clarity and tempo at other speeds, beside recordings played at those speeds."""
        clips = self.clips(self.options.speed_count)
        columns = {}
        for speed in tqdm(SPEEDS, desc="speeds"):
            sounds = {
                NATURAL: [measures.played(recording, speed) for _, recording in clips],
                **{
                    voice: [speak(text, 1 / speed) for text, _ in clips]
                    for voice, speak in self.voices.items()
                },
            }
            figures = {
                voice: summary(
                    [
                        heard(sound, text, judge=False)
                        for sound, (text, _) in zip(mine, clips, strict=True)
                    ]
                )
                for voice, mine in sounds.items()
            }
            columns[f"speed {speed:g}"] = {
                f"{voice}: {name}": figures[voice][name]
                for name in ("syllable error %", "syllables per second", "clicks")
                for voice in sounds
            }
        self.sections.append(
            f"## Speeds, {len(clips)} held-out clips\n\n{table(columns)}\n"
            "The recordings are played faster and slower at the same pitch, by Praat (PSOLA; not "
            "at speed 1).\n"
        )

    def cost(self) -> None:
        """Measure size and real-time factor."""
        lines = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()
        texts = [line.split("|")[1] for line in lines[:6]]
        columns = {
            voice: {
                "MB": path.stat().st_size / 1e6,
                "real-time factor, 1 thread": real_time_factor(path, texts),
            }
            for voice, path in {START: self.options.baseline, NEW: self.options.voice}.items()
        }
        self.figures |= columns[NEW]
        lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        for name in ("MB", "real-time factor, 1 thread"):
            lines.append(f"| {name} | {' | '.join(f'{c[name]:.4g}' for c in columns.values())} |")
        self.sections.append("## Cost\n\n" + "\n".join(lines) + "\n")


def identity(path: Path) -> str:
    """Return a fingerprint of a voice file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def measure(job: tuple[str, argparse.Namespace]) -> None:
    """Measure one part; write its report and its single figures into the work folder."""
    part, options = job
    evaluation = Evaluation(options)
    getattr(evaluation, part)()
    report = {
        "voice": evaluation.identity,
        "sections": evaluation.sections,
        "details": evaluation.details,
        "figures": evaluation.figures,
    }
    text = json.dumps(report, ensure_ascii=False, indent=1, default=float)
    (options.work / f"report-{part}.json").write_text(text, encoding="utf-8")


def write(options: argparse.Namespace) -> None:
    """Write the report from all parts that were measured of this voice."""
    sections: list[str] = []
    figures: dict[str, float] = {}
    voice = identity(options.voice)
    for part in PARTS:
        path = options.work / f"report-{part}.json"
        report = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if report.get("voice") == voice:
            sections += report["sections"]
            figures |= report["figures"]
    losses = options.output / "plots" / "losses.png"
    if (options.work / "voice" / "log.jsonl").exists():
        plots.losses(options.work, losses)
    if losses.exists():
        sections = [*sections, "## Training\n\n![losses](plots/losses.png)\n"]
    sections = [*sections, targets(figures)]
    if (HERE / "remarks.md").exists():
        sections = [*sections, (HERE / "remarks.md").read_text(encoding="utf-8")]
    head = (
        "# Results\n\nWritten by `python -m training.evaluate`, on "
        f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}. The natural recordings, the "
        "starting voice and the new voice are trimmed alike (to 40 dB below the loudest 10 ms, "
        "and 50 ms around; but for the pitch, which is compared token by token) and measured by "
        "the same code. Syllable errors: Whisper base, int8, "
        "beam 5, numbers as words. Drift is the mean distance in level between the first and the "
        "last third of the speech.\n"
    )
    (options.output / "RESULTS.md").write_text("\n".join([head, *sections]), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the requested parts and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/vais1000"))
    parser.add_argument("--work", type=Path, required=True, help="folder with aligner.pt and logs")
    parser.add_argument("--voice", type=Path, required=True, help="the new voice's .onnx")
    parser.add_argument("--baseline", type=Path, required=True, help="the other voice's .onnx")
    parser.add_argument("--nisqa", type=Path, help="folder with NISQA's weights; else left out")
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--jobs", type=int, default=2, help="parts measured at the same time")
    parser.add_argument("--limit", type=int, default=50, help="fewer clips, for a first look")
    parser.add_argument("--speed-count", type=int, default=20, help="clips for each speed")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    # the cost is measured alone: other work at the same time would distort it
    crowd = [part for part in options.parts if part != "cost"]
    alone = [part for part in options.parts if part == "cost"]
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=1) as pool:
        for _ in pool.imap_unordered(measure, [(part, options) for part in crowd]):
            write(options)
    for part in alone:
        measure((part, options))
    write(options)
    _LOG.info("wrote %s", options.output / "RESULTS.md")


if __name__ == "__main__":
    main()
