"""Less work for the text's piece: the same result from fewer and smaller operations.

What exporters write node by node is put together again:

* shape arithmetic that comes to the same numbers is done once, or is a constant;
* layer normalisation becomes one operator;
* attention relative to a window of ``w`` positions (Shaw et al., https://arxiv.org/abs/1803.02155,
  as VITS has it) multiplies by the ``w`` positions there are, not by ``2 n - 1`` of which all
  others are zero; that alone halves the part of the work that grows with the square of ``n``.

Each fold is found by what surrounds it and held against the original on sentences of several
lengths; one that changes the result is dropped.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from vits_tts.voice.cutting.graph import RANDOM, Graph, attribute, branches, reads, renamed
from vits_tts.voice.cutting.shapes import show
from vits_tts.voice.plan import Array, TextDraw

_LENGTHS: Final = (1, 2, 3, 5, 8, 13, 21, 34)
_LAWLESS: Final = {"Compress", "NonMaxSuppression", "NonZero", "TopK", "Unique"}
_ALL_BY_VALUE: Final = {"ConstantOfShape", "OneHot", "Range"}
_BY_VALUE: Final = {*_ALL_BY_VALUE, "Expand", "Pad", "Reshape", "Resize", "Slice", "Split", "Tile"}
"""Operators whose outputs' shapes follow from inputs' values, of most from all but the first."""
_SMALL: Final = 16
_TOLERANCE: Final = 1e-4
_NAME: Final = "vits_tts/fold/"


Feed = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one tensor was in each run: its shapes, and its values where it is small."""

    shapes: tuple[tuple[int, ...], ...]
    values: tuple[Array, ...] | None


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


Step = Callable[[Graph, Trial], onnx.ModelProto]


def fold(
    text: onnx.ModelProto,
    draws: Sequence[TextDraw],
    ids: Sequence[int],
    steps: Sequence[Step] | None = None,
) -> onnx.ModelProto:
    """Return ``text`` with what can be folded; ``ids`` are phonemes that it is tried with."""
    graph = Graph(text)
    feeds = _working(graph, [_feed(draws, ids, length) for length in _LENGTHS])
    for step in steps or (same_numbers, layer_norms, relative_attention):
        if not feeds:
            break
        graph = Graph(text)
        folded = step(graph, _try(graph, feeds))
        if _agree(text, folded, feeds):
            text = folded
    return text


def _feed(draws: Sequence[TextDraw], ids: Sequence[int], length: int) -> Feed:
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


def _working(graph: Graph, feeds: Sequence[Feed]) -> list[Feed]:
    """Return the sentences that the voice can say at all."""
    run = show(graph.model, [item.name for item in graph.model.graph.output])
    working = []
    for feed in feeds:
        with suppress(Exception):  # onnxruntime's own exceptions share no base
            run(feed)
            working.append(feed)
    return working


def _try(graph: Graph, feeds: Sequence[Feed]) -> Trial:
    """Return what all tensors were in all runs."""
    names = [name for node in graph.nodes for name in node.output if name]
    run = show(graph.model, names)
    runs = [run(feed) for feed in feeds]
    tensors = {name: _seen([found[name] for found in runs]) for name in names}
    return Trial(tuple(feed["input"].size for feed in feeds), tensors)


def _seen(arrays: Sequence[Array]) -> Seen:
    small = all(array.size <= _SMALL for array in arrays)
    return Seen(tuple(array.shape for array in arrays), tuple(arrays) if small else None)


def _agree(before: onnx.ModelProto, after: onnx.ModelProto, feeds: Sequence[Feed]) -> bool:
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


