"""Rules for operators that move, insert, remove and merge axes."""

from collections.abc import Sequence
from dataclasses import replace
from math import gcd, prod

from vits_tts.inference.graph.graph import renamed
from vits_tts.inference.graph.shapes import Dim
from vits_tts.inference.graph.streaming.call import Call
from vits_tts.inference.graph.streaming.stream_builder import Blocked, Stream


def transpose(call: Call) -> list[Stream]:
    """Write a Transpose and follow the axis of time."""
    stream = call.stream
    order = list(call.attribute("perm") or range(len(stream.shape))[::-1])
    call.write(call.inputs)
    return [call.result(stream, order.index(stream.axis))]


def squeeze(call: Call) -> list[Stream]:
    """Write a Squeeze of axes before or after the axis of time."""
    stream = call.stream
    rank = len(stream.shape)
    axes = call.integers(1, "axes")
    if axes is None:
        axes = [axis for axis, size in enumerate(stream.shape) if size == 1]
    dropped = sum(axis % rank < stream.axis for axis in axes)
    call.write([stream, *call.inputs[1:]])
    return [call.result(stream, stream.axis - dropped)]


def unsqueeze(call: Call) -> list[Stream]:
    """Write an Unsqueeze and follow the axis of time."""
    stream = call.stream
    rank = len(call.outputs[0].dims or ())
    new = {axis % rank for axis in call.integers(1, "axes") or ()}
    old = [axis for axis in range(rank) if axis not in new]
    call.write(call.inputs)
    return [call.result(stream, old[stream.axis])]


def reshape(call: Call) -> list[Stream]:
    """Write a Reshape that inserts or removes axes of size one, or merges axes into time."""
    stream = call.stream
    if stream.uniform:
        raise Blocked("Reshape of a tensor that does not change with time")
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


def _ones(dims: Sequence[Dim | None]) -> list[int]:
    return [axis for axis, dim in enumerate(dims) if dim and dim.size == 1]


def _with_axes(call: Call, op: str, name: str, axes: list[int]) -> str:
    if call.opset >= 13:  # noqa: PLR2004  # axes became an input
        return call.emit.node(op, [name, call.emit.numbers(*axes)])
    return call.emit.node(op, [name], axes=axes)


def _product(sizes: Sequence[int | None]) -> int:
    return prod(size for size in sizes if size is not None)
