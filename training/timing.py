"""Find for each frame its token and its position in that token."""

import torch
from torch import Tensor

NUM_PLACES = 8


def frame_places(ints: Tensor, durations: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Return each frame's token [F] and its place [F, 8], for one utterance.

    ``ints`` [N, 10] are the tokens' integers, ``durations`` [N] whole frames (float), ``frames``
    [F] the frames' numbers (float). A place holds the fractions of the token and of the syllable
    that have passed, both lengths' logarithms, and distances to their ends in tenths of a second.
    """
    ends = torch.cumsum(durations, 0)
    token = torch.sum((ends[None, :] <= frames[:, None]).long(), 1)
    token = torch.clamp(token, max=ints.shape[0] - 1)
    syllable = ints[:, 9]
    # a break shares its number with the syllable after it, but does not belong to it
    own = (ints[:, 2] > 0).long()
    key = syllable * 2 + own
    same = (key[:, None] == key[None, :]).float()
    length = torch.matmul(same, durations[:, None])[:, 0]
    before = torch.cumsum(torch.ones_like(durations), 0)
    earlier = same * (before[None, :] < before[:, None]).float()
    offset = torch.matmul(earlier, durations[:, None])[:, 0]

    starts = ends - durations
    passed = frames - starts[token] + 0.5
    size = torch.clamp(durations[token], min=1.0)
    whole = torch.clamp(length[token], min=1.0)
    inside = passed + offset[token]
    places = torch.stack(
        [
            passed / size,
            torch.log(size) - 2.0,
            inside / whole,
            torch.log(whole) - 3.0,
            torch.clamp(passed, max=30.0) / 10.0,
            torch.clamp(size - passed, max=30.0) / 10.0,
            torch.clamp(inside, max=60.0) / 10.0,
            torch.clamp(whole - inside, max=60.0) / 10.0,
        ],
        dim=1,
    )
    return token, places
