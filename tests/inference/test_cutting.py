"""Cutting small graphs: the rule of each operator alone, and random combinations of them."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inference.graphs import (
    CHANNELS,
    Frames,
    Layers,
    Whole,
    begin,
    feed,
    open_model,
)
from vits_tts.inference.graph.streaming.cut import cut
from vits_tts.inference.graph.streaming.operators import RULES, pointwise
from vits_tts.inference.graph.streaming.verify import frame_noise
from vits_tts.inference.plan import Array, Plan, Uncut, loads

IDS = list(range(3, 40))
END = np.iinfo(np.int64).max


def plain(layers: Layers) -> None:
    """Add two convolutions, one of them dilated."""
    layers.conv(5)
    layers.add("Relu")
    layers.conv(7, dilation=3)


def causal(layers: Layers) -> None:
    """Add a convolution that looks back only, by padding on one side."""
    layers.conv(5, pads=(4, 0))
    layers.conv(3, pads=(0, 2))


def residual(layers: Layers) -> None:
    """Add blocks whose input is added to their output."""
    for dilation in (1, 3):
        before = layers.last
        layers.add("LeakyRelu", alpha=0.1)
        layers.conv(3, dilation)
        layers.add("Add", before)


def upsampling(layers: Layers) -> None:
    """Add a small decoder of a VITS."""
    layers.conv(7)
    for kernel, stride in ((16, 8), (8, 4), (4, 2)):
        layers.add("LeakyRelu", alpha=0.1)
        layers.up(kernel, stride)
        residual(layers)


def odd_upsampling(layers: Layers) -> None:
    """Add transposed convolutions with unequal pads, and one without overlap."""
    layers.up(7, 4, (1, 2))
    layers.up(3, 3, (0, 0))


def downsampling(layers: Layers) -> None:
    """Add a convolution with a stride, between axes of time of different rates."""
    layers.up(8, 4)
    layers.conv(9, stride=2, pads=(3, 4))
    layers.conv(3)


def spectral(layers: Layers) -> None:
    """Pad, split into frames and trim as an inverse Fourier transform does."""
    layers.add("Pad", layers.numbers(0, 0, 2, 0, 0, 1))
    layers.conv(4, pads=(0, 0))
    layers.up(16, 4, (0, 0))
    layers.add("Slice", layers.numbers(6), layers.numbers(-6), layers.numbers(2))


def coupling(layers: Layers) -> None:
    """Add a flow's coupling: channels reversed, halved, gated and joined again."""
    ends = [layers.numbers(-1), layers.numbers(np.iinfo(np.int64).min + 1), layers.numbers(1)]
    layers.add("Slice", *ends, layers.numbers(-1))
    half = layers.numbers(CHANNELS // 2, CHANNELS // 2)
    layers.nodes.append(onnx.helper.make_node("Split", [layers.last, half], ["a", "b"], axis=1))
    weight = layers.weight(CHANNELS, CHANNELS // 2, 5)
    layers.add("Conv", weight, reads="a", pads=[2, 2])
    gate = layers.last
    tanh = [layers.numbers(0), layers.numbers(2), layers.numbers(1)]
    first = layers.add("Tanh", reads=layers.add("Slice", *tanh))
    sigmoid = [layers.numbers(2), layers.numbers(4), layers.numbers(1)]
    layers.add("Sigmoid", reads=layers.add("Slice", *sigmoid, reads=gate))
    layers.add("Mul", first)
    layers.add("Add", "b")
    layers.add("Concat", "a", axis=1)


def normalised(layers: Layers) -> None:
    """Add a ConvNeXt block: channels last, normalised over channels, matrix products."""
    layers.conv(7)
    layers.add("Transpose", perm=[0, 2, 1])
    mean = layers.add("ReduceMean", axes=[-1], keepdims=1)
    layers.add("Sub", mean, reads=layers.nodes[-1].input[0])
    layers.add("MatMul", layers.weight(CHANNELS, 6))
    layers.add("Softmax", axis=-1)
    layers.add("MatMul", layers.weight(6, CHANNELS))
    layers.add("Transpose", perm=[0, 2, 1])


def summed(layers: Layers) -> None:
    """Add a running sum over time, like that of a phase."""
    layers.add("Abs")
    layers.add("CumSum", layers.constant(np.array(2, np.int64)))
    layers.add("Sin")
    layers.conv(3)


def shuffled(layers: Layers) -> None:
    """Fold channels into time, which raises the rate."""
    layers.add("Transpose", perm=[0, 2, 1])
    layers.add("Reshape", layers.numbers(1, -1, 1))
    layers.add("Transpose", perm=[0, 2, 1])
    layers.add("Concat", layers.last, layers.last, layers.last, axis=1)
    layers.conv(3)


def shifted(layers: Layers) -> None:
    """Put neighbours side by side, as before a Fourier transform, then the next frame."""
    padded = layers.add("Pad", layers.numbers(0, 0, 2, 0, 0, 1))
    along = layers.numbers(2)
    ends = [layers.numbers(end) for end in (-3, -2, -1, END)]
    neighbours = [
        layers.add("Slice", layers.numbers(start), end, along, reads=padded)
        for start, end in enumerate(ends)
    ]
    layers.add("Concat", *neighbours[1:], reads=neighbours[0], axis=1)
    now = layers.add("Conv", layers.weight(CHANNELS, 4 * CHANNELS, 1))
    layers.add("Pad", layers.numbers(0, 0, 0, 0, 0, 1))
    later = layers.add("Slice", layers.numbers(1), layers.numbers(END), along)
    there = layers.add("Greater", layers.constant(np.zeros((), np.float32)))
    layers.add("Where", later, now, reads=there)


def filled(layers: Layers) -> None:
    """Add zeros in the shape of a tensor with time, as exporters do for a missing speaker."""
    shape = layers.add("Shape")
    zeros = layers.add("ConstantOfShape", reads=shape)
    layers.add("Add", "x", reads=zeros)
    layers.conv(3)


BLOCKS: list[Callable[[Layers], None]] = [
    plain,
    causal,
    residual,
    upsampling,
    odd_upsampling,
    downsampling,
    spectral,
    coupling,
    normalised,
    summed,
    shuffled,
    shifted,
    filled,
]


def check(model: onnx.ModelProto, windows: list[int], ids: list[int]) -> Plan:
    """Compare windows of a cut model with the uncut one; return its plan."""
    pieces = cut(model, IDS)
    assert isinstance(pieces.plan, Plan), pieces.plan
    plan = loads(pieces.plan.dumps())
    assert isinstance(plan, Plan)
    assert plan == pieces.plan
    text, *stages = map(open_model, (pieces.text, *pieces.frames))
    fed = feed(ids, (0.5, 1.3, 0.8), sid=3)
    made = begin(plan, text, list(map(Frames, stages)), fed, seed=5)
    parts: list[Array] = []
    while not made.done:
        parts.append(made.raw_window(windows[len(parts) % len(windows)]))
    expected = Whole(model, IDS).run({**fed, **frame_noise(plan, made.frames, seed=5)}, seed=5)
    assert made.samples == len(expected)
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-5)
    return plan


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
@pytest.mark.parametrize("length", [1, 40])
def test_windows_of_one_frame_equal_the_whole(block: Callable[[Layers], None], length: int) -> None:
    """For each operator, joined windows are the output of the whole graph."""
    layers = Layers()
    block(layers)
    check(layers.model(), [1], IDS[:length])


@pytest.mark.slow
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
)
@given(
    blocks=st.lists(st.sampled_from([it for it in BLOCKS if it is not filled]), max_size=3),
    windows=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    length=st.integers(1, 37),
    multi_speaker=st.booleans(),
)
def test_any_stack_of_blocks_in_any_windows_equals_the_whole(
    blocks: list[Callable[[Layers], None]],
    windows: list[int],
    length: int,
    multi_speaker: bool,
) -> None:
    """Blocks may follow each other in any order, with windows of any size."""
    layers = Layers()
    for block in blocks:
        if block is not coupling or "a" not in {name for n in layers.nodes for name in n.output}:
            block(layers)
    check(layers.model(multi_speaker=multi_speaker), windows, IDS[:length])


