"""Convert between samples, frames and mel bands, with the numbers that all stages share."""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

NUM_MELS = 80
LOG_FLOOR = 1e-5
OVERLAP = 4
"""Frames that one Fourier transform spans."""


@dataclass(frozen=True)
class Framing:
    """The sizes of frames and of Fourier transforms at a sample rate.

    Frames last 10 ms at every rate. At 22.05 kHz, where that would be 220.5 samples, they have 220
    and last 9.98 ms.
    """

    sample_rate: int = 16_000

    @property
    def hop_length(self) -> int:
        """Samples of one frame."""
        return self.sample_rate // 100

    @property
    def n_fft(self) -> int:
        """Samples of one Fourier transform: 40 ms."""
        return OVERLAP * self.hop_length

    @property
    def bins(self) -> int:
        """Frequencies of one Fourier transform."""
        return self.n_fft // 2 + 1

    @property
    def top_hertz(self) -> float:
        """The highest harmonic of voiced sound, a little below half the sample rate."""
        return 0.4875 * self.sample_rate


RATES = (16_000, 22_050, 24_000)
FRAMING = Framing()
SAMPLE_RATE = FRAMING.sample_rate
"""The rate at which all voices are measured."""
HOP_LENGTH = FRAMING.hop_length


def mel_scale(hertz: np.ndarray) -> np.ndarray:
    """Return mels (O'Shaughnessy's formula) of ``hertz``."""
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


@functools.cache
def mel_matrix(n_fft: int, num_mels: int = NUM_MELS, framing: Framing = FRAMING) -> Tensor:
    """Return triangular filters [n_fft / 2 + 1, num_mels], each of unit sum.

    They reach from 0 to half the sample rate.
    """
    top = framing.sample_rate / 2
    bins = mel_scale(np.linspace(0.0, top, n_fft // 2 + 1))
    edges = np.linspace(0.0, mel_scale(np.array(top)), num_mels + 2)
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    filters /= np.maximum(filters.sum(0, keepdims=True), 1e-3)
    return torch.from_numpy(filters.astype(np.float32))


def magnitudes(audio: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Return spectral magnitudes [B, frames, bins] of ``audio`` [B, samples]."""
    window = torch.hann_window(n_fft, device=audio.device)
    spectrum = torch.stft(audio, n_fft, hop_length, window=window, return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.sqrt(power.clamp(min=1e-10)).transpose(1, 2)


def log_mel(audio: Tensor, framing: Framing = FRAMING) -> Tensor:
    """Return log mel magnitudes [B, frames, 80]; frame t is centred on its first sample."""
    frames = audio.shape[1] // framing.hop_length
    spectrum = magnitudes(audio, framing.n_fft, framing.hop_length)[:, :frames]
    mels = spectrum @ mel_matrix(framing.n_fft, framing=framing).to(audio.device)
    return torch.log(mels.clamp(min=LOG_FLOOR))
