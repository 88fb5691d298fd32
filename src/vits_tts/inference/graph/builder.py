"""Builder of new nodes and constants for a graph."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from vits_tts.inference.plan import Array

OURS: Final = "vits_tts/"
"""Prefix of all names that we add, which no exporter uses."""


class GraphBuilder:
    """Collects nodes in order, and constants. Names begin with ``prefix``, unique in a graph."""

    def __init__(self, prefix: str = OURS) -> None:
        """Start without nodes."""
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._prefix = prefix
        self._numbers: dict[tuple[int, ...], str] = {}
        self._count = 0

    def fresh(self, kind: str) -> str:
        """Return an unused name."""
        self._count += 1
        return f"{self._prefix}{kind}.{self._count}"

    def node(
        self, op: str, inputs: Sequence[str], output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node with one output and return the output's name, by default an unused one."""
        output = output or self.fresh(op)
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output

    def numbers(self, *values: int) -> str:
        """Return the name of a constant with these values, int64 ``[n]``."""
        if values not in self._numbers:
            self._numbers[values] = self.weight(np.array(values, np.int64))
        return self._numbers[values]

    def weight(self, value: Array) -> str:
        """Add a constant and return its name."""
        name = self.fresh("weight")
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name
