"""Measure audio by properties that a listener would notice."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vits_tts.audio import wav


@dataclass(frozen=True)
class Sound:
    """Decoded WAV: samples in [-1, 1], shape ``[n]``."""

    samples: NDArray[np.float64]
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def loudness(self) -> float:
        """Root mean square in decibels of full scale."""
        return float(20 * np.log10(np.sqrt(np.mean(self.samples**2)) + 1e-12))

    @property
    def clipped(self) -> float:
        """Share of samples at full scale."""
        return float(np.mean(np.abs(self.samples) > 0.999))

    def silences(self, shortest: float, threshold: float = 1e-4) -> list[tuple[float, float]]:
        """Return (start, end) in seconds of quiet parts that last ``shortest`` or more."""
        quiet = np.concatenate([[0], (np.abs(self.samples) < threshold).astype(int), [0]])
        starts, ends = np.flatnonzero(np.diff(quiet) == 1), np.flatnonzero(np.diff(quiet) == -1)
        rate = self.sample_rate
        spans = zip(starts / rate, ends / rate, strict=True)
        return [(start, end) for start, end in spans if end - start >= shortest]


def pitch(sound: Sound) -> float:
    """Return the median pitch of the loud frames in hertz, by autocorrelation, of 60 to 400 Hz."""
    frame, step = sound.sample_rate // 20, sound.sample_rate // 100
    lags = range(sound.sample_rate // 400, sound.sample_rate // 60)
    found = []
    for start in range(0, len(sound.samples) - frame - lags.stop, step):
        part = sound.samples[start : start + frame + lags.stop]
        if np.abs(part).max() < 0.2 * np.abs(sound.samples).max():
            continue
        first = part[:frame]
        alike = [
            float(first @ part[lag : lag + frame])
            / (np.linalg.norm(first) * np.linalg.norm(part[lag : lag + frame]) + 1e-9)
            for lag in lags
        ]
        best = int(np.argmax(alike))
        if alike[best] > 0.6:  # voiced
            # the shortest of the periods that are nearly as good: multiples of it are, too
            near = next(n for n, value in enumerate(alike) if value > 0.9 * alike[best])
            found.append(sound.sample_rate / lags[near])
    return float(np.median(found))


def decode(data: bytes, *, streamed: bool = False) -> Sound:
    """Decode WAV strictly: 16-bit mono PCM, every size right (or unknown, when streamed)."""
    (
        riff,
        riff_size,
        wave,
        fmt,
        fmt_size,
        kind,
        channels,
        rate,
        byte_rate,
        frame,
        bits,
        name,
        size,
    ) = struct.unpack("<4sI4s4sIHHIIHH4sI", data[: wav.HEADER_BYTES])
    assert (riff, wave, fmt, name) == (b"RIFF", b"WAVE", b"fmt ", b"data")
    assert (fmt_size, kind, channels, bits, frame) == (16, 1, 1, 16, 2)
    assert byte_rate == rate * 2
    samples = data[wav.HEADER_BYTES :]
    if streamed:
        assert riff_size == size == 0xFFFFFFFF
    else:
        assert (riff_size, size) == (len(data) - 8, len(samples))
    return Sound(np.frombuffer(samples, "<i2") / 32768, rate)


def assert_speech(sound: Sound, *, shortest: float, longest: float) -> None:
    """Assert that it sounds like speech: right length, loud, not clipped, quiet at the ends."""
    assert shortest <= sound.seconds <= longest
    assert -35 < sound.loudness < -8
    assert sound.clipped < 1e-3
    edge = sound.sample_rate // 100
    assert np.abs(sound.samples[:edge]).max() < 0.1
    assert np.abs(sound.samples[-edge:]).max() < 0.1
