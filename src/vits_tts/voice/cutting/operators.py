"""How each operator of the frames' graph is done window by window.

A rule takes a :class:`Call` and returns the streams of the node's outputs; it raises ``Blocked``
where the operator looks at more than it can know. Semantics of the operators:
https://onnx.ai/onnx/operators/.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import gcd, prod
from typing import Any, Final

import numpy as np
import onnx

from vits_tts.voice.cutting.emitter import END, Blocked, Emitter, Stream
from vits_tts.voice.cutting.graph import attribute, renamed, with_attributes
from vits_tts.voice.cutting.shapes import Dim, Tensor
from vits_tts.voice.plan import Array

Operand = Stream | str
"""An input: a tensor in time, or the name of one that is the same for all windows."""


@dataclass(frozen=True, slots=True)
class Call:
    """One node, with what its rule needs to know.

    ``values`` are the inputs' values where they are constant, ``outputs`` what is known of the
    node's outputs, ``dims`` of its inputs.
    """

    node: onnx.NodeProto
    inputs: tuple[Operand, ...]
    values: tuple[Array | None, ...]
    dims: tuple[tuple[Dim | None, ...] | None, ...]
    outputs: tuple[Tensor, ...]
    opset: int
    emit: Emitter

    @property
    def stream(self) -> Stream:
        """The first input, which has to be in time."""
        first = self.inputs[0]
        if not isinstance(first, Stream):
            raise Blocked(f"{self.node.op_type} by indices in time")
        return first

    @property
    def streams(self) -> list[Stream]:
        """The inputs that are in time."""
        return [item for item in self.inputs if isinstance(item, Stream)]

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute of the node."""
        return attribute(self.node, name, default)

    def constant(self, position: int) -> Array | None:
        """Return the value of an optional input that has to be constant."""
        if position >= len(self.inputs) or self.inputs[position] == "":
            return None
        if self.values[position] is None:
            raise Blocked(f"{self.node.op_type} with parameters that are not constant")
        return self.values[position]

    def integers(self, position: int, name: str) -> list[int] | None:
        """Return a list that is an input since some opset and was an attribute before."""
        value = self.constant(position)
        found = self.attribute(name) if value is None else np.asarray(value).reshape(-1).tolist()
        return None if found is None else [int(item) for item in found]

    def write(self, inputs: Sequence[Operand], **attributes: Any) -> None:
        """Write the node with these inputs and some attributes replaced."""
        names = [item.name if isinstance(item, Stream) else item for item in inputs]
        node = with_attributes(self.node, **attributes) if attributes else self.node
        self.emit.nodes.append(renamed(node, names))

    def result(self, like: Stream, axis: int, index: int = 0, **changes: Any) -> Stream:
        """Return the stream of an output that runs like ``like``."""
        tensor = self.outputs[index]
        moved = replace(like, axis=axis, shape=tensor.shape, dtype=tensor.dtype)
        return replace(moved, name=self.node.output[index], **changes)

    def called(self, name: str, stream: Stream) -> Stream:
        """Return what other nodes made in place of the output."""
        tensor = self.outputs[0]
        return replace(stream, name=name, shape=tensor.shape, dtype=tensor.dtype)


Rule = Callable[[Call], list[Stream]]


def aligned(call: Call) -> tuple[list[Operand], Stream]:
    """Delay the inputs until all are as late as the latest; return them and one that leads."""
    moving = [item for item in call.streams if not item.uniform] or call.streams
    latest = max(moving, key=lambda item: item.lag)
    if len({(item.rate, item.extra) for item in moving}) > 1:
        raise Blocked(f"{call.node.op_type} of tensors that differ in length")
    late: list[Operand] = [
        call.emit.delay(item, latest.lag) if isinstance(item, Stream) else item
        for item in call.inputs
    ]
    return late, latest


def pointwise(call: Call) -> list[Stream]:
    """Operators that make each element of those at its place, with broadcasting."""
    inputs, lead = aligned(call)
    rank = len(call.outputs[0].dims or ())
    if len({len(item.shape) - item.axis for item in call.streams}) > 1:
        raise Blocked(f"{call.node.op_type} across the axis of time")
    call.write(inputs)
    return [call.result(lead, rank - len(lead.shape) + lead.axis)]


