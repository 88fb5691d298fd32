"""Measure recordings and synthesised speech, both in the same way."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import parselmouth
import torch
from scipy.ndimage import percentile_filter

from training.align import Aligner
from training.frontend import SILENCES, Frontend
from training.phonemes import text_to_ids
from training.prepare import DEFAULTS, PITCH_CEILING, PITCH_FLOOR, Settings, tracked
from training.signal import HOP_LENGTH, SAMPLE_RATE, log_mel

_SOFT_DB = 25.0
"""Relative to the loudest 10 ms. The ends of an utterance are softer than this, unless they are
cut."""
_NUCLEI = "aeiouyəɛɔɪʊjw"  # a glide may get most of its vowel's frames in the alignment


def frame_levels(audio: np.ndarray, size: int = HOP_LENGTH) -> np.ndarray:
    """Return the level of each 10 ms in dB (full scale sine -3)."""
    frames = audio[: len(audio) // size * size].reshape(-1, size)
    levels: np.ndarray = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
    return levels


def trim(audio: np.ndarray, below: float = 40.0, margin: int = 5) -> np.ndarray:
    """Return the audio between its first and last 10 ms that reach 40 dB below the loudest."""
    levels = frame_levels(audio)
    loud = np.flatnonzero(levels > levels.max() - below)
    first, last = max(loud[0] - margin, 0), min(loud[-1] + 1 + margin, len(levels))
    return audio[first * HOP_LENGTH : last * HOP_LENGTH]


def cut(audio: np.ndarray, first: float, last: float) -> np.ndarray:
    """Remove ``first`` and ``last`` seconds of sound from the ends; silence around it counts."""
    sound = trim(audio, margin=0)
    return sound[int(first * SAMPLE_RATE) : len(sound) - int(last * SAMPLE_RATE)]


def clicks(audio: np.ndarray) -> int:
    """Return the number of clicks: places that differ strongly from their surroundings.

    At a click the second difference exceeds 1 % of full scale, and 20 times the value that nine
    tenths of the 20 ms around it stay below. Repeated clicks do not raise that value. One of fifty
    recordings has one click.
    """
    second = np.abs(np.diff(audio, 2))
    around = percentile_filter(second, 90, size=320)
    hits = np.flatnonzero((second > 20 * around) & (second > 0.01))
    return int(len(hits) and 1 + (np.diff(hits) > 40).sum())


def played(audio: np.ndarray, speed: float) -> np.ndarray:
    """Return a recording played ``speed`` times as fast at the same pitch (PSOLA, by Praat)."""
    if speed == 1.0:
        return audio
    sound = parselmouth.Sound(audio.astype(np.float64), SAMPLE_RATE)
    command = ("Lengthen (overlap-add)", PITCH_FLOOR, PITCH_CEILING, 1.0 / speed)
    found: np.ndarray = parselmouth.praat.call(sound, *command).values[0].astype(np.float32)
    return found


def edges(audio: np.ndarray) -> tuple[float, float]:
    """Return the levels of the first and last 10 ms, in dB below the loudest 10 ms."""
    levels = frame_levels(audio)
    return float(levels.max() - levels[0]), float(levels.max() - levels[-1])


def abrupt(audio: np.ndarray) -> list[str]:
    """Return which ends of an utterance are cut; natural speech begins and ends softly."""
    ends = zip(("begins", "ends"), edges(audio), strict=True)
    return [
        f"{what} abruptly, {below:.0f} dB below its loudest"
        for what, below in ends
        if below < _SOFT_DB
    ]


def drift(audio: np.ndarray) -> float:
    """Return the level of the last third less that of the first third, in dB (speech only)."""
    levels = frame_levels(audio)
    spoken = levels[levels > levels.max() - 30]
    third = max(1, len(spoken) // 3)
    power = 10 ** (spoken / 10)
    return float(10 * np.log10(power[-third:].mean() / power[:third].mean()))


def find(
    aligner: Aligner, audio: np.ndarray, text: str, settings: Settings = DEFAULTS
) -> dict[str, Any]:
    """Align and track the pitch; return tokens, frames of each token, likelihoods and pitch.

    The sample rate of ``audio`` is that of ``settings``, which the aligner was trained with.
    """
    hop = settings.framing.hop_length
    audio = audio[: len(audio) // hop * hop].astype(np.float32)
    audio = audio * (0.112 / max(1e-4, float(np.sqrt(np.mean(audio**2)))))
    ints = Frontend()(torch.tensor(text_to_ids(text))).ints.numpy()
    mel = log_mel(torch.from_numpy(audio)[None], settings.framing)[0].numpy()
    durations, scores = aligner(mel, ints)
    hertz, voiced = tracked(audio, len(mel), settings)
    return {
        "ints": ints,
        "durations": durations,
        "scores": scores,
        "hertz": hertz,
        "voiced": voiced,
        "levels": frame_levels(audio, hop),
        "mel": mel,
    }


def compare_pitch(natural: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """Return sums over the natural recording's frames, with each token stretched to its length.

    ``cents`` and ``both`` (frames voiced in both) give the pitch error, ``unlike`` and ``frames``
    the voicing error. ``shape`` is like ``cents``, without the median difference between the two
    recordings, which is their level. Pauses do not count.
    """
    sums = {"both": 0.0, "unlike": 0.0, "frames": 0.0}
    differences = [np.zeros(0)]
    starts = [np.cumsum(one["durations"]) - one["durations"] for one in (natural, other)]
    for token, phone in enumerate(natural["ints"][:, 0]):
        length, theirs = natural["durations"][token], other["durations"][token]
        if phone in SILENCES or not length or not theirs:
            continue
        mine = starts[0][token] + np.arange(length)
        place = (np.arange(length) + 0.5) * theirs / length
        match = starts[1][token] + np.minimum(place.astype(int), theirs - 1)
        a, b = natural["voiced"][mine] > 0, other["voiced"][match] > 0
        cents = 1200 * np.log2(other["hertz"][match] / natural["hertz"][mine])
        both = a & b
        differences.append(cents[both])
        sums["both"] += float(both.sum())
        sums["unlike"] += float((a != b).sum())
        sums["frames"] += float(length)
    cents = np.concatenate(differences)
    level = np.median(cents) if len(cents) else 0.0
    sums["cents"] = float(np.abs(cents).sum())
    sums["squares"] = float((cents**2).sum())
    sums["shape"] = float(np.abs(cents - level).sum())
    return sums


def defects(found: dict[str, Any], floor: float, symbols: dict[int, str]) -> list[str]:
    """Return the defects of a short utterance: cut, missing or doubled sounds.

    - Each vowel (with its glides) must last 30 ms and come within 25 dB of the loudest.
    - The first and last phone must be as likely as natural ones: not below ``floor``, the worst
      0.5 % of natural phones.
    - Each syllable lasts 80 to 800 ms, as 99.9 % of natural ones do.
    - There are at most as many separate loud parts as syllables.
    """
    wrong = []
    ints, durations, scores = found["ints"], found["durations"], found["scores"]
    starts = np.cumsum(durations) - durations
    loudest = found["levels"].max()
    spoken = [i for i, phone in enumerate(ints[:, 0]) if phone not in SILENCES]
    for syllable in sorted({int(ints[i, 9]) for i in spoken}):
        mine = [i for i in spoken if ints[i, 9] == syllable]
        vowels = [i for i in mine if symbols[int(ints[i, 0])] in _NUCLEI]
        length = sum(int(durations[i]) for i in vowels)
        levels = [found["levels"][starts[i] : starts[i] + durations[i]] for i in vowels]
        peak = max((float(x.max()) for x in levels if len(x)), default=-100.0)
        if length < 3 or peak < loudest - 25:
            wrong.append(f"missing vowel in syllable {syllable}")
        total = sum(int(durations[i]) for i in mine)
        if not 8 <= total <= 80:
            wrong.append(f"syllable {syllable} lasts {10 * total} ms")
    for name, i in {"first": spoken[0], "last": spoken[-1]}.items():
        if scores[i] < floor or durations[i] < 2:
            wrong.append(f"{name} phone is cut (log likelihood {scores[i]:.0f})")
    loud = found["levels"] > loudest - 25
    changes = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    stretches = [b - a for a, b in changes.reshape(-1, 2) if b - a >= 8]
    if len(stretches) > len({int(ints[i, 9]) for i in spoken}):
        wrong.append(f"{len(stretches)} separate loud stretches")
    return wrong


def recounted(
    aligner: Aligner, mel: np.ndarray, words: list[str], every: int = 1
) -> Iterator[tuple[str, str, float]]:
    """Yield how much likelier the sound becomes without a syllable, and with it said twice.

    One result for every ``step`` syllables: the word, ``missing`` or ``said twice``, and the
    difference between the log likelihood of ``mel`` [frames, bands] and that of the words as they
    are.
    """

    def likelihood(words: list[str]) -> float:
        ints = Frontend()(torch.tensor(text_to_ids(" ".join(words)))).ints.numpy()
        durations, scores = aligner(mel, ints)
        return float((durations * scores).sum())

    said = likelihood(words)
    for i in range(0, len(words), every):
        yield words[i], "said twice", likelihood([*words[: i + 1], *words[i:]]) - said
        if words[1:]:
            yield words[i], "missing", likelihood([*words[:i], *words[i + 1 :]]) - said


def miscounted(aligner: Aligner, mel: np.ndarray, text: str, margin: float) -> list[str]:
    """Return which syllables of a short utterance are missing or said twice.

    The sound is likelier without them, or with one more, by more than ``margin``.
    """
    found = recounted(aligner, mel, text.split())
    return [f"{word} is {what}" for word, what, likelier in found if likelier > margin]


def seconds(audio: np.ndarray) -> float:
    """Return the length in seconds."""
    return len(audio) / SAMPLE_RATE
