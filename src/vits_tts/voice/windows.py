"""How long windows are: the first short, so that sound starts soon, later ones longer.

A longer window costs less for each frame, and there is time for it: while one plays the next is
made, which is at most twice as long, so that a voice made twice as fast as it plays leaves no gap.
A window must not take long, since whoever waits for a thread waits for it: so a voice whose frames
cost little has longer ones, up to where nothing is gained any more.

The lengths never depend on the load or the machine: sums of floating-point numbers differ in their
last bit with the size of a product, and a sentence is to have the same samples wherever it is made.
"""

from typing import Final

FIRST: Final = 18
"""With 16 or 17, two threads that share a window would add some sums up in another order than one
does: onnxruntime cuts the steps of a convolution in two, and fewer than 65 are summed up otherwise.
In Piper's medium voices that would be the stage with 128 channels, at eight steps a frame."""
GROWTH: Final = 2
LARGEST: Final = 48
"""Of a voice that costs as much as Piper's medium ones, or more.

Twice as long would cost a few percent less. But where many begin at once, the next window has to be
made before the last has been heard, and the threads are shared: in a trial all heard gaps.
"""
MOST: Final = 192
_WORK: Final = LARGEST * 30_000_000
"""Multiplications in the largest window of Piper's medium voices, about."""


def largest(work: int) -> int:
    """Return the most frames in a window of a voice that takes ``work`` multiplications a frame."""
    return min(max(LARGEST, _WORK // max(work, 1)), MOST)


def following(size: int, largest: int = LARGEST) -> int:
    """Return the frames of the window after one of ``size``."""
    return min(size * GROWTH, largest)
