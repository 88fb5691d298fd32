"""One reader of a job for all its listeners, and limits for them."""

import asyncio
from contextlib import AsyncExitStack, aclosing

import pytest

from vits_tts.errors import Busy, JobNotFound, QuotaExceeded
from vits_tts.jobs.followers import Followers
from vits_tts.jobs.model import JobState

STATE = JobState("job-1", "all", 1, 0.0, None, ())


class Queue:
    """A queue with one job, which counts how often the job is read."""

    def __init__(self) -> None:
        """Start with the job."""
        self.reads = 0
        self.gone = False

    async def find(self, job_id: str, owner: str) -> JobState:
        """Return the job."""
        assert (job_id, owner) == ("job-1", "all")
        self.reads += 1
        if self.gone:
            raise JobNotFound("there is no such job")
        return STATE


@pytest.mark.slow
def test_listeners_share_a_reader() -> None:
    """Each of ten listeners gets three states, and all of them after the first are read once."""

    async def work() -> None:
        queue = Queue()
        followers = Followers(queue.find, 10)

        async def listen() -> None:
            states = followers.follow("job-1", "all", None)
            async with aclosing(states):
                for _ in range(3):
                    assert await anext(states) is STATE

        await asyncio.gather(*(listen() for _ in range(10)))
        assert queue.reads <= 10 + 3
        assert not followers.listeners

    asyncio.run(work())


def test_the_end_of_a_job_reaches_all_listeners() -> None:
    """An error of the reader is raised for each, and leaves nothing behind."""

    async def work() -> None:
        queue = Queue()
        followers = Followers(queue.find, 10)

        async def listen() -> None:
            states = followers.follow("job-1", "all", None)
            async with aclosing(states):
                await anext(states)
                queue.gone = True
                await anext(states)

        found = await asyncio.gather(*(listen() for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in found] == [JobNotFound] * 3
        assert not followers.listeners

    asyncio.run(work())


def test_listeners_have_limits() -> None:
    """A caller may have a quarter; those without a limit of their own may have them all."""

    async def work() -> None:
        followers = Followers(Queue().find, 8)
        async with AsyncExitStack() as stack:

            async def listen(caller: str | None) -> None:
                states = followers.follow("job-1", "all", caller)
                await stack.enter_async_context(aclosing(states))
                await anext(states)

            for caller in ("a", "a", "b"):
                await listen(caller)
            with pytest.raises(QuotaExceeded):
                await listen("a")
            for _ in range(5):
                await listen(None)
            with pytest.raises(Busy):
                await listen("b")
        assert not followers.listeners

    asyncio.run(work())
