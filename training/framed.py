"""Shared parts of the recipes whose networks predict something for each frame."""

import torch
from torch import Tensor, nn

from training.config import Config
from training.data import Clip, mask, pad
from training.vocoder import Acoustic

MARGIN = 12  # frames of context for the acoustic model at both ends of a crop
Losses = dict[str, Tensor]


def spread(tokens: Tensor, token: Tensor) -> Tensor:
    """Return the vectors [B, F, C] of ``tokens`` [B, N, C] at each frame's token [B, F]."""
    return torch.gather(tokens, 1, token[:, :, None].expand(-1, -1, tokens.shape[2]))


def descend(loss: Tensor, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Update ``model`` by the gradient of ``loss``, clipped to a norm of 1."""
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()


class Framed:
    """Shared parts of both recipes that predict mels: crops of frames of whole sentences."""

    config: Config
    acoustic: Acoustic
    pitch_mean: Tensor
    pitch_spread: Tensor

    def pitch(self, log_hertz: Tensor, gate: Tensor) -> Tensor:
        """Return pitch in the form that the networks take [B, F, 2]."""
        deviation = (log_hertz - self.pitch_mean) / self.pitch_spread
        return torch.stack([deviation * gate, gate], dim=2)

    def frames(self, clips: list[Clip], starts: list[int], size: int) -> tuple[Tensor, ...]:
        """Return predicted mels, hidden frames, true mels and mask [B, size + 2 MARGIN, ...]."""

        def cut(rows: list[Tensor]) -> Tensor:
            """Return the crops with margins, padded with zeros after the end of a clip."""
            pieces = []
            for row, start in zip(rows, starts, strict=True):
                first, last = start - MARGIN, start + size + MARGIN
                piece = row[max(first, 0) : min(last, len(row))]
                ends = (max(-first, 0), max(last - len(row), 0))
                pieces.append(nn.functional.pad(piece, (0, 0) * (row.dim() - 1) + ends))
            return torch.stack(pieces)

        ints, floats = pad([c.ints for c in clips]), pad([c.floats for c in clips])
        tokens = self.acoustic.encoder(ints, floats, mask([c.ints for c in clips]))
        there = cut([torch.ones_like(c.mel[:, :1]) for c in clips])
        pitch = self.pitch(cut([c.log_hertz for c in clips]), cut([c.gate for c in clips]))
        places = cut([c.places for c in clips])
        mel, hidden = self.acoustic(
            spread(tokens, cut([c.token for c in clips])), places, pitch, there
        )
        return mel.float(), hidden, cut([c.mel for c in clips]), there
