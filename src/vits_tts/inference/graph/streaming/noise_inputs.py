"""Random numbers as inputs of a graph, in place of the nodes that draw them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from vits_tts.inference.graph.graph import RANDOM, Graph, assemble, attribute, reads
from vits_tts.inference.graph.shapes import Tensor
from vits_tts.inference.graph.streaming.stream_builder import Blocked
from vits_tts.inference.plan import FrameDraw, TextDraw


def text_piece(
    graph: Graph, outputs: Sequence[str], tensors: Mapping[str, Tensor]
) -> tuple[onnx.ModelProto, tuple[TextDraw, ...]]:
    """Return the model that computes ``outputs``, and its inputs of random numbers."""
    nodes: list[onnx.NodeProto] = []
    draws = []
    for node in graph.ancestors(outputs):
        if node.op_type in RANDOM:
            draw = _text_draw(node, tensors[node.output[0]])
            draws.append(draw)
            nodes += _picking(node, draw)
        else:
            nodes.append(node)
    read = {name for node in nodes for name in reads(node)} | set(outputs)
    inputs = [item for item in graph.model.graph.input if item.name not in graph.weights]
    noise = [helper.make_tensor_value_info(draw.name, 1, [None]) for draw in draws]
    weights = [item for name, item in graph.weights.items() if name in read]
    sizes = [draw.size for draw in draws]
    model = assemble(graph.model, nodes, [*inputs, *noise], [*outputs, *sizes], weights)
    return model, tuple(draws)


def _picking(node: onnx.NodeProto, draw: TextDraw) -> list[onnx.NodeProto]:
    """Return nodes that take as many of the given numbers as ``node`` would draw.

    If there are too few, they repeat from the first. So the run does not fail, and its output
    ``size`` shows how many it needs.
    """
    output = node.output[0]
    name = f"vits_tts/{output}"
    shape = (
        helper.make_node("Shape", [node.input[0]], [f"{name}.shape"])
        if node.input
        else _integers(f"{name}.shape", attribute(node, "shape"))
    )
    return [
        shape,
        helper.make_node("ReduceProd", [f"{name}.shape"], [draw.size], keepdims=0),
        _integers(f"{name}.zero", 0),
        _integers(f"{name}.one", 1),
        helper.make_node("Range", [f"{name}.zero", draw.size, f"{name}.one"], [f"{name}.range"]),
        helper.make_node("Size", [draw.name], [f"{name}.given"]),
        helper.make_node("Mod", [f"{name}.range", f"{name}.given"], [f"{name}.at"]),
        helper.make_node("Gather", [draw.name, f"{name}.at"], [f"{name}.flat"]),
        helper.make_node("Reshape", [f"{name}.flat", f"{name}.shape"], [f"{name}.single"]),
        helper.make_node("Cast", [f"{name}.single"], [output], to=attribute(node, "dtype", 1)),
    ]


def _integers(name: str, value: Any) -> onnx.NodeProto:
    tensor = numpy_helper.from_array(np.array(value, np.int64))
    return helper.make_node("Constant", [], [name], value=tensor)


def _text_draw(node: onnx.NodeProto, tensor: Tensor) -> TextDraw:
    name = f"vits_tts/{node.output[0]}"
    kind, a, b = _distribution(node)
    return TextDraw(f"{name}.noise", kind, a, b, f"{name}.size", tensor.per_phoneme)


def frame_draw(node: onnx.NodeProto, tensor: Tensor, rate: int, extra: int) -> FrameDraw:
    """Return the input that replaces a random node among the frame stages.

    Raises:
        Blocked: the number of values for a frame is not constant.

    """
    shape = tensor.shape
    if shape.count(None) != 1 or tensor.dtype != np.float32:
        raise Blocked("random numbers of a variable shape")
    return FrameDraw(node.output[0], *_distribution(node), shape, rate, extra)


def _distribution(node: onnx.NodeProto) -> tuple[str, float, float]:
    kind = RANDOM[node.op_type]
    names = ("mean", "scale") if kind == "normal" else ("low", "high")
    a, b = (float(attribute(node, name, float(at))) for at, name in enumerate(names))
    return kind, a, b
