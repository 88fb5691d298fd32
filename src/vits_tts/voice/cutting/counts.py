"""Which tensors of a text's piece follow from how many phonemes there are, and nothing else."""

from collections.abc import Sequence
from typing import Final

import onnx

from vits_tts.voice.cutting.graph import RANDOM, Graph, branches

_LENGTH: Final = "input_lengths"
"""A sentence is given alone and whole, so that this input is the number of its phonemes."""
_LAWLESS: Final = {"Compress", "NonMaxSuppression", "NonZero", "TopK", "Unique"}
_ALL_BY_VALUE: Final = {"ConstantOfShape", "OneHot", "Range"}
_BY_VALUE: Final = {*_ALL_BY_VALUE, "Expand", "Pad", "Reshape", "Resize", "Slice", "Split", "Tile"}
"""Operators whose outputs' shapes follow from inputs' values, of most from all but the first."""


def counts_of_phonemes(graph: Graph) -> list[str]:
    """Return the tensors whose values follow from the number of phonemes alone, in order.

    What says how many elements of something are not zero does not, even if it seems so in every
    trial.
    """
    shapes = {*graph.weights, *graph.inputs}  # tensors whose shapes follow
    values = {*graph.weights, _LENGTH}
    counts = []
    for node in graph.nodes:
        inputs = [name for name in node.input if name]
        if node.op_type == "Shape":
            known = inputs[0] in shapes
        else:
            known = values.issuperset(inputs) and node.op_type not in RANDOM
        if known and not any(branches(node)):
            values.update(node.output)
            counts += [name for name in node.output if node.op_type != "Constant"]
        if _keeps_law(node, inputs, shapes, values):
            shapes.update(node.output)
    return counts


def _keeps_law(
    node: onnx.NodeProto, inputs: Sequence[str], shapes: set[str], values: set[str]
) -> bool:
    """Whether the shapes of a node's outputs follow from the number of phonemes."""
    if node.op_type in _LAWLESS or any(branches(node)):
        return False
    if node.op_type in _BY_VALUE:
        data = 0 if node.op_type in _ALL_BY_VALUE else 1
        return shapes.issuperset(inputs[:data]) and values.issuperset(inputs[data:])
    decisive = inputs[:1] if node.op_type.startswith("Scatter") else inputs
    return shapes.issuperset(decisive)
