"""One sentence on its way from phonemes to samples, window by window."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.types import Pcm, Samples
from vits_tts.voice import noise as noises
from vits_tts.voice import windows
from vits_tts.voice.cancel import Cancel
from vits_tts.voice.durations import Durations
from vits_tts.voice.noise import Noise
from vits_tts.voice.plan import Array, Plan, Seam

Run = Callable[[Mapping[str, Array], Cancel, int], list[Array]]
"""Runs a piece on so many cores: inputs by name, outputs in order. Raises ``Cancelled``."""

FULL_SCALE: Final = 32767.0
_WHOLE_HOP: Final = 256


class Synthesis(ABC):
    """A sentence whose length is known and whose samples are made on demand.

    ``frames`` are all it has, of ``hop`` samples each; ``left`` are those still to be made.
    ``durations``, if the voice tells them, are how many samples each phoneme id lasts. Every call
    of :meth:`window` is one piece of work, for one thread at a time. One that was cancelled
    leaves the synthesis unusable.
    """

    durations: Durations | None = None
    largest = windows.LARGEST

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

    def window(self, frames: int, cancel: Cancel | None = None, cores: int = 1) -> Pcm:
        """Return the next ``frames`` of the sentence, or what is left of it.

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
        frames = min(frames, self.left)
        samples = self._samples(frames, cancel or Cancel(), cores).reshape(-1)
        self.left -= min(-(-len(samples) // self.hop), self.left)
        return samples

    def __iter__(self) -> Iterator[Pcm]:
        """Yield windows that grow, until all are made."""
        for frames in self.sizes():
            yield self.window(frames)

    def sizes(self) -> Iterator[int]:
        """Yield how many frames the next window should have, until all have been made."""
        for frames in windows.sizes(self.largest):
            if self.done:
                return
            yield frames

    @abstractmethod
    def _samples(self, frames: int, cancel: Cancel, cores: int) -> NDArray[np.float32]:
        """Return the samples of the next ``frames``, which there are."""


class CutSynthesis(Synthesis):
    """A sentence of a voice that has been cut: each window is a run of the frames' piece."""

    def __init__(
        self,
        plan: Plan,
        run: Run,
        text: Mapping[str, Array],
        seed: int,
        sample_rate: int,
        volume: float,
    ) -> None:
        """Take what the text's piece has made, by name; ``run`` runs the frames' piece."""
        super().__init__(_frames(plan.seams[0], text), plan.hop, sample_rate, volume)
        self.largest = windows.largest(plan.work)
        self._plan = plan
        self._run = run
        self._text = text
        self._fed = 0
        self._shared = {name: text[name] for name in plan.shared}
        self._state = plan.opening.arrays()
        self._running = plan.running.arrays()
        self._middle = plan.middle.arrays()
        self._closing = plan.closing.arrays()
        first = len(plan.text_draws)
        self._noise = [Noise(draw, seed, first + i) for i, draw in enumerate(plan.frame_draws)]

    def _samples(self, frames: int, cancel: Cancel, cores: int) -> NDArray[np.float32]:
        plan = self._plan
        until = self.frames - self.left + frames + plan.lag
        last = until >= self.frames
        fed, self._fed = self._fed, min(until, self.frames)
        feed = {**self._shared, **self._state, **(self._closing if last else self._middle)}
        for seam in plan.seams:
            feed[seam.name] = _portion(self._text[seam.name], seam, fed, self._fed, last)
        for noise, draw in zip(self._noise, plan.frame_draws, strict=True):
            elements = (self._fed - fed) * draw.rate + (draw.extra if last else 0)
            feed[draw.name] = noises.in_time(noise, draw, elements)
        if self.frames <= windows.FIRST:  # why a first window has no fewer: see there
            cores = 1
        output, *states = self._run(feed, cancel, cores)
        names = (name for name, _ in plan.states)
        self._state = {**self._running, **dict(zip(names, states, strict=True))}
        return np.asarray(output, np.float32)


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
