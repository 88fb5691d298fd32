"""A pass that removes masks without effect.

For batches of sentences, exporters write masks that blank the padding of shorter sentences. A text
stage runs one sentence without padding, so all elements of its masks are one.
"""

import onnx

from vits_tts.inference.graph.graph import Graph, rebuilt, renamed
from vits_tts.inference.graph.passes.counts import counts_of_phonemes
from vits_tts.inference.graph.passes.probe import Trial


def without_masks(graph: Graph, trial: Trial) -> onnx.ModelProto:
    """Remove multiplications by one, and ``Where`` nodes that always take the same side."""
    counts = set(counts_of_phonemes(graph))
    passed: dict[str, str] = {}
    for node in graph.nodes:
        kept = _all_that_counts(node, counts, trial)
        if kept is not None:
            passed[node.output[0]] = passed.get(kept, kept)
    nodes = [renamed(node, [passed.get(name, name) for name in node.input]) for node in graph.nodes]
    return rebuilt(graph, nodes, [])


def _all_that_counts(node: onnx.NodeProto, counts: set[str], trial: Trial) -> str | None:
    """Return the operand that a node's output always equals, or None."""
    if node.op_type == "Mul":
        sides = (node.input, reversed(node.input))
        kept = [one for one, mask in sides if mask in counts and trial.always(mask) == 1]
    elif node.op_type == "Where" and node.input[0] in counts:
        chosen = trial.always(node.input[0])
        kept = [] if chosen is None else [node.input[1 if chosen else 2]]
    else:
        return None
    return next((name for name in kept if trial.same_shape(name, node.output[0])), None)
