"""A pass that computes two steps of a convolution with four products instead of six.

Two neighbouring outputs of a convolution with the taps ``a, b, c`` depend on the inputs ``p, q, r,
s`` around them: ``a p + b q + c r`` and ``a q + b r + c s``. With

    m = (a + b + c) / 2 (q + r)        n = (a - b + c) / 2 (r - q)

they equal ``a (p - r) + m + n`` and ``m - n - c (q - s)``. This is the algorithm F(2, 3) of
Winograd (Arithmetic complexity of computations, 1980), in the form of Lavin and Gray
(https://arxiv.org/abs/1509.09308). The sums of taps are computed once. The sums of inputs are cheap
compared with products of wide matrices.

The pass rewrites the feed-forward parts of the text encoder, which are more than half of its work:
two such convolutions with an activation between them. Inside such a part the even and the odd steps
are two matrices, ``[pairs, channels]``.
"""

from typing import Final, NamedTuple

import numpy as np
import onnx
from onnx import helper

from vits_tts.inference.feed import PHONEMES
from vits_tts.inference.graph.builder import OURS, GraphBuilder
from vits_tts.inference.graph.graph import Graph, attribute, rebuilt
from vits_tts.inference.graph.passes.probe import Trial
from vits_tts.inference.plan import Array

_TAPS: Final = 3
_WIDE: Final = 128
"""Minimum number of channels of the convolutions that are rewritten."""
_ACTIVATIONS: Final = {"Elu", "LeakyRelu", "Relu", "Sigmoid", "Softplus", "Tanh"}


class _Convolution(NamedTuple):
    """A convolution that keeps the length: its input, taps ``[out, in, 3]`` and bias ``[out]``."""

    source: str
    taps: Array
    bias: Array


class _Part(NamedTuple):
    """Two convolutions and the activation between them."""

    first: _Convolution
    activation: onnx.NodeProto
    second: _Convolution


