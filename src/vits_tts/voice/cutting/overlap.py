"""Where it is cheaper to make a little twice than to carry the state of every convolution.

At the decoder's higher rates a window has many thousands of elements, of which its convolutions
look at a few dozen beyond their place. There, a whole stretch of nodes runs on each window with
some elements of the past in front, its convolutions padded as they stand; what the padding spoils
at the inner borders is cut off behind the stretch. That saves two copies of the window for every
convolution, which at these rates cost more than the elements that are made twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import onnx

from vits_tts.voice.cutting.clock import Clock
from vits_tts.voice.cutting.emitter import Blocked
from vits_tts.voice.cutting.graph import Graph, attribute
from vits_tts.voice.cutting.operators import RULES, pointwise
from vits_tts.voice.cutting.shapes import Tensor

_WINDOW: Final = 48
"""Frames of a window that the cost is weighed for."""
_MAX_SHARE: Final = 0.04
"""How much of such a window may be made twice."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Nodes of one rate that run on windows with ``history`` elements of the past in front.

    ``reach`` says of each tensor how many elements at its two ends are spoilt by padding.
    """

    number: int
    history: int
    reach: Mapping[str, tuple[int, int]]


def find_stretches(
    graph: Graph,
    nodes: Sequence[onnx.NodeProto],
    tensors: Mapping[str, Tensor],
    clock: Clock,
    banned: AbstractSet[int],
) -> dict[str, Stretch]:
    """Return the stretch that each tensor belongs to, but none of those that are ``banned``.

    ``nodes`` are in order. Stretches are made of convolutions that keep the length of what they
    read, and of pointwise operators.
    """
    looks: dict[int, tuple[int, int]] = {}
    for node in nodes:
        look = _look(graph, node, tensors)
        if look is not None:
            looks[id(node)] = look
    found: dict[str, Stretch] = {}
    for number, members in enumerate(_connected([node for node in nodes if id(node) in looks])):
        reach = _reach(members, looks)
        history = max(before + after for before, after in reach.values())
        window = _WINDOW * _rate(tensors[members[0].output[0]], clock)
        if number not in banned and 0 < history <= _MAX_SHARE * window:
            found |= dict.fromkeys(reach, Stretch(number, history, reach))
    return found


def _rate(tensor: Tensor, clock: Clock) -> int:
    try:
        return next(clock.rate(dim) for dim in tensor.dims or () if dim and dim.is_time)
    except (Blocked, StopIteration):
        return 0


def _look(
    graph: Graph, node: onnx.NodeProto, tensors: Mapping[str, Tensor]
) -> tuple[int, int] | None:
    """Return how far a node looks back and ahead; None if it cannot be part of a stretch."""
    tensor = tensors.get(node.output[0])
    if tensor is None or len(tensor.time_axes) != 1:
        return None
    if RULES.get(node.op_type) is pointwise:
        return 0, 0
    return _padding(graph, node, tensor) if node.op_type == "Conv" else None


def _padding(graph: Graph, node: onnx.NodeProto, tensor: Tensor) -> tuple[int, int] | None:
    """Return the pads, along time, of a convolution that keeps its length."""
    spatial = len(tensor.dims or ()) - 2
    at = tensor.time_axes[0] - 2
    weight = graph.value(node.input[1])
    kernel = attribute(node, "kernel_shape", weight.shape[2:] if weight is not None else None)
    strides = attribute(node, "strides", [1] * spatial)
    if at < 0 or kernel is None or strides[at] != 1:
        return None
    pads = attribute(node, "pads", [0] * (2 * spatial))
    wide = (kernel[at] - 1) * attribute(node, "dilations", [1] * spatial)[at]
    before, after = pads[at], pads[spatial + at]
    return (before, after) if before + after == wide else None


def _connected(nodes: Sequence[onnx.NodeProto]) -> Iterable[list[onnx.NodeProto]]:
    """Group the nodes that read each other's outputs, each group in order."""
    group: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes:
        mine = {id(member): member for name in node.input for member in group.get(name, [])}
        members = [*mine.values(), node]
        for member in members:
            group |= dict.fromkeys(member.output, members)
    order = {id(node): place for place, node in enumerate(nodes)}
    groups = {id(members): members for members in group.values()}
    return [sorted(members, key=lambda node: order[id(node)]) for members in groups.values()]


def _reach(
    members: Iterable[onnx.NodeProto], looks: Mapping[int, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    reach: dict[str, tuple[int, int]] = {}
    for node in members:
        inputs = [reach[name] for name in node.input if name in reach] or [(0, 0)]
        before, after = looks[id(node)]
        spoilt = (max(at[0] for at in inputs) + before, max(at[1] for at in inputs) + after)
        reach |= dict.fromkeys(node.output, spoilt)
    return reach
