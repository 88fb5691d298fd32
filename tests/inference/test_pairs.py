"""Convolutions of three taps in pairs of steps: the same results with fewer products."""

from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.inference.graphs import feed, open_model
from vits_tts.inference.graph.passes.optimize import fold
from vits_tts.inference.graph.passes.winograd import pairs_of_steps

IDS = [5, 9, 3, 7]
NARROW, WIDE = 128, 160
ENDS = [0, 0, 1, 0, 0, 1]


class Encoder:
    """A text stage: ``x`` float32 ``[1, NARROW, n]``, and the nodes that are added."""

    def __init__(self) -> None:
        """Start with an embedding."""
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(5)
        table = self._constant(self._random.standard_normal((256, NARROW)).astype(np.float32))
        self.add("Gather", table, "input", output="rows")
        self.add("Transpose", "rows", output="x", perm=[0, 2, 1])

    def add(self, operator: str, *inputs: str, output: str = "", **given: Any) -> str:
        """Add a node."""
        name = output or f"{operator}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **given))
        return name

    def conv(self, source: str, outs: int, ins: int, taps: int = 3, **given: Any) -> str:
        """Add a convolution, by default one that keeps the length."""
        scale = (ins * taps) ** -0.5
        weight = (scale * self._random.standard_normal((outs, ins, taps))).astype(np.float32)
        bias = self._random.standard_normal(outs).astype(np.float32)
        return self.add(
            "Conv",
            source,
            self._constant(weight),
            self._constant(bias),
            **{"pads": [1, 1], **given},
        )

    def padded(self, source: str, ends: list[int], **given: Any) -> str:
        """Add a node that pads."""
        return self.add("Pad", source, self._constant(np.array(ends)), **given)

    def model(self, *outputs: str) -> onnx.ModelProto:
        """Return the stage as a model."""
        info = helper.make_tensor_value_info
        inputs = [
            info("input", TensorProto.INT64, [1, "n"]),
            info("input_lengths", TensorProto.INT64, [1]),
            info("scales", TensorProto.FLOAT, [3]),
        ]
        shown = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph(self.nodes, "text", inputs, shown, self.weights)
        opset = [helper.make_opsetid("", 15)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8)

    def _constant(self, value: Any) -> str:
        self.weights.append(numpy_helper.from_array(value, f"w.{len(self.weights)}"))
        return self.weights[-1].name


def part(encoder: Encoder, **activation: Any) -> str:
    """Add a feed-forward part."""
    wide = encoder.conv("x", WIDE, NARROW)
    active = encoder.add("LeakyRelu", wide, **activation)
    return encoder.conv(active, NARROW, WIDE)


def paired(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the stage with its convolutions in pairs of steps, where this is possible."""
    return fold(model, (), IDS, [pairs_of_steps])


def check_same(before: onnx.ModelProto, after: onnx.ModelProto) -> None:
    """Compare both, also at lengths that were not used in the trial."""
    old, new = open_model(before), open_model(after)
    for length in (1, 2, 3, 4, 7, 12, 55, 56):
        fed = feed((IDS * 14)[:length], (0.5, 1.0, 0.8))
        fed = {item.name: fed[item.name] for item in old.get_inputs()}
        for one, other in zip(old.run(None, fed), new.run(None, fed), strict=True):
            assert one.shape == other.shape
            np.testing.assert_allclose(other, one, atol=2e-5)


def operators(model: onnx.ModelProto) -> Counter[str]:
    """Return the number of nodes of each operator."""
    return Counter(node.op_type for node in model.graph.node)


def test_a_part_takes_four_products_for_two_steps() -> None:
    """A part needs four products for two steps, at even and odd lengths, with its activation."""
    encoder = Encoder()
    before = encoder.model(part(encoder, alpha=0.3))
    after = paired(before)
    assert operators(after)["Gemm"] == 2 * 4
    assert operators(after)["Conv"] == 0
    check_same(before, after)


def test_several_parts_share_what_counts_steps() -> None:
    """Several parts share the nodes that count steps, even if one reads another's output."""
    encoder = Encoder()
    first = part(encoder)
    wide = encoder.conv(first, WIDE, NARROW)
    last = encoder.conv(encoder.add("Tanh", wide), NARROW, WIDE)
    before = encoder.model(encoder.add("Add", first, last))
    after = paired(before)
    assert operators(after)["Gemm"] == 4 * 4
    assert operators(after)["Shape"] == 1
    check_same(before, after)


def test_ends_may_be_padded_before() -> None:
    """The zeros at the ends may come from a separate node, as in VITS, not from the convolution."""
    encoder = Encoder()
    wide = encoder.conv(encoder.padded("x", ENDS), WIDE, NARROW, pads=[0, 0])
    active = encoder.padded(encoder.add("Relu", wide), ENDS, mode="constant")
    before = encoder.model(encoder.conv(active, NARROW, WIDE, pads=[0, 0]))
    after = paired(before)
    assert operators(after)["Conv"] == 0
    check_same(before, after)


def _causal(encoder: Encoder) -> str:
    wide = encoder.conv("x", WIDE, NARROW, pads=[2, 0])
    return encoder.conv(encoder.add("Relu", wide), NARROW, WIDE)


def _mirrored(encoder: Encoder) -> str:
    wide = encoder.conv(encoder.padded("x", ENDS, mode="edge"), WIDE, NARROW, pads=[0, 0])
    return encoder.conv(encoder.add("Relu", wide), NARROW, WIDE)


def _five_taps(encoder: Encoder) -> str:
    wide = encoder.conv("x", WIDE, NARROW, taps=5, pads=[2, 2])
    return encoder.conv(encoder.add("Relu", wide), NARROW, WIDE)


def _dilated(encoder: Encoder) -> str:
    wide = encoder.conv("x", WIDE, NARROW, dilations=[2], pads=[2, 2])
    return encoder.conv(encoder.add("Relu", wide), NARROW, WIDE)


def _grouped(encoder: Encoder) -> str:
    wide = encoder.conv("x", 4 * NARROW, NARROW // 2, group=2)
    return encoder.conv(encoder.add("Relu", wide), NARROW, 4 * NARROW)


def _thin(encoder: Encoder) -> str:
    wide = encoder.conv("x", NARROW // 2, NARROW)
    return encoder.conv(encoder.add("Relu", wide), NARROW, NARROW // 2)


def _mixed_in_time(encoder: Encoder) -> str:
    wide = encoder.conv("x", WIDE, NARROW)
    return encoder.conv(encoder.add("Softmax", wide, axis=2), NARROW, WIDE)


@pytest.mark.parametrize(
    "other", [_causal, _mirrored, _five_taps, _dilated, _grouped, _thin, _mixed_in_time]
)
def test_other_convolutions_stay(other: Any) -> None:
    """Other convolutions are left unchanged."""
    encoder = Encoder()
    before = encoder.model(other(encoder))
    after = paired(before)
    assert operators(after) == operators(before)
    check_same(before, after)


def test_a_part_whose_inside_is_read_elsewhere_stays() -> None:
    """A part whose inner tensors are read elsewhere stays, since it would be computed twice."""
    encoder = Encoder()
    wide = encoder.conv("x", WIDE, NARROW)
    active = encoder.add("Relu", wide)
    before = encoder.model(encoder.conv(active, NARROW, WIDE), encoder.add("Neg", active))
    assert operators(paired(before)) == operators(before)
