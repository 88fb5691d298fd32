"""Plan of a cut voice: the inputs and outputs of its stages.

A voice is cut in two parts. The *text* stage turns phonemes into hidden features. The *frame*
stages (the flow and the decoder of a VITS) turn features into samples, window by window. Time is
counted in *frames*, the coarsest step of the graph. A tensor of rate ``r`` has ``r`` elements a
frame along its axis of time.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.inference.durations import Alignment

Array = NDArray[Any]

_PHASES: Final = ("opening", "running", "middle", "closing")


@dataclass(frozen=True, slots=True)
class TextDraw:
    """Random numbers that the text stage takes as an input, float32 ``[n]``.

    ``kind`` is ``normal`` (``a`` is the mean, ``b`` the standard deviation) or ``uniform`` (from
    ``a`` to ``b``). The output ``size`` says how many numbers the run needs, because that depends
    on the sentence. ``per_phoneme`` numbers for each phoneme were enough in the trial runs.
    """

    name: str
    kind: str
    a: float
    b: float
    size: str
    per_phoneme: int


@dataclass(frozen=True, slots=True)
class FrameDraw:
    """Random numbers that the frame stages take, window by window.

    ``shape`` has None for the axis of time, which has ``rate * frames + extra`` elements in a
    sentence.
    """

    name: str
    kind: str
    a: float
    b: float
    shape: tuple[int | None, ...]
    rate: int
    extra: int


@dataclass(frozen=True, slots=True)
class Seam:
    """A tensor that the text stage gives to the frame stages.

    It has ``rate * frames + extra`` elements along ``axis``, its axis of time.
    """

    name: str
    axis: int
    rate: int
    extra: int


@dataclass(frozen=True, slots=True)
class Blank:
    """An array of zeros in place of the frames before the sentence, or after it."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def array(self) -> Array:
        """Return the array of zeros."""
        return np.zeros(self.shape, self.dtype)


@dataclass(frozen=True, slots=True)
class Mark:
    """The index at which a window's output begins or ends along its axis of time."""

    name: str
    value: int

    def array(self) -> Array:
        """Return the index as the graph takes it, int64 ``[1]``."""
        return np.array([self.value], np.int64)


@dataclass(frozen=True)
class Phase:
    """The inputs of the frame stages that are equal in all windows of one kind."""

    blanks: tuple[Blank, ...]
    marks: tuple[Mark, ...]

    @cached_property
    def arrays(self) -> Mapping[str, Array]:
        """The inputs by name. They are read-only, because all sentences share them."""
        items: tuple[Blank | Mark, ...] = (*self.blanks, *self.marks)
        made = {item.name: item.array() for item in items}
        for array in made.values():
            array.flags.writeable = False
        return made


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs, outputs and sizes of the stages of a cut voice.

    - ``hop``: samples a frame.
    - ``lag``: frames of look-ahead. The frame stages return this many frames fewer than they were
      fed, until the last window. So the first window needs more frames than that.
    - ``work``: multiplications a frame, approximately.
    - ``states``: ``(input, output)`` pairs; the output of one window is the input of the next. The
      first window takes the arrays of ``opening`` instead.
    - ``opening``, ``running``: inputs of the first window, and of later ones.
    - ``middle``, ``closing``: inputs of all windows but the last, and of the last one.
    - ``alignment``: the outputs of the text stage that give the durations of phonemes, if any.
    """

    hop: int
    lag: int
    work: int
    text_draws: tuple[TextDraw, ...]
    frame_draws: tuple[FrameDraw, ...]
    seams: tuple[Seam, ...]
    shared: tuple[str, ...]
    states: tuple[tuple[str, str], ...]
    opening: Phase
    running: Phase
    middle: Phase
    closing: Phase
    alignment: Alignment | None = None

    def dumps(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Uncut:
    """The plan of a voice that cannot be cut: a single stage, and the reason."""

    reason: str
    text_draws: tuple[TextDraw, ...]
    alignment: Alignment | None = None

    def dumps(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self))


def loads(text: str) -> Plan | Uncut:
    """Read a plan from JSON.

    Raises:
        ValueError, TypeError, KeyError: the text is damaged.

    """
    data = json.loads(text)
    text_draws = tuple(TextDraw(**draw) for draw in data.pop("text_draws"))
    alignment = Alignment(**found) if (found := data.pop("alignment")) else None
    if "reason" in data:
        return Uncut(data["reason"], text_draws, alignment)
    parsed: dict[str, Any] = {
        "frame_draws": tuple(map(_frame_draw, data.pop("frame_draws"))),
        "seams": tuple(Seam(**seam) for seam in data.pop("seams")),
        "shared": tuple(data.pop("shared")),
        "states": tuple((name, output) for name, output in data.pop("states")),
    }
    parsed |= {name: _phase(data.pop(name)) for name in _PHASES}
    return Plan(**data, **parsed, text_draws=text_draws, alignment=alignment)


def _frame_draw(data: Mapping[str, Any]) -> FrameDraw:
    return FrameDraw(**{**data, "shape": tuple(data["shape"])})


def _phase(data: Mapping[str, Any]) -> Phase:
    blanks = tuple(Blank(**{**blank, "shape": tuple(blank["shape"])}) for blank in data["blanks"])
    return Phase(blanks, tuple(Mark(**mark) for mark in data["marks"]))
