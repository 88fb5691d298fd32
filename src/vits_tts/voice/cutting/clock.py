"""How the axes of time of different tensors relate: in frames, the slowest of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from vits_tts.voice.cutting.emitter import Blocked
from vits_tts.voice.cutting.graph import Graph, Uncuttable
from vits_tts.voice.cutting.shapes import Dim, Tensor

_MAX_HOP: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Clock:
    """How the axes of time count: ``hop`` samples a frame, ``offset`` elements of the slowest."""

    hop: int
    offset: Fraction

    def rate(self, dim: Dim) -> int:
        """Return how many elements a frame has along ``dim``."""
        rate = dim.per_sample * self.hop
        if rate.denominator != 1 or rate < 1:
            raise Blocked("an axis of time that is no multiple of the frames")
        return int(rate)

    def beyond(self, dim: Dim) -> int:
        """Return how many elements ``dim`` has beyond those of its frames."""
        extra = dim.constant - self.rate(dim) * self.offset
        if extra.denominator != 1 or dim.per_phoneme:
            raise Blocked("an axis of time that counts something else as well")
        return int(extra)


def find_clock(graph: Graph, tensors: Mapping[str, Tensor]) -> Clock:
    """Find the slowest axis of time: it counts frames.

    Of axes that differ by an element or two, it is the one that fits the samples best.
    """
    nodes = graph.ancestors([graph.output])
    known = [tensors[name] for node in nodes for name in node.output if name in tensors]
    dims = [dim for tensor in known for dim in tensor.dims or () if dim and dim.per_sample > 0]
    slowest = min((dim.per_sample, abs(dim.constant), dim.constant) for dim in dims)
    hop = slowest[0].denominator
    if slowest[0].numerator != 1 or hop > _MAX_HOP:
        raise Uncuttable("its samples are no multiple of its frames")
    return Clock(hop, slowest[2])
