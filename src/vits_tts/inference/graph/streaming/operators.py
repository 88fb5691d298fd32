"""Rules that rewrite each operator for windows.

A rule takes a :class:`Call`, writes nodes, and returns the streams of the node's outputs. For the
operators see https://onnx.ai/onnx/operators/.
"""

from typing import Final

import numpy as np

from vits_tts.inference.graph.streaming.axes import reshape, squeeze, transpose, unsqueeze
from vits_tts.inference.graph.streaming.call import Call, Rule, aligned
from vits_tts.inference.graph.streaming.convolutions import convolution, transposed_convolution
from vits_tts.inference.graph.streaming.ends import pad, slice_
from vits_tts.inference.graph.streaming.stream_builder import END, Blocked, Stream


def pointwise(call: Call) -> list[Stream]:
    """Write an operator that works element by element, with broadcasting."""
    inputs, lead = aligned(call)
    rank = len(call.outputs[0].dims or ())
    if len({len(item.shape) - item.axis for item in call.streams}) > 1:
        raise Blocked(f"{call.node.op_type} across the axis of time")
    call.write(inputs)
    return [call.result(lead, rank - len(lead.shape) + lead.axis)]


def reduce(call: Call) -> list[Stream]:
    """Write a reduction over axes other than time."""
    stream = call.stream
    rank = len(stream.shape)
    axes = {axis % rank for axis in call.integers(1, "axes") or range(rank)}
    if stream.axis in axes:
        raise Blocked(f"{call.node.op_type} over all frames")
    dropped = 0 if call.attribute("keepdims", 1) else sum(axis < stream.axis for axis in axes)
    call.write(call.inputs)
    return [call.result(stream, stream.axis - dropped)]


def along_one_axis(call: Call) -> list[Stream]:
    """Write a Softmax or similar operator over one axis other than time."""
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
    """Write a normalisation of each channel by constants."""
    if call.stream.axis == 1 or call.attribute("training_mode", 0):
        raise Blocked("BatchNormalization over all frames")
    call.write(call.inputs)
    return [call.result(call.stream, call.stream.axis)]


def concat(call: Call) -> list[Stream]:
    """Write a concatenation of channels."""
    inputs, lead = aligned(call)
    axis = call.attribute("axis") % len(lead.shape)
    whole = all(isinstance(item, Stream) and not item.uniform for item in call.inputs)
    if axis == lead.axis or not whole or len({item.axis for item in call.streams}) > 1:
        raise Blocked("Concat over time")
    call.write(inputs)
    return [call.result(lead, lead.axis)]


def split(call: Call) -> list[Stream]:
    """Write a split of channels."""
    stream = call.stream
    if call.attribute("axis", 0) % len(stream.shape) == stream.axis:
        raise Blocked("Split over time")
    call.write(call.inputs)
    return [call.result(stream, stream.axis, index) for index in range(len(call.node.output))]


def gather(call: Call) -> list[Stream]:
    """Write a Gather of channels, or one that indexes a constant tensor by a stream."""
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


def cumsum(call: Call) -> list[Stream]:
    """Write a sum along channels, or along time with the last sum carried to the next window."""
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
    """Write an Expand along other axes than time; along time the result broadcasts."""
    stream = call.stream
    if stream.uniform:
        raise Blocked("Expand of a tensor that does not change with time")
    dims = call.outputs[0].dims or ()
    axis = len(dims) - len(stream.shape) + stream.axis
    target = [1 if at == axis else (dim.size if dim else None) for at, dim in enumerate(dims)]
    if None in target:
        raise Blocked("Expand to a shape that is not fixed")
    call.write([stream, call.emit.numbers(*(size for size in target if size is not None))])
    return [call.result(stream, axis)]


def matmul(call: Call) -> list[Stream]:
    """Write a product of frames, as rows or columns, with a matrix that all windows share."""
    if len(call.streams) > 1:
        raise Blocked("MatMul of frames by frames")
    stream = call.streams[0]
    left = call.inputs[0] is stream
    from_end = len(stream.shape) - stream.axis
    if from_end == (1 if left else 2):
        raise Blocked("MatMul over all frames")
    call.write(call.inputs)
    return [call.result(stream, len(call.outputs[0].dims or ()) - from_end)]


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
