"""The scheduler: real threads, the most urgent piece first, and progress for all."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from vits_tts.inference.cancel import Cancel
from vits_tts.scheduling.scheduler import Ran, Scheduler, _Job
from vits_tts.scheduling.urgency import NO_DEADLINE, Urgency


class Stage:
    """One inference thread, blocked until all pieces wait."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        """Begin with nothing."""
        self.scheduler = Scheduler(1, now)
        self.order: list[str] = []
        """The names of the pieces in the order in which they begin."""
        start = self.scheduler._start

        def started(job: _Job) -> None:
            self.order.append(self._names.get(job.work, "held"))
            start(job)

        self.scheduler._start = started  # type: ignore[method-assign]
        self._names: dict[Callable[[Cancel, int], Any], str] = {}
        self._gate = threading.Event()
        self._tasks: list[asyncio.Task[Any]] = []

    async def hold(self) -> None:
        """Keep the thread busy with a listener's piece until ``go``."""
        began = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(_: Cancel, __: int) -> None:
            loop.call_soon_threadsafe(began.set)
            self._gate.wait(10)

        self._tasks.append(asyncio.create_task(self.scheduler.run(work, lambda: Urgency(0, 0))))
        await began.wait()

    async def add(self, name: str, urgency: Callable[[], Urgency]) -> asyncio.Task[Any]:
        """Add a waiting piece."""

        def work(_: Cancel, __: int) -> None:
            """Do nothing."""

        self._names[work] = name
        self._tasks.append(asyncio.create_task(self.scheduler.run(work, urgency)))
        await asyncio.sleep(0)  # so that it is in the queue
        return self._tasks[-1]

    async def go(self) -> list[str]:
        """Release all pieces; return the order in which they ran."""
        self._gate.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.scheduler.close()
        return [name for name in self.order if name != "held"]


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


class Piece:
    """A piece that runs until it is told to end."""

    def __init__(self, urgency: Urgency) -> None:
        """Set how urgent it is."""
        self._urgency = urgency
        self._loop = asyncio.get_running_loop()
        self._began: asyncio.Queue[None] = asyncio.Queue()
        self._gate = threading.Semaphore(0)
        self.runs = 0

    def __call__(self, _: Cancel, cores: int) -> int:
        """Tell that it has begun, and wait."""
        self.runs += 1
        self._loop.call_soon_threadsafe(self._began.put_nowait, None)
        assert self._gate.acquire(timeout=10)
        return cores

    def urgency(self) -> Urgency:
        """Return how urgent it is."""
        return self._urgency

    async def began(self) -> None:
        """Wait until it runs."""
        async with asyncio.timeout(10):
            await self._began.get()

    @property
    def begun(self) -> bool:
        """True if it has begun since the last wait for that."""
        return not self._began.empty()

    def end(self) -> None:
        """Let it end."""
        self._gate.release()


async def test_listeners_overtake_background_work() -> None:
    """A listener's piece does not wait for a file's; another listener's one waits for its core."""
    scheduler = Scheduler(1)
    file = Piece(NO_DEADLINE)
    listener, other = Piece(Urgency(1, 0)), Piece(Urgency(2, 0))
    pieces = [file, listener, other]
    running = []
    for piece in pieces:
        running.append(asyncio.create_task(scheduler.run(piece, piece.urgency)))
        if piece is not other:
            await piece.began()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not other.begun
    listener.end()
    await other.began()
    other.end()
    file.end()
    assert [(await each).result for each in running] == [1, 1, 1]
    scheduler.close()


async def test_background_work_stops_for_listeners() -> None:
    """While listeners have overtaken a file, its next piece waits, and so does another file."""
    scheduler = Scheduler(1)
    file, listener, other = Piece(NO_DEADLINE), Piece(Urgency(1, 0)), Piece(NO_DEADLINE)
    made: list[int] = []
    first = asyncio.Event()

    async def whole() -> None:
        async for ran in scheduler.each(file, lambda: file.runs < 2, file.urgency):
            made.append(ran.result)  # it is looked at meanwhile
            first.set()

    running: list[asyncio.Task[Any]] = [asyncio.create_task(whole())]
    await file.began()
    for each in (listener, other):
        running.append(asyncio.create_task(scheduler.run(each, each.urgency)))  # noqa: PERF401
    await listener.began()
    file.end()
    async with asyncio.timeout(10):
        await first.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not file.begun
    assert not other.begun
    listener.end()
    other.end()
    file.end()
    await asyncio.gather(*running)
    assert made == [1, 1]
    scheduler.close()


@pytest.mark.parametrize("joins", [True, False])
async def test_listeners_that_join_or_leave(*, joins: bool) -> None:
    """Work that a listener joins leaves the threads of lower priority, or comes to them.

    Its next piece may have begun before that is known.
    """
    scheduler = Scheduler(1)
    heard, unheard = Urgency(1, 0), NO_DEADLINE
    before, after = (unheard, heard) if joins else (heard, unheard)
    threads: list[str] = []
    urgency, seen = [before], threading.Semaphore(1)

    def work(_: Cancel, __: int) -> None:
        assert seen.acquire(timeout=10)
        threads.append(threading.current_thread().name.partition("_")[0])

    async for _ in scheduler.each(work, lambda: len(threads) < 9, lambda: urgency[0]):
        urgency[0] = after
        seen.release()
    first, last = ("background", "inference") if joins else ("inference", "background")
    assert threads[0] == first
    assert threads[3:] == 6 * [last]
    scheduler.close()


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


@pytest.mark.parametrize("urgency", [NO_DEADLINE, Urgency(0, 0)])
async def test_a_pool_that_takes_no_more_work(urgency: Urgency) -> None:
    """Each caller gets the error, as at the exit of Python or where no thread can be started."""
    scheduler = Scheduler(1)
    for pool in (scheduler._pool, scheduler._background):
        pool.shutdown()  # as Python does when it exits, without telling the scheduler
    jobs = [scheduler.run(lambda *_: None, lambda: urgency) for _ in range(3)]
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
