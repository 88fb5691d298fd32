"""Convert between samples, frames and mel bands, with the numbers that all stages share."""

import functools

import numpy as np
import torch
from torch import Tensor

SAMPLE_RATE = 16_000
HOP_LENGTH = 160
N_FFT = 640
NUM_MELS = 80
LOG_FLOOR = 1e-5


def mel_scale(hertz: np.ndarray) -> np.ndarray:
    """Return mels (O'Shaughnessy's formula) of ``hertz``."""
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


@functools.cache
def mel_matrix(n_fft: int, num_mels: int = NUM_MELS) -> Tensor:
    """Return triangular filters [n_fft / 2 + 1, num_mels], each of unit sum, 0 to 8 kHz."""
    bins = mel_scale(np.linspace(0.0, SAMPLE_RATE / 2, n_fft // 2 + 1))
    edges = np.linspace(0.0, mel_scale(np.array(SAMPLE_RATE / 2)), num_mels + 2)
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


def log_mel(audio: Tensor) -> Tensor:
    """Return log mel magnitudes [B, samples / 160, 80]; frame t is centred on sample 160 t."""
    spectrum = magnitudes(audio, N_FFT, HOP_LENGTH)[:, : audio.shape[1] // HOP_LENGTH]
    mels = spectrum @ mel_matrix(N_FFT).to(audio.device)
    return torch.log(mels.clamp(min=LOG_FLOOR))
