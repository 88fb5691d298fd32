"""The time budget of a request: the maximum seconds that it waits for Redis in all."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from vits_tts.ending_tasks import cancellable

T = TypeVar("T")


class TimeBudget:
    """Counts down the seconds that one request may still wait for Redis."""

    def __init__(self, seconds: float) -> None:
        """Start with ``seconds``."""
        self.left = seconds

    async def spend(self, work: Awaitable[T]) -> T:
        """Return the result of ``work``, and subtract the time it takes.

        Raises:
            TimeoutError: it takes longer than is left.

        """
        if self.left <= 0:
            if asyncio.iscoroutine(work):
                work.close()  # cancelling a command that was sent would leave an unread answer
            raise TimeoutError
        start = time.monotonic()
        try:
            # `wait_for` makes a task, whose error would be reported if both end at the same time.
            async with asyncio.timeout(self.left):
                return await cancellable(work)
        except BaseException:
            self.left = 0.0  # after a failure, the request does not wait for Redis again
            raise
        finally:
            self.left -= time.monotonic() - start
