"""How long one request may still wait for Redis."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Patience:
    """The seconds that one request may still wait for Redis."""

    def __init__(self, seconds: float) -> None:
        """Start with all of them."""
        self.left = seconds

    async def spend(self, work: Awaitable[T]) -> T:
        """Wait for ``work``, no longer than is left; the time it takes is gone.

        Raises:
            TimeoutError: that was not enough.

        """
        start = time.monotonic()
        try:
            return await asyncio.wait_for(work, max(self.left, 0))
        except BaseException:
            self.left = 0.0  # it has cost this request enough
            raise
        finally:
            self.left -= time.monotonic() - start
