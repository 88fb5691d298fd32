"""Relative attention that multiplies by the positions there are, not by those that are zero.

Attention relative to a window of ``w`` positions (Shaw et al., https://arxiv.org/abs/1803.02155, as
VITS has it) is exported as products with ``2 n - 1`` positions of which all but ``w`` are zero; to
leave those out halves the part of the work that grows with the square of ``n``.
"""

from typing import Final

import onnx
from onnx import helper

from vits_tts.voice.cutting.draft import OURS, Draft
from vits_tts.voice.cutting.graph import Graph, rebuilt
from vits_tts.voice.cutting.trial import Trial
from vits_tts.voice.plan import Array

_NAME: Final = f"{OURS}attention/"


def relative_attention(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Multiply by the relative positions that there are."""
    draft = Draft(_NAME)
    band = _Band(graph, trial, draft)
    nodes: list[onnx.NodeProto] = []
    for node in graph.nodes:
        nodes += band.instead_of(node) or [node]
    return rebuilt(graph, [*band.sizes(), *nodes], draft.weights)


class _Band:
    """Turns products with ``2 n - 1`` positions into ones with the ``w`` of them that count.

    ``w`` numbers for each phoneme become a band of a square, row ``i``'s in the columns from
    ``i - w // 2``, and back: with rows one longer than they are, each begins one further right.
    """

    def __init__(self, graph: Graph, trial: Trial, draft: Draft) -> None:
        self._numbers, self._weight = draft.numbers, draft.weight
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
        product = [node.input[0], self._weight(positions.T[None, None])]
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
            "MatMul", [few, self._weight(positions[None, None])], list(node.output)
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
        node = helper.make_node
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
