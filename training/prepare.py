"""Turn recordings into features: levelled audio, mel bands, pitch, voicing and tokens."""

import argparse
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import torch
from tqdm import tqdm

from training import corpus, description, files
from training.corpus import CorpusError, Recording
from training.frontend import SILENCES, Frontend
from training.inspection.mend import TARGET_DB, mended
from training.inspection.sound import measure
from training.phonemes import text_to_ids
from training.processes import mapping
from training.signal import FRAMING, Framing, log_mel

LEVEL_DB = -19.0  # RMS of every clip, about the median of VAIS-1000
PITCH_FLOOR, PITCH_CEILING = 90.0, 500.0
LOWEST_PITCH, HIGHEST_PITCH = 60.0, 600.0  # of any voice, in Hz
SHORTEST_CLIP = 0.8  # seconds; training takes crops of 0.64
_PITCH_SAMPLE = 40  # recordings
_LOG = logging.getLogger("prepare")


@dataclass(frozen=True)
class Settings:
    """The way in which recordings become features; ``floor`` and ``ceiling`` of pitch in hertz.

    ``level_db`` is the power of every clip, or with ``mend`` that of its speech alone.
    """

    framing: Framing = FRAMING
    floor: float = PITCH_FLOOR
    ceiling: float = PITCH_CEILING
    trim: bool = False  # silence at both ends, to 50 ms
    level_db: float = LEVEL_DB
    mend: bool = False  # less noise and no hum
    lengthen: bool = True  # short clips, which training cannot take crops of, get noise around them
    own_range: bool = False  # look for each clip's pitch in a range of its own: many speakers


DEFAULTS = Settings()


def track_pitch(
    audio: np.ndarray,
    frames: int,
    framing: Framing = FRAMING,
    floor: float = PITCH_FLOOR,
    ceiling: float = PITCH_CEILING,
) -> tuple[np.ndarray, np.ndarray]:
    """Return F0 in Hz [frames], interpolated over unvoiced parts, and voicing [frames] (0 or 1).

    Uses Praat's autocorrelation method, read at the frames' centres (frame t at sample t * hop).
    """
    sound = parselmouth.Sound(audio.astype(np.float64), framing.sample_rate)
    pitch = sound.to_pitch_ac(
        time_step=0.005,
        pitch_floor=floor,
        pitch_ceiling=ceiling,
        octave_jump_cost=0.5,
        voiced_unvoiced_cost=0.14,
    )
    times = np.arange(frames) * framing.hop_length / framing.sample_rate
    track = without_jumps(np.nan_to_num(pitch.selected_array["frequency"]))
    nearest = np.abs(pitch.xs()[None, :] - times[:, None]).argmin(1)
    hertz = track[nearest]
    voiced = hertz > 0
    if voiced.sum() < 2:
        return np.full(frames, 200.0, np.float32), np.zeros(frames, np.float32)
    log_hertz = np.interp(times, times[voiced], np.log(hertz[voiced]))
    return np.exp(log_hertz).astype(np.float32), voiced.astype(np.float32)


