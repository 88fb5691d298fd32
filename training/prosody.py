"""Predict durations, pauses, pitch and voicing from text."""

import math

import torch
from torch import Tensor, nn

from training.layers import ConvNeXt, TextEncoder
from training.timing import NUM_PLACES


class Prosody(nn.Module):
    """Two heads over a text encoder: one for each token, one for each frame.

    Pitch is the deviation of log F0 from the speaker's mean, in units of ``pitch_spread``.
    """

    pitch_mean: Tensor
    pitch_spread: Tensor

    def __init__(self, size: int, blocks: int, frame_blocks: int, dropout: float) -> None:
        """Create the networks; the pitch statistics are set when training starts."""
        super().__init__()
        self.register_buffer("pitch_mean", torch.tensor(5.4))
        self.register_buffer("pitch_spread", torch.tensor(0.2))
        self.durations = TextEncoder(size, blocks, dropout)
        self.times = nn.Linear(size, 2)
        self.melody = TextEncoder(size, blocks, dropout)
        self.places = nn.Linear(NUM_PLACES, size)
        self.frames = nn.ModuleList(ConvNeXt(size, 2, 9, dropout) for _ in range(frame_blocks))
        self.norm = nn.LayerNorm(size)
        self.contour = nn.Linear(size, 2)

    def time(self, ints: Tensor, floats: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return [B, N, 2]: log of the expected frames, and a pause's log odds."""
        times: Tensor = self.times(self.durations(ints, floats, mask))
        return times

    def tune(self, tokens: Tensor, places: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return [B, F, 2]: pitch deviation and voicing log odds.

        ``tokens`` [B, F, size] is the melody encoder's output, spread over the frames.
        """
        x = tokens + self.places(places)
        for block in self.frames:
            x = block(x, mask)
        contour: Tensor = self.contour(self.norm(x))
        return contour

    @torch.no_grad()
    def shift(self, cents: float) -> None:
        """Raise all contours by this many ``cents``."""
        self.contour.bias[0] += cents * math.log(2.0) / 1200.0 / float(self.pitch_spread)

    def log_hertz(self, deviation: Tensor) -> Tensor:
        """Return log F0 for pitch deviations."""
        return self.pitch_mean + self.pitch_spread * deviation
