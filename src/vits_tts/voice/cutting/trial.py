"""Trying a text's piece: sentences of several lengths, and what every tensor is in each of them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx

from vits_tts.voice.cutting.graph import Graph
from vits_tts.voice.cutting.shapes import show
from vits_tts.voice.plan import Array, TextDraw

_SMALL: Final = 16
_TOLERANCE: Final = 1e-4

Feed = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one tensor was in each run: its shapes, and its values where it is small.

    ``always`` is what every element was in every run; None if they differed.
    """

    shapes: tuple[tuple[int, ...], ...]
    values: tuple[Array, ...] | None
    always: bool | float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """Runs of a graph: how many phonemes each had, and what every tensor was."""

    lengths: tuple[int, ...]
    tensors: Mapping[str, Seen]

    def is_square(self, name: str) -> bool:
        """Whether a tensor has a row and a column for each phoneme, for each of some heads."""
        squares = [(n, n) for n in self.lengths]
        shapes = self.tensors[name].shapes
        return [shape[2:] for shape in shapes] == squares

    def always(self, name: str) -> bool | float | None:
        """Return what every element of a tensor was in every run; None if they differed."""
        return self.tensors[name].always

    def same_shape(self, name: str, other: str) -> bool:
        """Whether two tensors had the same shapes, as far as that was seen."""
        one, two = self.tensors.get(name), self.tensors.get(other)
        return one is not None and two is not None and one.shapes == two.shapes


def sentence(draws: Sequence[TextDraw], ids: Sequence[int], length: int) -> Feed:
    """Return a sentence of these phonemes in any order: nothing else may tell its length."""
    random = np.random.default_rng(length)
    noise = {
        draw.name: random.standard_normal(draw.per_phoneme * length, np.float32) for draw in draws
    }
    return noise | {
        "input": random.choice(np.array(ids, np.int64), (1, length)),
        "input_lengths": np.array([length], np.int64),
        "scales": np.array([0.667, 1.0, 0.8], np.float32),
        "sid": np.zeros(1, np.int64),
    }


def working(graph: Graph, feeds: Sequence[Feed]) -> list[Feed]:
    """Return the sentences that the voice can say at all."""
    run = show(graph.model, [item.name for item in graph.model.graph.output])
    working = []
    for feed in feeds:
        with suppress(Exception):  # onnxruntime's own exceptions share no base
            run(feed)
            working.append(feed)
    return working


def attempt(graph: Graph, feeds: Sequence[Feed]) -> Trial:
    """Return what all tensors were in all runs."""
    names = [name for node in graph.nodes for name in node.output if name]
    run = show(graph.model, names)
    runs = [run(feed) for feed in feeds]
    tensors = {name: _seen([found[name] for found in runs]) for name in names}
    return Trial(tuple(feed["input"].size for feed in feeds), tensors)


def _seen(arrays: Sequence[Array]) -> Seen:
    small = all(array.size <= _SMALL for array in arrays)
    shapes = tuple(array.shape for array in arrays)
    return Seen(shapes, tuple(arrays) if small else None, _always(arrays))


def _always(arrays: Sequence[Array]) -> bool | float | None:
    """Return the one number that these are full of."""
    if not all(array.size for array in arrays):
        return None
    first = arrays[0].flat[0]
    number: bool | float = first.item()
    return number if all((array == first).all() for array in arrays) else None


def agree(before: onnx.ModelProto, after: onnx.ModelProto, feeds: Sequence[Feed]) -> bool:
    """Whether two models say the same."""
    names = [item.name for item in before.graph.output]
    try:
        runs = show(before, names), show(after, names)
        pairs = [[run(feed) for run in runs] for feed in feeds]
    except Exception:  # noqa: BLE001  # a fold that does not even run
        return False
    return all(
        one[name].shape == other[name].shape
        and np.allclose(one[name], other[name], atol=_TOLERANCE)
        for one, other in pairs
        for name in names
    )
