"""A thread continues with the next piece of the same sentence if no other work waits."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator

import pytest

from vits_tts.inference.cancel import Cancel
from vits_tts.scheduling.scheduler import Ran, Scheduler
from vits_tts.scheduling.urgency import NO_DEADLINE


class Sentence:
    """Pieces that record their thread, and wait until they are released."""

    def __init__(self, pieces: int) -> None:
        """Make this many pieces."""
        self.threads: list[int] = []
        self.cores: list[int] = []
        self.gate = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self._pieces = pieces

    def make(self, cancel: Cancel, cores: int) -> int:
        """Run one piece; return its number."""
        self.threads.append(threading.get_ident())
        self.cores.append(cores)
        self.begun.release()
        while not self.gate.acquire(timeout=0.01):
            if cancel.cancelled:
                raise RuntimeError("stopped")
        return len(self.threads)

    def more(self) -> bool:
        """Return whether a piece is left."""
        return len(self.threads) < self._pieces


async def began(sentence: Sentence) -> None:
    """Wait until one more piece is running."""
    assert await asyncio.to_thread(sentence.begun.acquire, timeout=10)


async def heard(made: AsyncIterator[Ran[int]], got: list[int]) -> None:
    """Store each result as soon as it comes."""
    async for ran in made:
        got.append(ran.result)  # noqa: PERF401  # what came before a failure came


async def test_who_is_alone_goes_on_in_one_go() -> None:
    """A single sentence runs piece after piece; each result is delivered at once."""
    scheduler, sentence = Scheduler(2), Sentence(5)
    made = scheduler.each(sentence.make, sentence.more, lambda: NO_DEADLINE)
    sentence.gate.release(4)
    assert (await anext(made)).result == 1
    for _ in range(5):  # without further requests
        await began(sentence)
    sentence.gate.release()
    assert [ran.result async for ran in made] == [2, 3, 4, 5]
    assert len(set(sentence.threads)) == 1
    assert sentence.cores == [2] * 5
    scheduler.close()


async def test_who_comes_waits_for_one_piece() -> None:
    """A new sentence waits for one piece, then both have a thread.

    When one of them is done, the other has two threads again.
    """
    scheduler, one, other = Scheduler(2), Sentence(4), Sentence(1)
    got: list[int] = []
    made = scheduler.each(one.make, one.more, lambda: NO_DEADLINE)
    listening = asyncio.create_task(heard(made, got))
    await began(one)
    late = asyncio.create_task(scheduler.run(other.make, lambda: NO_DEADLINE))
    await asyncio.sleep(0)  # it has asked
    one.gate.release()
    await asyncio.gather(began(one), began(other))
    assert (one.cores, other.cores) == ([2, 1], [1])
    other.gate.release()
    await late
    one.gate.release(3)
    await listening
    assert got == [1, 2, 3, 4]
    assert one.cores == [2, 1, 2, 2]
    scheduler.close()


async def test_leaving_stops_the_piece_under_way() -> None:
    """Leaving stops the current piece, and frees the thread for other sentences."""
    scheduler, sentence = Scheduler(1), Sentence(9)
    made = scheduler.each(sentence.make, sentence.more, lambda: NO_DEADLINE)
    sentence.gate.release()
    assert (await anext(made)).result == 1
    await began(sentence)
    await began(sentence)
    await made.aclose()
    assert (await scheduler.run(lambda *_: "next", lambda: NO_DEADLINE)).result == "next"
    assert len(sentence.threads) == 2
    scheduler.close()


async def test_who_has_left_is_not_held() -> None:
    """The objects of a stopped piece are freed at once, without garbage collection."""
    gc.disable()
    try:
        scheduler, sentence = Scheduler(1), Sentence(9)
        left = weakref.ref(sentence)
        made = scheduler.each(sentence.make, sentence.more, lambda: NO_DEADLINE)
        leaving = asyncio.create_task(anext(made))
        await began(sentence)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        del made, leaving, sentence
        await scheduler.run(lambda *_: None, lambda: NO_DEADLINE)
        await asyncio.sleep(0)
        assert left() is None
        scheduler.close()
    finally:
        gc.enable()


async def test_a_failure_comes_after_what_was_made_before() -> None:
    """A failure is delivered after the earlier results, and ends the sentence."""
    scheduler, sentence = Scheduler(1), Sentence(9)

    def work(cancel: Cancel, cores: int) -> int:
        if len(sentence.threads) == 2:
            raise RuntimeError("broken")
        return sentence.make(cancel, cores)

    sentence.gate.release(9)
    made = scheduler.each(work, sentence.more, lambda: NO_DEADLINE)
    got: list[int] = []
    with pytest.raises(RuntimeError, match="broken"):
        await heard(made, got)
    assert got == [1, 2]
    assert (await scheduler.run(lambda *_: "next", lambda: NO_DEADLINE)).result == "next"
    scheduler.close()


async def test_closing_ends_who_goes_on() -> None:
    """Closing ends all sentences, whether a piece is running or not."""
    scheduler, sentence = Scheduler(1), Sentence(9)
    made = scheduler.each(sentence.make, sentence.more, lambda: NO_DEADLINE)
    sentence.gate.release()
    await anext(made)
    await began(sentence)
    await began(sentence)
    scheduler.close()
    with pytest.raises(asyncio.CancelledError):
        await anext(made)
