"""How urgent the next piece of a sentence is: the smaller, the sooner it is made."""

import math
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias


class Urgency(NamedTuple):
    """When a piece has to be there, and, between equals, since when somebody waits.

    Both in seconds of the monotonic clock. A ``deadline`` that is infinite is nobody's: saved files
    and cache warming, which take what listeners leave.
    """

    deadline: float
    since: float

    @property
    def hurried(self) -> bool:
        """Whether somebody listens."""
        return self.deadline != math.inf


WHENEVER: Final = Urgency(math.inf, 0.0)

Urge: TypeAlias = Callable[[float], Urgency]
"""Tells the urgency of a sentence's next piece from the seconds of it that are made already."""
