"""Measures of a take: its levels, its faults, and a verdict in plain words.

Levels are in decibels relative to full scale (dBFS): 0 is the loudest sample possible, and a level
over a time is that of the root mean square.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["good", "usable", "repeat"]
Samples = NDArray[np.float32]

FLOOR: Final = -120.0  # dBFS of digital silence, and of everything below

_FRAME: Final = 0.02  # seconds
_FULL: Final = 0.999  # a sample at this level or above may have been cut off
_CLIPPED_RUN: Final = 3  # a peak that was cut off has this many such samples in a row
_ABOVE_NOISE: Final = 10.0  # dB by which speech exceeds the noise at least
_BELOW_LOUD: Final = 26.0  # dB by which quiet sounds of speech are below the loudest ones
_SPEECH_RUN: Final = 3  # frames in a row; a single loud one is a click

LOUDEST_PEAK: Final = -1.0  # dBFS
QUIET, TOO_QUIET = -35.0, -45.0  # dBFS of speech
NOISY, TOO_NOISY = 35.0, 22.0  # dB between speech and noise
EDGE: Final = 0.15  # seconds of silence that belong before and after a sentence
LONG_EDGE: Final = 2.0  # seconds
FAST, SLOW, TOO_SHORT = 7.0, 2.0, 10.0  # syllables a second
_FEWEST_SYLLABLES: Final = 5  # of shorter sentences the pace says nothing


@dataclass(frozen=True)
class Levels:
    """The measures of a take: seconds, dBFS, and samples that were cut off."""

    seconds: float
    peak: float
    clipped: int
    speech: float | None
    """The level of the speech; None if none was found."""
    noise: float
    lead: float
    """Seconds before the speech."""
    tail: float
    """Seconds after the speech."""

    @property
    def ratio(self) -> float:
        """The distance between speech and noise in dB; 0 without speech."""
        return 0.0 if self.speech is None else self.speech - self.noise

    def as_json(self) -> dict[str, Any]:
        """Return the measures with as many digits as a person wants to see."""
        return {
            "seconds": round(self.seconds, 2),
            "peak": round(self.peak, 1),
            "clipped": self.clipped,
            "speech": None if self.speech is None else round(self.speech, 1),
            "noise": round(self.noise, 1),
            "lead": round(self.lead, 2),
            "tail": round(self.tail, 2),
        }


@dataclass(frozen=True)
class Reason:
    """A fault of a take: whether the take must be repeated for it, and words for the reader."""

    code: str
    serious: bool
    english: str
    vietnamese: str

    def as_json(self) -> dict[str, Any]:
        """Return the code and the words by language."""
        return {"code": self.code, "en": self.english, "vi": self.vietnamese}


def decibels(power: float) -> float:
    """Return the level of a mean square in dBFS."""
    return max(FLOOR, 10 * float(np.log10(max(power, 1e-12))))


def clipped(samples: Samples) -> int:
    """Return the number of samples in peaks that were cut off at full scale.

    A recorder that is overdriven repeats its greatest value; one such sample alone may be chance.
    """
    full = np.concatenate([[False], np.abs(samples) >= _FULL, [False]])
    starts, ends = np.flatnonzero(np.diff(full.astype(np.int8))).reshape(-1, 2).T
    runs = ends - starts
    return int(runs[runs >= _CLIPPED_RUN].sum())


def measured(samples: Samples, rate: int) -> Levels:
    """Measure a take.

    Args:
        samples: One channel, [N] from -1 to 1.
        rate: Samples a second.

    """
    size = max(1, round(_FRAME * rate))
    count = len(samples) // size
    seconds = len(samples) / rate
    if not count:
        return Levels(seconds, FLOOR, 0, None, FLOOR, seconds, seconds)
    # The variance, not the mean square: an offset is no noise.
    powers = samples[: count * size].reshape(count, size).astype(np.float64).var(axis=1)
    frames = 10 * np.log10(np.maximum(powers, 1e-12))
    quietest = np.sort(powers)[: max(1, count // 10)]
    noise = decibels(float(quietest.mean()))
    peak = decibels(float(np.square(np.abs(samples).max())))
    threshold = max(noise + _ABOVE_NOISE, float(np.percentile(frames, 95)) - _BELOW_LOUD)
    loud = frames > threshold
    runs = np.convolve(loud, np.ones(_SPEECH_RUN, dtype=np.int8), "valid") == _SPEECH_RUN
    places = np.flatnonzero(runs)
    if not len(places):
        return Levels(seconds, peak, clipped(samples), None, noise, seconds, seconds)
    lead = int(places[0]) * size / rate
    tail = seconds - (int(places[-1]) + _SPEECH_RUN) * size / rate
    speech = decibels(float(powers[loud].mean()))
    return Levels(seconds, peak, clipped(samples), speech, noise, lead, max(0.0, tail))


def _level_faults(levels: Levels, speech: float) -> list[Reason]:
    if levels.clipped:
        return [
            Reason(
                "clipped",
                True,
                "The sound was cut off: turn the microphone down or move away from it.",
                "Tiếng bị vỡ: hãy giảm âm lượng micrô hoặc ngồi xa micrô hơn.",
            )
        ]
    if levels.peak > LOUDEST_PEAK:
        return [
            Reason(
                "loud",
                False,
                "Very loud, almost cut off: turn the microphone down a little.",
                "Quá to, sắp vỡ tiếng: hãy giảm âm lượng micrô một chút.",
            )
        ]
    if speech < QUIET:
        return [
            Reason(
                "quiet",
                speech < TOO_QUIET,
                "Too quiet: turn the microphone up or move nearer to it.",
                "Nhỏ quá: hãy tăng âm lượng micrô hoặc ngồi gần micrô hơn.",
            )
        ]
    return []


def _edge_faults(levels: Levels) -> list[Reason]:
    faults = []
    if levels.lead < EDGE:
        faults.append(
            Reason(
                "no_lead",
                True,
                "The beginning may be missing: wait half a second before you speak.",
                "Có thể bị mất phần đầu: hãy chờ nửa giây rồi mới đọc.",
            )
        )
    if levels.tail < EDGE:
        faults.append(
            Reason(
                "no_tail",
                True,
                "The end may be missing: wait half a second before you stop.",
                "Có thể bị mất phần cuối: đọc xong hãy chờ nửa giây rồi mới dừng.",
            )
        )
    if max(levels.lead, levels.tail) > LONG_EDGE:
        faults.append(
            Reason(
                "silence",
                False,
                "Long silence before or after the sentence.",
                "Khoảng lặng trước hoặc sau câu hơi dài.",
            )
        )
    return faults


def _pace_faults(levels: Levels, syllables: int) -> list[Reason]:
    spoken = levels.seconds - levels.lead - levels.tail
    if syllables < _FEWEST_SYLLABLES or spoken <= 0:
        return []
    pace = syllables / spoken
    if pace > TOO_SHORT:
        return [
            Reason(
                "short",
                True,
                "Too short for this sentence: are words missing?",
                "Ngắn quá so với câu này: có đọc thiếu chữ nào không?",
            )
        ]
    if pace > FAST:
        return [
            Reason("fast", False, "Rather fast: take your time.", "Hơi nhanh: hãy đọc thong thả.")
        ]
    if pace < SLOW:
        return [
            Reason(
                "slow",
                False,
                "Rather slow, or with long pauses: speak as you tell a friend.",
                "Hơi chậm hoặc ngắt lâu: hãy đọc tự nhiên như đang kể chuyện.",
            )
        ]
    return []


def faults(levels: Levels, syllables: int = 0) -> list[Reason]:
    """Return the faults of a take, the serious ones first.

    Args:
        levels: Its measures.
        syllables: The length of the sentence, from which its pace is judged; 0 if not known.

    """
    if levels.speech is None:
        return [
            Reason(
                "nothing",
                True,
                "No speech was heard: is this the right microphone?",
                "Không nghe thấy tiếng nói: đã chọn đúng micrô chưa?",
            )
        ]
    found = _level_faults(levels, levels.speech)
    if levels.ratio < NOISY:
        found.append(
            Reason(
                "noisy",
                levels.ratio < TOO_NOISY,
                "The room is noisy: switch off fans and machines, close the window, move nearer.",
                "Phòng ồn: hãy tắt quạt và máy móc, đóng cửa sổ, ngồi gần micrô hơn.",
            )
        )
    found += [*_edge_faults(levels), *_pace_faults(levels, syllables)]
    return sorted(found, key=lambda reason: not reason.serious)


def verdict(reasons: list[Reason]) -> Verdict:
    """Return ``repeat`` if a fault is serious, ``usable`` if there are others, else ``good``."""
    if any(reason.serious for reason in reasons):
        return "repeat"
    return "usable" if reasons else "good"
