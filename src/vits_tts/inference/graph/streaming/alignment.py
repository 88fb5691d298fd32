"""Search for the tensors that contain the durations of phonemes.

VITS computes a number of frames for each phoneme, and their sum is the number of frames. Other
graphs compute for each frame the token it belongs to, and for each token its phoneme. Names say
nothing reliable, so a tensor is accepted only if its values fit in every trial sentence.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Final, NamedTuple

from vits_tts.inference.durations import Alignment
from vits_tts.inference.feed import trial_feed
from vits_tts.inference.graph.graph import Graph, assemble
from vits_tts.inference.graph.shapes import Dim, Tensor, show
from vits_tts.inference.graph.streaming.clock import find_clock
from vits_tts.inference.plan import Array

# length_scale, and how many halves of the sentence are run
_TRIALS: Final = ((1.0, 1), (2.2, 1), (3.1, 2))


class _Trial(NamedTuple):
    phonemes: int
    frames: int
    rows: Mapping[str, Array]


def find_alignment(
    graph: Graph, tensors: Mapping[str, Tensor], ids: Sequence[int]
) -> Alignment | None:
    """Return the outputs of ``graph`` that contain durations, or None.

    ``ids`` are a sentence of different phonemes for the trials, with the symbols at its ends.
    """
    try:
        hop = find_clock(graph, tensors).hop
        return next(_alignments(graph, tensors, ids, hop), None)
    # durations are optional, so no error of an unusual graph matters
    except Exception:  # noqa: BLE001
        return None


def _alignments(
    graph: Graph, tensors: Mapping[str, Tensor], ids: Sequence[int], hop: int
) -> Iterator[Alignment]:
    """Yield all candidates that fit: simple forms and tensors near the samples first."""
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
    """Run the whole sentence and half of it at several tempos, and return the tensors ``names``.

    Only the nodes that ``names`` depend on are run.
    """
    wanted = list(dict.fromkeys([*names, clock]))
    inputs = [item for item in graph.model.graph.input if item.name not in graph.weights]
    weights = list(graph.weights.values())
    run = show(assemble(graph.model, graph.ancestors(wanted), inputs, wanted, weights), wanted)
    axis = next(n for n, dim in enumerate(tensors[clock].dims or ()) if _rate(dim) * hop == 1)
    trials = []
    for tempo, halves in _TRIALS:
        said = [*ids[: len(ids) * halves // 2 - 1], ids[-1]]
        made = run(trial_feed(said, tempo))
        trials.append(_Trial(len(said), made[clock].shape[axis], made))
    return trials


def _fits(alignment: Alignment, trial: _Trial) -> bool:
    """Return whether the durations cover all frames, from the first phoneme to the last."""
    durations = alignment.frames(trial.rows, trial.phonemes)
    if durations is None or durations.sum() != trial.frames:
        return False
    return bool(durations[0] and durations[-1])


def _lengths(tensor: Tensor) -> list[Dim | None]:
    """Return the one dimension of a tensor that is not constant, in a list; else an empty list."""
    lengths = [dim for dim in tensor.dims or () if dim != Dim.fixed(1)]
    known = len(lengths) == 1 and (lengths[0] is None or lengths[0].size is None)
    return lengths if known else []


def _rate(dim: Dim | None) -> Fraction:
    return dim.per_sample if dim else Fraction(0)
