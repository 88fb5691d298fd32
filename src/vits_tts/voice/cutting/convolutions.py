"""Convolutions, window by window: what the next window needs again is carried over."""

from dataclasses import replace

from vits_tts.voice.cutting.call import Call
from vits_tts.voice.cutting.emitter import END, Blocked, Stream
from vits_tts.voice.cutting.graph import renamed, with_attributes


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
