"""One sentence on its way from phonemes to samples, window by window."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vits_tts.types import Pcm, Samples
from vits_tts.voice import noise as noises
from vits_tts.voice import windows
from vits_tts.voice.cancel import Cancel
from vits_tts.voice.durations import Durations
from vits_tts.voice.noise import Noise
from vits_tts.voice.plan import Array, Plan, Seam

FULL_SCALE: Final = 32767.0
_WHOLE_HOP: Final = 256


class Runnable(Protocol):
    """A piece of a voice, or what stands for one."""

    @property
    def inputs(self) -> Sequence[str]:
        """Their names."""

    @property
    def outputs(self) -> Sequence[str]:
        """Their names."""

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int) -> list[Array]:
        """Run it on so many cores: inputs by name, outputs in order. Raises ``Cancelled``."""


class Synthesis(ABC):
    """A sentence whose length is known and whose samples are made on demand.

    ``frames`` are all it has, of ``hop`` samples each; ``left`` are those still to be made.
    ``durations``, if the voice tells them, are how many samples each phoneme id lasts. Every call
    of :meth:`window` is one piece of work, for one thread, or for two, at a time. One that was
    cancelled leaves the synthesis unusable.
    """

    durations: Durations | None = None
    largest = windows.LARGEST
    _size = windows.FIRST
    """Of the next window that is begun."""

    def __init__(self, frames: int, hop: int, sample_rate: int, volume: float) -> None:
        """Begin with all frames left."""
        self.frames = frames
        self.left = frames
        self.hop = hop
        self.sample_rate = sample_rate
        self._volume = volume

    @property
    def samples(self) -> int:
        """How many samples the sentence has."""
        return self.frames * self.hop

    @property
    def done(self) -> bool:
        """Whether all windows have been made."""
        return not self.left

    def next(self, cancel: Cancel, cores: int) -> Pcm:
        """Return the next window, as long as windows are to be: see :meth:`window`."""
        return self.window(self._size, cancel, cores)

    def window(self, frames: int, cancel: Cancel | None = None, cores: int = 1) -> Pcm:
        """Return the next ``frames`` of the sentence, or what is left of it.

        What two cores have begun already is as long as :meth:`sizes` would have it, not ``frames``.
        The window that reaches the end of what the graph looks ahead brings all that is left, so
        that the last window may be longer than asked for.

        Raises:
            Cancelled: ``cancel`` was called before it was done.
            ValueError: nothing is left, or ``frames`` is less than one.

        """
        samples = self.raw_window(frames, cancel, cores)
        return Pcm(to_int16(samples, self._volume), self.sample_rate)

    def raw_window(
        self, frames: int, cancel: Cancel | None = None, cores: int = 1
    ) -> NDArray[np.float32]:
        """Return the next window as the graph makes it: before the gain, not clipped, ``[n]``."""
        if self.done or frames < 1:
            raise ValueError(f"a window of {frames} of the {self.left} frames that are left")
        samples = self._samples(frames, cancel or Cancel(), cores)
        self.left -= min(-(-len(samples) // self.hop), self.left)
        return samples

    def __iter__(self) -> Iterator[Pcm]:
        """Yield windows that grow, until all are made."""
        for frames in self.sizes():
            yield self.window(frames)

    def sizes(self) -> Iterator[int]:
        """Yield how many frames the next window should have, until all have been made."""
        while not self.done:
            yield self._size

    @abstractmethod
    def _samples(self, frames: int, cancel: Cancel, cores: int) -> NDArray[np.float32]:
        """Return the samples of the next ``frames``, or of as many as there are."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A window on its way: what the last stage is fed, beside its state."""

    feed: Mapping[str, Array]
    last: bool


class _Stage:
    """One of the pieces that a window passes, and what it keeps from one window for the next."""

    def __init__(self, piece: Runnable, plan: Plan) -> None:
        self._piece = piece
        self._kept = {output: name for name, output in plan.states if output in piece.outputs}
        self._state = self._own(plan.opening.arrays())
        self._running = self._own(plan.running.arrays())

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int) -> dict[str, Array]:
        """Return what it makes of a window, by name."""
        fed = self._own({**feed, **self._state})
        outputs = self._piece.run(fed, cancel, cores)
        made = dict(zip(self._piece.outputs, outputs, strict=True))
        # Not in the arena: see Session.
        kept = {name: made.pop(output).copy() for output, name in self._kept.items()}
        self._state = {**self._running, **kept}
        return made

    def _own(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: arrays[name] for name in self._piece.inputs if name in arrays}


