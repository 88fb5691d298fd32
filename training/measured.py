"""Measure a trained voice beside the recordings that took no part in its training."""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from tqdm import tqdm

from training import corpus, measures
from training.align import Aligner
from training.corpus import Recording
from training.prepare import Settings
from training.signal import SAMPLE_RATE
from training.speaker import Speaker, real_time_factor

NATURAL, VOICE = "recordings", "voice"
LEVELS = ("pitch error cents", "pitch RMS cents")
"""Figures that only mean something beside recordings of the same speaker."""
_LOG = logging.getLogger("measure")


def measure(
    work: Path,
    model: Path,
    recordings: Sequence[Recording],
    settings: Settings,
    *,
    same_speaker: bool = True,
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return the figures of the recordings and of the voice, and the cost of the voice.

    Every measured clip is kept in the work folder, so that a later call goes on. Recordings of
    other speakers have other levels of pitch, so that these are not compared.

    Raises:
        ImportError: a package for listening is not installed.

    """
    from training.figures import heard, summary  # noqa: PLC0415  # needs recognisers

    aligner, speaker = Aligner.load(work / "aligner.pt"), Speaker(model)
    kept = _Kept(work / "measured.json", hashlib.sha256(model.read_bytes()).hexdigest())
    for recording in tqdm(recordings, desc="measure", unit="clip"):
        if recording.name in kept.rows:
            continue
        rate = settings.framing.sample_rate
        sounds = {
            NATURAL: corpus.sound(recording.path, rate),
            VOICE: speaker(recording.text),
        }
        found = {
            name: measures.find(aligner, sound, recording.text, settings)
            for name, sound in sounds.items()
        }
        kept.add(
            recording.name,
            {
                name: heard(_resampled(sound, rate), recording.text)
                | measures.compare_pitch(found[NATURAL], found[name])
                for name, sound in sounds.items()
            },
        )
    columns = {}
    for name in (NATURAL, VOICE):
        rows = [kept.rows[recording.name][name] for recording in recordings]
        if not sum(row["both"] for row in rows):  # no voice at all: there is no pitch to compare
            rows = [{key: row[key] for key in row if key != "cents"} for row in rows]
        columns[name] = {"clips": float(len(rows))} | summary(rows)
        if not same_speaker:
            for figure in LEVELS:
                columns[name].pop(figure, None)
    texts = [recording.text for recording in recordings[:6]]
    cost = {
        "MB": model.stat().st_size / 1e6,
        "real-time factor on one thread, in onnxruntime": real_time_factor(model, texts),
    }
    return columns, cost


class _Kept:
    """The measurements of each clip for one voice, in a file."""

    def __init__(self, path: Path, voice: str) -> None:
        self._path, self._voice = path, voice
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.rows: dict[str, Any] = found["rows"] if found.get("voice") == voice else {}

    def add(self, name: str, row: dict[str, Any]) -> None:
        """Add the measurements of a clip."""
        self.rows[name] = json.loads(json.dumps(row, default=float))
        partial = self._path.with_suffix(".partial")
        text = json.dumps({"voice": self._voice, "rows": self.rows}, ensure_ascii=False)
        partial.write_text(text, encoding="utf-8")
        partial.replace(self._path)


def _resampled(audio: np.ndarray, rate: int) -> np.ndarray:
    return soxr.resample(audio, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else audio
