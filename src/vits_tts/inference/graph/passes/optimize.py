"""Passes over the text stage: the same results from fewer and smaller operators.

* Shape arithmetic with equal results is computed once, or replaced by a constant.
* Masks without effect are removed (``masks.py``).
* Layer normalisation becomes one operator.
* Relative attention leaves out positions that are zero (``attention.py``).
* Convolutions with three taps compute two steps at a time (``winograd.py``).

A pass finds its nodes by their surroundings, which may mislead it. So each result is compared with
the original on sentences of several lengths, and a pass that changes it is dropped.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import onnx
from onnx import helper, numpy_helper

from vits_tts.inference.graph.graph import Graph, attribute, rebuilt, renamed
from vits_tts.inference.graph.passes.attention import relative_attention
from vits_tts.inference.graph.passes.counts import counts_of_phonemes
from vits_tts.inference.graph.passes.masks import without_masks
from vits_tts.inference.graph.passes.probe import Trial, agrees, attempt, sentence, working
from vits_tts.inference.graph.passes.winograd import pairs_of_steps
from vits_tts.inference.plan import TextDraw

_LENGTHS: Final = (1, 2, 3, 5, 8, 13, 21, 34)

Step = Callable[[Graph, Trial], onnx.ModelProto]


def fold(
    text: onnx.ModelProto,
    draws: Sequence[TextDraw],
    ids: Sequence[int],
    steps: Sequence[Step] | None = None,
) -> onnx.ModelProto:
    """Return ``text`` after all passes that keep its results, tried with the phonemes ``ids``."""
    graph = Graph(text)
    expected = working(graph, [sentence(draws, ids, length) for length in _LENGTHS])
    feeds = [feed for feed, _ in expected]
    for step in steps or _STEPS:
        if not feeds:
            break
        graph = Graph(text)
        folded = step(graph, attempt(graph, feeds))
        if agrees(folded, expected):
            text = folded
    return text


def same_numbers(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Replace integer tensors that are equal for every length by one of them, or by a constant."""
    first: dict[tuple[Any, ...], str] = {}
    instead: dict[str, str] = {}
    constants: list[onnx.TensorProto] = []
    for name in counts_of_phonemes(graph):
        values = trial.tensors[name].values
        if values is None or values[0].dtype.kind not in "iub":
            continue
        key = (values[0].dtype, *((value.shape, value.tobytes()) for value in values))
        instead[name] = first.setdefault(key, name)
        if len(set(key[1:])) == 1 and instead[name] == name:
            constants.append(numpy_helper.from_array(values[0], name))
    fixed = {item.name for item in constants}
    nodes = [
        renamed(node, [instead.get(name, name) for name in node.input])
        for node in graph.nodes
        if not fixed.issuperset(node.output)
    ]
    return rebuilt(graph, nodes, constants)


def layer_norms(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Replace ``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` by one operator."""
    norms = {}
    for node in graph.nodes:
        found = _layer_norm(graph, node, trial)
        if found is not None:
            norms[found.output[0]] = found
    nodes = [norms.get(node.output[0], node) for node in graph.nodes]
    return rebuilt(graph, nodes, [])


def _layer_norm(graph: Graph, add: onnx.NodeProto, trial: Trial) -> onnx.NodeProto | None:
    """Return the operator that replaces an addition of beta; None if it ends another pattern."""
    scaled, beta = _split(graph, add, "Add")
    normal, gamma = _split(graph, scaled, "Mul")
    if normal is None or normal.op_type != "Div" or beta is None or gamma is None:
        return None
    centred = graph.producer.get(normal.input[0])
    root = graph.producer.get(normal.input[1])
    mean = _maker(graph, centred, "Sub", 1)
    shifted = _maker(graph, root, "Sqrt", 0)
    variance, epsilon = _split(graph, shifted, "Add")
    square = _maker(graph, variance, "ReduceMean", 0)
    if centred is None or mean is None or variance is None or square is None:
        return None
    x = centred.input[0]
    eps = graph.value(epsilon) if epsilon else None
    rank = len(trial.tensors[x].shapes[0]) if x in trial.tensors else 0
    means = (mean, variance)
    over_last = all(
        it.op_type == "ReduceMean" and attribute(it, "axes") in ([-1], [rank - 1]) for it in means
    )
    squares = square.op_type == "Pow" and square.input[0] == centred.output[0]
    if mean.input[0] != x or not over_last or not squares or eps is None or rank == 0:
        return None
    inputs = [x, gamma, beta]
    return helper.make_node(
        "LayerNormalization", inputs, list(add.output), axis=-1, epsilon=float(eps)
    )


def _split(
    graph: Graph, node: onnx.NodeProto | None, op: str
) -> tuple[onnx.NodeProto | None, str | None]:
    """Return the node of one operand, and the name of the other operand, which is constant."""
    if node is None or node.op_type != op:
        return None, None
    for made, fixed in (node.input, reversed(node.input)):
        if graph.is_constant(fixed) and made in graph.producer:
            return graph.producer[made], fixed
    return None, None


def _maker(
    graph: Graph, node: onnx.NodeProto | None, op: str, position: int
) -> onnx.NodeProto | None:
    if node is None or node.op_type != op:
        return None
    return graph.producer.get(node.input[position])


_STEPS: Final = (same_numbers, without_masks, layer_norms, relative_attention, pairs_of_steps)
