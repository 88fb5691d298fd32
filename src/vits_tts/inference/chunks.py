"""Lengths of windows, in frames: a short first one, so that sound starts soon, then longer ones.

A longer window costs less for each frame. While a window plays, the next one is computed. It is at
most twice as long, so a voice that runs twice as fast as real time leaves no gap.

A window must not run too long, because urgent work waits until a thread is free. A voice with cheap
frames gets longer windows, up to a length beyond which nothing is gained.

For a job or a batch, which no listener waits for, all windows are as long as is of use: most
sentences are a single one.

The lengths never depend on the load or the machine. Floating-point sums depend on the sizes of
matrix products in their last bit, and a sentence must have the same samples wherever it is made.
Between a stream and a job about a sample in a thousand may differ, by one step of 16 bits.
"""

from typing import Final

FIRST: Final = 18
"""Frames of the first window. Fewer would make samples depend on the number of threads.

onnxruntime splits the steps of a convolution between threads. It adds in another order if a part
has fewer than 65 steps. With 16 or 17 frames that happens in Piper's medium voices, in the stage
with 128 channels and eight steps a frame.
"""
GROWTH: Final = 2
LARGEST: Final = 48
"""Frames of the largest window of a voice as expensive as Piper's medium voices, or more so.

Windows of twice this length cost a few percent less. But if many streams begin at once, they share
the threads, and the next window of each is late. In a test of this all listeners heard gaps.
"""
MOST: Final = 192
_WORK: Final = LARGEST * 30_000_000
"""Multiplications in the largest window of Piper's medium voices, approximately."""
_MOST_OF_BATCH: Final = 768
_WORK_OF_BATCH: Final = 4_000_000_000
"""Multiplications in a batch's window: about a tenth of a second on one core, so that a job that is
cancelled, or a listener in the same process, waits no longer."""


def largest(work: int) -> int:
    """Return the maximum frames of a window, for a voice of ``work`` multiplications a frame."""
    return min(max(LARGEST, _WORK // max(work, 1)), MOST)


def largest_of_batch(work: int) -> int:
    """Return the frames of a window for a job or a batch; see :func:`largest`."""
    return min(max(LARGEST, _WORK_OF_BATCH // max(work, 1)), _MOST_OF_BATCH)


def following(size: int, largest: int = LARGEST) -> int:
    """Return the frames of the window that follows one of ``size`` frames."""
    return min(size * GROWTH, largest)
