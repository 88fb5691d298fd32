"""Builder of the frame stages: streams, and the state that windows carry.

A tensor with an axis of time is a :class:`Stream`: each window brings its next elements, each
exactly once. The invariant: after a window that is not the last, ``rate * frames - lag`` elements
have come; after the last one, ``rate * frames + extra``.

A convolution that looks ``p`` elements ahead increases the lag by ``p``. Where two streams are
added, the one with the smaller lag is delayed.

*State* is an output of one window that is an input of the next. Before the first window it is what
the graph itself sees before the sentence: zeros of a convolution's padding, or no elements. In the
last window the *closing* inputs bring the zeros after the sentence. So the ends of the sentence are
exact without any mask.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from vits_tts.inference.graph.builder import GraphBuilder
from vits_tts.inference.graph.graph import element_type
from vits_tts.inference.plan import Blank, Mark, Phase

END: Final = np.iinfo(np.int64).max


class Blocked(Exception):
    """The operation cannot be done window by window; the message has the reason."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A tensor with an axis of time. ``shape`` has None for each size that is not constant.

    A ``uniform`` stream is the same at all times: its tensor has one element along ``axis`` and
    broadcasts. An ``overlapping`` stream is inside a stretch of nodes that run with past elements
    in front of each window (see :mod:`~vits_tts.inference.graph.streaming.overlap`).
    """

    name: str
    axis: int
    rate: int
    lag: int
    extra: int
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]
    uniform: bool = False
    overlapping: bool = False


class StreamBuilder(GraphBuilder):
    """Builds nodes with state, and records the inputs and states for the plan."""

    def __init__(self) -> None:
        """Start without nodes."""
        super().__init__()
        self.inputs: dict[str, int] = {}  # element types by name
        self.states: list[tuple[str, str]] = []
        # rate, lag, number of elements that must have arrived
        self.needs: list[tuple[int, int, int]] = []
        self._phases: dict[str, tuple[list[Blank], list[Mark]]] = {
            name: ([], []) for name in ("opening", "running", "middle", "closing")
        }
        self._marks: dict[tuple[str, tuple[int, int]], str] = {}
        self._delayed: dict[tuple[str, int], str] = {}
        self._closings: dict[tuple[tuple[int, ...], str, int], str] = {}

    def phase(self, name: str) -> Phase:
        """Return the inputs of one phase."""
        blanks, marks = self._phases[name]
        return Phase(tuple(blanks), tuple(marks))

    def take(self, name: str, dtype: np.dtype[Any]) -> str:
        """Add an input to the graph and return its name."""
        self.inputs[name] = element_type(dtype)
        return name

    def carry(self, stream: Stream, before: int, keep: int, after: int) -> str:
        """Put the past elements that a window needs in front of it; return the joined tensor.

        Args:
            stream: The tensor.
            before: Number of zeros before the first window.
            keep: Number of elements kept from one window for the next.
            after: Number of zeros after the last window.

        """
        parts = [stream.name]
        if before or keep:
            parts.insert(0, self._past(stream, before, keep))
        if after:
            parts.append(self._closing(stream, after))
        if len(parts) == 1:
            return stream.name
        joined = self.node("Concat", parts, axis=stream.axis)
        if keep:
            kept = self.cut(joined, stream.axis, (-keep, -keep), (END, END))
            self.keep(parts[0], kept)
            self.needs.append((stream.rate, stream.lag, keep - before))
        return joined

    def resume(self, stream: Stream) -> tuple[str, str]:
        """Put one element in front of each window but the first; return the tensor and the state.

        The element is the output that :meth:`keep` names.
        """
        state = self._past(stream, 0, 1)
        return self.node("Concat", [state, stream.name], axis=stream.axis), state

    def keep(self, state: str, output: str) -> None:
        """Carry ``output`` to the next window, as its input ``state``."""
        self.states.append((state, output))

    def cut(
        self, name: str, axis: int, starts: tuple[int, int], ends: tuple[int, int], step: int = 1
    ) -> str:
        """Slice each window along ``axis`` and return the result.

        ``starts`` are two indices: the start in the first window, and in all later ones. ``ends``
        are the end in all windows but the last, and in the last one. As in ONNX, negative indices
        count from the end.
        """
        if starts == (0, 0) and ends == (END, END) and step == 1:
            return name
        start = self._mark("opening", "running", starts)
        end = self._mark("middle", "closing", ends)
        return self.node("Slice", [name, start, end, self.numbers(axis), self.numbers(step)])

    def delay(self, stream: Stream, lag: int) -> Stream:
        """Return the stream held back until its lag is ``lag``."""
        wait = lag - stream.lag
        if wait == 0 or stream.uniform:
            return replace(stream, lag=lag)
        key = (stream.name, wait)
        if key not in self._delayed:
            joined = self.carry(stream, 0, wait, 0)
            self._delayed[key] = self.cut(joined, stream.axis, (0, 0), (-wait, END))
        return replace(stream, name=self._delayed[key], lag=lag)

    def _past(self, stream: Stream, before: int, keep: int) -> str:
        name = self.take(self.fresh("state"), stream.dtype)
        self._phases["opening"][0].append(_blank(stream, name, before))
        if not keep:
            self._phases["running"][0].append(_blank(stream, name, 0))
        return name

    def _closing(self, stream: Stream, after: int) -> str:
        blank = _blank(stream, "", after)
        key = (blank.shape, blank.dtype, stream.axis)
        if key not in self._closings:
            name = self._closings[key] = self.take(self.fresh("closing"), stream.dtype)
            self._phases["middle"][0].append(_blank(stream, name, 0))
            self._phases["closing"][0].append(_blank(stream, name, after))
        return self._closings[key]

    def _mark(self, early: str, late: str, values: tuple[int, int]) -> str:
        if values[0] == values[1]:
            return self.numbers(values[0])
        key = (early, values)
        if key not in self._marks:
            name = self._marks[key] = self.take(self.fresh("mark"), np.dtype(np.int64))
            self._phases[early][1].append(Mark(name, values[0]))
            self._phases[late][1].append(Mark(name, values[1]))
        return self._marks[key]


def _blank(stream: Stream, name: str, elements: int) -> Blank:
    shape = [elements if axis == stream.axis else size for axis, size in enumerate(stream.shape)]
    if None in shape:
        raise Blocked("a state without a constant shape")
    return Blank(name, tuple(size for size in shape if size is not None), stream.dtype.name)
