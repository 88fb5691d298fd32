"""How long windows are: the first short, so that sound starts soon, later ones longer.

A longer window costs less for each frame, and there is time for it: while one plays the next is
made, which is at most twice as long, so that a voice made twice as fast as it plays leaves no gap.
Beyond :data:`LARGEST` nothing is gained, and whoever waits for a thread waits longer.

The lengths never depend on the load: sums of floating-point numbers differ in their last bit with
the size of a product, and a sentence is to have the same samples whenever it is made.
"""

from collections.abc import Iterator
from typing import Final

FIRST: Final = 16
GROWTH: Final = 2
LARGEST: Final = 48


def sizes(first: int = FIRST, largest: int = LARGEST) -> Iterator[int]:
    """Yield the frames of one window after another, without end."""
    size = first
    while True:
        yield min(size, largest)
        size = min(size * GROWTH, largest)
