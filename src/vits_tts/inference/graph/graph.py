"""An ONNX graph with an index of the producers and readers of its tensors."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from vits_tts.inference.plan import Array

RANDOM: Final = {
    "RandomNormal": "normal",
    "RandomNormalLike": "normal",
    "RandomUniform": "uniform",
    "RandomUniformLike": "uniform",
}
UNSEEDABLE: Final = {"Bernoulli", "Multinomial"}
_DEFAULT_DOMAINS: Final = {"", "ai.onnx"}


class NotStreamable(Exception):
    """The graph cannot be cut into windows; the message has the reason."""


class Graph:
    """The main graph of an ONNX model, indexed by the names of its tensors."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Index ``model``, which is not modified."""
        self.model = model
        self.nodes = list(model.graph.node)
        self.inputs = [item.name for item in model.graph.input]
        self.output = model.graph.output[0].name
        self.weights = {item.name: item for item in model.graph.initializer}
        self.producer = {name: node for node in self.nodes for name in node.output if name}
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in reads(node):
                self.readers[name].append(node)
        self._constant: dict[str, bool] = {}

    @property
    def opset(self) -> int:
        """The version of the standard operators."""
        versions: list[int] = [
            item.version for item in self.model.opset_import if item.domain in _DEFAULT_DOMAINS
        ]
        return versions[0]

    def is_constant(self, name: str) -> bool:
        """Return whether a tensor depends on weights only."""
        if name not in self._constant:
            node = self.producer.get(name)
            self._constant[name] = name in self.weights or (
                node is not None
                and node.op_type not in RANDOM
                and all(map(self.is_constant, reads(node)))
            )
        return self._constant[name]

    def is_shape_arithmetic(self, name: str) -> bool:
        """Return whether a tensor depends only on weights and on the shapes of other tensors."""
        node = self.producer.get(name)
        if node is None:
            return name in self.weights
        return node.op_type == "Shape" or all(map(self.is_shape_arithmetic, reads(node)))

    def value(self, name: str) -> Array | None:
        """Return the value of a weight or constant; None for a tensor that has to be computed."""
        if name in self.weights:
            return numpy_helper.to_array(self.weights[name])
        node = self.producer.get(name)
        if node is None or node.op_type != "Constant":
            return None
        value = attribute(node, "value")
        return None if value is None else numpy_helper.to_array(value)

    def ancestors(self, names: Iterable[str]) -> list[onnx.NodeProto]:
        """Return the nodes from which ``names`` are computed, in the order of the graph."""
        wanted: set[int] = set()
        waiting = list(names)
        while waiting:
            node = self.producer.get(waiting.pop())
            if node is not None and id(node) not in wanted:
                wanted.add(id(node))
                waiting += reads(node)
        return [node for node in self.nodes if id(node) in wanted]


def reads(node: onnx.NodeProto) -> list[str]:
    """Return the tensors that a node reads, including outside tensors read by its subgraphs."""
    names = [name for name in node.input if name]
    for branch in branches(node):
        inner = {name for child in branch.node for name in child.output}
        inner |= {item.name for item in (*branch.initializer, *branch.input)}
        names += [name for child in branch.node for name in reads(child) if name not in inner]
        names += [item.name for item in branch.output if item.name not in inner]
    return names


def branches(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Yield the subgraphs of a node (of If, Loop and Scan)."""
    for item in node.attribute:
        if item.type == onnx.AttributeProto.GRAPH:
            yield item.g


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """Return an attribute of a node, or ``default``."""
    for item in node.attribute:
        if item.name == name:
            return helper.get_attribute_value(item)
    return default


def describe(node: onnx.NodeProto) -> str:
    """Return the operator and the name of a node, as a graph viewer shows them."""
    return f"{node.op_type} {node.name or node.output[0]}"


def renamed(node: onnx.NodeProto, inputs: Iterable[str]) -> onnx.NodeProto:
    """Return a copy of ``node`` with other inputs."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.input[:]
    copy.input.extend(inputs)
    return copy


def with_attributes(node: onnx.NodeProto, **values: Any) -> onnx.NodeProto:
    """Return a copy of ``node`` with some attributes replaced."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    kept = [item for item in copy.attribute if item.name not in values]
    del copy.attribute[:]
    copy.attribute.extend(kept)
    copy.attribute.extend(helper.make_attribute(name, value) for name, value in values.items())
    return copy


def element_type(dtype: np.dtype[Any]) -> int:
    """Return ONNX's number of a numpy type."""
    return helper.np_dtype_to_tensor_dtype(dtype)


def assemble(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[str],
    weights: Sequence[onnx.TensorProto],
) -> onnx.ModelProto:
    """Return a model with the operator versions of ``model``; output types are left open."""
    shown = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph(list(nodes), "piece", list(inputs), shown, list(weights))
    return helper.make_model(
        graph, opset_imports=list(model.opset_import), ir_version=model.ir_version
    )


def rebuilt(
    graph: Graph, nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto]
) -> onnx.ModelProto:
    """Return the graph's model with other nodes, without nodes and weights that have no reader."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    model.graph.initializer.extend(constants)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    kept = Graph(model).ancestors([item.name for item in model.graph.output])
    read = {name for node in kept for name in reads(node)}
    weights = [item for item in model.graph.initializer if item.name in read]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(kept)
    model.graph.initializer.extend(weights)
    return model