def transpose(call: Call) -> list[Stream]:
    """Move the axis of time along."""
    stream = call.stream
    order = list(call.attribute("perm") or range(len(stream.shape))[::-1])
    call.write(call.inputs)
    return [call.result(stream, order.index(stream.axis))]


def squeeze(call: Call) -> list[Stream]:
    """Drop axes before that of time, or behind it."""
    stream = call.stream
    rank = len(stream.shape)
    axes = call.integers(1, "axes")
    if axes is None:
        axes = [axis for axis, size in enumerate(stream.shape) if size == 1]
    dropped = sum(axis % rank < stream.axis for axis in axes)
    call.write([stream, *call.inputs[1:]])
    return [call.result(stream, stream.axis - dropped)]


def unsqueeze(call: Call) -> list[Stream]:
    """Insert axes."""
    stream = call.stream
    rank = len(call.outputs[0].dims or ())
    new = {axis % rank for axis in call.integers(1, "axes") or ()}
    old = [axis for axis in range(rank) if axis not in new]
    call.write(call.inputs)
    return [call.result(stream, old[stream.axis])]


def reduce(call: Call) -> list[Stream]:
    """Reduce over axes that are not time."""
    stream = call.stream
    rank = len(stream.shape)
    axes = {axis % rank for axis in call.integers(1, "axes") or range(rank)}
    if stream.axis in axes:
        raise Blocked(f"{call.node.op_type} over all frames")
    dropped = 0 if call.attribute("keepdims", 1) else sum(axis < stream.axis for axis in axes)
    call.write(call.inputs)
    return [call.result(stream, stream.axis - dropped)]


def along_one_axis(call: Call) -> list[Stream]:
    """Softmax and its like: over one axis, which is not time."""
    stream = call.stream
    rank = len(stream.shape)
    axis = call.attribute("axis", -1) % rank
    flattens = call.opset < 13 and call.node.op_type != "LayerNormalization"  # noqa: PLR2004
    behind = flattens or call.node.op_type == "LayerNormalization"
    if stream.axis == axis or (behind and stream.axis > axis):
        raise Blocked(f"{call.node.op_type} over all frames")
    call.write(call.inputs)
    return [call.result(stream, stream.axis)]


def batch_normalization(call: Call) -> list[Stream]:
    """Normalise each channel by constants."""
    if call.stream.axis == 1 or call.attribute("training_mode", 0):
        raise Blocked("BatchNormalization over all frames")
    call.write(call.inputs)
    return [call.result(call.stream, call.stream.axis)]


def concat(call: Call) -> list[Stream]:
    """Put channels together."""
    inputs, lead = aligned(call)
    axis = call.attribute("axis") % len(lead.shape)
    whole = all(isinstance(item, Stream) and not item.uniform for item in call.inputs)
    if axis == lead.axis or not whole or len({item.axis for item in call.streams}) > 1:
        raise Blocked("Concat over time")
    call.write(inputs)
    return [call.result(lead, lead.axis)]


def split(call: Call) -> list[Stream]:
    """Take channels apart."""
    stream = call.stream
    if call.attribute("axis", 0) % len(stream.shape) == stream.axis:
        raise Blocked("Split over time")
    call.write(call.inputs)
    return [call.result(stream, stream.axis, index) for index in range(len(call.node.output))]


def gather(call: Call) -> list[Stream]:
    """Pick channels, or pick at each time something that is the same for all windows."""
    data, indices = call.inputs[:2]
    axis = call.attribute("axis", 0)
    if isinstance(data, Stream) and isinstance(indices, Stream):
        raise Blocked("Gather from frames by frames")
    if isinstance(indices, Stream):
        at = axis % len(call.dims[0] or (0,)) + indices.axis
        call.write(call.inputs)
        return [call.result(indices, at)]
    stream = call.stream
    axis %= len(stream.shape)
    if axis == stream.axis:
        raise Blocked("Gather over time")
    grown = len(call.outputs[0].dims or ()) - len(stream.shape)
    call.write(call.inputs)
    return [call.result(stream, stream.axis + (grown if axis < stream.axis else 0))]


