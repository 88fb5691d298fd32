"""The end of tasks whose cancellation may get lost.

In Python 3.11 ``asyncio.wait_for`` loses a cancellation that comes at the moment when its work is
done (https://github.com/python/cpython/issues/86296, fixed in 3.12). redis-py calls it for each
command. So cancelled work may continue. A loop that queries Redis, and the process that waits for
its end, may run for ever.

This package uses ``asyncio.timeout`` and ``asyncio.wait``, which lose none.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

_AGAIN_SECONDS: Final = 0.1

T = TypeVar("T")


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel a task, again if that had no effect, and wait for its end."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_SECONDS)


async def cancellable(work: Awaitable[T]) -> T:
    """Return the result of ``work``; raise a cancellation of this task that the work has lost.

    Raises:
        CancelledError: the task was cancelled meanwhile.

    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    result = await work
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return result
