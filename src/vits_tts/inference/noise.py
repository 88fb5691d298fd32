"""Random numbers for a graph: the same for the same seed, however they are divided into windows."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vits_tts.inference.plan import FrameDraw, TextDraw

_SEED_BITS: Final = 64
_TABLE_SEED: Final = 1
_TABLE_SIZE: Final = 2**19 - 1
"""Numbers in a table, 2 MiB: those of 8 seconds of the bundled voice, which uses the most.

The size is prime. So whatever number a voice uses for each frame, a table that begins again gives
each element of a frame other numbers than before, and nothing is heard to repeat.
"""


class Noise:
    """The random numbers of one input, in order. Each input of a voice has a stream of its own.

    Drawing numbers would cost a first window half a millisecond and all speech some percent of its
    processor time. So numbers are drawn once in each process, into a table, and a stream is that
    table, read in a circle from a place that depends on ``(seed, index)``.
    """

    def __init__(self, draw: TextDraw | FrameDraw, seed: int, index: int) -> None:
        """Start at the first number. ``seed`` may be any integer."""
        self._draw = draw
        spread = np.random.SeedSequence((seed % (1 << _SEED_BITS), index))
        self._next = int(spread.generate_state(1, np.uint64)[0]) % _TABLE_SIZE

    def take(self, count: int) -> NDArray[np.float32]:
        """Return the next ``count`` numbers, float32 ``[count]``. They may be read-only."""
        draw = self._draw
        numbers = _portion(_table(draw.kind), self._next, count)
        self._next = (self._next + count) % _TABLE_SIZE
        if draw.kind == "normal":
            scale, shift = draw.b, draw.a
        else:
            scale, shift = draw.b - draw.a, draw.a
        if scale != 1:
            numbers = numbers * np.float32(scale)
        if shift:
            numbers = numbers + np.float32(shift)
        return numbers


def in_time(noise: Noise, draw: FrameDraw, elements: int) -> NDArray[np.float32]:
    """Return the next ``elements`` along the axis of time, in the shape of the input.

    Numbers are taken with time as the first axis, so that the result does not depend on the
    windows.
    """
    axis = draw.shape.index(None)
    others = [size for size in draw.shape if size is not None]
    numbers = noise.take(elements * int(np.prod(others))).reshape(elements, *others)
    return np.ascontiguousarray(np.moveaxis(numbers, 0, axis))


@lru_cache
def _table(kind: str) -> NDArray[np.float32]:
    """Return the numbers of a kind of draw: normal with deviation 1, or uniform from 0 to 1.

    The generator is PCG64 (https://numpy.org/doc/stable/reference/random/), so they are the same in
    all processes.
    """
    generator = np.random.default_rng(_TABLE_SEED)
    draw = generator.standard_normal if kind == "normal" else generator.random
    numbers = draw(_TABLE_SIZE, np.float32)
    numbers.flags.writeable = False  # all voices share it
    return numbers


def _portion(table: NDArray[np.float32], start: int, count: int) -> NDArray[np.float32]:
    """Return ``count`` numbers of a table from ``start``, which begins again after its end."""
    if start + count <= len(table):
        return table[start : start + count]
    rounds, rest = divmod(start + count, len(table))
    return np.concatenate([table[start:], *[table] * (rounds - 1), table[:rest]])
