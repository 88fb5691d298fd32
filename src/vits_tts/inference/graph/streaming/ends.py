"""Rules for operators that remove elements at the two ends of time, or add them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vits_tts.inference.graph.streaming.call import Call
from vits_tts.inference.graph.streaming.stream_builder import END, Blocked, Stream, StreamBuilder


def slice_(call: Call) -> list[Stream]:
    """Write a Slice of channels, or one that trims the two ends of time."""
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
    """Return the end of a range of time that the graph computes from the length of time.

    The difference between the measured lengths of input and output gives the distance from the end.
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


def trimmed(stream: Stream, start: int, end: int, step: int, emit: StreamBuilder) -> Stream:
    """Drop ``start`` elements at the beginning of time and ``-end`` at its end.

    Raises:
        Blocked: the range has a step, or is not at the ends.

    """
    end = 0 if end >= END // 2 else end
    if step != 1 or start < 0 or end > 0 or stream.uniform:
        raise Blocked("Slice over time")
    # Dropped elements must not have been delivered before the last window, which may be one frame.
    stream = emit.delay(stream, max(stream.lag, -(end + stream.extra + stream.rate)))
    name = emit.cut(stream.name, stream.axis, (start, 0), (END, end or END))
    emit.needs.append((stream.rate, stream.lag, start))
    return replace(stream, name=name, lag=stream.lag + start, extra=stream.extra - start + end)


def pad(call: Call) -> list[Stream]:
    """Write a Pad of channels, or of zeros before and after the whole time."""
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
        raise Blocked("Pad by a negative number")
    value = call.constant(2)
    if call.attribute("mode", b"constant") != b"constant" or (value is not None and np.any(value)):
        raise Blocked("Pad of time with values other than zero")
    name = call.emit.carry(stream, before, 0, after)
    extra = stream.extra + before + after
    return [call.called(name, replace(stream, lag=stream.lag - before, extra=extra))]
