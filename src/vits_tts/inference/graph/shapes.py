"""Shapes of all tensors as functions of the speech's length, found by measurement.

The annotations of exporters do not contain this. So the graph runs a few times, with sentences of
different lengths and tempos, and records every tensor. A dimension is known if it equals
``per_sample * samples + per_phoneme * phonemes + constant`` in all runs. Exact fractions make a
coincidence unlikely.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime

from vits_tts.inference.feed import trial_feed
from vits_tts.inference.graph.graph import Graph, NotStreamable
from vits_tts.inference.plan import Array

# index of the sentence, length_scale
_RUNS: Final = ((0, 1.0), (0, 2.2), (1, 1.0), (1, 2.2), (0, 3.1))
_SMALL: Final = 16
_LOG_FATAL: Final = 4


@dataclass(frozen=True, slots=True)
class Dim:
    """A dimension as a linear function of the output's samples and the input's phonemes."""

    per_sample: Fraction
    per_phoneme: Fraction
    constant: Fraction

    @classmethod
    def fixed(cls, size: int) -> "Dim":
        """Return a dimension of constant size."""
        return cls(Fraction(0), Fraction(0), Fraction(size))

    @property
    def is_time(self) -> bool:
        """True if the dimension grows with the speech."""
        return self.per_sample != 0

    @property
    def size(self) -> int | None:
        """The constant size of the dimension, or None."""
        return None if self.per_sample or self.per_phoneme else int(self.constant)


@dataclass(frozen=True, slots=True)
class Tensor:
    """The properties that a tensor had in all runs.

    - ``dims``: its dimensions; None if the rank differed. A dimension that fits no function is
      None.
    - ``value``: the value of a small tensor that was the same in all runs.
    - ``per_phoneme``: the maximum number of elements for each phoneme, rounded up.
    """

    dims: tuple[Dim | None, ...] | None
    dtype: np.dtype[Any]
    value: Array | None
    per_phoneme: int

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The constant sizes; None for other dimensions."""
        return tuple(dim.size if dim else None for dim in self.dims or ())

    @property
    def time_axes(self) -> list[int]:
        """The axes that grow with the speech, or whose size fits no function."""
        return [axis for axis, dim in enumerate(self.dims or ()) if dim is None or dim.is_time]


@dataclass(frozen=True, slots=True)
class _Seen:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    value: Array | None


def measure(graph: Graph, ids: Sequence[int]) -> dict[str, Tensor]:
    """Return the properties of every tensor, measured with sentences of ``ids``.

    Raises:
        NotStreamable: the graph does not run, or the length of its output never changes.

    """
    sentences = (ids[: max(1, len(ids) // 2)], ids)
    names = [name for node in graph.nodes if node.op_type != "Constant" for name in node.output]
    names = [name for name in names if name]
    try:
        run = show(graph.model, names)
        runs = [_run(run, sentences[which], tempo) for which, tempo in _RUNS]
    except Exception as error:  # noqa: BLE001  # onnxruntime's exceptions have no common base class
        raise NotStreamable(f"its tensors cannot be measured: {error}") from None
    samples = [prod(run[graph.output].shape) for run in runs]
    phonemes = [len(sentences[which]) for which, _ in _RUNS]
    if samples[0] == samples[1] or phonemes[0] == phonemes[2]:
        raise NotStreamable("its length does not follow length_scale")
    laws = _Laws(samples, phonemes)
    return {name: _tensor([run[name] for run in runs], laws) for name in names}


def show(model: onnx.ModelProto, names: Sequence[str]) -> Callable[..., dict[str, Array]]:
    """Return a function that runs ``model`` without optimisation and returns tensors by name.

    The function ignores inputs that the model does not have. Weights among ``names`` are left out.
    """
    weights = {item.name for item in model.graph.initializer}
    names = [name for name in names if name not in weights]
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = _LOG_FATAL
    # these runs are short, and threads that spin between their operators cost more than they gain
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        shown.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {item.name for item in session.get_inputs()}

    def run(feed: Mapping[str, Array]) -> dict[str, Array]:
        fed = {name: array for name, array in feed.items() if name in wanted}
        return dict(zip(names, map(np.asarray, session.run(names, fed)), strict=True))

    return run


def _run(
    run: Callable[..., dict[str, Array]], ids: Sequence[int], tempo: float
) -> dict[str, _Seen]:
    return {
        name: _Seen(array.shape, array.dtype, array if array.size <= _SMALL else None)
        for name, array in run(trial_feed(ids, tempo)).items()
    }


class _Laws(dict[tuple[int, ...], Dim | None]):
    """The linear function of a dimension by its sizes in all runs; None if there is no function.

    Three runs determine the coefficients, and all runs have to agree with them. Most dimensions of
    a graph have the same sizes as another one, so each function is computed once.
    """

    def __init__(self, samples: list[int], phonemes: list[int]) -> None:
        super().__init__()
        self.samples = samples
        self.phonemes = phonemes

    def __missing__(self, sizes: tuple[int, ...]) -> Dim | None:
        """Compute the function of a dimension."""
        samples, phonemes = self.samples, self.phonemes
        # Runs 0 and 1 have the same phonemes, and runs 0 and 2 the same length_scale; see _RUNS.
        per_sample = Fraction(sizes[1] - sizes[0], samples[1] - samples[0])
        rest = [size - per_sample * n for size, n in zip(sizes, samples, strict=True)]
        per_phoneme = (rest[2] - rest[0]) / (phonemes[2] - phonemes[0])
        constant = rest[0] - per_phoneme * phonemes[0]
        law = [per_phoneme * n + constant for n in phonemes]
        self[sizes] = Dim(per_sample, per_phoneme, constant) if law == rest else None
        return self[sizes]


def _tensor(seen: list[_Seen], laws: _Laws) -> Tensor:
    first = seen[0]
    values = [run.value for run in seen]
    same = first.value is not None and all(
        value is not None and np.array_equal(value, first.value) for value in values
    )
    dims = None
    if len({len(run.shape) for run in seen}) == 1:
        dims = tuple(laws[sizes] for sizes in zip(*(run.shape for run in seen), strict=True))
    sizes_in_all = [prod(run.shape) for run in seen]
    most = max(-(-size // n) for size, n in zip(sizes_in_all, laws.phonemes, strict=True))
    return Tensor(dims, first.dtype, first.value if same else None, most)
