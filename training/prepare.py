"""Turn recordings into features: levelled audio, mel bands, pitch, voicing and tokens."""

import argparse
import csv
import logging
import multiprocessing
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import soundfile
import torch
from tqdm import tqdm

from training.frontend import Frontend
from training.phonemes import text_to_ids
from training.signal import HOP_LENGTH, SAMPLE_RATE, log_mel

LEVEL_DB = -19.0  # RMS of every clip, about the corpus's median
PITCH_FLOOR, PITCH_CEILING = 90.0, 500.0
_LOG = logging.getLogger("prepare")


def track_pitch(audio: np.ndarray, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return F0 in Hz [frames], interpolated over unvoiced parts, and voicing [frames] (0 or 1).

    Uses Praat's autocorrelation method, read at the frames' centres (frame t at sample 160 t).
    """
    sound = parselmouth.Sound(audio.astype(np.float64), SAMPLE_RATE)
    pitch = sound.to_pitch_ac(
        time_step=0.005,
        pitch_floor=PITCH_FLOOR,
        pitch_ceiling=PITCH_CEILING,
        octave_jump_cost=0.5,
        voiced_unvoiced_cost=0.14,
    )
    times = np.arange(frames) * HOP_LENGTH / SAMPLE_RATE
    track = without_jumps(np.nan_to_num(pitch.selected_array["frequency"]))
    nearest = np.abs(pitch.xs()[None, :] - times[:, None]).argmin(1)
    hertz = track[nearest]
    voiced = hertz > 0
    if voiced.sum() < 2:
        return np.full(frames, 200.0, np.float32), np.zeros(frames, np.float32)
    log_hertz = np.interp(times, times[voiced], np.log(hertz[voiced]))
    return np.exp(log_hertz).astype(np.float32), voiced.astype(np.float32)


def without_jumps(track: np.ndarray) -> np.ndarray:
    """Return a pitch track (0 where unvoiced) without tracking errors.

    Errors are values more than five semitones from the median of 0.3 s around them, and voiced
    parts of less than 20 ms; both become unvoiced.
    """
    cents = np.where(track > 0, 1200 * np.log2(np.maximum(track, 1.0)), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(cents, 30, mode="edge"), 61)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all of a window may be unvoiced
        middle = np.nanmedian(windows, axis=1)
    good = (track > 0) & (np.abs(cents - middle) < 500)
    changes = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(int), [0]])))
    for start, end in changes.reshape(-1, 2):
        if end - start < 4:
            good[start:end] = False
    return np.where(good, track, 0.0)


def features(job: tuple[str, str, Path]) -> dict[str, Any]:
    """Return all features of one clip that training needs."""
    name, text, path = job
    torch.set_num_threads(1)
    audio, rate = soundfile.read(path, dtype="float32")
    if rate != SAMPLE_RATE or audio.ndim != 1:
        raise ValueError(f"{path}: want {SAMPLE_RATE} Hz mono, got {rate} Hz, {audio.ndim} axes")
    audio = audio * 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(audio**2))
    audio *= min(1.0, 0.99 / np.abs(audio).max())
    frames = len(audio) // HOP_LENGTH
    audio = audio[: frames * HOP_LENGTH]
    hertz, voiced = track_pitch(audio, frames)
    ids = text_to_ids(text)
    tokens = Frontend()(torch.tensor(ids))
    return {
        "name": name,
        "text": text,
        "ids": ids,
        "ints": tokens.ints.numpy().astype(np.int16),
        "floats": tokens.floats.numpy(),
        "audio": (audio * 32767).round().astype(np.int16),
        "mel": log_mel(torch.from_numpy(audio)[None])[0].numpy(),
        "hertz": hertz,
        "voiced": voiced,
    }


def main() -> None:
    """Write ``features.pt``: a list of clips, with the held-out ones marked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/vais1000"))
    parser.add_argument("--work", type=Path, required=True, help="folder for features")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")

    held_out = set((options.data / "heldout.txt").read_text(encoding="utf-8").split())
    with (options.data / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    work = [(row[0], row[1], options.data / "wavs" / f"{row[0]}.flac") for row in rows]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        clips = list(tqdm(pool.imap(features, work, 8), total=len(work), unit="clip"))
    for clip in clips:
        clip["held_out"] = clip["name"] in held_out
    options.work.mkdir(parents=True, exist_ok=True)
    torch.save(clips, options.work / "features.pt")
    minutes = sum(len(clip["audio"]) for clip in clips) / SAMPLE_RATE / 60
    _LOG.info("%d clips, %d held out, %.1f minutes", len(clips), len(held_out), minutes)


if __name__ == "__main__":
    main()
