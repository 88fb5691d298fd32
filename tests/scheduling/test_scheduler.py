"""The scheduler: real threads, the most urgent piece first, and progress for all."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from vits_tts.inference.cancel import Cancel
from vits_tts.scheduling.scheduler import Ran, Scheduler
from vits_tts.scheduling.urgency import NO_DEADLINE, Urgency


class Stage:
    """One inference thread, blocked until all pieces wait."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        """Begin with nothing."""
        self.scheduler = Scheduler(1, now)
        self.order: list[str] = []
        self._gate = threading.Event()
        self._tasks: list[asyncio.Task[Any]] = []

    async def hold(self) -> None:
        """Keep the thread busy until ``go``."""
        began = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(_: Cancel, __: int) -> None:
            loop.call_soon_threadsafe(began.set)
            self._gate.wait(10)

        self._tasks.append(asyncio.create_task(self.scheduler.run(work, lambda: NO_DEADLINE)))
        await began.wait()

    async def add(self, name: str, urgency: Callable[[], Urgency]) -> asyncio.Task[Any]:
        """Add a waiting piece."""

        def work(_: Cancel, __: int) -> None:
            self.order.append(name)

        self._tasks.append(asyncio.create_task(self.scheduler.run(work, urgency)))
        await asyncio.sleep(0)  # so that it is in the queue
        return self._tasks[-1]

    async def go(self) -> list[str]:
        """Release all pieces; return the order in which they ran."""
        self._gate.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.scheduler.close()
        return self.order


async def test_earliest_deadline_first() -> None:
    """Deadlines are read when a thread becomes free, not when the piece was added."""
    stage = Stage()
    await stage.hold()
    due = {"early": 9.0}
    await stage.add("file", lambda: NO_DEADLINE)
    await stage.add("late", lambda: Urgency(7, 0))
    await stage.add("early", lambda: Urgency(due["early"], 0))
    await stage.add("between", lambda: Urgency(5, 1))
    await stage.add("between, waits longer", lambda: Urgency(5, 0))
    due["early"] = 3.0
    assert await stage.go() == ["early", "between, waits longer", "between", "late", "file"]


async def test_files_do_not_starve() -> None:
    """A file gets one piece a second beside any number of listeners; the oldest file is first."""
    time = 0.0
    stage = Stage(lambda: time)
    await stage.hold()
    await stage.add("first file", lambda: NO_DEADLINE)
    await stage.add("second file", lambda: NO_DEADLINE)
    for number in range(3):
        await stage.add(f"listener {number}", lambda: Urgency(0, 0))
    time = 1.5
    assert await stage.go() == [
        "first file",
        "listener 0",
        "listener 1",
        "listener 2",
        "second file",
    ]


async def test_who_leaves_is_dropped_or_stopped() -> None:
    """A waiting piece of a client that left never runs; ``Cancel`` stops a running one."""
    stage = Stage()
    began, stopped = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def long(cancel: Cancel, _: int) -> None:
        loop.call_soon_threadsafe(began.set)
        for _ in range(1000):
            if cancel.cancelled:
                stopped.set()
                return
            threading.Event().wait(0.01)

    running = asyncio.create_task(stage.scheduler.run(long, lambda: NO_DEADLINE))
    await began.wait()
    waiting = await stage.add("never", lambda: NO_DEADLINE)
    await stage.add("stays", lambda: NO_DEADLINE)
    waiting.cancel()
    running.cancel()
    assert await stage.go() == ["stays"]
    assert stopped.is_set()


async def test_failures_reach_who_asked() -> None:
    """A failure reaches its caller, and the thread continues with the next piece."""
    stage = Stage()

    def broken(_: Cancel, __: int) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await stage.scheduler.run(broken, lambda: NO_DEADLINE)
    ran = await stage.scheduler.run(lambda *_: "fine", lambda: NO_DEADLINE)
    assert ran.result == "fine"
    assert ran.seconds >= 0
    await stage.go()


async def cores_of(threads: int, pieces: int) -> list[Ran[int]]:
    """Add this many pieces at once; return the cores of those that run at the same time."""
    scheduler = Scheduler(threads)
    together = threading.Barrier(min(threads, pieces), timeout=10)

    def work(_: Cancel, cores: int) -> int:
        together.wait()
        return cores

    running = (scheduler.run(work, lambda: NO_DEADLINE) for _ in range(pieces))
    ran = await asyncio.gather(*running)
    scheduler.close()
    return ran


@pytest.mark.parametrize(
    ("threads", "pieces", "cores"),
    [
        (1, 1, [1]),
        (2, 1, [2]),
        (2, 2, [1, 1]),
        (2, 4, [1, 1, 1, 1]),
        (4, 2, [2, 1]),
        (4, 3, [2, 1, 1]),
    ],
)
async def test_a_thread_that_nobody_needs_helps(
    threads: int, pieces: int, cores: list[int]
) -> None:
    """The most urgent piece uses two threads if fewer pieces wait than threads are free."""
    ran = await cores_of(threads, pieces)
    assert [one.result for one in ran] == cores
    assert [one.work for one in ran] == [one.seconds * one.cores for one in ran]


@pytest.mark.parametrize("ending", ["returns", "fails", "is stopped"])
async def test_both_threads_come_back(ending: str) -> None:
    """However a piece on two cores ends, the next one gets two again."""
    scheduler = Scheduler(2)
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(cancel: Cancel, cores: int) -> int:
        loop.call_soon_threadsafe(began.set)
        if ending == "fails":
            raise RuntimeError("broken")
        while ending == "is stopped" and not cancel.cancelled:
            threading.Event().wait(0.01)
        return cores

    first = asyncio.create_task(scheduler.run(work, lambda: NO_DEADLINE))
    await began.wait()
    if ending == "is stopped":
        first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    again = await scheduler.run(lambda _, cores: cores, lambda: NO_DEADLINE)
    if ending == "is stopped" and again.result == 1:  # before the thread noticed it
        again = await scheduler.run(lambda _, cores: cores, lambda: NO_DEADLINE)
    assert again.result == 2
    scheduler.close()


async def test_closing_ends_what_waits_and_what_runs() -> None:
    """Closing ends waiting and running pieces; later callers get an error at once."""
    scheduler = Scheduler(1)
    began, stopped = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def long(cancel: Cancel, _: int) -> None:
        loop.call_soon_threadsafe(began.set)
        while not cancel.cancelled:
            threading.Event().wait(0.01)
        stopped.set()

    tasks = [asyncio.create_task(scheduler.run(long, lambda: NO_DEADLINE)) for _ in range(2)]
    await began.wait()
    scheduler.close()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] * 2
    assert await asyncio.to_thread(stopped.wait, 10)
    with pytest.raises(asyncio.CancelledError):
        await scheduler.run(long, lambda: NO_DEADLINE)


async def test_a_pool_that_takes_no_more_work() -> None:
    """Each caller gets the error, as at the exit of Python or where no thread can be started."""
    scheduler = Scheduler(1)
    scheduler._pool.shutdown()  # as Python does when it exits, without telling the scheduler
    jobs = [scheduler.run(lambda *_: None, lambda: NO_DEADLINE) for _ in range(3)]
    async with asyncio.timeout(30):
        ended = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(error) for error in ended] == [RuntimeError] * 3
    scheduler.close()


async def test_who_is_just_served_asks_before_others_get_two_threads() -> None:
    """The next piece of a served sentence runs beside a new one, not after it.

    No piece gets two threads before the served caller can ask again.
    """
    scheduler = Scheduler(2)
    together = threading.Barrier(2, timeout=10)

    async def sentence() -> None:
        await scheduler.run(lambda *_: None, lambda: NO_DEADLINE)
        await scheduler.run(lambda *_: together.wait(), lambda: NO_DEADLINE)

    await asyncio.gather(sentence(), sentence())
    scheduler.close()


async def test_who_is_served_before_others_begin_asks_first_too() -> None:
    """A caller that is served just before another piece begins also asks first.

    So it does not find both threads in use.
    """
    scheduler, loop = Scheduler(2), asyncio.get_running_loop()
    ends = loop.create_future()
    loop.run_in_executor = lambda *_: ends  # type: ignore[method-assign]
    first = asyncio.create_task(scheduler.run(lambda *_: None, lambda: NO_DEADLINE))
    for _ in range(4):  # it has asked, and has begun
        await asyncio.sleep(0)
    assert scheduler._running
    del loop.run_in_executor
    cores: list[int] = []

    async def note() -> None:
        await scheduler.run(lambda _, got: cores.append(got), lambda: NO_DEADLINE)

    async def served() -> None:
        await first
        await note()

    tasks = [asyncio.create_task(served()), asyncio.create_task(note())]
    await asyncio.sleep(0)  # the other has asked
    ends.set_result(Ran(None, 0.0, 1, crowded=False))
    await asyncio.gather(*tasks)
    assert cores == [1, 1]
    scheduler.close()


async def test_what_ran_with_room_left_promises_less() -> None:
    """A piece that ran while threads were free is counted with the time of a busy machine."""
    (shared,) = await cores_of(2, 1)
    assert not shared.crowded
    assert shared.work_in_a_crowd == shared.work
    _, _, last = ran = await cores_of(4, 3)
    assert [one.crowded for one in ran] == [False, False, True]
    assert last.work_in_a_crowd == last.seconds
    assert ran[1].work_in_a_crowd > ran[1].seconds


async def test_one_thread_is_always_crowded() -> None:
    """With one thread, the measured time counts unchanged."""
    scheduler = Scheduler(1)
    ran = await scheduler.run(lambda *_: None, lambda: NO_DEADLINE)
    assert ran.crowded
    scheduler.close()


async def test_work_is_counted_in_processor_time() -> None:
    """Waiting threads cost nothing: a busy machine does not make requests exceed their limit."""

    def waits(*_: object) -> None:
        threading.Event().wait(0.2)

    def works(*_: object) -> None:
        until = time.thread_time() + 0.2
        while time.thread_time() < until:
            pass

    scheduler = Scheduler(1)
    waited = await scheduler.run(waits, lambda: NO_DEADLINE)
    worked = await scheduler.run(works, lambda: NO_DEADLINE)
    assert waited.seconds >= 0.2
    assert waited.cpu_seconds < 0.1
    assert worked.cpu_seconds >= 0.2
    scheduler.close()
