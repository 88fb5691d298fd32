"""Items that a process loses while it works on them; the process is that of the tests."""

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import IO, Any

import dbos  # noqa: F401  # its import starts a process, which quick tests may not do
import pytest
from prometheus_client import REGISTRY

from tests.support.jobs import item
from tests.support.server import until
from tests.support.voices import install_pair
from vits_tts.config import Config
from vits_tts.errors import JobsUnavailable, QuotaExceeded
from vits_tts.jobs import JobService, presence, queue_calls
from vits_tts.jobs.model import ItemResult, NewJob
from vits_tts.jobs.presence import FilePresence
from vits_tts.jobs.stored import item_id
from vits_tts.speech import build
from vits_tts.usage import Accounts
from vits_tts.usage.model import Amounts
from vits_tts.usage.store import UsageStore
from vits_tts.web.callbacks import Callbacks

OWNER = "owner"
DAYS = date.min, date.max


class Worker:
    """A process that works on jobs, whose items wait at a gate before their results are stored."""

    def __init__(self, config: Config) -> None:
        """Connect the parts, as the command ``work`` does."""
        self.speech = build(config)
        self.usage = Accounts(config)
        self.jobs = JobService(config, self.speech, self.usage, Callbacks(config.callbacks))
        self.engine: Any = self.jobs._engine
        self.gate = asyncio.Event()
        self.arrived = 0
        maker: Any = self.jobs._maker
        make = maker.file

        async def made(*args: Any) -> ItemResult:
            result: ItemResult = await make(*args)
            self.arrived += 1
            await self.gate.wait()
            return result

        maker.file = made

    async def submit(self, job: str, *texts: str) -> None:
        """Add a job of some items, or of one."""
        items = [item(text) for text in texts or ["lan nam"]]
        await self.jobs.add(NewJob(job, OWNER, items, 5, ""))

    async def items(self) -> int:
        """Return how many items are in the accounts."""
        return sum(each.amounts.items for each in await self.usage.summaries(*DAYS, None))


