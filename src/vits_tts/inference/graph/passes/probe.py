"""Trial runs of a text stage with sentences of several lengths, recording every tensor."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx

from vits_tts.inference.feed import phoneme_count, trial_feed
from vits_tts.inference.graph.graph import Graph
from vits_tts.inference.graph.shapes import show
from vits_tts.inference.plan import Array, TextDraw

_SMALL: Final = 16
_TOLERANCE: Final = 1e-4

Feed = Mapping[str, Array]
Outputs = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Seen:
    """The observations of one tensor: its shape in each run, and its values if it is small.

    ``always`` is the value of all elements in all runs; None if they differ.
    """

    shapes: tuple[tuple[int, ...], ...]
    values: tuple[Array, ...] | None
    always: bool | float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """The observations of all runs: the numbers of phonemes, and every tensor by its name."""

    lengths: tuple[int, ...]
    tensors: Mapping[str, Seen]

    def is_square(self, name: str) -> bool:
        """Return whether a tensor is ``[batch, heads, n, n]`` for ``n`` phonemes in every run."""
        squares = [(n, n) for n in self.lengths]
        shapes = self.tensors[name].shapes
        return [shape[2:] for shape in shapes] == squares

    def always(self, name: str) -> bool | float | None:
        """Return the value of all elements of a tensor in all runs; None if they differ."""
        return self.tensors[name].always

    def same_shape(self, name: str, other: str) -> bool:
        """Return whether two tensors had the same shapes in all runs; False if one was not seen."""
        one, two = self.tensors.get(name), self.tensors.get(other)
        return one is not None and two is not None and one.shapes == two.shapes


def sentence(draws: Sequence[TextDraw], ids: Sequence[int], length: int) -> Feed:
    """Return inputs with ``length`` random phonemes of ``ids``.

    They are random so that no tensor depends on the length by accident.
    """
    random = np.random.default_rng(length)
    noise = {
        draw.name: random.standard_normal(draw.per_phoneme * length, np.float32) for draw in draws
    }
    return noise | trial_feed(random.choice(np.array(ids, np.int64), length).tolist())


def working(graph: Graph, feeds: Sequence[Feed]) -> list[tuple[Feed, Outputs]]:
    """Return the inputs with which the graph runs without an error, each with the outputs."""
    run = show(graph.model, [item.name for item in graph.model.graph.output])
    working: list[tuple[Feed, Outputs]] = []
    for feed in feeds:
        with suppress(Exception):  # onnxruntime's exceptions have no common base class
            working.append((feed, run(feed)))
    return working


def attempt(graph: Graph, feeds: Sequence[Feed]) -> Trial:
    """Run the graph with all inputs and return the observations of all tensors."""
    names = [name for node in graph.nodes for name in node.output if name]
    run = show(graph.model, names)
    runs = [run(feed) for feed in feeds]
    tensors = {name: _seen([found[name] for found in runs]) for name in names}
    return Trial(tuple(phoneme_count(feed) for feed in feeds), tensors)


def _seen(arrays: Sequence[Array]) -> Seen:
    small = all(array.size <= _SMALL for array in arrays)
    shapes = tuple(array.shape for array in arrays)
    return Seen(shapes, tuple(arrays) if small else None, _always(arrays))


def _always(arrays: Sequence[Array]) -> bool | float | None:
    """Return the number to which all elements of the arrays are equal, or None."""
    if not all(array.size for array in arrays):
        return None
    first = arrays[0].flat[0]
    number: bool | float = first.item()
    return number if all((array == first).all() for array in arrays) else None


def agrees(model: onnx.ModelProto, expected: Sequence[tuple[Feed, Outputs]]) -> bool:
    """Return whether a model has the expected outputs, within rounding, for all inputs."""
    names = [item.name for item in model.graph.output]
    try:
        run = show(model, names)
        found = [run(feed) for feed, _ in expected]
    except Exception:  # noqa: BLE001  # the changed model does not even run
        return False
    return all(
        one.keys() == other.keys()
        and all(
            one[name].shape == other[name].shape
            and np.allclose(other[name], one[name], atol=_TOLERANCE)
            for name in one
        )
        for (_, one), other in zip(expected, found, strict=True)
    )
