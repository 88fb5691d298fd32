"""The queue of texts: clients take turns, leaving costs nothing, a long queue is refused."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from vits_tts.errors import Busy, RequestTooCostly
from vits_tts.speech.reading_queue import Allowance, QueuedText, ReadingQueue
from vits_tts.speech.worker_pool import WorkerPool


class _Texts:
    """Texts that are read one by one, each when the test allows it."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.gate = threading.Event()
        self.helpers = WorkerPool(1)
        self.queue = ReadingQueue(self.helpers)

    def read_at_once(self, name: str, _: Callable[[], None]) -> None:
        """Read a text without waiting for the test."""
        self.read.append(name)

    def ask(
        self, name: str, characters: int = 1000, max_wait: float = 60.0
    ) -> "asyncio.Task[None]":
        """Request a text for the client whose name it begins with."""

        def read(_: Callable[[], None]) -> None:
            self.gate.wait(10)
            self.read.append(name)

        allowance = Allowance()
        return asyncio.create_task(
            self.queue.run(read, QueuedText(characters, name[0]), max_wait, allowance)
        )


@pytest.fixture
async def texts() -> AsyncIterator[_Texts]:
    """Return texts in the event loop of the test."""
    made = _Texts()
    yield made
    made.gate.set()
    made.helpers.close()


async def test_callers_take_turns(texts: _Texts) -> None:
    """A client with many texts delays another one by one text."""
    tasks = [texts.ask(name) for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2")]
    await asyncio.sleep(0)
    texts.gate.set()
    await asyncio.gather(*tasks)
    assert texts.read == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


async def test_a_caller_who_left_is_not_waited_for(texts: _Texts) -> None:
    """After a client leaves, neither its text nor its place in the queue remains."""
    first = texts.ask("a1")
    left = [texts.ask(f"{caller}1") for caller in "bbbccc"]
    last = texts.ask("d1")
    await asyncio.sleep(0)
    for task in left:
        task.cancel()
    await asyncio.wait(left)
    assert texts.queue._waiting.keys() == {"d"}
    texts.gate.set()
    await asyncio.gather(first, last)
    assert texts.read == ["a1", "d1"]
    assert not texts.queue._waiting
    await texts.ask("e1")  # the queue continues


async def test_a_caller_who_leaves_at_its_turn(texts: _Texts) -> None:
    """If a client leaves at its turn, the turn goes to the next one."""
    first, second, third = texts.ask("a1"), texts.ask("b1"), texts.ask("c1")
    await asyncio.sleep(0)
    pass_turn = texts.queue._pass_turn

    def pass_and_cancel() -> None:
        pass_turn()
        second.cancel()

    texts.queue._pass_turn = pass_and_cancel  # type: ignore[method-assign]
    texts.gate.set()
    await asyncio.gather(first, third)
    assert texts.read == ["a1", "c1"]


async def test_too_long_a_queue_is_refused(texts: _Texts) -> None:
    """A client's own texts delay it fully, those of others only by their turns.

    A refusal states the delay.
    """
    tasks = [texts.ask(f"a{number}", 100_000) for number in range(30)]
    await asyncio.sleep(0)
    with pytest.raises(Busy) as refused:
        await texts.ask("a99", 100_000, max_wait=2)
    assert refused.value.retry_after in {30, 31}  # a second for each, by the first guess
    tasks.append(texts.ask("b1", 100, max_wait=2))
    await asyncio.sleep(0)
    texts.gate.set()
    await asyncio.gather(*tasks)
    assert texts.read.index("b1") <= 2


async def test_a_text_is_read_at_the_first_place_of_any_caller(texts: _Texts) -> None:
    """A text that several clients want is read at the first turn of any of them."""
    tasks = [texts.ask(f"a{number}", 100_000) for number in range(5)]
    wanted = QueuedText(100_000, "a")
    read = partial(texts.read_at_once, "wanted")
    tasks.append(asyncio.create_task(texts.queue.run(read, wanted, 60.0, Allowance())))
    tasks += [texts.ask(f"c{number}", 100_000) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):  # the first text of the other client is being read: a second
        texts.queue.join(wanted, "b", 0.5)
    texts.queue.join(wanted, "b", 3.5)
    texts.queue.join(wanted, "b", 3.5)
    texts.queue.leave(wanted, "b")
    tasks.append(texts.ask("b1", 100_000))
    await asyncio.sleep(0)
    texts.gate.set()
    await asyncio.gather(*tasks)
    assert texts.read == ["a0", "a1", "c0", "wanted", "a2", "c1", "b1", "a3", "a4"]
    assert not texts.queue._waiting


async def test_a_place_goes_with_its_caller(texts: _Texts) -> None:
    """A client that no longer wants a text gives up its place, and others keep theirs."""
    tasks = [texts.ask(f"a{number}") for number in range(3)]
    wanted = QueuedText(1000, "a")
    read = partial(texts.read_at_once, "wanted")
    tasks.append(asyncio.create_task(texts.queue.run(read, wanted, 60.0, Allowance())))
    await asyncio.sleep(0)
    texts.queue.join(wanted, "b", 60.0)
    texts.queue.leave(wanted, "b")
    texts.gate.set()
    await asyncio.gather(*tasks)
    assert texts.read == ["a0", "a1", "a2", "wanted"]


async def test_a_text_that_many_want_is_counted_once(texts: _Texts) -> None:
    """A text that many clients want delays another client once."""
    tasks = [texts.ask("a1", 100_000)]
    wanted = QueuedText(100_000, "a")
    read = partial(texts.read_at_once, "wanted")
    tasks.append(asyncio.create_task(texts.queue.run(read, wanted, 60.0, Allowance())))
    await asyncio.sleep(0)
    for caller in "bcdefgh":
        texts.queue.join(wanted, caller, 60.0)
    tasks.append(texts.ask("z1", 100_000, max_wait=2.5))
    await asyncio.sleep(0)
    texts.gate.set()
    await asyncio.gather(*tasks)
    assert len(texts.read) == 3


async def test_a_caller_who_leaves_while_its_text_is_read(texts: _Texts) -> None:
    """The thread stops reading at the next step after its client has left."""
    steps: list[int] = []
    begun, ended = threading.Event(), threading.Event()

    def read(check: Callable[[], None]) -> None:
        try:
            for step in range(1000):
                steps.append(step)
                begun.set()
                texts.gate.wait(10)
                check()
        finally:
            ended.set()

    leaving = asyncio.create_task(texts.queue.run(read, QueuedText(1000, "a"), 60.0, Allowance()))
    await asyncio.to_thread(begun.wait, 10)
    leaving.cancel()
    await asyncio.wait({leaving})
    texts.gate.set()
    assert await asyncio.to_thread(ended.wait, 10)
    assert steps == [0]


async def test_a_reading_ends_when_its_time_is_used_up(texts: _Texts) -> None:
    """The processor time of the thread is limited, and the used time is known afterwards."""

    def read(check: Callable[[], None]) -> None:
        while True:
            check()

    allowance = Allowance(0.05)
    with pytest.raises(RequestTooCostly) as ended:
        await texts.queue.run(read, QueuedText(1000, "a"), 60.0, allowance)
    assert ended.value.stage == "reading"
    assert allowance.used > 0.05
    texts.gate.set()
    await texts.ask("b1")  # the queue continues
