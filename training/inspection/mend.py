"""Mend recordings: even levels, no hum or offset, short silence, less noise where that helps.

Whether noise reduction helps is not assumed: some noisy clips are mended both ways and judged by
DNSMOS, a model of listeners' opinions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy.signal import iirnotch, istft, sosfiltfilt, stft, tf2sos
from scipy.special import exp1

from training.inspection.sound import Sound, high_pass, measure

TARGET_DB = -23.0
"""Level of the speech. Natural peaks are 12 to 17 dB above it, so that few reach the limit."""
_PEAK = 10 ** (-1.0 / 20)
_MARGIN = 0.15  # seconds of silence left at each end
_DEEPEST_DB = -12.0  # of noise reduction: deeper ones leave tinkling
_ABOVE = 3.0  # noise is taken this many times as strong as its mean, since it varies
_MEMORY = 0.98  # weight of the frame before in the estimated ratio of speech to noise
_LOWEST_SNR, _HIGHEST_SNR = 10**-2.5, 1e4  # ratios of powers
TRIALS = 8  # groups of noisy clips judged by DNSMOS
NOISY = 35.0  # dB; above it there is nothing to reduce
TRIAL_SECONDS = 8.0  # DNSMOS listens to 9 s; short clips are joined
_GAIN, _LOSS = 0.05, 0.05  # of the opinion of all, and of the speech alone

Clip = tuple[np.ndarray, int, Sound]
"""Samples, rate and measures."""
Judge = Callable[[np.ndarray], dict[str, float]]


@dataclass(frozen=True)
class Verdict:
    """The trial of noise reduction: mean figures before, with levels alone, and with reduction."""

    clips: int
    before: dict[str, float]
    even: dict[str, float]
    reduced: dict[str, float]
    helps: bool
    reason: str


def mended(samples: np.ndarray, rate: int, sound: Sound, *, reduce: bool) -> np.ndarray:
    """Return ``samples`` [n] mended; silence at the ends is cut to 0.15 s."""
    result = high_pass(samples - samples.mean(), rate)
    if sound.hum_db is not None and sound.hum_db > -40:
        for hertz in (50.0, 60.0):  # a harmonic may be the voice's own pitch, so it stays
            result = _without_line(result, hertz, rate)
    if reduce and sound.snr_db is not None and sound.snr_db < NOISY:
        result = without_noise(result, rate)
    first = max(0.0, sound.lead - _MARGIN) if sound.lead > 0.5 else 0.0
    last = max(0.0, sound.tail - _MARGIN) if sound.tail > 0.5 else 0.0
    result = result[round(first * rate) : len(result) - round(last * rate)]
    level = measure(result, rate).speech_db
    result = result * 10 ** ((TARGET_DB - level) / 20)
    return result * min(1.0, _PEAK / max(1e-9, float(np.abs(result).max())))


def _without_line(samples: np.ndarray, hertz: float, rate: int) -> np.ndarray:
    sections = tf2sos(*iirnotch(hertz, 5.0, fs=rate))
    result: np.ndarray = sosfiltfilt(sections, samples, padlen=min(len(samples) - 1, rate // 5))
    return result


def without_noise(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the samples with steady noise reduced by at most 12 dB.

    The gain of each bin minimises the error of the log amplitude; the ratio of speech to noise that
    it needs follows the frame before, so that no single bin rings. The noise's spectrum is the mean
    of the quietest tenth of the frames, at least three, smoothed over seven bins.

    Source: Y. Ephraim and D. Malah, "Speech enhancement using a minimum mean-square error
    log-spectral amplitude estimator", IEEE Transactions on Acoustics, Speech and Signal Processing
    33 (1985), equations 20 and 26, and section II.

    """
    size = 512 if rate <= 24_000 else 1024
    if len(samples) < 4 * size:
        return samples
    _, _, spectrum = stft(samples, rate, nperseg=size, noverlap=size * 3 // 4)
    power = np.abs(spectrum) ** 2
    total = power.sum(0)
    heard = np.flatnonzero(total > 1e-14)
    quiet = heard[np.argsort(total[heard])][: max(3, len(heard) // 10)]
    if len(quiet) < 3:
        return samples
    noise = _smooth(_ABOVE * power[:, quiet].mean(1)) + 1e-14
    gains = np.empty_like(power)
    before = np.maximum(power[:, 0] / noise - 1.0, 0.0)
    for frame, now in enumerate(power.T):
        above = np.minimum(now / noise, _HIGHEST_SNR)
        speech = _MEMORY * before + (1.0 - _MEMORY) * np.maximum(above - 1.0, 0.0)
        speech = np.maximum(speech, _LOWEST_SNR)
        share = speech / (1.0 + speech)
        gain = share * np.exp(0.5 * exp1(np.maximum(share * above, 1e-8)))
        gains[:, frame] = np.clip(gain, 10 ** (_DEEPEST_DB / 20), 1.0)
        before = gains[:, frame] ** 2 * above
    _, result = istft(spectrum * gains, rate, nperseg=size, noverlap=size * 3 // 4)
    return np.asarray(result[: len(samples)])


def _smooth(values: np.ndarray) -> np.ndarray:
    window = np.hanning(9)[1:-1]
    padded = np.pad(values, len(window) // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")


def trial(clips: Sequence[Clip], judge: Judge | None) -> Verdict | None:
    """Judge noise reduction on noisy clips (samples, rate, measures); None if none is noisy.

    It helps if the overall opinion rises by 0.05 over evened levels alone, and that of the speech
    does not fall by more than 0.05.
    """
    noisy = [clip for clip in clips if clip[2].snr_db is not None and clip[2].snr_db < NOISY]
    if not noisy:
        return None
    joined = _joined(noisy)
    count = sum(map(len, joined))
    makers: tuple[Callable[[Clip], np.ndarray], ...] = (
        lambda clip: clip[0],
        lambda clip: mended(clip[0], clip[1], clip[2], reduce=False),
        lambda clip: mended(clip[0], clip[1], clip[2], reduce=True),
    )
    before, even, reduced = (_judged(joined, make, judge) for make in makers)
    if judge is None:
        return Verdict(count, before, even, reduced, False, "not judged: no DNSMOS here")
    gained = reduced["overall"] - even["overall"]
    lost = even["signal"] - reduced["signal"]
    helps = gained >= _GAIN and lost <= _LOSS
    reason = f"overall opinion {gained:+.2f}, of the speech alone {-lost:+.2f}"
    return Verdict(count, before, even, reduced, helps, reason)


def _judged(
    groups: list[list[Clip]], make: Callable[[Clip], np.ndarray], judge: Judge | None
) -> dict[str, float]:
    """Return the mean figures of groups of clips, each mended by ``make`` and joined."""
    figures: list[dict[str, float]] = []
    for group in groups:
        made = [(make(clip), clip[1]) for clip in group]
        snr = [measure(samples, rate).snr_db for samples, rate in made]
        row = {"noise_db": float(np.mean([value for value in snr if value is not None]))}
        if judge:
            row |= judge(np.concatenate([soxr.resample(x, rate, 16_000) for x, rate in made]))
        figures.append(row)
    return {key: float(np.mean([row[key] for row in figures])) for key in figures[0]}


def _joined(
    clips: Sequence[Clip],
) -> list[list[Clip]]:
    """Return at most ``TRIALS`` groups of clips, each of some 8 s of sound."""
    groups: list[list[Clip]] = [[]]
    seconds = 0.0
    for clip in clips:
        groups[-1].append(clip)
        seconds += clip[2].seconds
        if seconds >= TRIAL_SECONDS:
            groups.append([])
            seconds = 0.0
    full = groups[:-1] if not groups[-1] else groups
    return full[:TRIALS]


def write(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write a FLAC file of 16 bits, whole or not at all."""
    unfinished = path.with_suffix(".part")
    soundfile.write(unfinished, samples, rate, format="FLAC", subtype="PCM_16")
    unfinished.replace(path)