def same_numbers(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Read one of all tensors that hold the same numbers whatever the length."""
    first: dict[tuple[Any, ...], str] = {}
    instead: dict[str, str] = {}
    constants: list[onnx.TensorProto] = []
    for name in counts_of_phonemes(graph):
        values = trial.tensors[name].values
        if values is None or values[0].dtype.kind not in "iub":
            continue
        key = (values[0].dtype, *((value.shape, value.tobytes()) for value in values))
        instead[name] = first.setdefault(key, name)
        if len(set(key[1:])) == 1 and instead[name] == name:
            constants.append(numpy_helper.from_array(values[0], name))
    fixed = {item.name for item in constants}
    nodes = [
        renamed(node, [instead.get(name, name) for name in node.input])
        for node in graph.nodes
        if not fixed.issuperset(node.output)
    ]
    return _replaced(graph, nodes, constants)


def counts_of_phonemes(graph: Graph) -> list[str]:
    """Return the tensors whose values follow from the number of phonemes alone, in order.

    What says how many elements of something are not zero does not, even if it seems so in every
    trial.
    """
    shapes = {*graph.weights, *graph.inputs}  # tensors whose shapes follow
    values = set(graph.weights)
    counts = []
    for node in graph.nodes:
        inputs = [name for name in node.input if name]
        if node.op_type == "Shape":
            known = inputs[0] in shapes
        else:
            known = values.issuperset(inputs) and node.op_type not in RANDOM
        if known and not any(branches(node)):
            values.update(node.output)
            counts += [name for name in node.output if node.op_type != "Constant"]
        if _keeps_law(node, inputs, shapes, values):
            shapes.update(node.output)
    return counts


def _keeps_law(
    node: onnx.NodeProto, inputs: Sequence[str], shapes: set[str], values: set[str]
) -> bool:
    """Whether the shapes of a node's outputs follow from the number of phonemes."""
    if node.op_type in _LAWLESS or any(branches(node)):
        return False
    if node.op_type in _BY_VALUE:
        data = 0 if node.op_type in _ALL_BY_VALUE else 1
        return shapes.issuperset(inputs[:data]) and values.issuperset(inputs[data:])
    decisive = inputs[:1] if node.op_type.startswith("Scatter") else inputs
    return shapes.issuperset(decisive)


def layer_norms(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Put ``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` over the last axis together."""
    norms = {}
    for node in graph.nodes:
        found = _layer_norm(graph, node, trial)
        if found is not None:
            norms[found.output[0]] = found
    nodes = [norms.get(node.output[0], node) for node in graph.nodes]
    return _replaced(graph, nodes, [])


def _layer_norm(graph: Graph, add: onnx.NodeProto, trial: Trial) -> onnx.NodeProto | None:
    """Walk back from the addition of beta; None where anything else is in the way."""
    scaled, beta = _split(graph, add, "Add")
    normal, gamma = _split(graph, scaled, "Mul")
    if normal is None or normal.op_type != "Div" or beta is None or gamma is None:
        return None
    centred = graph.producer.get(normal.input[0])
    root = graph.producer.get(normal.input[1])
    mean = _maker(graph, centred, "Sub", 1)
    shifted = _maker(graph, root, "Sqrt", 0)
    variance, epsilon = _split(graph, shifted, "Add")
    square = _maker(graph, variance, "ReduceMean", 0)
    if centred is None or mean is None or variance is None or square is None:
        return None
    x = centred.input[0]
    eps = graph.value(epsilon) if epsilon else None
    rank = len(trial.tensors[x].shapes[0]) if x in trial.tensors else 0
    means = (mean, variance)
    over_last = all(
        it.op_type == "ReduceMean" and attribute(it, "axes") in ([-1], [rank - 1]) for it in means
    )
    squares = square.op_type == "Pow" and square.input[0] == centred.output[0]
    if mean.input[0] != x or not over_last or not squares or eps is None or rank == 0:
        return None
    inputs = [x, gamma, beta]
    return helper.make_node(
        "LayerNormalization", inputs, list(add.output), axis=-1, epsilon=float(eps)
    )


def _split(
    graph: Graph, node: onnx.NodeProto | None, op: str
) -> tuple[onnx.NodeProto | None, str | None]:
    """Return the node that makes one operand, and the other operand, which is constant."""
    if node is None or node.op_type != op:
        return None, None
    for made, fixed in (node.input, reversed(node.input)):
        if graph.is_constant(fixed) and made in graph.producer:
            return graph.producer[made], fixed
    return None, None


def _maker(
    graph: Graph, node: onnx.NodeProto | None, op: str, position: int
) -> onnx.NodeProto | None:
    if node is None or node.op_type != op:
        return None
    return graph.producer.get(node.input[position])


def relative_attention(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Multiply by the relative positions that there are."""
    band = _Band(graph, trial)
    nodes: list[onnx.NodeProto] = []
    for node in graph.nodes:
        nodes += band.instead_of(node) or [node]
    return _replaced(graph, [*band.sizes(), *nodes], band.constants)


class _Band:
    """Turns products with ``2 n - 1`` positions into ones with the ``w`` of them that count.

    ``w`` numbers for each phoneme become a band of a square, row ``i``'s in the columns from
    ``i - w // 2``, and back: with rows one longer than they are, each begins one further right.
    """

    def __init__(self, graph: Graph, trial: Trial) -> None:
        self.constants: list[onnx.TensorProto] = []
        self._graph = graph
        self._trial = trial
        self._done: dict[str, list[onnx.NodeProto]] = {}  # the squares of the keys' products
        self._widths: set[int] = set()

    def instead_of(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Return what to compute in place of ``node``; nothing to leave it."""
        if node.output[0] in self._done:
            return self._done[node.output[0]]
        if node.op_type != "MatMul" or not self._graph.is_shape_arithmetic(node.input[1]):
            return []
        positions = self._positions(node.input[1])
        if positions is None:
            return []
        wide = [2 * n - 1 for n in self._trial.lengths]
        shapes = self._trial.tensors[node.input[1]].shapes
        if [shape[-1] for shape in shapes] == wide:
            self._keys(node, positions)
            return []
        if [shape[-2] for shape in shapes] == wide:
            return self._values(node, positions)
        return []

    def sizes(self) -> list[onnx.NodeProto]:
        """Return the nodes that count phonemes, for all bands."""
        if not self._widths:
            return []
        nodes = [
            helper.make_node("Shape", ["input"], [_NAME + "shape"]),
            helper.make_node("Gather", [_NAME + "shape", self._numbers(1)], [_NAME + "n"], axis=0),
        ]
        for width in sorted(self._widths):
            nodes += self._counts(f"{_NAME}{width}.", width)
        return nodes

    def _positions(self, name: str) -> Array | None:
        """Return the learnt positions ``[w, channels]`` that a padded tensor is made of."""
        for node in self._graph.ancestors([name]):
            value = self._graph.value(node.input[0]) if node.op_type == "Pad" else None
            if value is not None and value.ndim >= 2 and value.shape[-2] % 2:  # noqa: PLR2004
                return value.reshape(value.shape[-2:])
        return None

    def _keys(self, node: onnx.NodeProto, positions: Array) -> None:
        """Replace the square that the product is moved to."""
        name = node.output[0]
        while not self._trial.is_square(name):
            readers = [it for it in self._graph.readers[name] if it.op_type != "Shape"]
            if len(readers) != 1 or readers[0].input[0] != name:
                return
            name = readers[0].output[0]
        few = f"{_NAME}{name}.few"
        product = [node.input[0], self._constant(positions.T[None, None])]
        made = helper.make_node("MatMul", product, [few])
        self._done[name] = [made, *self._spread(few, name, len(positions))]

    def _values(self, node: onnx.NodeProto, positions: Array) -> list[onnx.NodeProto]:
        """Replace the product of what a square is moved to."""
        name = node.input[0]
        while not self._trial.is_square(name):
            maker = self._graph.producer[name]
            if not maker.input or maker.input[0] not in self._trial.tensors:
                return []
            name = maker.input[0]
        few = f"{_NAME}{node.output[0]}.few"
        product = helper.make_node(
            "MatMul", [few, self._constant(positions[None, None])], list(node.output)
        )
        return [*self._gathered(name, few, len(positions)), product]

    def _spread(self, few: str, output: str, width: int) -> list[onnx.NodeProto]:
        counts, name = self._use(width), f"{_NAME}{output}"
        half = width // 2
        return [
            helper.make_node("Pad", [few, f"{counts}right"], [f"{name}.a"]),
            helper.make_node("Reshape", [f"{name}.a", self._numbers(0, 0, -1)], [f"{name}.b"]),
            self._slice(f"{name}.b", self._numbers(0), f"{counts}area", 2, f"{name}.c"),
            helper.make_node("Reshape", [f"{name}.c", f"{counts}rows"], [f"{name}.d"]),
            self._slice(f"{name}.d", self._numbers(half), f"{counts}end", 3, output),
        ]

    def _gathered(self, square: str, few: str, width: int) -> list[onnx.NodeProto]:
        counts, name = self._use(width), few
        half = width // 2
        sides = self._numbers(0, 0, 0, half, 0, 0, 0, half)
        return [
            helper.make_node("Pad", [square, sides], [f"{name}.a"]),
            helper.make_node("Reshape", [f"{name}.a", self._numbers(0, 0, -1)], [f"{name}.b"]),
            helper.make_node("Pad", [f"{name}.b", f"{counts}more"], [f"{name}.c"]),
            helper.make_node("Reshape", [f"{name}.c", f"{counts}rows"], [f"{name}.d"]),
            self._slice(f"{name}.d", self._numbers(0), self._numbers(width), 3, few),
        ]

    def _counts(self, name: str, width: int) -> list[onnx.NodeProto]:
        """Return what the two above take: with ``n`` phonemes, rows of ``n + w - 1``."""
        node: Callable[..., onnx.NodeProto] = helper.make_node
        n, zero = _NAME + "n", self._numbers(0)
        return [
            node("Add", [n, self._numbers(width - 1)], [f"{name}row"]),
            node("Mul", [n, f"{name}row"], [f"{name}area"]),
            node("Add", [n, self._numbers(width // 2)], [f"{name}end"]),
            node("Concat", [zero, zero, n, self._numbers(-1)], [f"{name}rows"], axis=0),
            node("Concat", [*[zero] * 7, n], [f"{name}right"], axis=0),
            node("Concat", [*[zero] * 5, n], [f"{name}more"], axis=0),
        ]

    def _slice(self, data: str, start: str, end: str, axis: int, output: str) -> onnx.NodeProto:
        return helper.make_node("Slice", [data, start, end, self._numbers(axis)], [output])

    def _use(self, width: int) -> str:
        self._widths.add(width)
        return f"{_NAME}{width}."

    def _numbers(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _constant(self, value: Array) -> str:
        name = f"{_NAME}constant.{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


def _replaced(
    graph: Graph, nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto]
) -> onnx.ModelProto:
    """Return the graph's model with other nodes, those left out that nobody reads."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    model.graph.initializer.extend(constants)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    kept = Graph(model).ancestors([item.name for item in model.graph.output])
    read = {name for node in kept for name in reads(node)}
    weights = [item for item in model.graph.initializer if item.name in read]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(kept)
    model.graph.initializer.extend(weights)
    return model
