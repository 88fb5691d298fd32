"""Urgency: the sort key of waiting work. The smallest value runs first."""

import math
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias


class Urgency(NamedTuple):
    """The deadline of a piece of work and, to order equal deadlines, the time of the request.

    Both are seconds of the monotonic clock. Background work (files, cache warming) has an infinite
    deadline: it gets the time that listeners leave.
    """

    deadline: float
    since: float

    @property
    def hurried(self) -> bool:
        """True if a listener waits for it."""
        return self.deadline != math.inf


NO_DEADLINE: Final = Urgency(math.inf, 0.0)

Urge: TypeAlias = Callable[[float], Urgency]
"""Returns the urgency of a sentence's next piece, given the seconds of it that are made already."""
