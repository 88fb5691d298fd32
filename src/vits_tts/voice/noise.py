"""Random numbers from outside the graph: the same for the same seed, in whatever portions."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.voice.plan import FrameDraw, TextDraw

_SEED_BITS: Final = 64


class Noise:
    """One draw's numbers, in order. Each draw of a voice has a stream of its own.

    PCG64 seeded with ``(seed, index)``: https://numpy.org/doc/stable/reference/random/.
    """

    def __init__(self, draw: TextDraw | FrameDraw, seed: int, index: int) -> None:
        """Start at the first number; any integer will do for ``seed``."""
        self._draw = draw
        self._generator = np.random.default_rng((seed % (1 << _SEED_BITS), index))

    def take(self, count: int) -> NDArray[np.float32]:
        """Return the next ``count`` numbers, shape ``[count]``."""
        draw = self._draw
        if draw.kind == "normal":
            numbers = self._generator.standard_normal(count, np.float32)
            return numbers * np.float32(draw.b) + np.float32(draw.a)
        return self._generator.random(count, np.float32) * np.float32(draw.b - draw.a) + np.float32(
            draw.a
        )


def in_time(noise: Noise, draw: FrameDraw, elements: int) -> NDArray[np.float32]:
    """Return the next ``elements`` along the axis of time, in the draw's shape.

    Time comes first while the numbers are drawn, so that it does not matter where windows end.
    """
    axis = draw.shape.index(None)
    others = [size for size in draw.shape if size is not None]
    numbers = noise.take(elements * int(np.prod(others))).reshape(elements, *others)
    return np.ascontiguousarray(np.moveaxis(numbers, 0, axis))
