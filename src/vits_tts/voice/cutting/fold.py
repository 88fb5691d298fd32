"""Less work for the text's piece: the same result from fewer and smaller operations.

What exporters write node by node is put together again:

* shape arithmetic that comes to the same numbers is done once, or is a constant;
* masks that leave nothing out are left out themselves (``masks.py``);
* layer normalisation becomes one operator;
* relative attention multiplies by the positions there are (``attention.py``);
* convolutions of three taps take two steps at a time (``pairs.py``).

Each fold is found by what surrounds it and held against the original on sentences of several
lengths; one that changes the result is dropped.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import onnx
from onnx import helper, numpy_helper

from vits_tts.voice.cutting.attention import relative_attention
from vits_tts.voice.cutting.counts import counts_of_phonemes
from vits_tts.voice.cutting.graph import Graph, attribute, rebuilt, renamed
from vits_tts.voice.cutting.masks import without_masks
from vits_tts.voice.cutting.pairs import pairs_of_steps
from vits_tts.voice.cutting.trial import Trial, agree, attempt, sentence, working
from vits_tts.voice.plan import TextDraw

_LENGTHS: Final = (1, 2, 3, 5, 8, 13, 21, 34)

Step = Callable[[Graph, Trial], onnx.ModelProto]


def fold(
    text: onnx.ModelProto,
    draws: Sequence[TextDraw],
    ids: Sequence[int],
    steps: Sequence[Step] | None = None,
) -> onnx.ModelProto:
    """Return ``text`` with what can be folded; ``ids`` are phonemes that it is tried with."""
    graph = Graph(text)
    feeds = working(graph, [sentence(draws, ids, length) for length in _LENGTHS])
    for step in steps or _STEPS:
        if not feeds:
            break
        graph = Graph(text)
        folded = step(graph, attempt(graph, feeds))
        if agree(text, folded, feeds):
            text = folded
    return text


def same_numbers(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Read one of all tensors that hold the same numbers whatever the length."""
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
    """Put ``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` over the last axis together."""
    norms = {}
    for node in graph.nodes:
        found = _layer_norm(graph, node, trial)
        if found is not None:
            norms[found.output[0]] = found
    nodes = [norms.get(node.output[0], node) for node in graph.nodes]
    return rebuilt(graph, nodes, [])


def _layer_norm(graph: Graph, add: onnx.NodeProto, trial: Trial) -> onnx.NodeProto | None:
    """Walk back from the addition of beta; None where anything else is in the way."""
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
    """Return the node that makes one operand, and the other operand, which is constant."""
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
