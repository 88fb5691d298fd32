"""Predict acoustic frames from text, and make sound from frames by filtered harmonics and noise.

Everything here after the phase sum is frame-local: a frame of sound depends on a fixed number of
frames around it, so a server may run the decoder window by window.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from training.layers import ConvNeXt, TextEncoder
from training.signal import FRAMING, NUM_MELS, OVERLAP, Framing, mel_scale
from training.timing import NUM_PLACES


def forward_matrix(framing: Framing) -> Tensor:
    """Return the windowed Fourier transform [n_fft, 2 bins], cosines then sines."""
    size = framing.n_fft
    angle = 2 * np.pi * np.outer(np.arange(size), np.arange(framing.bins)) / size
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    matrix = np.concatenate([np.cos(angle), -np.sin(angle)], axis=1) * window[:, None]
    return torch.from_numpy(matrix.astype(np.float32))


def inverse_matrix(framing: Framing) -> Tensor:
    """Return the windowed inverse transform [2 bins, n_fft].

    Overlapping squares of windows add to 1.
    """
    size = framing.n_fft
    angle = 2 * np.pi * np.outer(np.arange(framing.bins), np.arange(size)) / size
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    weight = np.full((framing.bins, 1), 2.0)
    weight[0] = weight[-1] = 1.0
    matrix = np.concatenate([weight * np.cos(angle), -weight * np.sin(angle)], axis=0)
    matrix *= window / (size * 1.5)
    return torch.from_numpy(matrix.astype(np.float32))


def envelope_matrix(framing: Framing) -> Tensor:
    """Return the interpolation from mel bands to frequencies [80, bins].

    It is linear between the centres of the bands.
    """
    top = framing.sample_rate / 2
    centres = np.linspace(0.0, mel_scale(np.array(top)), NUM_MELS + 2)[1:-1]
    bins = mel_scale(np.linspace(0.0, top, framing.bins))
    columns = [np.interp(bins, centres, row) for row in np.eye(NUM_MELS)]
    return torch.from_numpy(np.stack(columns).astype(np.float32))


def next_frame(x: Tensor, hertz: Tensor) -> Tensor:
    """Return ``x`` [B, F] one frame later; the last frame repeats.

    ``hertz`` [B, F], which is never 0, marks the frames that have a next one. Concatenation
    (``cat``) along the axis of time could not run window by window.
    """
    later, there = (nn.functional.pad(y, (0, 1))[:, 1:] for y in (x, hertz))
    return torch.where(there > 0.0, later, x)


def phases(hertz: Tensor, framing: Framing = FRAMING) -> Tensor:
    """Return the phase before each frame [B, F] in cycles, without whole cycles."""
    seconds = framing.hop_length / framing.sample_rate
    steps = (hertz + next_frame(hertz, hertz)) * (0.5 * seconds)
    total = torch.cumsum(steps, 1) - steps
    return total - torch.floor(total)


def pulses(hertz: Tensor, voiced: Tensor, phase: Tensor, framing: Framing = FRAMING) -> Tensor:
    """Return a band-limited pulse train of unit power [B, F, hop] (blocks of samples).

    All harmonics up to ``framing.top_hertz`` have the same amplitude (Dirichlet's kernel). Pitch
    and voicing change linearly from frame to frame.
    """
    hop, rate = framing.hop_length, framing.sample_rate
    place = torch.arange(hop, device=hertz.device, dtype=torch.float32)[None, None]
    slope = (next_frame(hertz, hertz) - hertz)[:, :, None] * (0.5 / hop)
    cycles = phase[:, :, None] + (hertz[:, :, None] * place + slope * place * place) / rate
    cycles = cycles - torch.floor(cycles)
    highest = torch.maximum(hertz, next_frame(hertz, hertz))
    count = torch.floor(framing.top_hertz / highest)[:, :, None]
    low = torch.sin(math.pi * cycles)
    near = torch.abs(low) < 1e-3
    ratio = torch.sin((2.0 * count + 1.0) * math.pi * cycles) / (2.0 * torch.where(near, 1.0, low))
    kernel = torch.where(near, count, ratio - 0.5)
    gate = voiced[:, :, None]
    gate = gate + (next_frame(voiced, hertz)[:, :, None] - gate) * (place / hop)
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

    def __init__(self, size: int, blocks: int, hidden: int, framing: Framing = FRAMING) -> None:
        """Create the networks and the constant transforms."""
        super().__init__()
        self.framing = framing
        self.register_buffer("forward_dft", forward_matrix(framing), persistent=False)
        self.register_buffer("inverse_dft", inverse_matrix(framing), persistent=False)
        self.register_buffer("envelope", envelope_matrix(framing), persistent=False)
        # log magnitude of unit white noise under the window
        self.noise_level = 0.5 * math.log(0.375 * framing.n_fft)
        self.mel = nn.Linear(NUM_MELS + 2, size)
        self.hidden = nn.Linear(hidden, size, bias=False)
        self.start = nn.LayerNorm(size)
        self.blocks = nn.ModuleList(ConvNeXt(size, 3, 7) for _ in range(blocks))
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, 3 * framing.bins)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            self.head.bias.zero_()
            self.head.bias[2 * framing.bins :] = -0.5

    def filters(self, mel: Tensor, hidden: Tensor, pitch: Tensor) -> Tensor:
        """Return [B, F, 3 bins]: corrections of harmonics' level, their phase, and noise level."""
        x = self.mel(torch.cat([mel * 0.4 + 1.6, pitch], 2)) + self.hidden(hidden)
        x = self.start(x)
        for block in self.blocks:
            x = block(x)
        filters: Tensor = self.head(self.norm(x))
        return filters

    def render(self, mel: Tensor, filters: Tensor, blocks: Tensor, noise: Tensor) -> Tensor:
        """Return sound [B, hop F].

        ``blocks`` [B, F, hop] are pulses, ``noise`` [B, F, 2 bins].
        """
        frames, bins, hop = mel.shape[1], self.framing.bins, self.framing.hop_length
        base = torch.matmul(mel, self.envelope) - self.noise_level
        harmonic = torch.exp(torch.clamp(base + filters[:, :, :bins], max=4.0))
        turn = filters[:, :, bins : 2 * bins]
        breath = torch.exp(torch.clamp(base + filters[:, :, 2 * bins :], max=4.0))
        padded = nn.functional.pad(blocks, (0, 0, 2, 1))
        pieces = [padded[:, i : i + frames] for i in range(OVERLAP)]
        spectrum = torch.matmul(torch.cat(pieces, 2), self.forward_dft)
        real, imaginary = spectrum[:, :, :bins], spectrum[:, :, bins:]
        cosine, sine = harmonic * torch.cos(turn), harmonic * torch.sin(turn)
        level = math.exp(self.noise_level) * math.sqrt(0.5)
        real, imaginary = (
            real * cosine - imaginary * sine + breath * noise[:, :, :bins] * level,
            real * sine + imaginary * cosine + breath * noise[:, :, bins:] * level,
        )
        waves = torch.matmul(torch.cat([real, imaginary], 2), self.inverse_dft)
        waves = nn.functional.pad(waves, (0, 0, 1, 2))
        out = waves[:, 3 : 3 + frames, :hop]
        for part in range(1, OVERLAP):
            mine = waves[:, 3 - part : 3 - part + frames]
            out = out + mine[:, :, part * hop : (part + 1) * hop]
        return out.reshape(out.shape[0], -1)
