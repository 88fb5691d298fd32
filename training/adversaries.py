"""Discriminators: folded waveforms (several periods) and spectrograms (several resolutions)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from training.signal import magnitudes

FOLD = 4
Features = list[Tensor]


class Folded(nn.Module):
    """Judge a waveform folded to rows of ``period`` samples, as in HiFi-GAN."""

    def __init__(self, period: int, widths: list[int]) -> None:
        """Create strided convolutions along each column."""
        super().__init__()
        self.period = period
        sizes = [1, *widths]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0))) for a, b in pairwise(sizes)
        )
        self.last = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, audio: Tensor) -> Features:
        """Return every layer's output; the last is the verdict."""
        batch, samples = audio.shape
        rows = samples // self.period
        x = audio[:, : rows * self.period].reshape(batch, 1, rows, self.period)
        x = x.contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [*features, self.last(x)]


class Spectral(nn.Module):
    """Judge a compressed magnitude spectrogram."""

    def __init__(self, n_fft: int, width: int) -> None:
        """Create convolutions that halve the frequency axis.

        Four neighbouring bins become four channels of the first layer, which halves the cost of one
        channel.
        """
        super().__init__()
        self.n_fft = n_fft
        sizes = [FOLD, width, 2 * width, 2 * width]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (3, 5), (1, 2), (1, 2))) for a, b in pairwise(sizes)
        )
        self.last = weight_norm(nn.Conv2d(sizes[-1], 1, (3, 3), padding=1))

    def forward(self, audio: Tensor) -> Features:
        """Return every layer's output; the last is the verdict."""
        with torch.autocast(audio.device.type, enabled=False):
            spectrum = magnitudes(audio, self.n_fft, self.n_fft // 4).clamp(min=1e-4).pow(0.3)
        batch, frames, _ = spectrum.shape
        x = spectrum[:, :, 1:].reshape(batch, frames, -1, FOLD).permute(0, 3, 1, 2)
        x = x.contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [*features, self.last(x)]


class Adversaries(nn.Module):
    """All discriminators."""

    def __init__(self, periods: list[int], widths: list[int], ffts: list[int], width: int) -> None:
        """Create one discriminator for each period and each transform size."""
        super().__init__()
        judges: list[nn.Module] = [Folded(period, widths) for period in periods]
        judges += [Spectral(n_fft, width) for n_fft in ffts]
        self.judges = nn.ModuleList(judges)
        for parameter in self.parameters():
            if parameter.dim() == 4:  # convolutions run faster with channels last
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def forward(self, audio: Tensor) -> list[Features]:
        """Return each discriminator's features for ``audio`` [B, samples]."""
        return [judge(audio) for judge in self.judges]


def judge_loss(real: list[Features], fake: list[Features]) -> Tensor:
    """Return the least-squares loss that trains discriminators to tell real from fake."""
    losses = [
        (r[-1].float() - 1).square().mean() + f[-1].float().square().mean()
        for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).mean()


def fool_loss(fake: list[Features]) -> Tensor:
    """Return the generator's loss: fake sound that discriminators do not take for real."""
    return torch.stack([(f[-1].float() - 1).square().mean() for f in fake]).mean()


def match_loss(real: list[Features], fake: list[Features]) -> Tensor:
    """Return the relative distance between the features of real and fake sound."""
    losses = []
    for r, f in zip(real, fake, strict=True):
        for a, b in zip(r[:-1], f[:-1], strict=True):
            wanted = a.detach()
            losses.append((b - wanted).abs().float().mean() / wanted.abs().float().mean())
    return torch.stack(losses).mean()