def slice_(call: Call) -> list[Stream]:
    """Take a range of channels, or trim the two ends of time."""
    stream = call.stream
    rank = len(stream.shape)
    starts = call.integers(1, "starts") or []
    ends = _computed_ends(call, starts) or call.integers(2, "ends") or []
    axes = [axis % rank for axis in call.integers(3, "axes") or range(len(starts))]
    steps = call.integers(4, "steps") or [1] * len(starts)
    result, name = stream, stream.name
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if axis == stream.axis:
            result = trimmed(replace(result, name=name), start, end, step, call.emit)
            name = result.name
        else:
            name = call.emit.cut(name, axis, (start, start), (end, end), step)
    return [call.called(name, result)]


def _computed_ends(call: Call, starts: Sequence[int]) -> list[int] | None:
    """Return the end of a range of time that the graph computes from how long that is.

    What the output was seen to lack of the input says how far from the end of time it stops.
    """
    known = len(call.values) > 2 and call.values[2] is not None  # noqa: PLR2004
    before, after = call.dims[0], call.outputs[0].dims
    if known or len(starts) != 1 or not before or not after:
        return None
    old, new = before[call.stream.axis], after[call.stream.axis]
    if not old or not new or (old.per_sample, old.per_phoneme) != (new.per_sample, new.per_phoneme):
        return None
    end = new.constant - old.constant + starts[0]
    return [int(end) if end else END]


def trimmed(stream: Stream, start: int, end: int, step: int, emit: Emitter) -> Stream:
    """Drop ``start`` elements at the beginning of time and ``-end`` at its end."""
    end = 0 if end >= END // 2 else end
    if step != 1 or start < 0 or end > 0 or stream.uniform:
        raise Blocked("Slice over time")
    # What is dropped must not have come before the last window, which has a frame at least.
    stream = emit.delay(stream, max(stream.lag, -(end + stream.extra + stream.rate)))
    name = emit.cut(stream.name, stream.axis, (start, 0), (END, end or END))
    emit.needs.append((stream.rate, stream.lag, start))
    return replace(stream, name=name, lag=stream.lag + start, extra=stream.extra - start + end)


def pad(call: Call) -> list[Stream]:
    """Pad channels, or put zeros before and after all time."""
    stream = call.stream
    rank = len(stream.shape)
    pads = call.integers(1, "pads")
    if pads is None or len(pads) != 2 * rank:
        raise Blocked("Pad of chosen axes")
    before, after = pads[stream.axis], pads[rank + stream.axis]
    if not before and not after:
        call.write(call.inputs)
        return [call.result(stream, stream.axis)]
    if stream.uniform or any(pads[axis] for axis in range(2 * rank) if axis % rank != stream.axis):
        raise Blocked("Pad of time and channels at once")
    if before < 0 or after < 0:
        raise Blocked("Pad by less than nothing")
    value = call.constant(2)
    if call.attribute("mode", b"constant") != b"constant" or (value is not None and np.any(value)):
        raise Blocked("Pad of time with anything but zeros")
    name = call.emit.carry(stream, before, 0, after)
    extra = stream.extra + before + after
    return [call.called(name, replace(stream, lag=stream.lag - before, extra=extra))]


def cumsum(call: Call) -> list[Stream]:
    """Sum along channels, or along time with the last sum carried over."""
    stream = call.stream
    axis = int(np.asarray(call.constant(1)).item()) % len(stream.shape)
    if axis != stream.axis:
        call.write(call.inputs)
        return [call.result(stream, stream.axis)]
    if call.attribute("reverse", 0) or call.attribute("exclusive", 0):
        raise Blocked("CumSum from the end of time")
    joined, state = call.emit.resume(stream)
    call.write([joined, *call.inputs[1:]])
    summed = call.node.output[0]
    call.emit.keep(state, call.emit.cut(summed, axis, (-1, -1), (END, END)))
    name = call.emit.cut(summed, axis, (0, 1), (END, END))
    return [call.called(name, stream)]


