"""The inputs of a voice's graph, as Piper exports it (VITS): names, types and shapes.

| input | type and shape | content |
|---|---|---|
| ``input`` | int64 ``[1, n]`` | phoneme ids of one sentence |
| ``input_lengths`` | int64 ``[1]`` | their number, ``n`` |
| ``scales`` | float32 ``[3]`` | noise scale, length scale, noise_w |
| ``sid`` | int64 ``[1]`` | speaker; only in voices of several speakers |

The engine and the graph tools know these names from here alone, so that support for another
architecture begins in this module.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.types import Prosody

PHONEMES: Final = "input"
LENGTH: Final = "input_lengths"
"""A sentence is given alone and whole, so that this input is the number of its phonemes."""
SCALES: Final = "scales"
SPEAKER: Final = "sid"

_TRIAL_NOISE_SCALE: Final = 0.667
_TRIAL_NOISE_W: Final = 0.8


def feed(
    phoneme_ids: Sequence[int], prosody: Prosody, inputs: Collection[str]
) -> dict[str, NDArray[Any]]:
    """Return the inputs of one sentence; the speaker only if it is among the graph's ``inputs``."""
    scales = (prosody.noise_scale, prosody.length_scale, prosody.noise_w)
    made: dict[str, NDArray[Any]] = {
        PHONEMES: np.array([phoneme_ids], np.int64),
        LENGTH: np.array([len(phoneme_ids)], np.int64),
        SCALES: np.array(scales, np.float32),
    }
    if SPEAKER in inputs:
        made[SPEAKER] = np.array([prosody.speaker_id], np.int64)
    return made


def trial_feed(phoneme_ids: Sequence[int], length_scale: float = 1.0) -> dict[str, NDArray[Any]]:
    """Return the inputs of a sentence for a trial run of a graph: the first speaker, usual noise.

    The speaker is always among them; a graph that has no such input must not be given it.
    """
    prosody = Prosody(length_scale, _TRIAL_NOISE_SCALE, _TRIAL_NOISE_W)
    return feed(phoneme_ids, prosody, (SPEAKER,))


def phoneme_count(inputs: Mapping[str, NDArray[Any]]) -> int:
    """Return the number of phonemes in the inputs of a sentence."""
    return inputs[PHONEMES].size


def expected_inputs(inputs: Collection[str], num_speakers: int) -> set[str]:
    """Return the inputs that a voice of ``num_speakers`` must have, given those that it has.

    A voice of one speaker may have the input for speakers, too.
    """
    speaker = {SPEAKER} if num_speakers > 1 or SPEAKER in inputs else set()
    return {PHONEMES, LENGTH, SCALES} | speaker
