"""Loudness and true peak, against other libraries and the values of BS.1770.

Functions import SciPy, since that takes a second, and every process of the tests imports this file.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vits_tts.audio import true_peak as peaks
from vits_tts.audio.gain import Amplifier, amplified
from vits_tts.audio.limiter import Limiter
from vits_tts.audio.loudness import LoudnessMeter
from vits_tts.audio.true_peak import Floats

RATE = 22050
FULL_SCALE = 32767


def voice(seconds: float, rate: int = RATE, seed: int = 1) -> Floats:
    """Return a buzz with formants and syllables, as loud as speech, in [-1, 1]."""
    from scipy import signal

    chance = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    buzz = signal.sawtooth(2 * np.pi * 180 * time) + 0.1 * chance.normal(size=len(time))
    for frequency in (600, 1700):
        buzz = signal.lfilter(*signal.iirpeak(frequency, 4, fs=rate), buzz) + 0.2 * buzz
    syllables = np.clip(np.sin(2 * np.pi * 2 * time) + 0.3, 0, 1)
    sound: Floats = buzz * syllables / np.abs(buzz * syllables).max() * 0.8
    return sound


def true_peak(samples: NDArray[np.floating]) -> float:
    """Return the peak of a signal in decibels, at sixteen times its rate."""
    from scipy import signal

    return float(20 * np.log10(np.abs(signal.resample_poly(samples, 16, 1)).max()))


def loudness(samples: Floats, rate: int) -> float | None:
    """Return the loudness of samples in [-1, 1], in LUFS."""
    meter = LoudnessMeter(rate)
    for part in np.array_split(np.rint(samples * FULL_SCALE).astype(np.int16), 7):
        meter.add(part)
    return meter.lufs


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
def test_a_tone_has_its_level(rate: int) -> None:
    """A sine of full scale at 997 Hz has -3.01 LUFS, as the standard says."""
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * rate) / rate)
    assert loudness(tone, rate) == pytest.approx(-3.01, abs=0.05)
    assert loudness(tone / 100, rate) == pytest.approx(-43.01, abs=0.05)


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_speech_is_as_loud_as_another_library_says(rate: int) -> None:
    """Pauses and quiet parts count as little as they do there."""
    import pyloudnorm

    parts = [voice(3, rate), np.zeros(2 * rate), voice(2, rate) * 0.02, voice(4, rate, 2) * 0.4]
    sound = np.concatenate(parts)
    theirs = pyloudnorm.Meter(rate).integrated_loudness(sound)
    assert loudness(sound, rate) == pytest.approx(theirs, abs=0.05)


def test_no_sound_has_no_loudness() -> None:
    """Silence, a constant and an empty signal have none, and nothing warns."""
    for samples in (np.zeros(RATE), np.full(RATE, 0.5), np.zeros(0), np.zeros(5)):
        assert loudness(samples, RATE) is None


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0, 8.0])
def test_no_peak_is_above_the_ceiling(gain: float) -> None:
    """Neither samples nor the signal between them come above -1 dB."""
    impulses = np.zeros(RATE)
    impulses[[100, 4000, 4001, 9000, RATE - 1]] = 1, -1, 1, 1, 1
    edge = np.sign(np.sin(2 * np.pi * 700 * np.arange(RATE) / RATE))
    for sound in (voice(3), impulses, edge, voice(1)[::-1]):
        limited = Limiter(gain, RATE).push(sound, last=True)
        assert len(limited) == len(sound)
        assert true_peak(limited) <= -1
    quiet = voice(1) * 0.05
    assert np.array_equal(Limiter(gain, RATE).push(quiet, last=True), quiet * gain)


def test_the_limiter_takes_no_more_than_it_must() -> None:
    """The highest peak reaches nearly -1 dB, and far from peaks nothing changes."""
    sound = voice(2) * 0.1
    sound[20000:20400] = 1.5 * np.sin(np.arange(400) * 0.2)
    limited = Limiter(1.0, RATE).push(sound, last=True)
    assert -1.6 < true_peak(limited) <= -1
    assert limited[:19600] == pytest.approx(sound[:19600], abs=1e-9)
    assert limited[20800:] == pytest.approx(sound[20800:], abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 600), st.floats(0.5, 0.8), st.integers(0, 3))
def test_a_peak_is_never_missed(seed: int, size: int, level: float, pulses: int) -> None:
    """Looking at loud places only finds each peak at or between samples, and no lower one."""
    chance = np.random.default_rng(seed)
    samples = (chance.normal(size=size) * 0.1).clip(-0.4, 0.4).astype(np.float32)
    for place in chance.integers(0, size, pulses):
        samples[place : place + 2] = chance.choice([level, -level])  # highest between the two
    exact = peaks.true_peak(samples)
    inner = exact[peaks.TAPS : size - peaks.TAPS] if size > 2 * peaks.TAPS else exact[:0]
    found = peaks.may_exceed(samples, 0.84)
    if inner.max(initial=0) > 0.84:
        assert found
    if size >= peaks.TAPS and exact.max(initial=0) < 0.839:
        assert not found


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=6), st.floats(0.1, 6))
def test_windows_have_no_seams(cuts: list[int], gain: float) -> None:
    """A stream in windows of any lengths has the same samples as one window."""
    samples = np.rint(voice(0.4) * FULL_SCALE).astype(np.int16)
    amplifier = Amplifier(gain, RATE)
    parts = np.split(samples, sorted(min(cut, len(samples)) for cut in cuts))
    windows = [*map(amplifier.push, parts), amplifier.end()]
    assert np.array_equal(np.concatenate(windows), amplified(samples, gain, RATE))
