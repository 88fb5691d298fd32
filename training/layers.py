"""Building blocks of all networks."""

import torch
from torch import Tensor, nn

from training.frontend import NUM_MARKS, NUM_POSITIONS, NUM_TONES
from training.phonemes import NUM_SYMBOLS


class ConvNeXt(nn.Module):
    """A residual block on [B, T, C]: depthwise convolution, then two layers on each frame."""

    def __init__(self, size: int, widening: int = 3, kernel: int = 7, dropout: float = 0.0) -> None:
        """Create a block that starts close to the identity."""
        super().__init__()
        self.mix = nn.Conv1d(size, size, kernel, padding=kernel // 2, groups=size)
        self.norm = nn.LayerNorm(size)
        self.widen = nn.Linear(size, widening * size)
        self.narrow = nn.Linear(widening * size, size)
        self.scale = nn.Parameter(torch.full((size,), 0.2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return [B, T, C]; ``mask`` [B, T, 1] hides positions beyond an utterance's end."""
        y = x if mask is None else x * mask
        y = self.mix(y.transpose(1, 2)).transpose(1, 2)
        y = self.narrow(nn.functional.gelu(self.widen(self.norm(y)), approximate="tanh"))
        changed: Tensor = x + self.dropout(self.scale * y)
        return changed


class TextEncoder(nn.Module):
    """Encode tokens as vectors by convolutions over about four syllables on each side."""

    def __init__(self, size: int, blocks: int, dropout: float) -> None:
        """Create embeddings for every integer column, and ``blocks`` blocks."""
        super().__init__()
        counts = (NUM_SYMBOLS, NUM_MARKS, NUM_TONES, 3, NUM_TONES, NUM_TONES, 8, 8, 2)
        tables = [nn.Embedding(count, size) for count in counts]
        for table in tables:
            nn.init.normal_(table.weight, std=0.3)
        self.embeddings = nn.ModuleList(tables)
        self.positions = nn.Linear(NUM_POSITIONS, size)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(ConvNeXt(size, 3, 7, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(size)

    def forward(self, ints: Tensor, floats: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return [B, N, size] for ``ints`` [B, N, 10] and ``floats`` [B, N, 6]."""
        x = self.positions(floats)
        for column, embedding in enumerate(self.embeddings):
            x = x + embedding(ints[:, :, column])
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, mask)
        y: Tensor = self.norm(x)
        return y
