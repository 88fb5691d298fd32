"""Rules for convolutions: a window keeps the inputs that the next window needs again."""

from dataclasses import replace

from vits_tts.inference.graph.graph import renamed, with_attributes
from vits_tts.inference.graph.streaming.call import Call
from vits_tts.inference.graph.streaming.stream_builder import END, Blocked, Stream


def convolution(call: Call) -> list[Stream]:
    """Write a Conv that starts with the last inputs of the previous window."""
    stream = call.stream
    at, kernel = _kernel(call, stream)
    stride = (call.attribute("strides") or [1] * 9)[at]
    pads, before, after = _pads(call, at, len(stream.shape) - 2)
    if stream.overlapping:
        call.write(call.inputs)
        return [call.result(stream, stream.axis)]
    if stream.rate % stride:
        raise Blocked("Conv with a stride across frames")
    # After a window, n = before + rate * frames - lag inputs have arrived, including the zeros
    # before the sentence. They give (n - kernel) // stride + 1 outputs. Since stride divides rate,
    # that is rate // stride * frames + out, so -out is the lag of the output. The next output
    # begins at the input with the index outputs * stride; the inputs from there on are kept.
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
    """Write a ConvTranspose that starts with the last inputs of the previous window.

    These inputs contribute to outputs that the previous window has finished already, which are cut
    off.
    """
    stream = call.stream
    at, kernel = _kernel(call, stream)
    stride = (call.attribute("strides") or [1] * 9)[at]
    pads, before, after = _pads(call, at, len(stream.shape) - 2)
    after -= (call.attribute("output_padding") or [0] * 9)[at]
    if kernel < stride or after < 0 or call.attribute("output_shape"):
        raise Blocked("ConvTranspose with gaps or padded output")
    # Input i adds to the outputs from i * stride to i * stride + kernel. So the last
    # ceil(kernel / stride) - 1 inputs of a window also add to outputs of the next one and are kept.
    # From the result this cuts the outputs of the kept inputs, which are finished already, and at
    # the end, except in the last window, those that the next inputs will add to.
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
    """Return the spatial axis that is time, and the number of elements along it for one output."""
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
    """Return the pads, with those along time set to zero, and the two pads along time."""
    if call.attribute("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise Blocked(f"{call.node.op_type} with automatic padding")
    pads = list(call.attribute("pads") or [0] * (2 * spatial))
    before, after = pads[at], pads[spatial + at]
    pads[at] = pads[spatial + at] = 0
    return pads, before, after