@asynccontextmanager
async def working(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> AsyncIterator[Worker]:
    """Run a worker in a folder."""
    install_pair(folder / "voices")
    monkeypatch.chdir(folder)
    worker = Worker(Config(**{"voice": {"name": "pair"}, **settings}))
    worker.speech.start()
    worker.speech.start_threads()
    worker.usage.start()
    await asyncio.wrap_future(worker.speech.voices.ready)
    worker.speech.watch()
    try:
        yield worker
    finally:
        worker.gate.set()
        await worker.jobs.close()
        worker.engine.queue.dbos.destroy(destroy_registry=True)
        await worker.usage.close()
        await worker.speech.close()


async def reached(condition: Callable[[], object], name: str) -> None:
    """Wait for a condition, which another thread checks."""
    await asyncio.to_thread(until, condition, name)


async def ended(worker: Worker, job: str) -> None:
    """Wait until a job has succeeded."""
    await reached(lambda: worker.engine.find(job, OWNER).status == "succeeded", "success")


def failures() -> float:
    """Return how many attempts to make an item have failed."""
    return REGISTRY.get_sample_value("vits_tts_job_items_total", {"outcome": "failed"}) or 0.0


@pytest.mark.slow
def test_lost_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An item is recorded once, though its process loses it before its result is stored."""

    async def story() -> None:
        async with working(tmp_path, monkeypatch) as worker:
            before = failures()
            await cancelled_and_retried(worker)
            assert await worker.items() == 1
            await taken_by_another_process(worker, tmp_path)
            assert await worker.items() == 1
            assert failures() == before

    asyncio.run(story())


@pytest.mark.slow
def test_one_item_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An item is spoken as a whole before the next one begins, which does not wait for its result.

    If both were spoken in turns, they would end together, and nothing would be left to speak while
    their results are stored.
    """

    async def story() -> None:
        async with working(tmp_path, monkeypatch, voice={"name": "pair", "threads": 1}) as worker:
            streamer: Any = worker.jobs._streamer
            stream, speak = streamer.stream, streamer._stream
            asked, both, order = 0, asyncio.Event(), []

            def wanted(*args: Any, **named: Any) -> Any:
                nonlocal asked
                asked += 1
                if asked == len(texts):
                    both.set()
                return stream(*args, **named)

            async def spoken(*args: Any, **named: Any) -> AsyncIterator[Any]:
                order.append("begin")
                await both.wait()
                async for pcm in speak(*args, **named):
                    yield pcm
                order.append("end")

            streamer.stream, streamer._stream = wanted, spoken
            texts = ["lan nam", "nam lan"]
            await worker.submit("job-two", *texts)
            await reached(lambda: worker.arrived == len(texts), "the sound of both items")
            assert order == ["begin", "end", "begin", "end"]
            worker.gate.set()
            await ended(worker, "job-two")

    asyncio.run(story())


@pytest.mark.slow
def test_a_process_that_ends_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items that end because their process ends make room for no others, however long that takes.

    Their beginning would count as an attempt, of which an item has few.
    """

    async def story() -> list[Any]:
        voice = {"name": "pair", "threads": 1}
        async with working(tmp_path, monkeypatch, voice=voice) as worker:
            await worker.submit("job-many", *[f"lan nam {number}" for number in range(9)])
            await reached(lambda: worker.arrived == 2, "the sound of two items")
            gate = threading.Event()
            threads: Any = worker.jobs._calls
            for _ in range(queue_calls._THREADS):  # a database that does not answer
                threads._threads.submit(gate.wait)
            closing = asyncio.create_task(worker.jobs.close())
            await reached(lambda: not worker.jobs._running, "the end of these items")
            await asyncio.sleep(0.5)  # they were taken within a fiftieth of that
            gate.set()
            await closing
            monkeypatch.setattr(worker.jobs, "close", lambda: asyncio.sleep(0))
        with sqlite3.connect(tmp_path / "jobs/queue.sqlite") as database:
            query = "SELECT status FROM workflow_status WHERE name = 'item'"
            return [status for (status,) in database.execute(query)]

    assert asyncio.run(story()) == 9 * ["ENQUEUED"]


async def cancelled_and_retried(worker: Worker) -> None:
    """Cancel and retry a job as another process does, before this one notices."""
    job = "job-retried"
    await worker.submit(job)
    await reached(lambda: worker.arrived == 1, "the sound of the item")
    await worker.jobs._calls.in_thread(worker.engine.cancel, job)
    await worker.jobs._calls.in_thread(worker.engine.retry, job, 1)
    await reached(lambda: worker.arrived == 2, "the sound of the second run")
    worker.gate.set()
    await ended(worker, job)
    worker.gate.clear()


async def taken_by_another_process(worker: Worker, folder: Path) -> None:
    """Take an item as another process does, before this one stores its result."""
    job = "job-taken"
    arrived = worker.arrived
    await worker.submit(job)
    await reached(lambda: worker.arrived == arrived + 1, "the sound of the item")
    with sqlite3.connect(folder / "jobs/queue.sqlite") as database:
        query = "UPDATE workflow_status SET executor_id = 'other' WHERE workflow_uuid = ?"
        assert database.execute(query, [item_id(job, 0)]).rowcount == 1
    worker.gate.set()
    await reached(lambda: not worker.jobs._running, "the end of the item")
    assert (await worker.jobs.find(job, OWNER)).status == "running"


def test_jobs_that_come_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are added at the same moment count towards the quota of each other."""

    async def story() -> list[Any]:
        limit = {"folder": tmp_path / "jobs", "max_waiting": 1}
        async with working(tmp_path, monkeypatch, jobs=limit) as worker:
            names = ("job-a", "job-b", "job-c")
            return await asyncio.gather(*map(worker.submit, names), return_exceptions=True)

    results = asyncio.run(story())
    assert sorted(type(result).__name__ for result in results) == [
        "NoneType",
        "QuotaExceeded",
        "QuotaExceeded",
    ]


@pytest.mark.slow
def test_jobs_that_come_together_to_two_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that another process adds at the same moment counts towards the quota."""

    async def story() -> None:
        limit = {"folder": tmp_path / "jobs", "max_waiting": 1}
        async with working(tmp_path, monkeypatch, jobs=limit) as worker:
            await worker.jobs._opened()
            locked = presence._locked
            tries: list[bool] = []

            def tried(file: IO[Any]) -> bool:
                tries.append(locked(file))
                return tries[-1]

            monkeypatch.setattr(presence, "_ALONE_SECONDS", 60.0)
            with FilePresence(tmp_path / "jobs/workers").alone():  # as the other process does
                monkeypatch.setattr(presence, "_locked", tried)
                ours = asyncio.create_task(worker.submit("job-ours"))
                await reached(lambda: tries, "our process waits")
                theirs = NewJob("job-theirs", OWNER, [item("lan nam")], 5, "")
                await worker.jobs._calls.in_thread(worker.engine.add, theirs)
            with pytest.raises(QuotaExceeded):
                await ours
            assert (tries[0], tries[-1]) == (False, True)

    asyncio.run(story())


def test_a_process_that_keeps_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped while it added a job does not hold up others for good."""
    monkeypatch.setattr(presence, "_ALONE_SECONDS", 0.0)
    with FilePresence(tmp_path).alone(), FilePresence(tmp_path).alone():
        pass


def test_opening_on_a_busy_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """While all threads wait, jobs are unavailable; opening the queue has a limit of its own.

    The library writes no lines of its own.
    """
    monkeypatch.setattr(logging.getLogger("dbos"), "handlers", [])

    async def story() -> bool:
        limit = {"folder": tmp_path / "jobs", "queue_timeout_seconds": 0.001}
        async with working(tmp_path, monkeypatch, jobs=limit) as worker:
            jobs: Any = worker.jobs
            gate = threading.Event()
            waiting = [jobs._calls._threads.submit(gate.wait) for _ in range(queue_calls._THREADS)]
            with pytest.raises(JobsUnavailable):
                await worker.jobs.find("job-a", OWNER)
            gate.set()
            for each in waiting:
                await asyncio.wrap_future(each.future)
            await jobs._opened()
            calls = jobs._calls
            calls._settings = calls._settings.model_copy(update={"queue_timeout_seconds": 60})
            return worker.jobs._queue.launched

    assert asyncio.run(story())
    assert "DBOS" not in capfd.readouterr().err


@pytest.mark.slow
def test_results_of_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that shares the folder of jobs and the secret of files uses the other's results."""
    shared = {"jobs": {"folder": tmp_path / "jobs"}, "audio": {"secret": "0123456789abcdef" * 2}}

    async def story() -> list[bool]:
        made = []
        for name in ("a", "b"):
            async with working(tmp_path / name, monkeypatch, **shared) as worker:
                worker.gate.set()
                job = f"job-{name}"
                await worker.submit(job)
                await ended(worker, job)
                (used,) = await worker.usage.summaries(*DAYS, None)
                assert used.amounts.seconds > 0
                made.append(used.amounts.made_seconds > 0)
        return made

    assert asyncio.run(story()) == [True, False]


def test_amounts_are_recorded_once(tmp_path: Path) -> None:
    """Amounts with an id that are written again, after a kill in between, are left out."""
    item = Amounts(items=1, characters=7)
    for store in (UsageStore(tmp_path), UsageStore(tmp_path)):
        store.add({("2026-11-29", "an", "job-1.0@1"): item, ("2026-11-29", "an", ""): item})
        store.close()
    store = UsageStore(tmp_path)
    store.add({("2026-11-30", "an", "job-1.1@1"): item})
    found = store.summaries(date(2026, 11, 1), date(2026, 11, 30))
    store.close()
    assert [(each.day, each.amounts.items) for each in found] == [
        ("2026-11-29", 3),
        ("2026-11-30", 1),
    ]


def test_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    """A process removes old files that no process has locked; the others may be locked soon."""
    alive, mine = FilePresence(tmp_path), FilePresence(tmp_path)
    alive.hold()
    for name in ("dead", "new", "alone"):
        (tmp_path / f"{name}.lock").touch()
    long_ago = time.time() - 3600
    for name in (alive.executor, "dead", "alone"):
        os.utime(tmp_path / f"{name}.lock", (long_ago, long_ago))
    mine.hold()
    left = {path.stem for path in tmp_path.iterdir()}
    assert left == {alive.executor, mine.executor, "new", "alone"}
    for each in (alive, mine):
        each.release()
    assert {path.stem for path in tmp_path.iterdir()} == {"new", "alone"}
