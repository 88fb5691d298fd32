"""Rewriter of the frame stages: writes them node by node, with the plan that feeds them."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from vits_tts.inference.durations import Alignment
from vits_tts.inference.graph.graph import (
    RANDOM,
    Graph,
    NotStreamable,
    assemble,
    attribute,
    element_type,
)
from vits_tts.inference.graph.shapes import Dim, Tensor
from vits_tts.inference.graph.streaming.call import Call, Operand
from vits_tts.inference.graph.streaming.clock import Clock
from vits_tts.inference.graph.streaming.noise_inputs import frame_draw, text_piece
from vits_tts.inference.graph.streaming.operators import RULES, pointwise
from vits_tts.inference.graph.streaming.overlap import Stretch
from vits_tts.inference.graph.streaming.stream_builder import END, Blocked, Stream, StreamBuilder
from vits_tts.inference.plan import Array, FrameDraw, Plan, Seam

FILLER: Final = "ConstantOfShape"


class NoStretch(Exception):
    """The inputs of a stretch arrive at different times, so the stretch cannot be used."""

    def __init__(self, number: int) -> None:
        """Keep the stretch's number."""
        super().__init__(number)
        self.number = number


class Rewriter:
    """Writes the frame stages node by node, then the text stage and the plan."""

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, Tensor],
        clock: Clock,
        stretches: Mapping[str, Stretch],
    ) -> None:
        """Start without nodes."""
        self._graph = graph
        self._tensors = tensors
        self._clock = clock
        self._stretches = stretches
        self._lags: dict[int, int] = {}  # by the number of the stretch
        self._crossed: dict[tuple[str, int | None], Stream] = {}
        self._streams: dict[str, Stream] = {}
        self._emit = StreamBuilder()
        self._seams: dict[str, Seam] = {}
        self._draws: dict[str, FrameDraw] = {}

    def write(self, node: onnx.NodeProto) -> None:
        """Write the nodes that compute a node's outputs window by window.

        Raises:
            Blocked: the node cannot be done in windows.
            NoStretch: the node cannot be a part of its stretch.

        """
        outputs = [name for name in node.output if name]
        for name in outputs:
            self._axis(self._tensors[name])
        if node.op_type == FILLER:
            self._streams[outputs[0]] = self._filler(node)
            return
        call = self._call(node, outputs)
        if all(item.uniform for item in call.streams) and RULES[node.op_type] is not pointwise:
            raise Blocked("nothing in it changes with time")
        for name, stream in zip(outputs, RULES[node.op_type](call), strict=True):
            self._check(stream, self._tensors[name])
            self._streams[name] = stream

    def finish(
        self, work: int, alignment: Alignment | None = None
    ) -> tuple[onnx.ModelProto, onnx.ModelProto, Plan]:
        """Return the models of the text stage and of the frame stages, and the plan.

        ``work`` is the multiplications for a frame. The text stage also has the outputs that
        ``alignment`` reads.

        Raises:
            NotStreamable: the number of samples is not a multiple of the number of frames.

        """
        output = self._crossing(self._graph.output, None)
        if output.extra:
            raise NotStreamable("its samples are not a multiple of its frames")
        # The first window has at least lag + 1 frames, so rate * (lag + 1) - behind elements of a
        # tensor arrive in it. The lag grows until that is enough for every node.
        lag = -(-output.lag // output.rate)
        for rate, behind, elements in self._emit.needs:
            lag = max(lag, -(-(behind + elements) // rate) - 1)
        output = self._emit.delay(output, lag * output.rate)
        read = {name for node in self._emit.nodes for name in node.input if name}
        seams = tuple(seam for name, seam in self._seams.items() if name in read)
        shared, constants = self._from_text(read)
        crossing = [*(seam.name for seam in seams), *shared]
        told = alignment.outputs if alignment else []
        outputs = list(dict.fromkeys([*crossing, *told]))
        text, text_draws = text_piece(self._graph, outputs, self._tensors)
        plan = Plan(
            hop=output.rate,
            lag=lag,
            work=work,
            text_draws=text_draws,
            frame_draws=tuple(draw for name, draw in self._draws.items() if name in read),
            seams=seams,
            shared=tuple(shared),
            states=tuple(self._emit.states),
            opening=self._emit.phase("opening"),
            running=self._emit.phase("running"),
            middle=self._emit.phase("middle"),
            closing=self._emit.phase("closing"),
            alignment=alignment,
        )
        return text, self._model(output.name, shared, constants), plan

    def _call(self, node: onnx.NodeProto, outputs: list[str]) -> Call:
        inside = self._stretches.get(outputs[0])
        operands = [self._operand(name, inside) for name in node.input]
        return Call(
            node,
            tuple(operands),
            tuple(map(self._value, node.input)),
            tuple(map(self._dims, node.input)),
            tuple(self._tensors[name] for name in outputs),
            self._graph.opset,
            self._emit,
        )

    def _axis(self, tensor: Tensor) -> tuple[int, Dim]:
        """Return a tensor's axis of time and its dimension.

        Raises:
            Blocked: the tensor has several axes of time, or one of unknown size.

        """
        axes = tensor.time_axes
        dim = tensor.dims[axes[0]] if tensor.dims and len(axes) == 1 else None
        if dim is None:
            raise Blocked("a tensor with more than one axis of time, or of unknown size")
        return axes[0], dim

    def _check(self, stream: Stream, tensor: Tensor) -> None:
        """Compare the stream that a rule returned with the measured tensor.

        Raises:
            Blocked: they differ.

        """
        axis, dim = self._axis(tensor)
        measured = (axis, self._clock.rate(dim), self._clock.beyond(dim))
        if not stream.uniform and measured != (stream.axis, stream.rate, stream.extra):
            raise Blocked("a length other than expected")

    def _operand(self, name: str, inside: Stretch | None) -> Operand:
        """Return an input of a node: a stream, or the name of a tensor without time."""
        tensor = self._tensors.get(name)
        if tensor is not None and tensor.time_axes:
            if name not in self._streams:
                self._streams[name] = self._from_outside(name, tensor)
            return self._crossing(name, inside)
        value = self._value(name)
        if value is None or self._graph.is_constant(name):
            return name
        # a result of shape arithmetic, which would otherwise pull the measured tensor into the text
        # stage
        return self._emit.weight(value)

    def _crossing(self, name: str, inside: Stretch | None) -> Stream:
        """Return a tensor as it is read in the stretch ``inside``, or outside of stretches."""
        home, stream = self._stretches.get(name), self._streams[name]
        if stream.uniform or home is inside:
            return stream
        key = (name, inside.number if inside else None)
        if key not in self._crossed:
            if home is not None:
                stream = self._leave(stream, home, name)
            self._crossed[key] = self._enter(stream, inside) if inside else stream
        return self._crossed[key]

    def _enter(self, stream: Stream, stretch: Stretch) -> Stream:
        lag = self._lags.setdefault(stretch.number, stream.lag)
        if stream.lag > lag:
            raise NoStretch(stretch.number)
        stream = self._emit.delay(stream, lag)
        joined = self._emit.carry(stream, 0, stretch.history, 0)
        return replace(stream, name=joined, overlapping=True)

    def _leave(self, stream: Stream, stretch: Stretch, name: str) -> Stream:
        _, after = stretch.reach[name]
        self._emit.needs.append((stream.rate, stream.lag, after + 1))
        starts, ends = (0, stretch.history - after), (-after or END, END)
        clean = self._emit.cut(stream.name, stream.axis, starts, ends)
        return replace(stream, name=clean, lag=stream.lag + after, overlapping=False)

    def _from_outside(self, name: str, tensor: Tensor) -> Stream:
        """Take a tensor with time from the text stage or from the random numbers.

        Raises:
            Blocked: the tensor ends before the last frame.

        """
        axis, dim = self._axis(tensor)
        rate, extra = self._clock.rate(dim), self._clock.beyond(dim)
        if extra < 0:
            raise Blocked("reads a tensor that ends before the last frame")
        self._emit.take(name, tensor.dtype)
        node = self._graph.producer[name]
        if node.op_type in RANDOM:
            self._draws[name] = frame_draw(node, tensor, rate, extra)
        else:
            self._seams[name] = Seam(name, axis, rate, extra)
        return Stream(name, axis, rate, 0, extra, tensor.shape, tensor.dtype)

    def _filler(self, node: onnx.NodeProto) -> Stream:
        """Return a stream of one constant element, which broadcasts over time."""
        tensor = self._tensors[node.output[0]]
        shape = (1,) * len(tensor.shape)
        value = attribute(node, "value")
        number = np.zeros(1, np.float32) if value is None else numpy_helper.to_array(value)
        name = self._emit.weight(number.reshape(shape))
        return Stream(name, self._axis(tensor)[0], 1, 0, 0, shape, tensor.dtype, uniform=True)

    def _value(self, name: str) -> Array | None:
        """Return a parameter's value, if it depends only on weights and shapes."""
        value = self._graph.value(name)
        tensor = self._tensors.get(name)
        if value is None and tensor is not None and self._graph.is_shape_arithmetic(name):
            return tensor.value
        return value

    def _dims(self, name: str) -> tuple[Dim | None, ...] | None:
        value = self._graph.value(name)
        if value is not None:
            return tuple(map(Dim.fixed, value.shape))
        tensor = self._tensors.get(name)
        return tensor.dims if tensor else None

    def _from_text(self, read: AbstractSet[str]) -> tuple[list[str], list[str]]:
        """Return the tensors without time that the text stage has to provide, and constant ones."""
        made = {name for node in self._emit.nodes for name in node.output}
        made |= {*self._emit.inputs, *(item.name for item in self._emit.weights)}
        outside = sorted(read - made)
        constants = [name for name in outside if self._graph.is_constant(name)]
        return [name for name in outside if name not in constants], constants

    def _model(self, output: str, shared: list[str], constants: list[str]) -> onnx.ModelProto:
        nodes = [*self._graph.ancestors(constants), *self._emit.nodes]
        read = {name for node in nodes for name in node.input}
        weights = [*self._graph.weights.values(), *self._emit.weights]
        kinds = {name: kind for name, kind in self._emit.inputs.items() if name in read}
        kinds |= {name: self._element_type(name) for name in shared}
        return assemble(
            self._graph.model,
            nodes,
            [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()],
            [output, *(name for _, name in self._emit.states)],
            [item for item in weights if item.name in read],
        )

    def _element_type(self, name: str) -> int:
        if name in self._tensors:
            return element_type(self._tensors[name].dtype)
        types = {
            item.name: item.type.tensor_type.elem_type for item in self._graph.model.graph.input
        }
        return int(types[name])
