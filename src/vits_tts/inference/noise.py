"""Random numbers for a graph: the same for the same seed, however they are divided into windows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.inference.plan import FrameDraw, TextDraw

_SEED_BITS: Final = 64


class Noise:
    """The random numbers of one input, in order. Each input of a voice has a stream of its own.

    The generator is PCG64 with the seed ``(seed, index)``
    (https://numpy.org/doc/stable/reference/random/).
    """

    def __init__(self, draw: TextDraw | FrameDraw, seed: int, index: int) -> None:
        """Start at the first number. ``seed`` may be any integer."""
        self._draw = draw
        self._generator = np.random.default_rng((seed % (1 << _SEED_BITS), index))

    def take(self, count: int) -> NDArray[np.float32]:
        """Return the next ``count`` numbers, float32 ``[count]``."""
        draw = self._draw
        if draw.kind == "normal":
            numbers = self._generator.standard_normal(count, np.float32)
            scale, shift = draw.b, draw.a
        else:
            numbers = self._generator.random(count, np.float32)
            scale, shift = draw.b - draw.a, draw.a
        if scale != 1:
            numbers *= np.float32(scale)
        if shift:
            numbers += np.float32(shift)
        return numbers


def in_time(noise: Noise, draw: FrameDraw, elements: int) -> NDArray[np.float32]:
    """Return the next ``elements`` along the axis of time, in the shape of the input.

    Numbers are drawn with time as the first axis, so that the result does not depend on the
    windows.
    """
    axis = draw.shape.index(None)
    others = [size for size in draw.shape if size is not None]
    numbers = noise.take(elements * int(np.prod(others))).reshape(elements, *others)
    return np.ascontiguousarray(np.moveaxis(numbers, 0, axis))
