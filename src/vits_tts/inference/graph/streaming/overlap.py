"""Search for stretches of nodes where computing some elements twice is cheaper than state.

Near the samples a window has many thousands of elements, and its convolutions look only a few dozen
elements beyond it. Keeping state there costs two copies of the window for each convolution.
Instead, a whole stretch of nodes runs on the window with ``history`` past elements in front. Its
convolutions keep their padding. The padding makes some elements at the inner borders wrong, and
these are cut off after the stretch.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import onnx

from vits_tts.inference.graph.graph import Graph, attribute
from vits_tts.inference.graph.shapes import Tensor
from vits_tts.inference.graph.streaming.clock import Clock
from vits_tts.inference.graph.streaming.operators import RULES, pointwise
from vits_tts.inference.graph.streaming.stream_builder import Blocked

_WINDOW: Final = 48
"""Frames of the window for which the costs are compared."""
_MAX_SHARE: Final = 0.04
"""Maximum share of such a window that may be computed twice."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Nodes of one rate that run on windows with ``history`` past elements in front.

    ``reach`` has for each tensor the numbers of elements at its two ends that padding makes wrong.
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
    """Return the stretch of each tensor that belongs to one, except those in ``banned``.

    ``nodes`` are in graph order. A stretch consists of convolutions that keep the length of their
    input, and of operators that work element by element.
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
    """Return how many elements a node looks back and ahead; None if it cannot be in a stretch."""
    tensor = tensors.get(node.output[0])
    if tensor is None or len(tensor.time_axes) != 1:
        return None
    if RULES.get(node.op_type) is pointwise:
        return 0, 0
    return _padding(graph, node, tensor) if node.op_type == "Conv" else None


def _padding(graph: Graph, node: onnx.NodeProto, tensor: Tensor) -> tuple[int, int] | None:
    """Return the pads along time of a convolution that keeps the length; None for others."""
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
    """Group the nodes that read each other's outputs, each group in graph order."""
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
