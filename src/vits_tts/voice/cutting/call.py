"""One node of the frames' graph, as the rules for its operator see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from vits_tts.voice.cutting.emitter import Blocked, Emitter, Stream
from vits_tts.voice.cutting.graph import attribute, renamed, with_attributes
from vits_tts.voice.cutting.shapes import Dim, Tensor
from vits_tts.voice.plan import Array

Operand = Stream | str
"""An input: a tensor in time, or the name of one that is the same for all windows."""


@dataclass(frozen=True, slots=True)
class Call:
    """One node, with what its rule needs to know.

    ``values`` are the inputs' values where they are constant, ``outputs`` what is known of the
    node's outputs, ``dims`` of its inputs.
    """

    node: onnx.NodeProto
    inputs: tuple[Operand, ...]
    values: tuple[Array | None, ...]
    dims: tuple[tuple[Dim | None, ...] | None, ...]
    outputs: tuple[Tensor, ...]
    opset: int
    emit: Emitter

    @property
    def stream(self) -> Stream:
        """The first input, which has to be in time."""
        first = self.inputs[0]
        if not isinstance(first, Stream):
            raise Blocked(f"{self.node.op_type} by indices in time")
        return first

    @property
    def streams(self) -> list[Stream]:
        """The inputs that are in time."""
        return [item for item in self.inputs if isinstance(item, Stream)]

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute of the node."""
        return attribute(self.node, name, default)

    def constant(self, position: int) -> Array | None:
        """Return the value of an optional input that has to be constant."""
        if position >= len(self.inputs) or self.inputs[position] == "":
            return None
        if self.values[position] is None:
            raise Blocked(f"{self.node.op_type} with parameters that are not constant")
        return self.values[position]

    def integers(self, position: int, name: str) -> list[int] | None:
        """Return a list that is an input since some opset and was an attribute before."""
        value = self.constant(position)
        found = self.attribute(name) if value is None else np.asarray(value).reshape(-1).tolist()
        return None if found is None else [int(item) for item in found]

    def write(self, inputs: Sequence[Operand], **attributes: Any) -> None:
        """Write the node with these inputs and some attributes replaced."""
        names = [item.name if isinstance(item, Stream) else item for item in inputs]
        node = with_attributes(self.node, **attributes) if attributes else self.node
        self.emit.nodes.append(renamed(node, names))

    def result(self, like: Stream, axis: int, index: int = 0, **changes: Any) -> Stream:
        """Return the stream of an output that runs like ``like``."""
        tensor = self.outputs[index]
        moved = replace(like, axis=axis, shape=tensor.shape, dtype=tensor.dtype)
        return replace(moved, name=self.node.output[index], **changes)

    def called(self, name: str, stream: Stream) -> Stream:
        """Return what other nodes made in place of the output."""
        tensor = self.outputs[0]
        return replace(stream, name=name, shape=tensor.shape, dtype=tensor.dtype)


Rule = Callable[[Call], list[Stream]]
"""Writes a node for windows and returns its outputs.

Raises:
    Blocked: the operator looks at more than a window can know.

"""


def aligned(call: Call) -> tuple[list[Operand], Stream]:
    """Delay the inputs until all are as late as the latest; return them and one that leads."""
    moving = [item for item in call.streams if not item.uniform] or call.streams
    latest = max(moving, key=lambda item: item.lag)
    if len({(item.rate, item.extra) for item in moving}) > 1:
        raise Blocked(f"{call.node.op_type} of tensors that differ in length")
    late: list[Operand] = [
        call.emit.delay(item, latest.lag) if isinstance(item, Stream) else item
        for item in call.inputs
    ]
    return late, latest
