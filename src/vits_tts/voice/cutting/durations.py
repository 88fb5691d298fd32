"""How long each phoneme lasts: found among what the graph computes, by what the numbers say.

VITS rounds a duration up for each phoneme, and their sum is the number of frames. Other graphs
write down for each frame which token it belongs to, and which phonemes the tokens are. Whatever a
tensor is called, it is taken for one of these only if it fits in every sentence of a trial.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Final, NamedTuple

import numpy as np

from vits_tts.voice.cutting.clock import find_clock
from vits_tts.voice.cutting.graph import Graph, assemble
from vits_tts.voice.cutting.shapes import Dim, Tensor, show
from vits_tts.voice.durations import Alignment
from vits_tts.voice.plan import Array

_TRIALS: Final = ((1.0, 1), (2.2, 1), (3.1, 2))  # length_scale, of how many halves of the sentence


class _Trial(NamedTuple):
    phonemes: int
    frames: int
    rows: Mapping[str, Array]


def find_alignment(
    graph: Graph, tensors: Mapping[str, Tensor], ids: Sequence[int]
) -> Alignment | None:
    """Return where ``graph`` says how long its phonemes last; None if it does not.

    ``ids`` are a sentence of different phonemes to try it with, the marks at its ends included.
    """
    try:
        hop = find_clock(graph, tensors).hop
        return next(_alignments(graph, tensors, ids, hop), None)
    except Exception:  # noqa: BLE001  # whatever an exporter wrote: a voice without is no fault
        return None


def _alignments(
    graph: Graph, tensors: Mapping[str, Tensor], ids: Sequence[int], hop: int
) -> Iterator[Alignment]:
    """Yield all that fit, the plainest and what is nearest to the frames first."""
    each_frame = Dim(Fraction(1, hop), Fraction(0), Fraction(0))
    each_phoneme = Dim(Fraction(0), Fraction(1), Fraction(0))
    in_time = [name for name, tensor in tensors.items() if each_frame in (tensor.dims or ())]
    rows = {name: length for name, tensor in tensors.items() for length in _lengths(tensor)}
    whole = {name: length for name, length in rows.items() if tensors[name].dtype.kind == "i"}
    counts = [name for name, length in rows.items() if length == each_phoneme]
    owners = [name for name, length in whole.items() if length == each_frame]
    places = [name for name, length in whole.items() if not (length and length.is_time)]
    candidates = [
        *(Alignment(hop, counts=name) for name in reversed(counts)),
        *(Alignment(hop, owners=name) for name in reversed(owners)),
        *(Alignment(hop, owners=name, places=of) for name, of in product(owners[::-1], places)),
    ]
    for clock in in_time[:1] if candidates else ():
        trials = _tried(graph, tensors, [*counts, *owners, *places], clock, ids, hop)
        yield from (found for found in candidates if all(_fits(found, trial) for trial in trials))


def _tried(
    graph: Graph,
    tensors: Mapping[str, Tensor],
    names: Sequence[str],
    clock: str,
    ids: Sequence[int],
    hop: int,
) -> list[_Trial]:
    """Say the sentence and half of it at several tempos, as far as ``names`` need it."""
    wanted = list(dict.fromkeys([*names, clock]))
    inputs = [item for item in graph.model.graph.input if item.name not in graph.weights]
    weights = list(graph.weights.values())
    run = show(assemble(graph.model, graph.ancestors(wanted), inputs, wanted, weights), wanted)
    axis = next(n for n, dim in enumerate(tensors[clock].dims or ()) if _rate(dim) * hop == 1)
    trials = []
    for tempo, halves in _TRIALS:
        said = [*ids[: len(ids) * halves // 2 - 1], ids[-1]]
        made = run(
            {
                "input": np.array([said], np.int64),
                "input_lengths": np.array([len(said)], np.int64),
                "scales": np.array([0.667, tempo, 0.8], np.float32),
                "sid": np.zeros(1, np.int64),
            }
        )
        trials.append(_Trial(len(said), made[clock].shape[axis], made))
    return trials


def _fits(alignment: Alignment, trial: _Trial) -> bool:
    """Whether it gives each frame to a phoneme, from the first phoneme to the last."""
    durations = alignment.frames(trial.rows, trial.phonemes)
    if durations is None or durations.sum() != trial.frames:
        return False
    return bool(durations[0] and durations[-1])


def _lengths(tensor: Tensor) -> list[Dim | None]:
    """Return how many elements there are, if all stand in one row and not always as many."""
    lengths = [dim for dim in tensor.dims or () if dim != Dim.fixed(1)]
    known = len(lengths) == 1 and (lengths[0] is None or lengths[0].size is None)
    return lengths if known else []


def _rate(dim: Dim | None) -> Fraction:
    return dim.per_sample if dim else Fraction(0)
