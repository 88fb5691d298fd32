"""Measure the sound of one recording: levels, noise, silence, clipping, hum and bandwidth."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfiltfilt

FRAME = 0.02  # seconds of the frames that levels are taken from
_SPEECH_BELOW = 25.0  # dB below the loud frames: soft consonants are within it, pauses are not
_FLOOR_DB = -100.0  # below what 16 bits hold: digital silence, which says nothing of the noise


@dataclass(frozen=True)
class Sound:
    """Measures of one recording.

    Levels are in dB of full scale; but for the peak, they are those of the sound above 60 Hz.
    """

    seconds: float
    rate: int
    peak_db: float
    speech_db: float  # mean power of the frames with speech
    noise_db: float | None  # of the quietest 5 %, at least 0.1 s; None where all are digital zeros
    clipped: int  # places where the wave is cut off
    squashed: bool  # it was cut off before it was encoded
    lead: float  # seconds of silence before the speech
    tail: float
    pause: float  # the longest silence inside
    starts_loud: bool  # the recording begins in the middle of speech
    ends_loud: bool
    offset: float  # mean of the samples, relative to the root mean square of the speech
    hum_db: float | None  # level of a line at 50 or 60 Hz relative to the speech
    bandwidth: float  # Hz; above it there is nothing

    @property
    def snr_db(self) -> float | None:
        """Level of the speech above the noise, in dB."""
        return None if self.noise_db is None else self.speech_db - self.noise_db


def high_pass(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return ``samples`` without frequencies below 60 Hz, which no voice has."""
    sections = butter(4, 60.0, "highpass", fs=rate, output="sos")
    result: np.ndarray = sosfiltfilt(sections, samples, padlen=min(len(samples) - 1, rate // 10))
    return result


def levels(samples: np.ndarray, rate: int, seconds: float = FRAME) -> np.ndarray:
    """Return the level of each frame [frames] in dB; at least one frame."""
    size = max(1, round(seconds * rate))
    samples = np.pad(samples, (0, max(0, size - len(samples))))
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    result: np.ndarray = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return result


def measure(samples: np.ndarray, rate: int) -> Sound:
    """Return the measures of ``samples`` [n], full scale 1."""
    mean = float(samples.mean())
    centred = samples - mean
    heard = high_pass(centred, rate)
    frames = levels(heard, rate)
    loud = float(np.percentile(frames, 95))
    spoken = frames > loud - _SPEECH_BELOW
    speech = 10 * np.log10(np.mean(10 ** (frames[spoken] / 10)))
    noise = _noise(frames)
    # speech stands out of the noise by half of what lies between both, by 25 dB at most
    above = max(loud - _SPEECH_BELOW, (loud + (noise if noise is not None else -200.0)) / 2)
    lead, tail, pause = _silences(frames > above)
    root = 10 ** (speech / 20)
    fine = levels(heard, rate, FRAME / 2)
    at_edge = speech - 12.0  # a natural onset or end is softer than this in its first 10 ms
    clear = noise is None or speech - noise > 20.0
    return Sound(
        seconds=len(samples) / rate,
        rate=rate,
        peak_db=float(20 * np.log10(np.abs(samples).max() + 1e-12)),
        speech_db=float(speech),
        noise_db=noise,
        clipped=clipped_places(samples),
        squashed=len(samples) >= rate and squashed(centred, float(speech)),
        lead=lead,
        tail=tail,
        pause=pause,
        starts_loud=bool(clear and fine[0] > at_edge),
        ends_loud=bool(clear and fine[-1] > at_edge),
        offset=abs(mean) / root,
        hum_db=_hum(centred, rate, float(speech)),
        bandwidth=spectrum_end(centred, rate, float(speech)),
    )


def _noise(frames: np.ndarray) -> float | None:
    """Return the mean power of the quietest frames in dB, without digital silence."""
    heard = np.sort(frames[frames > _FLOOR_DB])
    if not len(heard):
        return None
    count = max(len(heard) // 20, min(len(heard), round(0.1 / FRAME)))
    return float(10 * np.log10(np.mean(10 ** (heard[:count] / 10))))


def _silences(spoken: np.ndarray) -> tuple[float, float, float]:
    """Return the silence before, after and (the longest) between frames with speech, in seconds."""
    where = np.flatnonzero(spoken)
    gaps = np.diff(where) - 1
    lead, tail = where[0], len(spoken) - 1 - where[-1]
    return lead * FRAME, tail * FRAME, float(gaps.max(initial=0)) * FRAME


def clipped_places(samples: np.ndarray) -> int:
    """Return at how many places the wave is cut off, at full scale or below it.

    A cut wave is flat: three samples or more in a row lie within 0.1 % of the greatest value that
    the clip reaches on that side. Natural speech reaches its greatest value at one place; that a
    second and third place end at the same height is no chance. So two places count as none,
    except at full scale. An encoder such as MP3 makes the flat parts wavy and lets them differ;
    :func:`squashed` finds the worst of those.
    """
    places = 0
    for side in (samples, -samples):
        top = float(side.max())
        if top < 0.01:
            continue
        runs = _runs(side >= 0.999 * top, 3)
        if runs >= 3 or (top >= 0.999 and runs):
            places += runs
    return places


def _runs(marks: np.ndarray, shortest: int) -> int:
    """Return how often ``shortest`` marks or more follow one another."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    return int((np.diff(changes.reshape(-1, 2), axis=1) >= shortest).sum())


def squashed(samples: np.ndarray, speech_db: float) -> bool:
    """Return whether the peaks were cut off and the flat parts then lost in an encoder.

    The peaks (99.95 % of the samples are below) are less than 10 dB above the speech's level. Of
    the samples above 40 % of them, more than an eighth reach 80 %. Of 200 natural sentences, from
    two corpora, none had peaks of less than 10.5 dB. The peaks of a single syllable can be as even
    by nature, so clips of less than a second are not judged.
    """
    heights = np.abs(samples)
    peak = float(np.percentile(heights, 99.95))
    crest = 20 * np.log10(peak + 1e-12) - speech_db
    tall = (heights > 0.8 * peak).sum() / max(1, (heights > 0.4 * peak).sum())
    return bool(crest < 10.0 and tall > 0.125)


def _hum(samples: np.ndarray, rate: int, speech: float) -> float | None:
    """Return the level of a line at 50 or 60 Hz relative to the speech, or None without one.

    The line stands out of its surroundings by 12 dB or more. It is looked for in the mean of
    spectra of 0.5 s, where speech, whose pitch moves, makes none.
    """
    size = rate // 2
    if len(samples) < size:
        return None
    window = np.hanning(size)
    starts = range(0, len(samples) - size + 1, size // 2)
    power = np.mean(
        [np.abs(np.fft.rfft(window * samples[i : i + size])) ** 2 for i in starts], axis=0
    )
    power *= 2 / (window.sum() ** 2)  # a sine of amplitude a gives a squared / 2
    best = None
    for hertz in (50, 60):
        centre = hertz // 2
        line = power[centre - 1 : centre + 2].max()
        around = np.concatenate([power[centre - 8 : centre - 2], power[centre + 3 : centre + 9]])
        if line > 16 * np.median(around):
            level = 10 * np.log10(line + 1e-12) - speech
            best = level if best is None else max(best, level)
    return None if best is None else float(best)


def spectrum_end(samples: np.ndarray, rate: int, speech_db: float) -> float:
    """Return the frequency in Hz above which there is nothing.

    The power of everything above is 70 dB below the speech in 95 % of the frames. Where there is
    noise at all frequencies it is half the rate, even if the speech does not reach it.
    """
    size = 1024 if rate <= 24_000 else 2048
    samples = np.pad(samples, (0, max(0, size - len(samples))))
    window = np.hanning(size)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    power = np.abs(np.fft.rfft(frames * window)) ** 2 * (2 / (size * (window**2).sum()))
    above = np.percentile(np.cumsum(power[:, ::-1], axis=1), 95, axis=0)[::-1]
    filled = np.flatnonzero(10 * np.log10(above + 1e-20) > speech_db - 70.0)
    return float((filled[-1] if len(filled) else 0) * rate / size)