def expand(call: Call) -> list[Stream]:
    """Repeat channels; what is repeated over time broadcasts there."""
    stream = call.stream
    if stream.uniform:
        raise Blocked("Expand of what is the same at all times")
    dims = call.outputs[0].dims or ()
    axis = len(dims) - len(stream.shape) + stream.axis
    target = [1 if at == axis else (dim.size if dim else None) for at, dim in enumerate(dims)]
    if None in target:
        raise Blocked("Expand to a shape that is not fixed")
    call.write([stream, call.emit.numbers(*(size for size in target if size is not None))])
    return [call.result(stream, axis)]


def matmul(call: Call) -> list[Stream]:
    """Multiply frames, as rows or columns, by a matrix that is the same for all windows."""
    if len(call.streams) > 1:
        raise Blocked("MatMul of frames by frames")
    stream = call.streams[0]
    left = call.inputs[0] is stream
    from_end = len(stream.shape) - stream.axis
    if from_end == (1 if left else 2):
        raise Blocked("MatMul over all frames")
    call.write(call.inputs)
    return [call.result(stream, len(call.outputs[0].dims or ()) - from_end)]


def reshape(call: Call) -> list[Stream]:
    """Insert and drop axes of one element, or fold what stands behind time into it."""
    stream = call.stream
    if stream.uniform:
        raise Blocked("Reshape of what is the same at all times")
    old, new = call.dims[0] or (), call.outputs[0].dims or ()
    ones_old, ones_new = _ones(old), _ones(new)
    kept_old = [dim for axis, dim in enumerate(old) if axis not in ones_old]
    kept_new = [dim for axis, dim in enumerate(new) if axis not in ones_new]
    if kept_old == kept_new and None not in kept_old:
        axis = [at for at, dim in enumerate(new) if dim and dim.is_time][0]  # noqa: RUF015
        name = stream.name
        if ones_old:
            name = _with_axes(call, "Squeeze", name, ones_old)
        if ones_new:
            name = _with_axes(call, "Unsqueeze", name, ones_new)
        return [call.called(name, replace(stream, axis=axis))]
    return [_folded(call, stream, new)]