def test_the_seam_lies_before_all_that_is_local() -> None:
    """The frame stages begin where durations are counted: the text stage has no convolution."""
    layers = Layers()
    upsampling(layers)
    pieces = cut(layers.model(), IDS)
    assert isinstance(pieces.plan, Plan)
    assert pieces.plan.hop == 8 * 4 * 2
    assert [seam.name for seam in pieces.plan.seams] == ["at"]
    assert not [node for node in pieces.text.graph.node if node.op_type.startswith("Conv")]


def test_the_context_is_that_of_the_convolutions() -> None:
    """Convolutions of 5, of 7 with dilation 3, and of 3 look exactly 2 + 9 + 1 frames ahead."""
    layers = Layers()
    plain(layers)
    pieces = cut(layers.model(), IDS)
    assert isinstance(pieces.plan, Plan)
    assert pieces.plan.lag == 2 + 9 + 1


@pytest.mark.parametrize(
    ("op", "reason"),
    [("InstanceNormalization", "not known to be local"), ("ReduceMean", "all frames at once")],
)
def test_what_looks_at_all_frames_is_left_whole(op: str, reason: str) -> None:
    """A normalisation over time after the decoder leaves no seam, and the plan says why."""
    layers = Layers()
    upsampling(layers)
    before = layers.last
    if op == "ReduceMean":
        layers.add(op, axes=[2], keepdims=1)
        layers.add("Sub", layers.last, reads=before)
    else:
        layers.add(op, layers.weight(CHANNELS), layers.weight(CHANNELS))
    pieces = cut(layers.model(), IDS)
    assert isinstance(pieces.plan, Uncut)
    assert not pieces.frames
    assert reason in pieces.plan.reason
    assert op in pieces.plan.reason
    assert loads(pieces.plan.dumps()) == pieces.plan


def test_a_cut_that_changes_the_sound_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a rule were wrong about an operator, the voice would be served uncut."""
    monkeypatch.setitem(RULES, "InstanceNormalization", pointwise)
    layers = Layers()
    upsampling(layers)
    layers.add("InstanceNormalization", layers.weight(CHANNELS), layers.weight(CHANNELS))
    pieces = cut(layers.model(), IDS)
    assert isinstance(pieces.plan, Uncut)
    assert pieces.plan.reason == "in windows it sounds different"


def test_a_cutter_that_fails_does_not_silence_the_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """If an error occurs while a graph is cut, the voice is served uncut with the reason."""
    monkeypatch.setitem(RULES, "ConvTranspose", lambda call: [call.missing])
    layers = Layers()
    upsampling(layers)
    pieces = cut(layers.model(), IDS)
    assert isinstance(pieces.plan, Uncut)
    assert "cutting fails: AttributeError" in pieces.plan.reason
