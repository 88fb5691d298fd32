"""One node of the frame stages, as the rule for its operator sees it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from vits_tts.inference.graph.graph import attribute, renamed, with_attributes
from vits_tts.inference.graph.shapes import Dim, Tensor
from vits_tts.inference.graph.streaming.stream_builder import Blocked, Stream, StreamBuilder
from vits_tts.inference.plan import Array

Operand = Stream | str
"""An input: a stream, or the name of a tensor that is the same in all windows."""


@dataclass(frozen=True, slots=True)
class Call:
    """A node with the properties of its inputs and outputs.

    ``values`` are the values of constant inputs, ``dims`` the dimensions of the inputs, and
    ``outputs`` the properties of the outputs.
    """

    node: onnx.NodeProto
    inputs: tuple[Operand, ...]
    values: tuple[Array | None, ...]
    dims: tuple[tuple[Dim | None, ...] | None, ...]
    outputs: tuple[Tensor, ...]
    opset: int
    emit: StreamBuilder

    @property
    def stream(self) -> Stream:
        """The first input. Raises ``Blocked`` if it is not a stream."""
        first = self.inputs[0]
        if not isinstance(first, Stream):
            raise Blocked(f"{self.node.op_type} by indices in time")
        return first

    @property
    def streams(self) -> list[Stream]:
        """The inputs that are streams."""
        return [item for item in self.inputs if isinstance(item, Stream)]

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute of the node."""
        return attribute(self.node, name, default)

    def constant(self, position: int) -> Array | None:
        """Return the value of an optional input, or None without it.

        Raises:
            Blocked: the input is not constant.

        """
        if position >= len(self.inputs) or self.inputs[position] == "":
            return None
        if self.values[position] is None:
            raise Blocked(f"{self.node.op_type} with parameters that are not constant")
        return self.values[position]

    def integers(self, position: int, name: str) -> list[int] | None:
        """Return integers from the input ``position`` or, in older opsets, an attribute."""
        value = self.constant(position)
        found = self.attribute(name) if value is None else np.asarray(value).reshape(-1).tolist()
        return None if found is None else [int(item) for item in found]

    def write(self, inputs: Sequence[Operand], **attributes: Any) -> None:
        """Write the node with these inputs, and with some attributes replaced."""
        names = [item.name if isinstance(item, Stream) else item for item in inputs]
        node = with_attributes(self.node, **attributes) if attributes else self.node
        self.emit.nodes.append(renamed(node, names))

    def result(self, like: Stream, axis: int, index: int = 0, **changes: Any) -> Stream:
        """Return the stream of an output that has the timing of ``like``."""
        tensor = self.outputs[index]
        moved = replace(like, axis=axis, shape=tensor.shape, dtype=tensor.dtype)
        return replace(moved, name=self.node.output[index], **changes)

    def called(self, name: str, stream: Stream) -> Stream:
        """Return ``stream`` with the tensor ``name``, which replaces the node's output."""
        tensor = self.outputs[0]
        return replace(stream, name=name, shape=tensor.shape, dtype=tensor.dtype)


Rule = Callable[[Call], list[Stream]]
"""Writes a node for windows and returns its outputs.

Raises:
    Blocked: the operator depends on more than a window can contain.

"""


def aligned(call: Call) -> tuple[list[Operand], Stream]:
    """Delay all inputs to the largest lag; return them, and a stream with the common timing.

    Raises:
        Blocked: the inputs have different lengths.

    """
    moving = [item for item in call.streams if not item.uniform] or call.streams
    latest = max(moving, key=lambda item: item.lag)
    if len({(item.rate, item.extra) for item in moving}) > 1:
        raise Blocked(f"{call.node.op_type} of tensors that differ in length")
    late: list[Operand] = [
        call.emit.delay(item, latest.lag) if isinstance(item, Stream) else item
        for item in call.inputs
    ]
    return late, latest
