"""The end of tasks that would run for ever.

In Python 3.11 ``asyncio.wait_for`` loses a cancellation that comes at the moment when its work is
done (https://github.com/python/cpython/issues/86296, fixed in 3.12). redis-py calls it for each
command. So a loop that asks Redis may miss its cancellation, and a process that waits for its end
would wait for ever.
"""

import asyncio
from typing import Any, Final

_AGAIN_SECONDS: Final = 0.1


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel a task, again if that had no effect, and wait for its end."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_SECONDS)
