"""The frames' graph while it is written: tensors in time, and what carries them over windows.

Every tensor in time is a :class:`Stream`: window after window brings its next elements, none
missing and none twice. After a window that is not the last, ``rate * frames - lag`` elements have
come; after the last one ``rate * frames + extra`` have. A convolution that looks ``p`` elements
ahead makes the lag grow by ``p``; whoever adds two streams of different lag delays the quicker
one. What a window must know of the ones before it is *state*: an output that is the next window's
input. Before the first window the state is what the graph itself sees before the sentence, the
zeros of a convolution's padding or nothing at all, and in the last window the zeros after the
sentence follow as *closing* input; so the borders are exact without any mask.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from vits_tts.voice.cutting.draft import Draft
from vits_tts.voice.cutting.graph import element_type
from vits_tts.voice.plan import Blank, Mark, Phase

END: Final = np.iinfo(np.int64).max


class Blocked(Exception):
    """This operation cannot be done window by window; the message says why."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A tensor in time. ``shape`` has None for what is not fixed; the axis of time is one.

    A ``uniform`` stream is the same at all times; its tensor has one element along ``axis`` and
    broadcasts. An ``overlapping`` one is inside a stretch of nodes that run with the past in front
    of each window (see :mod:`~vits_tts.voice.cutting.overlap`).
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


class Emitter(Draft):
    """Writes inputs and outputs, too, and notes what the plan must say of them."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.inputs: dict[str, int] = {}  # name to element type
        self.states: list[tuple[str, str]] = []
        self.needs: list[tuple[int, int, int]] = []  # rate, lag, elements that must have come
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
        """Read ``name`` from outside the graph."""
        self.inputs[name] = element_type(dtype)
        return name

    def carry(self, stream: Stream, before: int, keep: int, after: int) -> str:
        """Put in front of each window what it needs of the past; return the joined tensor.

        ``before`` zeros come before the first window, ``keep`` elements are kept from one window
        for the next, ``after`` zeros follow the last.
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

        :meth:`keep` says where the element comes from.
        """
        state = self._past(stream, 0, 1)
        return self.node("Concat", [state, stream.name], axis=stream.axis), state

    def keep(self, state: str, output: str) -> None:
        """Carry ``output`` over to the next window, as its ``state``."""
        self.states.append((state, output))

    def cut(
        self, name: str, axis: int, starts: tuple[int, int], ends: tuple[int, int], step: int = 1
    ) -> str:
        """Cut each window: ``starts`` of the first and of later ones, ``ends`` of all and the last.

        Indices are ONNX's: negative ones count from the end.
        """
        if starts == (0, 0) and ends == (END, END) and step == 1:
            return name
        start = self._mark("opening", "running", starts)
        end = self._mark("middle", "closing", ends)
        return self.node("Slice", [name, start, end, self.numbers(axis), self.numbers(step)])

    def delay(self, stream: Stream, lag: int) -> Stream:
        """Hold a stream back until it is as late as ``lag``."""
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
        raise Blocked("what has to be carried over has no fixed shape")
    return Blank(name, tuple(size for size in shape if size is not None), stream.dtype.name)
