"""The plan of a cut voice: what the pieces take and give, beside their graphs.

A voice is cut in two: ``text`` makes of the phonemes whatever the frames are made from, ``frames``
(the flow and the decoder of a VITS) makes samples of it, window by window. Time in ``frames`` is
counted in *frames*, the graph's coarsest step; a tensor with ``rate`` has that many elements a
frame.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.voice.durations import Alignment

Array = NDArray[Any]

_PHASES: Final = ("opening", "running", "middle", "closing")


@dataclass(frozen=True, slots=True)
class TextDraw:
    """Random numbers that the text piece takes, float32 ``[n]``, as many as it needs or more.

    ``kind`` is ``normal`` (``a`` is its mean, ``b`` its deviation) or ``uniform`` (from ``a`` to
    ``b``). How many are needed is the output ``size``, since it may depend on what is said;
    ``per_phoneme`` was enough so far.
    """

    name: str
    kind: str
    a: float
    b: float
    size: str
    per_phoneme: int


@dataclass(frozen=True, slots=True)
class FrameDraw:
    """Random numbers that the frames take, window by window.

    ``shape`` has None for the axis of time, which has ``rate * frames + extra`` elements.
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
    """A tensor of ``rate * frames + extra`` elements along ``axis`` that crosses the seam."""

    name: str
    axis: int
    rate: int
    extra: int


@dataclass(frozen=True, slots=True)
class Blank:
    """An array of zeros that stands for what came before the sentence or comes after it."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def array(self) -> Array:
        """Return the zeros."""
        return np.zeros(self.shape, self.dtype)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a window's output begins or ends along the axis that it is cut from."""

    name: str
    value: int

    def array(self) -> Array:
        """Return the index, as the graph takes it: int64 ``[1]``."""
        return np.array([self.value], np.int64)


@dataclass(frozen=True, slots=True)
class Phase:
    """Inputs of the ``frames`` piece that are the same in every window of one kind."""

    blanks: tuple[Blank, ...]
    marks: tuple[Mark, ...]

    def arrays(self) -> dict[str, Array]:
        """Return the inputs by name."""
        blanks = {blank.name: blank.array() for blank in self.blanks}
        return blanks | {mark.name: mark.array() for mark in self.marks}


@dataclass(frozen=True, slots=True)
class Plan:
    """How to feed the two pieces; the ``frames`` piece may be in two stages.

    ``lag`` is how many frames of what it was fed the ``frames`` piece holds back after any window
    but the last; the first window has to bring more than that. ``states`` are outputs of one
    window that are inputs of the next, as ``(input, output)``; before the first they are what
    ``opening`` says. ``opening`` and ``running`` differ between the first window and later ones,
    ``middle`` and ``closing`` between the last and earlier ones. ``work`` is about how many
    multiplications a frame takes. ``alignment`` says which outputs of the text's piece tell how
    long phonemes last, if any do.
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
    """The plan of a voice that has no seam: one piece, and the reason why."""

    reason: str
    text_draws: tuple[TextDraw, ...]
    alignment: Alignment | None = None

    def dumps(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self))


def loads(text: str) -> Plan | Uncut:
    """Read a plan from JSON.

    Raises:
        ValueError, TypeError, KeyError: it is damaged.

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
