"""Synthesis of one sentence, from the outputs of its text stage to samples, window by window."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vits_tts.audio.limiter import Limiter
from vits_tts.inference import chunks
from vits_tts.inference import noise as noises
from vits_tts.inference.cancel import Cancel
from vits_tts.inference.durations import Durations
from vits_tts.inference.noise import Noise
from vits_tts.inference.plan import Array, Plan, Seam
from vits_tts.types import Pcm, Samples

FULL_SCALE: Final = 32767.0
_WHOLE_HOP: Final = 256


class Runnable(Protocol):
    """A stage of a voice that can be run, such as :class:`~vits_tts.inference.session.Piece`."""

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the inputs."""

    @property
    def outputs(self) -> Sequence[str]:
        """The names of the outputs."""

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int) -> list[Array]:
        """Run on ``cores`` cores and return the outputs in order. Raises ``Cancelled``."""


class Synthesis(ABC):
    """A sentence of known length whose samples are computed on demand.

    It has ``frames`` frames of ``hop`` samples each, of which ``left`` are still to be computed.
    ``durations`` are the samples of each phoneme id, if the voice gives them. A call of
    :meth:`window` is one piece of work. One thread uses the object at a time. After a cancelled
    call it is unusable.
    """

    durations: Durations | None = None
    limiter: Limiter | None = None
    """The gain of all samples in place of ``volume``, once it is set."""
    largest = chunks.LARGEST
    _largest_of_batch = chunks.LARGEST
    _size = chunks.FIRST
    """Frames of the next window."""

    def __init__(self, frames: int, hop: int, sample_rate: int, volume: float) -> None:
        """Start with all frames still to be computed."""
        self.frames = frames
        self.left = frames
        self.hop = hop
        self.sample_rate = sample_rate
        self._volume = volume

    @property
    def samples(self) -> int:
        """The number of samples of the sentence."""
        return self.frames * self.hop

    @property
    def done(self) -> bool:
        """True if all windows have been computed."""
        return not self.left

    def use_long_windows(self) -> None:
        """Make the windows of a batch, which has no listener; call it before the first one."""
        self.largest = self._size = self._largest_of_batch

    def next(self, cancel: Cancel, cores: int) -> Pcm:
        """Return the next window, with the length that :meth:`sizes` gives; see :meth:`window`."""
        return self.window(self._size, cancel, cores)

    def window(self, frames: int, cancel: Cancel | None = None, cores: int = 1) -> Pcm:
        """Return the next ``frames`` frames of the sentence, or fewer at its end.

        Two exceptions: a window that was begun beside the previous one has the length of
        :meth:`sizes`. And once the look-ahead reaches the end of the sentence, the window brings
        all remaining frames. With a ``limiter`` the samples are a few milliseconds behind.

        Raises:
            Cancelled: ``cancel`` was called before the window was done.
            ValueError: no frame is left, or ``frames`` is less than one.

        """
        samples = self.raw_window(frames, cancel, cores)
        if self.limiter:
            samples = self.limiter.push(_finite(samples), last=self.done)
            return Pcm(to_int16(samples, 1.0), self.sample_rate)
        return Pcm(to_int16(samples, self._volume), self.sample_rate)

    def raw_window(
        self, frames: int, cancel: Cancel | None = None, cores: int = 1
    ) -> NDArray[np.float32]:
        """Return the next window as the graph makes it, float32 ``[n]``, without gain."""
        if self.done or frames < 1:
            raise ValueError(f"a window of {frames} of the {self.left} frames that are left")
        samples = self._samples(frames, cancel or Cancel(), cores)
        self.left -= min(-(-len(samples) // self.hop), self.left)
        return samples

    def __iter__(self) -> Iterator[Pcm]:
        """Yield all windows, with growing lengths."""
        for frames in self.sizes():
            yield self.window(frames)

    def sizes(self) -> Iterator[int]:
        """Yield the number of frames for the next window until all have been made."""
        while not self.done:
            yield self._size

    @abstractmethod
    def _samples(self, frames: int, cancel: Cancel, cores: int) -> NDArray[np.float32]:
        """Return the samples of the next ``frames`` frames, or of those that are left."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A window before its last stage: the inputs of that stage, without its state."""

    feed: Mapping[str, Array]
    last: bool


class _Stage:
    """One frame stage, with the state that it keeps from one window to the next."""

    def __init__(self, piece: Runnable, plan: Plan) -> None:
        self._piece = piece
        self._kept = {output: name for name, output in plan.states if output in piece.outputs}
        self._state = self._own(plan.opening.arrays)
        self._running = self._own(plan.running.arrays)

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int) -> dict[str, Array]:
        """Return the outputs for one window by name, and keep the new state."""
        fed = self._own({**feed, **self._state})
        outputs = self._piece.run(fed, cancel, cores)
        made = dict(zip(self._piece.outputs, outputs, strict=True))
        # The state outlives other runs, so it is copied out of the arena; see Session.
        kept = {name: made.pop(output).copy() for output, name in self._kept.items()}
        self._state = {**self._running, **kept}
        return made

    def _own(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: arrays[name] for name in self._piece.inputs if name in arrays}


class StreamingSynthesis(Synthesis):
    """A sentence of a cut voice. Each window passes the frame stages in order.

    With two cores, the last stage of a window runs while the second core runs the earlier stages of
    the next one. That next window then has the length that :meth:`sizes` gives. The first window
    runs on both cores alone, because a listener waits for it.
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
        """Take the outputs of the text stage by name; ``beside`` runs work on the second core."""
        super().__init__(_frames(plan.seams[0], text), plan.hop, sample_rate, volume)
        self.largest = chunks.largest(plan.work)
        self._largest_of_batch = chunks.largest_of_batch(plan.work)
        self._plan = plan
        *self._before, self._end = (_Stage(stage, plan) for stage in stages)
        self._beside = beside
        self._text = text
        self._asked = self._fed = 0
        self._ahead: _Begun | None = None
        self._shared = {name: text[name] for name in plan.shared}
        self._middle = plan.middle.arrays
        self._closing = plan.closing.arrays
        first = len(plan.text_draws)
        self._noise = [Noise(draw, seed, first + i) for i, draw in enumerate(plan.frame_draws)]

    def _samples(self, frames: int, cancel: Cancel, cores: int) -> NDArray[np.float32]:
        # why windows of fewer frames need one core: see chunks.FIRST
        if self.frames <= chunks.FIRST:
            cores = 1
        begun = self._ahead or self._begin(frames, cancel, cores)
        self._ahead = None
        heard = self.left < self.frames
        if cores > 1 and heard and not begun.last and self._beside and self._before:
            return self._overlapped(begun, self._beside, cancel)
        return self._finish(begun, cancel, cores)

    def _overlapped(self, begun: _Begun, beside: Executor, cancel: Cancel) -> NDArray[np.float32]:
        """Return a window's samples while the next window's first stages run on the second core."""
        ahead = beside.submit(self._begin, self._size, cancel, 1)
        try:
            samples = self._finish(begun, cancel, 1)
            # This output stays in the arena, but only until the next window.
            self._ahead = ahead.result()
        finally:
            wait([ahead])
            # A reference cycle of the exception and its traceback would keep the tensors in memory.
            del ahead
        return samples

    def _begin(self, frames: int, cancel: Cancel, cores: int) -> _Begun:
        """Run the next ``frames`` frames through all stages but the last."""
        self._size = chunks.following(frames, self.largest)
        feed, last = self._next_feed(frames)
        for stage in self._before:
            feed |= stage.run(feed, cancel, cores)
        return _Begun(feed, last)

    def _finish(self, begun: _Begun, cancel: Cancel, cores: int) -> NDArray[np.float32]:
        (samples,) = self._end.run(begun.feed, cancel, cores).values()
        return np.asarray(samples, np.float32).reshape(-1)

    def _next_feed(self, frames: int) -> tuple[dict[str, Array], bool]:
        """Return the inputs of the next ``frames`` frames, and whether they are the last ones.

        The stages look ahead by ``plan.lag`` frames, so they are always fed that many frames more
        than requested. A window is the last one as soon as its look-ahead reaches the end of the
        sentence.
        """
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
    """A sentence of a voice that is not cut: computed whole, returned in windows."""

    def __init__(self, output: Array, sample_rate: int, volume: float) -> None:
        """Take the voice's output, of any shape."""
        self._output = np.asarray(output, np.float32).reshape(-1)
        super().__init__(-(-len(self._output) // _WHOLE_HOP), _WHOLE_HOP, sample_rate, volume)

    @property
    def samples(self) -> int:
        """The number of samples of the sentence."""
        return len(self._output)

    def _samples(self, frames: int, *_: object) -> NDArray[np.float32]:
        self._size = chunks.following(frames, self.largest)
        start = (self.frames - self.left) * self.hop
        return self._output[start : start + frames * self.hop]


def to_int16(samples: NDArray[np.floating], volume: float) -> Samples:
    """Return float samples in [-1, 1] as rounded 16-bit samples; louder ones are clipped."""
    scaled = np.rint(_finite(samples) * np.float32(FULL_SCALE * volume))
    clipped: Samples = np.clip(scaled, -FULL_SCALE, FULL_SCALE).astype(np.int16)
    return clipped


def _finite(samples: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the samples, with silence and full scale in place of values that are not finite."""
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, posinf=1, neginf=-1)
    return samples


def _frames(seam: Seam, text: Mapping[str, Array]) -> int:
    elements: int = text[seam.name].shape[seam.axis]
    return (elements - seam.extra) // seam.rate


def _portion(tensor: Array, seam: Seam, start: int, stop: int, last: bool) -> Array:
    """Return the elements of frames ``start`` to ``stop`` and, if ``last``, those after them."""
    elements = slice(start * seam.rate, stop * seam.rate + (seam.extra if last else 0))
    return tensor[(slice(None),) * seam.axis + (elements,)]
