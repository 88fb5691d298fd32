"""A thread that goes on with the next piece of the same sentence, as long as nobody waits."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator

import pytest

from tests.scheduling.test_scheduler import run
from vits_tts.scheduling.scheduler import Ran, Scheduler
from vits_tts.scheduling.urgency import WHENEVER
from vits_tts.voice.cancel import Cancel


class Sentence:
    """Pieces that note by which thread they were made, and wait to be let go on."""

    def __init__(self, pieces: int) -> None:
        """Have so many."""
        self.threads: list[int] = []
        self.cores: list[int] = []
        self.gate = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self._pieces = pieces

    def make(self, cancel: Cancel, cores: int) -> int:
        """Make one; return which it is."""
        self.threads.append(threading.get_ident())
        self.cores.append(cores)
        self.begun.release()
        while not self.gate.acquire(timeout=0.01):
            if cancel.cancelled:
                raise RuntimeError("stopped")
        return len(self.threads)

    def more(self) -> bool:
        """Whether there is one left."""
        return len(self.threads) < self._pieces


async def began(sentence: Sentence) -> None:
    """Wait until one more piece is being made."""
    assert await asyncio.to_thread(sentence.begun.acquire, timeout=10)


async def heard(made: AsyncIterator[Ran[int]], got: list[int]) -> None:
    """Note what comes as soon as it does."""
    async for ran in made:
        got.append(ran.result)  # noqa: PERF401  # what came before a failure came


def test_who_is_alone_goes_on_in_one_go() -> None:
    """Piece after piece without asking, each handed over when it is made."""

    async def story() -> None:
        scheduler, sentence = Scheduler(2), Sentence(5)
        made = scheduler.each(sentence.make, sentence.more, lambda: WHENEVER)
        sentence.gate.release(4)
        assert (await anext(made)).result == 1
        for _ in range(5):  # though nobody has asked for more than the first
            await began(sentence)
        sentence.gate.release()
        assert [ran.result async for ran in made] == [2, 3, 4, 5]
        assert len(set(sentence.threads)) == 1
        assert sentence.cores == [2] * 5
        scheduler.close()

    run(story())


def test_who_comes_waits_for_one_piece() -> None:
    """And then both have a thread; when one is done the other has two again."""

    async def story() -> None:
        scheduler, one, other = Scheduler(2), Sentence(4), Sentence(1)
        got: list[int] = []
        made = scheduler.each(one.make, one.more, lambda: WHENEVER)
        listening = asyncio.create_task(heard(made, got))
        await began(one)
        late = asyncio.create_task(scheduler.run(other.make, lambda: WHENEVER))
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

    run(story())


def test_leaving_stops_the_piece_under_way() -> None:
    """Though nobody has asked for it; the thread is free for others."""

    async def story() -> None:
        scheduler, sentence = Scheduler(1), Sentence(9)
        made = scheduler.each(sentence.make, sentence.more, lambda: WHENEVER)
        sentence.gate.release()
        assert (await anext(made)).result == 1
        await began(sentence)
        await began(sentence)
        await made.aclose()
        assert (await scheduler.run(lambda *_: "next", lambda: WHENEVER)).result == "next"
        assert len(sentence.threads) == 2
        scheduler.close()

    run(story())


def test_who_has_left_is_not_held() -> None:
    """What a stopped piece was made of goes at once, not when garbage is looked for."""

    async def story() -> None:
        scheduler, sentence = Scheduler(1), Sentence(9)
        left = weakref.ref(sentence)
        made = scheduler.each(sentence.make, sentence.more, lambda: WHENEVER)
        leaving = asyncio.create_task(anext(made))
        await began(sentence)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        del made, leaving, sentence
        await scheduler.run(lambda *_: None, lambda: WHENEVER)
        await asyncio.sleep(0)
        assert left() is None
        scheduler.close()

    gc.disable()
    try:
        run(story())
    finally:
        gc.enable()


def test_a_failure_comes_after_what_was_made_before() -> None:
    """And ends it."""

    async def story() -> None:
        scheduler, sentence = Scheduler(1), Sentence(9)

        def work(cancel: Cancel, cores: int) -> int:
            if len(sentence.threads) == 2:
                raise RuntimeError("broken")
            return sentence.make(cancel, cores)

        sentence.gate.release(9)
        made = scheduler.each(work, sentence.more, lambda: WHENEVER)
        got: list[int] = []
        with pytest.raises(RuntimeError, match="broken"):
            await heard(made, got)
        assert got == [1, 2]
        assert (await scheduler.run(lambda *_: "next", lambda: WHENEVER)).result == "next"
        scheduler.close()

    run(story())


def test_closing_ends_who_goes_on() -> None:
    """Whatever is made, or to be made."""

    async def story() -> None:
        scheduler, sentence = Scheduler(1), Sentence(9)
        made = scheduler.each(sentence.make, sentence.more, lambda: WHENEVER)
        sentence.gate.release()
        await anext(made)
        await began(sentence)
        await began(sentence)
        scheduler.close()
        with pytest.raises(asyncio.CancelledError):
            await anext(made)

    run(story())
