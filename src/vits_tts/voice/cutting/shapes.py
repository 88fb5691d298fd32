"""What every tensor's shape depends on: measured, since exporters' annotations do not say.

The graph is run a few times with sentences of different lengths and tempos, every tensor shown.
A dimension that fits ``per_sample * samples + per_phoneme * phonemes + constant`` in every run is
known; in exact fractions, so that a coincidence hardly passes for a law.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime

from vits_tts.voice.cutting.graph import Graph, Uncuttable
from vits_tts.voice.plan import Array

_RUNS: Final = ((0, 1.0), (0, 2.2), (1, 1.0), (1, 2.2), (0, 3.1))  # which sentence, length_scale
_SMALL: Final = 16
_LOG_FATAL: Final = 4


@dataclass(frozen=True, slots=True)
class Dim:
    """A dimension as a law of the output's samples and the input's phonemes."""

    per_sample: Fraction
    per_phoneme: Fraction
    constant: Fraction

    @classmethod
    def fixed(cls, size: int) -> "Dim":
        """Return a dimension that is always the same."""
        return cls(Fraction(0), Fraction(0), Fraction(size))

    @property
    def is_time(self) -> bool:
        """Whether it grows with the speech."""
        return self.per_sample != 0

    @property
    def size(self) -> int | None:
        """The dimension, if it is always the same."""
        return None if self.per_sample or self.per_phoneme else int(self.constant)


@dataclass(frozen=True, slots=True)
class Tensor:
    """What the runs had in common of one tensor.

    ``dims`` is None where the rank differed, one of them None where it follows no law; ``value``
    is that of a small tensor which was the same in all runs, ``per_phoneme`` the most elements
    that it had for each phoneme, rounded up.
    """

    dims: tuple[Dim | None, ...] | None
    dtype: np.dtype[Any]
    value: Array | None
    per_phoneme: int

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The dimensions that are always the same."""
        return tuple(dim.size if dim else None for dim in self.dims or ())

    @property
    def time_axes(self) -> list[int]:
        """The axes that grow with the speech, or lawlessly."""
        return [axis for axis, dim in enumerate(self.dims or ()) if dim is None or dim.is_time]


@dataclass(frozen=True, slots=True)
class _Seen:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    value: Array | None


def measure(graph: Graph, ids: Sequence[int]) -> dict[str, Tensor]:
    """Return what is known of every tensor that the graph computes from sentences of ``ids``.

    Raises:
        Uncuttable: the runs cannot be made, or do not differ in length.

    """
    sentences = (ids[: max(1, len(ids) // 2)], ids)
    names = [name for node in graph.nodes if node.op_type != "Constant" for name in node.output]
    names = [name for name in names if name]
    try:
        run = show(graph.model, names)
        runs = [_run(run, sentences[which], tempo) for which, tempo in _RUNS]
    except Exception as error:  # noqa: BLE001  # onnxruntime's own exceptions share no base
        raise Uncuttable(f"its tensors cannot be shown: {error}") from None
    samples = [prod(run[graph.output].shape) for run in runs]
    phonemes = [len(sentences[which]) for which, _ in _RUNS]
    if samples[0] == samples[1] or phonemes[0] == phonemes[2]:
        raise Uncuttable("its length does not follow length_scale")
    return {name: _tensor([run[name] for run in runs], samples, phonemes) for name in names}


def show(model: onnx.ModelProto, names: Sequence[str]) -> Callable[..., dict[str, Array]]:
    """Return what runs ``model``, as it stands, and returns these tensors by name.

    It may be fed more than the model takes. A tensor that is a weight is not shown.
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
    feed: dict[str, Array] = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array([0.667, tempo, 0.8], np.float32),
        "sid": np.zeros(1, np.int64),
    }
    return {
        name: _Seen(array.shape, array.dtype, array if array.size <= _SMALL else None)
        for name, array in run(feed).items()
    }


def _tensor(seen: list[_Seen], samples: list[int], phonemes: list[int]) -> Tensor:
    first = seen[0]
    values = [run.value for run in seen]
    same = first.value is not None and all(
        value is not None and np.array_equal(value, first.value) for value in values
    )
    dims = None
    if len({len(run.shape) for run in seen}) == 1:
        sizes = zip(*(run.shape for run in seen), strict=True)
        dims = tuple(_law(list(size), samples, phonemes) for size in sizes)
    sizes_in_all = [prod(run.shape) for run in seen]
    most = max(-(-size // n) for size, n in zip(sizes_in_all, phonemes, strict=True))
    return Tensor(dims, first.dtype, first.value if same else None, most)


def _law(sizes: list[int], samples: list[int], phonemes: list[int]) -> Dim | None:
    """Fit the law to the first three runs that determine it, and hold it against all."""
    per_sample = Fraction(sizes[1] - sizes[0], samples[1] - samples[0])
    rest = [size - per_sample * n for size, n in zip(sizes, samples, strict=True)]
    per_phoneme = (rest[2] - rest[0]) / (phonemes[2] - phonemes[0])
    constant = rest[0] - per_phoneme * phonemes[0]
    law = [per_phoneme * n + constant for n in phonemes]
    return Dim(per_sample, per_phoneme, constant) if law == rest else None
