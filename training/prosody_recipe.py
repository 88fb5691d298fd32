"""Train durations, pauses, pitch and voicing."""

import math

import torch
from torch import nn

from training.config import Config
from training.data import Clip, choose, mask, pad, pitch
from training.framed import Losses, descend, spread
from training.frontend import BOS, COMMA, EOS, SPACE
from training.precision import mixed
from training.prosody import Prosody

LEVEL_SHARE = 0.8  # of an utterance's own pitch level, the share that the pitch loss ignores


class ProsodyRecipe:
    """Train durations, pauses, pitch and voicing on whole utterances."""

    def __init__(self, config: Config, clips: list[Clip], seed: int) -> None:
        """Create the network on the clips' device."""
        self.config, self.clips, self.seed = config, clips, seed
        self.steps, self.rate = config.prosody_steps, 1.5e-3
        device = clips[0].mel.device
        self.model = Prosody(
            config.prosody_size, config.prosody_blocks, config.prosody_frames, 0.3
        ).to(device)
        mean, spread = pitch(clips, config.pitch)
        self.model.pitch_mean.copy_(mean)
        self.model.pitch_spread.copy_(spread)
        self.judges: nn.Module | None = None

    def losses(self, clips: list[Clip]) -> Losses:
        """Return the losses of whole clips."""
        model = self.model
        ints, floats = pad([c.ints for c in clips]), pad([c.floats for c in clips])
        there = mask([c.ints for c in clips])
        durations = pad([c.durations for c in clips])
        times = model.time(ints, floats, there).float()
        pause = ((ints[:, :, 0] == SPACE) | (ints[:, :, 0] == COMMA)) & (there[:, :, 0] > 0)
        ends = (ints[:, :, 0] == BOS) | (ints[:, :, 0] == EOS)
        lasting = (there[:, :, 0] > 0) & ~ends & ~(pause & (durations == 0))
        # Poisson loss: the network learns the expected length itself, so the mean tempo stays right
        expected, wanted = times[:, :, 0][lasting], durations[lasting]
        length = (expected.exp() - wanted * expected).mean() + (
            wanted * wanted.clamp(min=1).log() - wanted
        ).mean()
        stop = times.sum() * 0.0  # recordings of single words have no pauses
        if pause.any():
            stop = nn.functional.binary_cross_entropy_with_logits(
                times[:, :, 1][pause], (durations[pause] > 0).float()
            )
        token, there = pad([c.token for c in clips]), mask([c.mel for c in clips])
        melody = spread(model.melody(ints, floats, mask([c.ints for c in clips])), token)
        contour = model.tune(melody, pad([c.places for c in clips]), there).float()
        target = (pad([c.log_hertz for c in clips]) - model.pitch_mean) / model.pitch_spread
        voiced = pad([c.voiced for c in clips])
        # frames that Praat finds unvoiced have interpolated pitch and get a low weight
        weight = there[:, :, 0] * (0.1 + 0.9 * voiced)
        raw = contour[:, :, 0] - target
        # the level of a whole utterance does not follow from its text: learn the shape instead
        level = (raw * voiced).sum(1, keepdim=True) / voiced.sum(1, keepdim=True).clamp(min=1)
        error = raw - LEVEL_SHARE * level.detach()
        melodic = nn.functional.smooth_l1_loss(error, 0 * error, reduction="none", beta=0.3)
        melodic = (melodic * weight).sum() / weight.sum()
        steps = (error[:, 1:] - error[:, :-1]).abs() * voiced[:, 1:] * voiced[:, :-1]
        sounding = voiced.sum().clamp(min=1)
        slope = steps.sum() / sounding
        inside = there[:, :, 0] > 0
        voicing = nn.functional.binary_cross_entropy_with_logits(
            contour[:, :, 1][inside], voiced[inside]
        )
        scale = model.pitch_spread * 1731.23 / sounding
        cents = (raw.abs() * voiced).sum() * scale
        shape = ((raw - level).abs() * voiced).sum() * scale
        return {
            "loss": 0.3 * length + stop + 2 * melodic + slope + voicing,
            "length": length.detach(),
            "pause": stop.detach(),
            "cents": cents.detach(),
            "shape": shape.detach(),
            "voicing": voicing.detach(),
        }

    @torch.no_grad()
    def centre(self, model: Prosody) -> float:
        """Remove the mean error of the contours from ``model``; return it in cents.

        The loss that ignores levels, together with dropout, leaves contours a little too high.
        """
        total = torch.zeros(2)
        for clip in self.clips:
            melody = model.melody(clip.ints[None], clip.floats[None])[:, clip.token]
            contour = model.tune(melody, clip.places[None])[0, :, 0]
            spoken = clip.voiced > 0
            off = (model.log_hertz(contour) - clip.log_hertz)[spoken]
            total += torch.stack([off.sum(), spoken.sum()]).cpu()
        cents = 1200.0 / math.log(2.0) * float(total[0] / total[1])
        model.shift(-cents)
        return cents

    def batch(self, step: int) -> list[Clip]:
        """Return the clips of a step."""
        picked = choose(self.seed, step, len(self.clips), self.config.prosody_batch)
        return [self.clips[i] for i in picked]

    def step(self, step: int, optimisers: dict[str, torch.optim.Optimizer]) -> Losses:
        """Take one step; return its losses."""
        with mixed(self.clips[0].mel.device):
            losses = self.losses(self.batch(step))
        descend(losses["loss"], self.model, optimisers["model"])
        return losses

    @torch.no_grad()
    def validate(self, clips: list[Clip]) -> dict[str, float]:
        """Return the losses on other clips."""
        with mixed(self.clips[0].mel.device):
            losses = self.losses(clips)
        return {name: float(value) for name, value in losses.items()}