def _folded(call: Call, stream: Stream, new: Sequence[Dim | None]) -> Stream:
    axes = [axis for axis, dim in enumerate(new) if dim is None or dim.is_time]
    sizes = [dim.size if dim else None for dim in new]
    before = stream.shape[: stream.axis]
    behind = stream.shape[stream.axis + 1 :]
    if len(axes) > 1 or None in before or None in behind:
        raise Blocked("Reshape of a shape that is not fixed")
    axis = axes[0]
    outer, inner = sizes[:axis], sizes[axis + 1 :]
    if None in outer or None in inner or _product(outer) != _product(before):
        raise Blocked("Reshape across the axis of time")
    many, few = _product(behind), _product(inner)
    unit = few // gcd(many, few)
    late = call.emit.delay(stream, -(-stream.lag // unit) * unit)
    lag, rate, extra = late.lag * many, late.rate * many, late.extra * many
    if lag % few or rate % few or extra % few:
        raise Blocked("Reshape that takes single elements of time apart")
    target = [-1 if at == axis else size for at, size in enumerate(sizes)]
    shape = call.emit.numbers(*(size for size in target if size is not None))
    call.emit.nodes.append(renamed(call.node, [late.name, shape]))
    return call.result(late, axis, lag=lag // few, rate=rate // few, extra=extra // few)


def convolution(call: Call) -> list[Stream]:
    """Convolve, with the inputs that the next window needs again carried over."""
    stream = call.stream
    at, kernel = _kernel(call, stream)
    stride = (call.attribute("strides") or [1] * 9)[at]
    pads, before, after = _pads(call, at, len(stream.shape) - 2)
    if stream.overlapping:
        call.write(call.inputs)
        return [call.result(stream, stream.axis)]
    if stream.rate % stride:
        raise Blocked("Conv with a stride across frames")
    out = (before - stream.lag - kernel) // stride + 1
    keep = before - stream.lag - out * stride
    if keep < 0:
        raise Blocked("Conv with a stride beyond its kernel")
    joined = call.emit.carry(stream, before, keep, after)
    call.emit.needs.append((stream.rate, stream.lag, kernel - before))
    call.write([joined, *call.inputs[1:]], pads=pads, auto_pad="NOTSET")
    extra = (stream.extra + before + after - kernel) // stride + 1
    rate = stream.rate // stride
    return [call.result(stream, stream.axis, rate=rate, lag=-out, extra=extra)]


def transposed_convolution(call: Call) -> list[Stream]:
    """Convolve transposed; the last inputs come again, what they had finished is cut off."""
    stream = call.stream
    at, kernel = _kernel(call, stream)
    stride = (call.attribute("strides") or [1] * 9)[at]
    pads, before, after = _pads(call, at, len(stream.shape) - 2)
    after -= (call.attribute("output_padding") or [0] * 9)[at]
    if kernel < stride or after < 0 or call.attribute("output_shape"):
        raise Blocked("ConvTranspose with gaps or padded output")
    keep = -(-kernel // stride) - 1
    joined = call.emit.carry(stream, 0, keep, 0)
    raw = call.emit.fresh("ConvTranspose")
    padding = list(call.attribute("output_padding") or [0] * (len(stream.shape) - 2))
    padding[at] = 0
    node = with_attributes(call.node, pads=pads, auto_pad="NOTSET", output_padding=padding)
    node = renamed(node, [joined, *(str(item) for item in call.inputs[1:])])
    node.output[0] = raw
    call.emit.nodes.append(node)
    ends = (stride - kernel or END, -after or END)
    name = call.emit.cut(raw, stream.axis, (before, keep * stride), ends)
    made = replace(
        stream,
        rate=stream.rate * stride,
        lag=stream.lag * stride + before,
        extra=(stream.extra - 1) * stride + kernel - before - after,
    )
    return [call.called(name, made)]


def _kernel(call: Call, stream: Stream) -> tuple[int, int]:
    """Return which spatial axis time is, and how many elements one output looks at there."""
    at = stream.axis - 2
    weight = call.dims[1]
    if at < 0 or stream.uniform or isinstance(call.inputs[1], Stream):
        raise Blocked(f"{call.node.op_type} with frames for channels")
    dim = weight[stream.axis] if weight else None
    size = dim.size if dim else None
    if size is None:
        raise Blocked(f"{call.node.op_type} with a kernel that is not constant")
    dilation = (call.attribute("dilations") or [1] * 9)[at]
    return at, (size - 1) * dilation + 1


def _pads(call: Call, at: int, spatial: int) -> tuple[list[int], int, int]:
    """Return the pads without those of time, and these."""
    if call.attribute("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise Blocked(f"{call.node.op_type} with automatic padding")
    pads = list(call.attribute("pads") or [0] * (2 * spatial))
    before, after = pads[at], pads[spatial + at]
    pads[at] = pads[spatial + at] = 0
    return pads, before, after


def _ones(dims: Sequence[Dim | None]) -> list[int]:
    return [axis for axis, dim in enumerate(dims) if dim and dim.size == 1]


def _with_axes(call: Call, op: str, name: str, axes: list[int]) -> str:
    if call.opset >= 13:  # noqa: PLR2004  # axes became an input
        return call.emit.node(op, [name, call.emit.numbers(*axes)])
    return call.emit.node(op, [name], axes=axes)


def _product(sizes: Sequence[int | None]) -> int:
    return prod(size for size in sizes if size is not None)


_POINTWISE: Final = (
    "Abs Add And Cast Ceil Celu Clip Cos Cosh Div Dropout Elu Equal Erf Exp Floor Gelu Greater "
    "GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max "
    "Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Sin Sinh "
    "Softplus Softsign Sqrt Sub Sum Tan Tanh ThresholdedRelu Where Xor"
)
_REDUCE: Final = (
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare"
)

RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(_POINTWISE.split(), pointwise),
    **dict.fromkeys(_REDUCE.split(), reduce),
    "BatchNormalization": batch_normalization,
    "Concat": concat,
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "CumSum": cumsum,
    "Expand": expand,
    "Gather": gather,
    "LayerNormalization": along_one_axis,
    "LogSoftmax": along_one_axis,
    "MatMul": matmul,
    "Pad": pad,
    "Reshape": reshape,
    "Slice": slice_,
    "Softmax": along_one_axis,
    "Split": split,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
