"""The threads of reading and encoding."""

import pytest

from vits_tts.errors import Unavailable
from vits_tts.speech.worker_pool import WorkerPool


async def test_a_closed_pool_is_no_fault() -> None:
    """A request that comes as the process ends gets 503, not 500."""
    pool = WorkerPool(1)
    assert await pool.run(abs, -1) == 1
    pool.close()
    with pytest.raises(Unavailable):
        await pool.run(abs, -1)
