"""The frame stage is cut once more: in the middle of the work, and never across a state."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.inference.graphs import Layers
from tests.support.voices import install_joe
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.inference.compiled import load
from vits_tts.inference.graph.streaming.cut import cut
from vits_tts.inference.graph.streaming.stages import halve
from vits_tts.inference.plan import Plan, Uncut
from vits_tts.voice import installed, manifest

pytestmark = pytest.mark.slow

IDS = list(range(3, 40))


def convolutions(stage: onnx.ModelProto) -> int:
    """Return the number of convolutions."""
    return sum(node.op_type == "Conv" for node in stage.graph.node)


def names(items: Sequence[onnx.ValueInfoProto]) -> set[str]:
    """Return the names of inputs or outputs."""
    return {item.name for item in items}


def hold(stages: Sequence[onnx.ModelProto], plan: Plan | Uncut) -> None:
    """Assert that each state is in the stage that makes it, and that all inputs are available."""
    assert isinstance(plan, Plan)
    front, back = stages
    crossing = names(front.graph.output) & names(back.graph.input)
    assert crossing
    for state, output in plan.states:
        homes = [
            (state in names(stage.graph.input), output in names(stage.graph.output))
            for stage in (front, back)
        ]
        assert sorted(homes) == [(False, False), (True, True)]
    assert not names(back.graph.output) & names(front.graph.input)


def chain(kernels: Sequence[int]) -> onnx.ModelProto:
    """Return convolutions of 32 channels in a row that keep the length."""
    nodes, weights = [], []
    for number, kernel in enumerate(kernels):
        pads = [kernel // 2, kernel // 2]
        reads, output = f"x{number}", f"x{number + 1}"
        nodes.append(helper.make_node("Conv", [reads, f"w{number}"], [output], pads=pads))
        value = np.ones((32, 32, kernel), np.float32)
        weights.append(numpy_helper.from_array(value, f"w{number}"))
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 32, "n"])
        for name in ("x0", f"x{len(kernels)}")
    ]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


@pytest.mark.parametrize(
    ("kernels", "expected"),
    [
        ([9, 9, 9, 9], [2, 2]),
        ([3, 3, 3, 9, 9, 27], [5, 1]),
        ([27, 3, 3, 3, 9, 9], [1, 5]),
        ([3, 101, 3], [3]),
        ([9], [1]),
    ],
)
def test_half_of_the_work_each(kernels: list[int], expected: list[int]) -> None:
    """Each stage has half of the work, unless a single convolution is nearly all of it."""
    window = {"x0": np.ones((1, 32, 16), np.float32)}
    stages = halve(chain(kernels), [], window)
    assert list(map(convolutions, stages)) == expected


def test_fewer_where_they_cost_more() -> None:
    """The second stage has fewer convolutions after an upsampling, where each costs more."""
    layers = Layers()
    for _ in range(8):
        layers.conv(9)
    layers.up(8, 4)
    for _ in range(4):
        layers.conv(9)
    pieces = cut(layers.model(), IDS)
    hold(pieces.frames, pieces.plan)
    front, back = map(convolutions, pieces.frames)
    assert front >= 8
    assert 3 <= back <= 5


@pytest.mark.parametrize("name", ["bundled", "medium"])
def test_voices_are_halved(name: str, tmp_path: Path, shared_pieces: Path) -> None:
    """The embedded voice and Piper's medium one are cut into halves."""
    bundled = installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
    path = bundled if name == "bundled" else install_joe(tmp_path)
    compiled = load(manifest.read(path), shared_pieces)
    stages = [onnx.load(str(stage), load_external_data=False) for stage in compiled.frames]
    hold(stages, compiled.plan)
