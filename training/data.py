"""Clips in device memory, and batches of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.frontend import COMMA, SPACE
from training.timing import frame_places

BORROWED, JOINED = "borrowed", "joined"
"""Folders in a work folder, with the features of recordings of others and of made sentences."""
STEERING = 40
"""One clip of this number only controls the training."""
SHORTEST_PAUSE = 5  # frames; a shorter one is a closure and belongs to the next phone


@dataclass(frozen=True)
class Clip:
    """One utterance: N tokens, F frames, F times hop samples."""

    name: str
    text: str
    ints: Tensor
    floats: Tensor
    durations: Tensor
    token: Tensor
    places: Tensor
    mel: Tensor
    log_hertz: Tensor
    voiced: Tensor
    gate: Tensor
    audio: Tensor


def tidy(phones: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Return durations whose pauses are at commas where there are some, and are long enough."""
    result = durations.copy()
    for i in range(1, len(phones) - 1):
        if phones[i] == SPACE and phones[i - 1] == COMMA:
            result[i - 1] += result[i]
            result[i] = 0
    for i in range(1, len(phones) - 1):
        if phones[i] in (SPACE, COMMA) and 0 < result[i] < SHORTEST_PAUSE:
            after = next(j for j in range(i + 1, len(phones)) if phones[j] not in (SPACE, COMMA))
            result[after] += result[i]
            result[i] = 0
    return result


def _clip(raw: dict[str, Any], device: torch.device) -> Clip:
    ints = torch.from_numpy(raw["ints"].astype(np.int64))
    durations = torch.from_numpy(tidy(raw["ints"][:, 0], raw["durations"]).astype(np.float32))
    frames = torch.arange(len(raw["mel"]), dtype=torch.float32)
    token, places = frame_places(ints, durations, frames)
    voiced = torch.from_numpy(raw["voiced"])
    # the source may sound a frame longer on both sides: the filter closes it, never opens it
    gate = torch.nn.functional.max_pool1d(voiced[None, None], 3, 1, 1)[0, 0]
    tensors = {
        "ints": ints,
        "floats": torch.from_numpy(raw["floats"]),
        "durations": durations,
        "token": token,
        "places": places,
        "mel": torch.from_numpy(raw["mel"]),
        "log_hertz": torch.log(torch.from_numpy(raw["hertz"])),
        "voiced": voiced,
        "gate": gate,
        "audio": torch.from_numpy(raw["audio"]),
    }
    return Clip(raw["name"], raw["text"], **{k: v.to(device) for k, v in tensors.items()})


def pitch(clips: list[Clip], given: tuple[float, float] | None) -> tuple[Tensor, Tensor]:
    """Return mean and spread of the clips' log F0, or those that are given."""
    spoken = torch.cat([clip.log_hertz[clip.voiced > 0] for clip in clips])
    if given is None:
        return spoken.mean(), spoken.std()
    return spoken.new_tensor(given[0]), spoken.new_tensor(given[1])


def load(work: Path, device: torch.device, held_out: bool, stage: str = "voice") -> list[Clip]:
    """Return the clips that train a stage, or the held-out ones.

    Where there are sentences of joined syllables, everything is learnt from those; where there are
    only borrowed recordings, melody is learnt from these.
    """
    others = (JOINED, BORROWED) if stage == "prosody" else (JOINED,)
    folders = [work / name for name in others if (work / name / "features.pt").exists()]
    folder = folders[0] if folders else work
    clips = torch.load(folder / "features.pt", weights_only=False)
    return [_clip(raw, device) for raw in clips if raw["held_out"] == held_out]


def pad(rows: list[Tensor]) -> Tensor:
    """Return rows of different lengths as one tensor, zeros at the ends."""
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def mask(rows: list[Tensor]) -> Tensor:
    """Return ones [B, longest, 1] where rows have values."""
    return pad([torch.ones(len(row), 1, device=row.device) for row in rows])


def choose(seed: int, step: int, count: int, size: int) -> list[int]:
    """Return ``size`` of ``count`` indices for a step; each epoch contains every index once.

    The result depends only on the arguments, so a resumed run continues with the same batches.
    """
    per_epoch = count // size
    generator = np.random.default_rng((seed, step // per_epoch))
    order = generator.permutation(count)
    start = step % per_epoch * size
    picked: list[int] = order[start : start + size].tolist()
    return picked