def tracked(audio: np.ndarray, frames: int, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Return F0 in Hz [frames] and voicing [frames], in the range that the settings ask for."""
    low, high = settings.floor, settings.ceiling
    if settings.own_range:
        hertz, voiced = track_pitch(audio, frames, settings.framing, LOWEST_PITCH, HIGHEST_PITCH)
        low, high = _range(hertz[voiced > 0])
    return track_pitch(audio, frames, settings.framing, low, high)


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


def pitch_range(recordings: Sequence[Recording], framing: Framing) -> tuple[float, float]:
    """Return the lowest and the highest pitch to look for, in Hz, by a first look at some clips.

    That is half the lower quartile (at least 60 Hz) and 2.2 times the upper one (at most 600 Hz).
    Clips that cannot be decoded are left out: :func:`prepare` names them.

    Raises:
        CorpusError: none of the clips has a pitch.

    """
    found = [np.zeros(0)]
    for recording in recordings[:: max(1, len(recordings) // _PITCH_SAMPLE)]:
        try:
            audio = lengthened(corpus.sound(recording.path, framing.sample_rate), framing)
        except ValueError:
            continue
        frames = len(audio) // framing.hop_length
        hertz, voiced = track_pitch(audio, frames, framing, LOWEST_PITCH, HIGHEST_PITCH)
        found.append(hertz[voiced > 0])
    hertz = np.concatenate(found)
    if len(hertz) < 10 * len(found[1:]):
        raise CorpusError([f"{recordings[0].path.parent}: the recordings have no voice"])
    return _range(hertz)


def _range(hertz: np.ndarray) -> tuple[float, float]:
    """Return the lowest and the highest pitch to look for, from pitches that were found first."""
    if not len(hertz):
        return LOWEST_PITCH, HIGHEST_PITCH
    low, high = np.percentile(hertz, [25, 75])
    return max(LOWEST_PITCH, round(0.5 * low)), min(HIGHEST_PITCH, round(2.2 * high))


def trimmed(audio: np.ndarray, framing: Framing) -> np.ndarray:
    """Return the audio between its first and last 10 ms within 40 dB of the loudest, and 50 ms."""
    hop = framing.hop_length
    frames = audio[: len(audio) // hop * hop].reshape(-1, hop)
    power = np.mean(frames**2, axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 1e-4)
    if not len(loud):
        return audio
    return audio[max(loud[0] - 5, 0) * hop : (loud[-1] + 6) * hop]


def lengthened(audio: np.ndarray, framing: Framing) -> np.ndarray:
    """Return audio of at least 0.8 s: a shorter clip gets noise as soft as its softest 20 ms."""
    missing = int(SHORTEST_CLIP * framing.sample_rate) - len(audio)
    if missing <= 0:
        return audio
    size = 2 * framing.hop_length
    parts = np.resize(audio, (max(1, len(audio) // size), size))
    level = max(float(np.sqrt(np.mean(parts**2, axis=1).min())), 1e-4)
    noise = np.random.default_rng(0).normal(0.0, level, missing).astype(np.float32)
    return np.concatenate([noise[: missing // 2], audio, noise[missing // 2 :]])


def features(job: tuple[Recording, Settings]) -> dict[str, Any]:
    """Return all features of one clip that training needs.

    Raises:
        CorpusError: the clip cannot be used.

    """
    recording, settings = job
    framing = settings.framing
    audio = _sound(recording, framing)
    if settings.mend:
        found = measure(audio, framing.sample_rate)
        audio = mended(audio, framing.sample_rate, found, reduce=True).astype(np.float32)
    if settings.trim:
        audio = trimmed(audio, framing)
    ids = text_to_ids(recording.text)
    tokens = Frontend()(torch.tensor(ids))
    phones = int((~np.isin(tokens.ints[:, 0].numpy(), SILENCES)).sum())
    problem = None
    if not phones:
        problem = f"{recording.name!r} has a text that cannot be spoken"
    elif len(audio) // framing.hop_length < 2 * phones + 2:
        seconds = len(audio) / framing.sample_rate
        problem = f"{recording.path}: {seconds:.2f} s of sound are too short for its text"
    if problem:
        raise CorpusError([f"{recording.place}: {problem}"])
    if settings.lengthen:
        audio = lengthened(audio, framing)
    level = 10 ** (TARGET_DB / 20) if settings.mend else np.sqrt(np.mean(audio**2))
    audio = audio * 10 ** (settings.level_db / 20) / level
    return written(recording.text, ids) | heard(recording.name, audio, settings)


def written(text: str, ids: list[int]) -> dict[str, Any]:
    """Return the features of a clip that come from its text."""
    tokens = Frontend()(torch.tensor(ids))
    return {
        "text": text,
        "ids": ids,
        "ints": tokens.ints.numpy().astype(np.int16),
        "floats": tokens.floats.numpy(),
    }


def heard(name: str, audio: np.ndarray, settings: Settings) -> dict[str, Any]:
    """Return the features of a clip that come from its sound (-1 to 1), in whole frames."""
    framing = settings.framing
    audio = audio * min(1.0, 0.99 / np.abs(audio).max())
    frames = len(audio) // framing.hop_length
    audio = audio[: frames * framing.hop_length].astype(np.float32)
    hertz, voiced = tracked(audio, frames, settings)
    return {
        "name": name,
        "audio": (audio * 32767).round().astype(np.int16),
        "mel": log_mel(torch.from_numpy(audio)[None], framing)[0].numpy(),
        "hertz": hertz,
        "voiced": voiced,
    }


def _sound(recording: Recording, framing: Framing) -> np.ndarray:
    """Return the sound of a recording.

    Raises:
        CorpusError: it cannot be decoded or is silent.

    """
    try:
        return corpus.sound(recording.path, framing.sample_rate)
    except ValueError as error:
        raise CorpusError([f"{recording.place}: {error}"]) from None


def _attempt(job: tuple[Recording, Settings]) -> dict[str, Any] | list[str]:
    """Return the features of a clip, or the problems that it has."""
    try:
        return features(job)
    except CorpusError as error:
        return error.problems


def prepare(
    recordings: Sequence[Recording], held_out: set[str], settings: Settings, jobs: int
) -> list[dict[str, Any]]:
    """Return the features of all clips, with the held-out ones marked.

    Raises:
        CorpusError: some cannot be used.

    """
    work = [(recording, settings) for recording in recordings]
    with mapping(jobs) as mapped:
        found = list(tqdm(mapped(_attempt, work), total=len(work), desc="prepare", unit="clip"))
    problems = [problem for one in found if isinstance(one, list) for problem in one]
    if problems:
        raise CorpusError(problems)
    for clip in found:
        clip["held_out"] = clip["name"] in held_out
    return found


def save(clips: list[dict[str, Any]], work: Path) -> None:
    """Write ``features.pt``, whole or not at all."""
    work.mkdir(parents=True, exist_ok=True)
    files.save(work / "features.pt", clips)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write ``features.pt`` of the embedded voice: a list of clips, the held-out ones marked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/vais1000"))
    parser.add_argument("--work", type=Path, required=True, help="folder for features")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")

    try:
        recordings = corpus.read(options.data)
        held_out = corpus.held_out(options.data, recordings)
        clips = prepare(recordings, held_out, DEFAULTS, options.jobs)
    except CorpusError as error:
        raise SystemExit(str(error)) from None
    save(clips, options.work)
    description.EMBEDDED.save(options.work)
    minutes = sum(len(clip["audio"]) for clip in clips) / FRAMING.sample_rate / 60
    _LOG.info("%d clips, %d held out, %.1f minutes", len(clips), len(held_out), minutes)


if __name__ == "__main__":
    main()
