"""Analysis: the tensors of a text stage that depend on the number of phonemes only."""

from collections.abc import Sequence
from typing import Final

import onnx

from vits_tts.inference.feed import LENGTH
from vits_tts.inference.graph.graph import RANDOM, Graph, branches

_LAWLESS: Final = {"Compress", "NonMaxSuppression", "NonZero", "TopK", "Unique"}
_ALL_BY_VALUE: Final = {"ConstantOfShape", "OneHot", "Range"}
_BY_VALUE: Final = {*_ALL_BY_VALUE, "Expand", "Pad", "Reshape", "Resize", "Slice", "Split", "Tile"}
"""Operators whose output shapes depend on values: of all inputs, or of all but the first."""


def counts_of_phonemes(graph: Graph) -> list[str]:
    """Return the tensors whose values depend on the number of phonemes only, in graph order.

    The proof is by the operators, not by trial: the number of non-zero elements of a tensor, for
    example, may be the same in every trial and still depend on the text.
    """
    # tensors whose shapes depend on the number of phonemes only
    shapes = {*graph.weights, *graph.inputs}
    values = {*graph.weights, LENGTH}
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
    """Return whether the shapes of a node's outputs depend on the number of phonemes only."""
    if node.op_type in _LAWLESS or any(branches(node)):
        return False
    if node.op_type in _BY_VALUE:
        data = 0 if node.op_type in _ALL_BY_VALUE else 1
        return shapes.issuperset(inputs[:data]) and values.issuperset(inputs[data:])
    decisive = inputs[:1] if node.op_type.startswith("Scatter") else inputs
    return shapes.issuperset(decisive)
