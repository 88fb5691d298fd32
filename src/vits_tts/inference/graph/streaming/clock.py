"""The clock of a graph: relates the axes of time of its tensors to frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from vits_tts.inference.graph.graph import Graph, NotStreamable
from vits_tts.inference.graph.shapes import Dim, Tensor
from vits_tts.inference.graph.streaming.stream_builder import Blocked

_MAX_HOP: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Clock:
    """The relation of axes of time to frames.

    A frame has ``hop`` samples. ``offset`` is the constant part of the slowest axis.
    """

    hop: int
    offset: Fraction

    def rate(self, dim: Dim) -> int:
        """Return the number of elements of a frame along ``dim``.

        Raises:
            Blocked: it is not a whole number.

        """
        rate = dim.per_sample * self.hop
        if rate.denominator != 1 or rate < 1:
            raise Blocked("an axis of time that is not a multiple of the frames")
        return int(rate)

    def beyond(self, dim: Dim) -> int:
        """Return how many elements ``dim`` has in addition to those that grow with the frames.

        Raises:
            Blocked: it is not a constant whole number.

        """
        extra = dim.constant - self.rate(dim) * self.offset
        if extra.denominator != 1 or dim.per_phoneme:
            raise Blocked("an axis of time whose length depends on more than the frames")
        return int(extra)


def find_clock(graph: Graph, tensors: Mapping[str, Tensor]) -> Clock:
    """Return the clock of the slowest axis of time, whose elements are the frames.

    Of several equally slow axes, the one with the smallest constant part is used.

    Raises:
        NotStreamable: the number of samples is not a multiple of the number of frames.

    """
    nodes = graph.ancestors([graph.output])
    known = [tensors[name] for node in nodes for name in node.output if name in tensors]
    dims = [dim for tensor in known for dim in tensor.dims or () if dim and dim.per_sample > 0]
    slowest = min((dim.per_sample, abs(dim.constant), dim.constant) for dim in dims)
    hop = slowest[0].denominator
    if slowest[0].numerator != 1 or hop > _MAX_HOP:
        raise NotStreamable("its samples are not a multiple of its frames")
    return Clock(hop, slowest[2])
