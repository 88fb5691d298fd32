"""Predict acoustic frames from text, and make sound from frames by filtered harmonics and noise.

Everything here after the phase sum is frame-local: a frame of sound depends on a fixed number of
frames around it, so a server may run the decoder window by window.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from training.layers import ConvNeXt, TextEncoder
from training.signal import HOP_LENGTH, N_FFT, NUM_MELS, SAMPLE_RATE, mel_scale
from training.timing import NUM_PLACES

BINS = N_FFT // 2 + 1
OVERLAP = N_FFT // HOP_LENGTH
TOP_HERTZ = 7800.0
# log magnitude of unit white noise under the window
_NOISE_LEVEL = 0.5 * math.log(0.375 * N_FFT)


def forward_matrix() -> Tensor:
    """Return the windowed Fourier transform as a matrix [640, 642], cosines then sines."""
    angle = 2 * np.pi * np.outer(np.arange(N_FFT), np.arange(BINS)) / N_FFT
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    matrix = np.concatenate([np.cos(angle), -np.sin(angle)], axis=1) * window[:, None]
    return torch.from_numpy(matrix.astype(np.float32))


def inverse_matrix() -> Tensor:
    """Return the windowed inverse transform [642, 640]; overlapping squares of windows add to 1."""
    angle = 2 * np.pi * np.outer(np.arange(BINS), np.arange(N_FFT)) / N_FFT
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    weight = np.full((BINS, 1), 2.0)
    weight[0] = weight[-1] = 1.0
    matrix = np.concatenate([weight * np.cos(angle), -weight * np.sin(angle)], axis=0)
    matrix *= window / (N_FFT * 1.5)
    return torch.from_numpy(matrix.astype(np.float32))


def envelope_matrix() -> Tensor:
    """Return the interpolation from mel bands to bins [80, 321], linear between centres."""
    centres = np.linspace(0.0, mel_scale(np.array(SAMPLE_RATE / 2)), NUM_MELS + 2)[1:-1]
    bins = mel_scale(np.linspace(0.0, SAMPLE_RATE / 2, BINS))
    columns = [np.interp(bins, centres, row) for row in np.eye(NUM_MELS)]
    return torch.from_numpy(np.stack(columns).astype(np.float32))


def next_frame(x: Tensor, hertz: Tensor) -> Tensor:
    """Return ``x`` [B, F] one frame later; the last frame repeats.

    ``hertz`` [B, F], which is never 0, marks the frames that have a next one. Concatenation
    (``cat``) along the axis of time could not run window by window.
    """
    later, there = (nn.functional.pad(y, (0, 1))[:, 1:] for y in (x, hertz))
    return torch.where(there > 0.0, later, x)


def phases(hertz: Tensor) -> Tensor:
    """Return the phase before each frame [B, F] in cycles, without whole cycles."""
    steps = (hertz + next_frame(hertz, hertz)) * (0.5 * HOP_LENGTH / SAMPLE_RATE)
    total = torch.cumsum(steps, 1) - steps
    return total - torch.floor(total)


def pulses(hertz: Tensor, voiced: Tensor, phase: Tensor) -> Tensor:
    """Return a band-limited pulse train of unit power [B, F, 160] (blocks of samples).

    All harmonics up to 7.8 kHz have the same amplitude (Dirichlet's kernel). Pitch and voicing
    change linearly from frame to frame.
    """
    place = torch.arange(HOP_LENGTH, device=hertz.device, dtype=torch.float32)[None, None]
    slope = (next_frame(hertz, hertz) - hertz)[:, :, None] * (0.5 / HOP_LENGTH)
    cycles = phase[:, :, None] + (hertz[:, :, None] * place + slope * place * place) / SAMPLE_RATE
    cycles = cycles - torch.floor(cycles)
    count = torch.floor(TOP_HERTZ / torch.maximum(hertz, next_frame(hertz, hertz)))[:, :, None]
    low = torch.sin(math.pi * cycles)
    near = torch.abs(low) < 1e-3
    ratio = torch.sin((2.0 * count + 1.0) * math.pi * cycles) / (2.0 * torch.where(near, 1.0, low))
    kernel = torch.where(near, count, ratio - 0.5)
    gate = voiced[:, :, None]
    gate = gate + (next_frame(voiced, hertz)[:, :, None] - gate) * (place / HOP_LENGTH)
    return kernel * torch.sqrt(2.0 / count) * gate


class Acoustic(nn.Module):
    """Predict a mel spectrogram and a hidden vector for each frame from text, pitch and voicing."""

    def __init__(self, size: int, blocks: int, frame_blocks: int, dropout: float) -> None:
        """Create the text encoder, the frame blocks and the mel head."""
        super().__init__()
        self.encoder = TextEncoder(size, blocks, dropout)
        self.places = nn.Linear(NUM_PLACES + 2, size)
        self.frames = nn.ModuleList(ConvNeXt(size, 3, 7, dropout) for _ in range(frame_blocks))
        self.norm = nn.LayerNorm(size)
        self.mel = nn.Linear(size, NUM_MELS)

    def forward(
        self, tokens: Tensor, places: Tensor, pitch: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return mel [B, F, 80] and hidden [B, F, size].

        ``tokens`` [B, F, size] is the encoder's output spread over frames, ``pitch`` [B, F, 2]
        the pitch deviation (0 where unvoiced) and voicing.
        """
        x = tokens + self.places(torch.cat([places, pitch], 2))
        for block in self.frames:
            x = block(x, mask)
        x = self.norm(x)
        return 2.0 * self.mel(x) - 4.0, x


class Decoder(nn.Module):
    """Make sound from mel and hidden frames: filter pulses and noise in the Fourier domain."""

    forward_dft: Tensor
    inverse_dft: Tensor
    envelope: Tensor

    def __init__(self, size: int, blocks: int, hidden: int) -> None:
        """Create the networks and the constant transforms."""
        super().__init__()
        self.register_buffer("forward_dft", forward_matrix(), persistent=False)
        self.register_buffer("inverse_dft", inverse_matrix(), persistent=False)
        self.register_buffer("envelope", envelope_matrix(), persistent=False)
        self.mel = nn.Linear(NUM_MELS + 2, size)
        self.hidden = nn.Linear(hidden, size, bias=False)
        self.start = nn.LayerNorm(size)
        self.blocks = nn.ModuleList(ConvNeXt(size, 3, 7) for _ in range(blocks))
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, 3 * BINS)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            self.head.bias.zero_()
            self.head.bias[2 * BINS :] = -0.5

    def filters(self, mel: Tensor, hidden: Tensor, pitch: Tensor) -> Tensor:
        """Return [B, F, 963]: corrections of the harmonics' level, their phase, and noise level."""
        x = self.mel(torch.cat([mel * 0.4 + 1.6, pitch], 2)) + self.hidden(hidden)
        x = self.start(x)
        for block in self.blocks:
            x = block(x)
        filters: Tensor = self.head(self.norm(x))
        return filters

    def render(self, mel: Tensor, filters: Tensor, blocks: Tensor, noise: Tensor) -> Tensor:
        """Return sound [B, 160 F]; ``blocks`` [B, F, 160] are pulses, ``noise`` [B, F, 642]."""
        frames = mel.shape[1]
        base = torch.matmul(mel, self.envelope) - _NOISE_LEVEL
        harmonic = torch.exp(torch.clamp(base + filters[:, :, :BINS], max=4.0))
        turn = filters[:, :, BINS : 2 * BINS]
        breath = torch.exp(torch.clamp(base + filters[:, :, 2 * BINS :], max=4.0))
        padded = nn.functional.pad(blocks, (0, 0, 2, 1))
        pieces = [padded[:, i : i + frames] for i in range(OVERLAP)]
        spectrum = torch.matmul(torch.cat(pieces, 2), self.forward_dft)
        real, imaginary = spectrum[:, :, :BINS], spectrum[:, :, BINS:]
        cosine, sine = harmonic * torch.cos(turn), harmonic * torch.sin(turn)
        level = math.exp(_NOISE_LEVEL) * math.sqrt(0.5)
        real, imaginary = (
            real * cosine - imaginary * sine + breath * noise[:, :, :BINS] * level,
            real * sine + imaginary * cosine + breath * noise[:, :, BINS:] * level,
        )
        waves = torch.matmul(torch.cat([real, imaginary], 2), self.inverse_dft)
        waves = nn.functional.pad(waves, (0, 0, 1, 2))
        out = waves[:, 3 : 3 + frames, :HOP_LENGTH]
        for part in range(1, OVERLAP):
            mine = waves[:, 3 - part : 3 - part + frames]
            out = out + mine[:, :, part * HOP_LENGTH : (part + 1) * HOP_LENGTH]
        return out.reshape(out.shape[0], -1)
