"""The cut of a voice's graph into a text stage and frame stages.

The place is found by topology alone. Going backwards from the samples, a node belongs to the frame
stages if its output grows with the speech, its operator has a rule for windows, and all its readers
belong to them. The other nodes are the text stage. The tensors between the two are the *seams*.

If a rule finds that a node depends on more than a window can contain, the node and everything it
depends on move to the text stage, and the cut is tried again. Each attempt excludes one more node,
so the search ends.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Final, NamedTuple

import onnx

from vits_tts.inference.durations import Alignment
from vits_tts.inference.graph.graph import (
    RANDOM,
    UNSEEDABLE,
    Graph,
    NotStreamable,
    attribute,
    branches,
    describe,
    reads,
)
from vits_tts.inference.graph.passes.optimize import fold
from vits_tts.inference.graph.shapes import Tensor, measure
from vits_tts.inference.graph.streaming.alignment import find_alignment
from vits_tts.inference.graph.streaming.clock import find_clock
from vits_tts.inference.graph.streaming.noise_inputs import text_piece
from vits_tts.inference.graph.streaming.operators import RULES
from vits_tts.inference.graph.streaming.overlap import find_stretches
from vits_tts.inference.graph.streaming.rewriter import FILLER, NoStretch, Rewriter
from vits_tts.inference.graph.streaming.stages import halve
from vits_tts.inference.graph.streaming.stream_builder import Blocked
from vits_tts.inference.graph.streaming.verify import a_window, is_faithful
from vits_tts.inference.plan import Plan, Uncut

_WEIGHTED: Final = {"Conv", "ConvTranspose", "MatMul", "Gemm"}
_SHAPE_READERS: Final = {"Shape", "Size", *RANDOM}
_MIN_SHARE: Final = 0.5
"""Minimum share of the work that grows with the speech to be done in windows."""


class Pieces(NamedTuple):
    """The graphs of a voice and their plan. A voice that cannot be cut has no ``frames``."""

    text: onnx.ModelProto
    frames: tuple[onnx.ModelProto, ...]
    plan: Plan | Uncut


def cut(model: onnx.ModelProto, ids: Sequence[int]) -> Pieces:
    """Cut ``model``; ``ids`` are phonemes for the trial runs.

    A model that cannot be cut is returned whole, with its random numbers as inputs if possible.
    """
    graph = Graph(model)
    try:
        tensors = measure(graph, ids)
    except NotStreamable as reason:
        return Pieces(model, (), Uncut(str(reason), ()))
    alignment = find_alignment(graph, tensors, ids)
    try:
        return _cut(graph, tensors, ids, alignment)
    # an unusual graph must not keep the voice from speaking
    except Exception as error:  # noqa: BLE001
        reason_text = (
            str(error) if isinstance(error, NotStreamable) else f"cutting fails: {error!r}"
        )
        told = alignment.outputs if alignment else []
        whole, draws = text_piece(graph, [graph.output, *told], tensors)
        return Pieces(whole, (), Uncut(reason_text, draws, alignment))


def _cut(
    graph: Graph,
    tensors: Mapping[str, Tensor],
    ids: Sequence[int],
    alignment: Alignment | None,
) -> Pieces:
    text, frames, plan = Cutter(graph, tensors, alignment).cut()
    text = fold(text, plan.text_draws, ids)
    stages = halve(frames, plan.states, a_window(text, frames, plan, ids))
    if not is_faithful(graph, tensors, text, stages, plan, ids):
        raise NotStreamable("in windows it sounds different")
    return Pieces(text, stages, plan)


class Cutter:
    """Rewrites the frame stages, excluding one impossible node after another until it succeeds."""

    def __init__(
        self, graph: Graph, tensors: Mapping[str, Tensor], alignment: Alignment | None = None
    ) -> None:
        """Take a graph and the measured properties of its tensors.

        Raises:
            NotStreamable: its random numbers cannot become inputs, or it has no usable clock.

        """
        _check_draws(graph)
        self._graph = graph
        self._tensors = tensors
        self._clock = find_clock(graph, tensors)
        self._alignment = alignment
        self._blocked: dict[str, str] = {}  # the reason for each excluded node, by its first output
        self._banned: set[int] = set()  # the numbers of excluded stretches

    def cut(self) -> tuple[onnx.ModelProto, onnx.ModelProto, Plan]:
        """Return the models of the text stage and of the frame stages, and the plan.

        Raises:
            NotStreamable: too little of the work is left for the frame stages.

        """
        while True:
            region = self._region()
            work = self._work(region)
            self._check_share(work)
            stretches = find_stretches(
                self._graph, region, self._tensors, self._clock, self._banned
            )
            writer = Rewriter(self._graph, self._tensors, self._clock, stretches)
            try:
                if self._written(writer, region):
                    return writer.finish(int(work * self._clock.hop), self._alignment)
            except NoStretch as refused:
                self._banned.add(refused.number)

    def _written(self, writer: Rewriter, region: Sequence[onnx.NodeProto]) -> bool:
        for node in region:
            try:
                writer.write(node)
            except Blocked as reason:
                self._block(node, str(reason))
                return False
        return True

    def _block(self, node: onnx.NodeProto, reason: str) -> None:
        self._blocked[node.output[0]] = f"{describe(node)}: {reason}"

    def _region(self) -> list[onnx.NodeProto]:
        """Return the nodes of the frame stages in graph order."""
        region: set[int] = set()
        for node in reversed(self._graph.ancestors([self._graph.output])):
            if self._in_time(node) and not self._needed_by_text(node, region):
                self._admit(node, region)
        return [node for node in self._graph.nodes if id(node) in region]

    def _admit(self, node: onnx.NodeProto, region: set[int]) -> None:
        if node.op_type not in RULES and node.op_type not in (FILLER, *RANDOM):
            self._block(node, "an operator that is not known to be local in time")
        elif node.op_type not in RANDOM and node.output[0] not in self._blocked:
            region.add(id(node))

    def _in_time(self, node: onnx.NodeProto) -> bool:
        known = (self._tensors.get(name) for name in node.output)
        return any(tensor is not None and tensor.time_axes for tensor in known)

    def _needed_by_text(self, node: onnx.NodeProto, region: set[int]) -> bool:
        """Return whether a node outside the region needs more of an output than its shape."""
        readers = [reader for name in node.output for reader in self._graph.readers[name]]
        return any(
            id(reader) not in region and reader.op_type not in _SHAPE_READERS for reader in readers
        )

    def _work(self, nodes: Sequence[onnx.NodeProto]) -> Fraction:
        """Return the number of multiplications by a weight for each sample in ``nodes``."""
        costs = (self._cost(node) for node in nodes if node.op_type in _WEIGHTED)
        return sum(costs, Fraction(0))

    def _check_share(self, work: Fraction) -> None:
        """Refuse a cut that comes after most of the work, since sound would not start sooner.

        Raises:
            NotStreamable: the frame stages have less than ``_MIN_SHARE`` of the work.

        """
        if work == 0 or work < _MIN_SHARE * self._work(self._graph.nodes):
            raise NotStreamable(self._reason())

    def _reason(self) -> str:
        """Return the reason of the obstacle that is nearest to the samples."""
        for node in reversed(self._graph.nodes):
            if node.output[0] in self._blocked:
                return self._blocked[node.output[0]]
            if self._reduces_time(node):
                return f"{describe(node)}: looks at all frames at once"
        return "no convolution follows the frames"

    def _reduces_time(self, node: onnx.NodeProto) -> bool:
        """Return whether a node reduces all frames to a tensor without an axis of time."""
        makers = [self._graph.producer[name] for name in reads(node) if name in self._tensors]
        in_time = any(map(self._in_time, makers))
        return in_time and not self._in_time(node) and node.op_type not in _SHAPE_READERS

    def _cost(self, node: onnx.NodeProto) -> Fraction:
        """Return the multiplications for each sample of a node; 0 if it has no axis of time."""
        dims = self._tensors[node.output[0]].dims or ()
        rate = next((dim.per_sample for dim in dims if dim and dim.is_time), Fraction(0))
        stride = attribute(node, "strides", [1])[0] if node.op_type == "ConvTranspose" else 1
        return rate * self._weights(node.input[1]) / stride

    def _weights(self, name: str) -> int:
        value = self._graph.value(name)
        if value is not None:
            return value.size
        known = self._tensors.get(name)
        return prod(dim.size or 0 if dim else 0 for dim in known.dims or ()) if known else 0


def _check_draws(graph: Graph) -> None:
    for node in graph.nodes:
        if node.op_type in UNSEEDABLE or any(map(_draws, branches(node))):
            raise NotStreamable(f"{describe(node)}: random numbers that cannot become an input")


def _draws(branch: onnx.GraphProto) -> bool:
    return any(
        node.op_type in RANDOM or node.op_type in UNSEEDABLE or any(map(_draws, branches(node)))
        for node in branch.node
    )
