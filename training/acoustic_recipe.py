"""Training the acoustic model alone."""

import torch
from torch import nn

from training.config import Config
from training.data import Clip, choose, pitch
from training.framed import Framed, Losses, descend
from training.precision import mixed
from training.vocoder import Acoustic


class AcousticRecipe(Framed):
    """Train the acoustic model alone, on long crops and without adversaries.

    Steps without adversaries are cheap, so this model sees the texts many more times than it could
    with them.
    """

    def __init__(self, config: Config, clips: list[Clip], seed: int) -> None:
        """Create the network on the clips' device."""
        self.config, self.clips, self.seed = config, clips, seed
        self.steps, self.rate = config.acoustic_steps, 1.5e-3
        self.device = clips[0].mel.device
        self.model = Acoustic(
            config.acoustic_size, config.acoustic_blocks, config.acoustic_frames, config.dropout
        ).to(self.device)
        self.judges: nn.Module | None = None
        self.pitch_mean, self.pitch_spread = pitch(clips, config.pitch)

    @property
    def acoustic(self) -> Acoustic:  # type: ignore[override]
        """Return the model that is trained."""
        return self.model

    def losses(self, clips: list[Clip]) -> Losses:
        """Return the errors of long crops' mels, and of their changes from frame to frame."""
        size = self.config.acoustic_crop
        starts = [int(torch.randint(0, max(1, len(c.mel) - size), ())) for c in clips]
        with mixed(self.device):
            mel, _, wanted, there = self.frames(clips, starts, size)
        error = ((mel - wanted).abs() * there).sum() / (there.sum() * mel.shape[2])
        change = (mel[:, 2:] - mel[:, :-2]) - (wanted[:, 2:] - wanted[:, :-2])
        slope = (change.abs() * there[:, 2:] * there[:, :-2]).sum() / (there.sum() * mel.shape[2])
        return {"loss": error + 0.5 * slope, "mel": error.detach(), "slope": slope.detach()}

    def step(self, step: int, optimisers: dict[str, torch.optim.Optimizer]) -> Losses:
        """Take one step; return its losses."""
        size = self.config.acoustic_batch
        losses = self.losses(
            [self.clips[i] for i in choose(self.seed, step, len(self.clips), size)]
        )
        descend(losses["loss"], self.model, optimisers["model"])
        return losses

    @torch.no_grad()
    def validate(self, clips: list[Clip]) -> dict[str, float]:
        """Return the losses on other clips."""
        with torch.random.fork_rng():
            torch.manual_seed(1)
            losses = self.losses(clips)
        return {name: float(value) for name, value in losses.items()}
