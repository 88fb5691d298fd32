"""A pass that removes multiplications by zero from relative attention.

Relative attention (Shaw et al., https://arxiv.org/abs/1803.02155) in VITS considers ``w`` relative
positions. Exporters write it as matrix products with ``2 n - 1`` positions for ``n`` phonemes, of
which all but ``w`` are zero. Without these zeros the work that grows with the square of ``n`` is
halved.
"""

from typing import Final

import onnx
from onnx import helper

from vits_tts.inference.feed import PHONEMES
from vits_tts.inference.graph.builder import OURS, GraphBuilder
from vits_tts.inference.graph.graph import Graph, rebuilt
from vits_tts.inference.graph.passes.probe import Trial
from vits_tts.inference.plan import Array

_NAME: Final = f"{OURS}attention/"


def relative_attention(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Replace the products with padded relative positions by products with ``w`` positions."""
    draft = GraphBuilder(_NAME)
    band = _Band(graph, trial, draft)
    nodes: list[onnx.NodeProto] = []
    for node in graph.nodes:
        nodes += band.instead_of(node) or [node]
    return rebuilt(graph, [*band.sizes(), *nodes], draft.weights)


class _Band:
    """Replaces products with ``2 n - 1`` relative positions by products with the ``w`` nearest.

    A product with ``w`` positions gives ``[n, w]``. It has to become the band of a matrix ``[n,
    n]``: row ``i`` has its ``w`` values in the columns from ``i - w // 2``. The skewing needs no
    index arithmetic: pad each row to ``n + w`` columns, flatten, drop the last ``n`` values, and
    reshape to rows of ``n + w - 1``. Each row now begins one value earlier than the row above,
    which moves its content one column to the right. The opposite direction undoes these steps.
    """

    def __init__(self, graph: Graph, trial: Trial, draft: GraphBuilder) -> None:
        self._numbers, self._weight = draft.numbers, draft.weight
        self._graph = graph
        self._trial = trial
        # the nodes that compute each matrix [n, n] of a product of keys, by its name
        self._done: dict[str, list[onnx.NodeProto]] = {}
        self._widths: set[int] = set()

    def instead_of(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Return the nodes that replace ``node``, or none to keep it."""
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
        """Return the nodes that compute the sizes of all bands from the number of phonemes."""
        if not self._widths:
            return []
        nodes = [
            helper.make_node("Shape", [PHONEMES], [_NAME + "shape"]),
            helper.make_node("Gather", [_NAME + "shape", self._numbers(1)], [_NAME + "n"], axis=0),
        ]
        for width in sorted(self._widths):
            nodes += self._counts(f"{_NAME}{width}.", width)
        return nodes

    def _positions(self, name: str) -> Array | None:
        """Return the learnt positions, ``[w, channels]``, of a padded tensor; None if not found."""
        for node in self._graph.ancestors([name]):
            value = self._graph.value(node.input[0]) if node.op_type == "Pad" else None
            if value is not None and value.ndim >= 2 and value.shape[-2] % 2:  # noqa: PLR2004
                return value.reshape(value.shape[-2:])
        return None

    def _keys(self, node: onnx.NodeProto, positions: Array) -> None:
        """Replace the ``[n, n]`` matrix into which the exported graph moves a product of keys."""
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
        """Return the nodes for a product of weights and relative values; none if it is another one.

        The exported graph computes the input of the product from a tensor of shape ``[n, n]``.
        """
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
        """Return the nodes that place ``[n, w]`` as a band of ``[n, n]``; see the class."""
        counts, name = self._use(width), f"{_NAME}{output}"
        half = width // 2
        # [n, w] -> rows of n + w -> one row, without the last n -> rows of n + w - 1 -> [n, n]
        return [
            helper.make_node("Pad", [few, f"{counts}right"], [f"{name}.a"]),
            helper.make_node("Reshape", [f"{name}.a", self._numbers(0, 0, -1)], [f"{name}.b"]),
            self._slice(f"{name}.b", self._numbers(0), f"{counts}area", 2, f"{name}.c"),
            helper.make_node("Reshape", [f"{name}.c", f"{counts}rows"], [f"{name}.d"]),
            self._slice(f"{name}.d", self._numbers(half), f"{counts}end", 3, output),
        ]

    def _gathered(self, square: str, few: str, width: int) -> list[onnx.NodeProto]:
        """Return the nodes that take the band ``[n, w]`` out of ``[n, n]``; see the class."""
        counts, name = self._use(width), few
        half = width // 2
        # [n, n] -> rows of n + w - 1 -> one row, with n more at its end -> rows of n + w -> [n, w]
        sides = self._numbers(0, 0, 0, half, 0, 0, 0, half)
        return [
            helper.make_node("Pad", [square, sides], [f"{name}.a"]),
            helper.make_node("Reshape", [f"{name}.a", self._numbers(0, 0, -1)], [f"{name}.b"]),
            helper.make_node("Pad", [f"{name}.b", f"{counts}more"], [f"{name}.c"]),
            helper.make_node("Reshape", [f"{name}.c", f"{counts}rows"], [f"{name}.d"]),
            self._slice(f"{name}.d", self._numbers(0), self._numbers(width), 3, few),
        ]

    def _counts(self, name: str, width: int) -> list[onnx.NodeProto]:
        """Return nodes for the sizes that ``_spread`` and ``_gathered`` use."""
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