class CutSynthesis(Synthesis):
    """A sentence of a voice that has been cut: each window passes the stages of the frames' piece.

    With two stages and two cores, one makes the end of a window while the other begins the next,
    which then has the length that :meth:`sizes` would ask for. The first window, which somebody
    waits for, has both cores for itself, and so has whatever no window is beside.
    """

    def __init__(
        self,
        plan: Plan,
        stages: Sequence[Runnable],
        text: Mapping[str, Array],
        seed: int,
        sample_rate: int,
        volume: float,
        beside: Executor | None = None,
    ) -> None:
        """Take what the text's piece has made, by name; ``beside`` is a second thread."""
        super().__init__(_frames(plan.seams[0], text), plan.hop, sample_rate, volume)
        self.largest = windows.largest(plan.work)
        self._plan = plan
        *self._before, self._end = (_Stage(stage, plan) for stage in stages)
        self._beside = beside
        self._text = text
        self._asked = self._fed = 0
        self._ahead: _Begun | None = None
        self._shared = {name: text[name] for name in plan.shared}
        self._middle = plan.middle.arrays()
        self._closing = plan.closing.arrays()
        first = len(plan.text_draws)
        self._noise = [Noise(draw, seed, first + i) for i, draw in enumerate(plan.frame_draws)]

    def _samples(self, frames: int, cancel: Cancel, cores: int) -> NDArray[np.float32]:
        if self.frames <= windows.FIRST:  # why a first window has no fewer: see there
            cores = 1
        begun = self._ahead or self._begin(frames, cancel, cores)
        self._ahead = None
        heard = self.left < self.frames
        if cores > 1 and heard and not begun.last and self._beside and self._before:
            return self._overlapped(begun, self._beside, cancel)
        return self._finish(begun, cancel, cores)

    def _overlapped(self, begun: _Begun, beside: Executor, cancel: Cancel) -> NDArray[np.float32]:
        """Return a window's samples, with the next one begun beside."""
        ahead = beside.submit(self._begin, self._size, cancel, 1)
        try:
            samples = self._finish(begun, cancel, 1)
            # It stays in the arena: not for long, and never that of many sentences at once.
            self._ahead = ahead.result()
        finally:
            wait([ahead])
            del ahead  # which an error would hold, and it the error
        return samples

    def _begin(self, frames: int, cancel: Cancel, cores: int) -> _Begun:
        """Take the next ``frames`` through all stages but the last."""
        self._size = windows.following(frames, self.largest)
        feed, last = self._next_feed(frames)
        for stage in self._before:
            feed |= stage.run(feed, cancel, cores)
        return _Begun(feed, last)

    def _finish(self, begun: _Begun, cancel: Cancel, cores: int) -> NDArray[np.float32]:
        (samples,) = self._end.run(begun.feed, cancel, cores).values()
        return np.asarray(samples, np.float32).reshape(-1)

    def _next_feed(self, frames: int) -> tuple[dict[str, Array], bool]:
        """Return what the next ``frames`` are made of, and whether they are the last."""
        plan = self._plan
        self._asked += frames
        until = self._asked + plan.lag
        last = until >= self.frames
        fed, self._fed = self._fed, min(until, self.frames)
        feed = {**self._shared, **(self._closing if last else self._middle)}
        for seam in plan.seams:
            feed[seam.name] = _portion(self._text[seam.name], seam, fed, self._fed, last)
        for noise, draw in zip(self._noise, plan.frame_draws, strict=True):
            elements = (self._fed - fed) * draw.rate + (draw.extra if last else 0)
            feed[draw.name] = noises.in_time(noise, draw, elements)
        return feed, last


class WholeSynthesis(Synthesis):
    """A sentence of a voice without a seam: made already, handed out in windows."""

    def __init__(self, output: Array, sample_rate: int, volume: float) -> None:
        """Take the voice's output, whatever its shape."""
        self._output = np.asarray(output, np.float32).reshape(-1)
        super().__init__(-(-len(self._output) // _WHOLE_HOP), _WHOLE_HOP, sample_rate, volume)

    @property
    def samples(self) -> int:
        """How many samples the sentence has."""
        return len(self._output)

    def _samples(self, frames: int, *_: object) -> NDArray[np.float32]:
        self._size = windows.following(frames, self.largest)
        start = (self.frames - self.left) * self.hop
        return self._output[start : start + frames * self.hop]


def to_int16(samples: NDArray[np.float32], volume: float) -> Samples:
    """Return float samples in [-1, 1] as 16-bit ones, rounded; what is louder is clipped."""
    scaled = np.rint(np.nan_to_num(samples) * np.float32(FULL_SCALE * volume))
    clipped: Samples = np.clip(scaled, -FULL_SCALE, FULL_SCALE).astype(np.int16)
    return clipped


def _frames(seam: Seam, text: Mapping[str, Array]) -> int:
    elements: int = text[seam.name].shape[seam.axis]
    return (elements - seam.extra) // seam.rate


def _portion(tensor: Array, seam: Seam, start: int, stop: int, last: bool) -> Array:
    """Return the elements of frames ``start`` to ``stop``, those beyond the last with it."""
    elements = slice(start * seam.rate, stop * seam.rate + (seam.extra if last else 0))
    return tensor[(slice(None),) * seam.axis + (elements,)]
