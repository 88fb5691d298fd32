"""Cut a voice's graph in two where what follows can be made window by window.

Found by topology alone. Backwards from the samples, every node belongs to the frames whose output
grows with the speech, whose operator can be done window by window, and whose readers all do; what
is left, up to the durations, is the text's. Tensors that lie between them are the seam. A node
that turns out to look at more than a window can know is the text's as well, and so is all that it
reads: the cut is then tried again without it.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Final, NamedTuple

import onnx

from vits_tts.voice.cutting.clock import find_clock
from vits_tts.voice.cutting.draws import text_piece
from vits_tts.voice.cutting.durations import find_alignment
from vits_tts.voice.cutting.emitter import Blocked
from vits_tts.voice.cutting.fold import fold
from vits_tts.voice.cutting.graph import (
    RANDOM,
    UNSEEDABLE,
    Graph,
    Uncuttable,
    attribute,
    branches,
    describe,
    reads,
)
from vits_tts.voice.cutting.halves import halve
from vits_tts.voice.cutting.operators import RULES
from vits_tts.voice.cutting.overlap import find_stretches
from vits_tts.voice.cutting.shapes import Tensor, measure
from vits_tts.voice.cutting.verify import a_window, is_faithful
from vits_tts.voice.cutting.writer import FILLER, NoStretch, Writer
from vits_tts.voice.durations import Alignment
from vits_tts.voice.plan import Plan, Uncut

_WEIGHTED: Final = {"Conv", "ConvTranspose", "MatMul", "Gemm"}
_SHAPE_READERS: Final = {"Shape", "Size", *RANDOM}
_MIN_SHARE: Final = 0.5
"""Of the work that grows with the speech, what has to follow the seam to be worth it."""


class Pieces(NamedTuple):
    """A cut voice: its graphs and how to feed them; an uncut one has no ``frames``."""

    text: onnx.ModelProto
    frames: tuple[onnx.ModelProto, ...]
    plan: Plan | Uncut


def cut(model: onnx.ModelProto, ids: Sequence[int]) -> Pieces:
    """Cut ``model``; ``ids`` are phonemes that it is tried with.

    A model without a seam comes back whole, its random numbers drawn outside if that can be done.
    """
    graph = Graph(model)
    try:
        tensors = measure(graph, ids)
    except Uncuttable as reason:
        return Pieces(model, (), Uncut(str(reason), ()))
    alignment = find_alignment(graph, tensors, ids)
    try:
        return _cut(graph, tensors, ids, alignment)
    except Exception as error:  # noqa: BLE001  # whatever an exporter wrote, the voice speaks
        why = str(error) if isinstance(error, Uncuttable) else f"cutting fails: {error!r}"
        told = alignment.outputs if alignment else []
        whole, draws = text_piece(graph, [graph.output, *told], tensors)
        return Pieces(whole, (), Uncut(why, draws, alignment))


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
        raise Uncuttable("in windows it sounds different")
    return Pieces(text, stages, plan)


class Cutter:
    """Tries to write the frames' graph, and takes out what cannot be done, until it can."""

    def __init__(
        self, graph: Graph, tensors: Mapping[str, Tensor], alignment: Alignment | None = None
    ) -> None:
        """Take a graph and what was measured of it.

        Raises:
            Uncuttable: its random numbers or its samples stand in the way.

        """
        _check_draws(graph)
        self._graph = graph
        self._tensors = tensors
        self._clock = find_clock(graph, tensors)
        self._alignment = alignment
        self._blocked: dict[str, str] = {}  # first output to reason
        self._banned: set[int] = set()  # stretches

    def cut(self) -> tuple[onnx.ModelProto, onnx.ModelProto, Plan]:
        """Return the text's model, the frames' and the plan.

        Raises:
            Uncuttable: too little is left for the frames.

        """
        while True:
            region = self._region()
            work = self._work(region)
            self._check_share(work)
            stretches = find_stretches(
                self._graph, region, self._tensors, self._clock, self._banned
            )
            writer = Writer(self._graph, self._tensors, self._clock, stretches)
            try:
                if self._written(writer, region):
                    return writer.finish(int(work * self._clock.hop), self._alignment)
            except NoStretch as refused:
                self._banned.add(refused.number)

    def _written(self, writer: Writer, region: Sequence[onnx.NodeProto]) -> bool:
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
        """Return the frames' nodes, in order."""
        region: set[int] = set()
        for node in reversed(self._graph.ancestors([self._graph.output])):
            if self._in_time(node) and not self._text_reads(node, region):
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

    def _text_reads(self, node: onnx.NodeProto, region: set[int]) -> bool:
        """Whether anything outside the region needs more of a node's output than its shape."""
        readers = [reader for name in node.output for reader in self._graph.readers[name]]
        return any(
            id(reader) not in region and reader.op_type not in _SHAPE_READERS for reader in readers
        )

    def _work(self, nodes: Sequence[onnx.NodeProto]) -> Fraction:
        """Return how many weights each sample meets in ``nodes``."""
        costs = (self._cost(node) for node in nodes if node.op_type in _WEIGHTED)
        return sum(costs, Fraction(0))

    def _check_share(self, work: Fraction) -> None:
        """Refuse a seam behind most of the work: windows would not bring sound any sooner."""
        if work == 0 or work < _MIN_SHARE * self._work(self._graph.nodes):
            raise Uncuttable(self._reason())

    def _reason(self) -> str:
        """Return what is nearest to the samples of all that stood in the way."""
        for node in reversed(self._graph.nodes):
            if node.output[0] in self._blocked:
                return self._blocked[node.output[0]]
            if self._sums_up(node):
                return f"{describe(node)}: looks at all frames at once"
        return "no convolution follows the frames"

    def _sums_up(self, node: onnx.NodeProto) -> bool:
        """Whether a node makes something of all frames that is no longer in time."""
        makers = [self._graph.producer[name] for name in reads(node) if name in self._tensors]
        in_time = any(map(self._in_time, makers))
        return in_time and not self._in_time(node) and node.op_type not in _SHAPE_READERS

    def _cost(self, node: onnx.NodeProto) -> Fraction:
        """Return how many weights each sample meets in a node; none if it is not in time."""
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
            raise Uncuttable(f"{describe(node)}: random numbers that cannot be drawn outside")


def _draws(branch: onnx.GraphProto) -> bool:
    return any(
        node.op_type in RANDOM or node.op_type in UNSEEDABLE or any(map(_draws, branches(node)))
        for node in branch.node
    )
