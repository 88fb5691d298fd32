"""A second cut, of the frame stages into two halves of about the same duration.

One core can run the end of a window while another runs the beginning of the next. That is faster
than sharing each convolution between two cores, which wait for each other at every node.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Final

import onnx
from onnx import helper

from vits_tts.inference.graph.graph import Graph, assemble, element_type, reads
from vits_tts.inference.graph.shapes import show
from vits_tts.inference.plan import Array

_ELEMENT: Final = 10
"""Multiplications of a convolution that take as long as reading and writing one element."""
_LARGEST_SHARE: Final = 0.7
"""Maximum share of the work in the larger half. Above it there is little to gain."""

States = Sequence[tuple[str, str]]


def halve(
    model: onnx.ModelProto, states: States, window: Mapping[str, Array]
) -> tuple[onnx.ModelProto, ...]:
    """Return two models, or ``model`` alone if it has no good place for a cut.

    Each half keeps its own ``states``. The costs follow from the graph and the shapes of
    ``window``, the inputs of an ordinary window, and not from time. So a voice is cut at the same
    place on every machine.
    """
    halver = _Halver(Graph(model), states, window)
    places = halver.places()
    if not places:
        return (model,)
    cost, place = min((halver.cost(place), place) for place in places)
    if cost > _LARGEST_SHARE * halver.whole:
        return (model,)
    return halver.cut(place)


class _Halver:
    """A graph's nodes in order, with their costs. Place ``n`` is the place before node ``n``.

    Nodes that depend on weights only are not counted; each half that reads them gets a copy.
    """

    def __init__(self, graph: Graph, states: States, window: Mapping[str, Array]) -> None:
        self._graph = graph
        self._states = states
        self._nodes = [node for node in graph.nodes if not all(map(graph.is_constant, node.output))]
        names = [name for node in graph.nodes for name in node.output if name]
        self._seen = {**window, **show(graph.model, names)(window)}
        self._made = {name: n for n, node in enumerate(self._nodes) for name in node.output}
        self._read: dict[str, list[int]] = {}
        for number, node in enumerate(self._nodes):
            for name in reads(node):
                self._read.setdefault(name, []).append(number)
        self._costs = list(map(self._cost, self._nodes))
        self.whole = sum(self._costs)

    def places(self) -> list[int]:
        """Return the places where each state is read and written on the same side."""
        spans = [
            sorted((self._made[output], *self._read.get(state, ())))
            for state, output in self._states
        ]
        return [
            place
            for place in range(1, len(self._nodes))
            if not any(span[0] < place <= span[-1] for span in spans)
        ]

    def cost(self, place: int) -> int:
        """Return the cost of the larger half, plus that of the tensors that cross the place."""
        front = sum(self._costs[:place])
        crossing = sum(self._seen[name].size for name in self._crossing(place))
        return max(front, self.whole - front) + _ELEMENT * crossing

    def cut(self, place: int) -> tuple[onnx.ModelProto, onnx.ModelProto]:
        """Return the two halves."""
        crossing = self._crossing(place)
        typed = [
            helper.make_tensor_value_info(name, element_type(self._seen[name].dtype), None)
            for name in crossing
        ]
        front, back = self._nodes[:place], self._nodes[place:]
        return (
            self._model(front, [], [*crossing, *self._kept(front)]),
            self._model(back, typed, [self._graph.output, *self._kept(back)]),
        )

    def _crossing(self, place: int) -> list[str]:
        return [
            name
            for name, made in self._made.items()
            if made < place and self._read.get(name, (-1,))[-1] >= place
        ]

    def _kept(self, nodes: Sequence[onnx.NodeProto]) -> list[str]:
        made = {name for node in nodes for name in node.output}
        return [output for _, output in self._states if output in made]

    def _model(
        self,
        nodes: Sequence[onnx.NodeProto],
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[str],
    ) -> onnx.ModelProto:
        model = self._graph.model
        constants = filter(
            self._graph.is_constant, (name for node in nodes for name in reads(node))
        )
        nodes = [*self._graph.ancestors(constants), *nodes]
        read = {name for node in nodes for name in reads(node)}
        fed = [item for item in model.graph.input if item.name in read]
        weights = [item for item in model.graph.initializer if item.name in read]
        return assemble(model, nodes, [*fed, *inputs], outputs, weights)

    def _cost(self, node: onnx.NodeProto) -> int:
        made = prod(self._shape(node.output[0]))
        match node.op_type:
            case "Conv":
                return made * prod(self._shape(node.input[1])[1:])
            case "ConvTranspose":
                return prod(self._shape(node.input[0])) * prod(self._shape(node.input[1])[1:])
            case "MatMul" | "Gemm":
                return made * self._shape(node.input[0])[-1]
        return made * _ELEMENT

    def _shape(self, name: str) -> tuple[int, ...]:
        weight = self._graph.weights.get(name)
        return tuple(weight.dims) if weight is not None else self._seen[name].shape