def pairs_of_steps(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Rewrite the feed-forward parts in pairs of steps."""
    draft = GraphBuilder(f"{OURS}pairs/")
    writer = _Writer(draft)
    for node in graph.nodes:
        if part := _part(graph, trial, node):
            writer.write(part, node.output[0])
        else:
            draft.nodes.append(node)
    return rebuilt(graph, draft.nodes, draft.weights)


def _part(graph: Graph, trial: Trial, node: onnx.NodeProto) -> _Part | None:
    """Return the feed-forward part that ends with ``node``, or None."""
    second = _convolution(graph, trial, node)
    activation = graph.producer.get(second.source) if second else None
    if second is None or activation is None or activation.op_type not in _ACTIVATIONS:
        return None
    before = graph.producer.get(activation.input[0])
    first = _convolution(graph, trial, before) if before else None
    if first is None or before is None:
        return None
    inner = (before.output[0], activation.output[0])
    if any(len(graph.readers[name]) != 1 for name in inner):
        # the inner tensors have other readers, so they would have to be computed as well
        return None
    return _Part(first, activation, second)


def _convolution(graph: Graph, trial: Trial, node: onnx.NodeProto) -> _Convolution | None:
    """Return a wide convolution with three taps that keeps the length; None for other nodes."""
    if node.op_type != "Conv" or len(node.input) < _TAPS or attribute(node, "group", 1) != 1:
        return None
    taps, bias = graph.value(node.input[1]), graph.value(node.input[2])
    if taps is None or bias is None or taps.shape[2:] != (_TAPS,) or min(taps.shape[:2]) < _WIDE:
        return None
    source = _unpadded(graph, node)
    if source is None or attribute(node, "dilations", [1]) != [1]:
        return None
    for name, channels in ((source, taps.shape[1]), (node.output[0], taps.shape[0])):
        seen = trial.tensors.get(name)
        if seen is None or seen.shapes != tuple((1, channels, n) for n in trial.lengths):
            return None
    return _Convolution(source, taps, bias)


def _unpadded(graph: Graph, node: onnx.NodeProto) -> str | None:
    """Return the input of a convolution that pads one zero at each end, itself or by a Pad node."""
    if attribute(node, "auto_pad", b"NOTSET") != b"NOTSET":
        return None
    if attribute(node, "pads", [0, 0]) == [1, 1]:
        return str(node.input[0])
    pad = graph.producer.get(node.input[0])
    if pad is None or pad.op_type != "Pad" or attribute(node, "pads", [0, 0]) != [0, 0]:
        return None
    ends = graph.value(pad.input[1])
    filled = graph.value(pad.input[2]) if pad.input[2:] and pad.input[2] else None
    zeros = attribute(pad, "mode", b"constant") == b"constant" and (filled is None or not filled)
    if not zeros or ends is None or ends.tolist() != [0, 0, 1, 0, 0, 1]:
        return None
    return str(pad.input[0])


class _Writer:
    """Writes the nodes that turn ``[1, channels, n]`` into pairs of time steps, and back."""

    def __init__(self, draft: GraphBuilder) -> None:
        """Write the nodes that count steps and pairs, which all parts share."""
        self._draft = draft
        one, two, zero = draft.numbers(1), draft.numbers(2), draft.numbers(0)
        shape = draft.node("Shape", [PHONEMES])
        self._steps = draft.node("Gather", [shape, one], axis=0)
        whole = draft.node("Div", [self._steps, two])
        missing = draft.node("Sub", [self._steps, draft.node("Mul", [whole, two])])
        self._missing = draft.node("Concat", [zero, zero, missing, zero], axis=0)
        ones = draft.weight(np.ones((1, 1), np.float32))
        ones = draft.node("Expand", [ones, draft.node("Concat", [whole, one], axis=0)])
        self._within = draft.node("Pad", [ones, self._missing])

    def write(self, part: _Part, output: str) -> None:
        """Write the nodes of a part; ``output`` is the name of its result."""
        even, odd = self._pairs(part.first.source, part.first.taps.shape[1])
        even, odd = self._convolved(even, odd, part.first)
        even, odd = self._activated(even, part.activation), self._activated(odd, part.activation)
        # the step after the last one has to be zero
        odd = self._draft.node("Mul", [odd, self._within])
        even, odd = self._convolved(even, odd, part.second)
        self._in_a_row(even, odd, part.second.taps.shape[0], output)

    def _pairs(self, source: str, channels: int) -> tuple[str, str]:
        """Return the even and the odd steps; a step of zeros makes their numbers equal."""
        node, numbers = self._draft.node, self._draft.numbers
        rows = node("Transpose", [source], perm=[0, 2, 1])
        rows = node("Reshape", [rows, numbers(-1, channels)])
        rows = node("Pad", [rows, self._missing])
        pairs = node("Reshape", [rows, numbers(-1, 2 * channels)])
        middle, columns = numbers(channels), numbers(1)
        even = node("Slice", [pairs, numbers(0), middle, columns])
        return even, node("Slice", [pairs, middle, numbers(2 * channels), columns])

    def _convolved(self, even: str, odd: str, by: _Convolution) -> tuple[str, str]:
        """Return the even and odd steps of a convolution, by the formulas of the module."""
        a, b, c = (by.taps[:, :, tap].T for tap in range(_TAPS))
        p, q, r, s = self._moved(odd, 1), even, odd, self._moved(even, -1)
        m = self._product("Add", q, r, (a + b + c) / 2, self._draft.weight(by.bias))
        n = self._product("Sub", r, q, (a - b + c) / 2)
        first = self._product("Sub", p, r, a, self._draft.node("Add", [m, n]))
        second = self._product("Sub", q, s, -c, self._draft.node("Sub", [m, n]))
        return first, second

    def _activated(self, steps: str, activation: onnx.NodeProto) -> str:
        given = {item.name: helper.get_attribute_value(item) for item in activation.attribute}
        return self._draft.node(activation.op_type, [steps], **given)

    def _in_a_row(self, even: str, odd: str, channels: int, output: str) -> None:
        """Return the steps as one sequence, without an added step of zeros."""
        node, numbers = self._draft.node, self._draft.numbers
        pairs = node("Concat", [even, odd], axis=1)
        rows = node("Reshape", [pairs, numbers(1, -1, channels)])
        rows = node("Slice", [rows, numbers(0), self._steps, numbers(1)])
        node("Transpose", [rows], output, perm=[0, 2, 1])

    def _moved(self, rows: str, by: int) -> str:
        """Return the rows moved by one, down or up, with a row of zeros in the free place."""
        return self._draft.node("Pad", [rows, self._draft.numbers(by, 0, -by, 0)])

    def _product(self, op: str, one: str, other: str, taps: Array, more: str | None = None) -> str:
        """Return ``(one op other) @ taps + more``."""
        factors = [self._draft.node(op, [one, other]), self._draft.weight(taps)]
        return self._draft.node("Gemm", [*factors, more] if more else factors)
