"""The queue when several processes change one job at the same moment.

The calls of the other process are made in the middle of a call of this one, where they do harm.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from loguru import logger
from sqlalchemy import event

from tests.support.jobs import item
from tests.support.server import until
from vits_tts.config.jobs import Jobs
from vits_tts.errors import TextUnspeakable
from vits_tts.jobs.engine import Engine, NoRoom
from vits_tts.jobs.model import Document, ItemResult, ItemSpec, JobState, NewJob
from vits_tts.jobs.presence import FilePresence
from vits_tts.jobs.queue import _JOINED
from vits_tts.jobs.stored import item_id, whole_id

OWNER = "owner"
NEVER = 1e9
MANY = 1000
_HOUR = 3600.0
RESULT = ItemResult(hash="0" * 40, format="wav", seconds=1.0)
DOCUMENT = Document(
    kind="text",
    format="wav",
    sample_rate=16_000,
    bit_rate=None,
    chapters=(),
    title="",
    author="",
    seconds=None,
)


class Work:
    """Creates nothing, but fails and waits as a test wants, and records the messages."""

    def __init__(self) -> None:
        """Fail no item, and hold none back."""
        self.failing = False
        self.gate = threading.Event()
        self.gate.set()
        self.made: list[str] = []
        self.messages: list[tuple[str, str]] = []

    def make(self, name: str, _: ItemSpec) -> ItemResult:
        """Fail, or return a result when the gate is open."""
        self.made.append(name)
        if self.failing:
            raise TextUnspeakable("nothing to say")
        assert self.gate.wait(60)
        return RESULT

    def assemble(self, name: str, _: JobState) -> ItemResult:
        """Return the result of a document when the gate is open."""
        self.made.append(name)
        assert self.gate.wait(60)
        return RESULT

    def post(self, _: str, message_id: str, content: Mapping[str, Any]) -> bool:
        """Take a message."""
        self.messages.append((message_id, content["type"]))
        return False


@pytest.fixture(scope="module")
def shared() -> Work:
    """Return the work of the queue."""
    return Work()


@pytest.fixture
def work(shared: Work) -> Work:
    """Return the work of the queue, which neither fails nor waits."""
    shared.failing = False
    shared.gate.set()
    shared.made.clear()
    shared.messages.clear()
    return shared


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, shared: Work) -> Iterator[Engine]:
    """Open a queue in a folder, which is asked for work only when some is enqueued or has ended."""
    settings = Jobs(folder=tmp_path_factory.mktemp("engine"))
    found = Engine(settings, 2, shared.make, shared.assemble, shared.post)
    with pytest.MonkeyPatch.context() as seldom:
        seldom.setattr("vits_tts.jobs.queue._POLL_SECONDS", _HOUR)
        seldom.setattr("vits_tts.jobs.intake._SOON_SECONDS", _HOUR)
        found.queue.launch()
        yield found
        shared.gate.set()
        found.queue.close([])
        found.queue.dbos.destroy(destroy_registry=True)


def added(engine: Engine, *texts: str, url: str | None = None, whole: bool = False) -> str:
    """Add a job and return its id."""
    specs = [item(text) for text in texts]
    job = f"job-{uuid4().hex}"
    engine.add(NewJob(job, OWNER, specs, 5, "", url, DOCUMENT if whole else None))
    return job


def state(engine: Engine, job: str) -> JobState:
    """Return the state of a job."""
    found = engine.find(job, OWNER)
    assert found
    return found


def reached(engine: Engine, job: str, status: str) -> JobState:
    """Wait until all items of a job have a status, and return its state."""

    def wanted() -> bool:
        return {item.status for item in state(engine, job).items} == {status}

    until(wanted, f"items that are {status}")
    return state(engine, job)


def meanwhile(monkeypatch: pytest.MonkeyPatch, engine: Engine, act: Callable[[], None]) -> None:
    """Act once, between a check that a job is not active and the step after that check."""
    check = engine._is_active
    calls: list[Any] = []

    def checked(job: Any) -> bool:
        active = check(job)
        if not active and not calls:
            calls.append(job)
            act()
        return active

    monkeypatch.setattr(engine, "_is_active", checked)


@pytest.mark.slow
@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("url", ["http://localhost/", None])
def test_an_end_that_is_recorded_late(
    engine: Engine, work: Work, monkeypatch: pytest.MonkeyPatch, url: str | None, *, settled: bool
) -> None:
    """A process that records an end after a retry does not end the retried job."""
    work.failing = True
    job = added(engine, "a", url=url)
    reached(engine, job, "failed")

    def act() -> None:
        if settled:
            list(engine.settle(NEVER))
        work.failing = False
        work.gate.clear()
        engine.retry(job, MANY)

    meanwhile(monkeypatch, engine, act)
    list(engine.settle(NEVER))
    assert state(engine, job).ended is None
    assert engine.waiting(OWNER) == 1
    work.gate.set()
    reached(engine, job, "succeeded")
    list(engine.settle(NEVER))
    assert state(engine, job).ended
    if url:
        kinds = ["job.failed", "job.succeeded"] if settled else ["job.succeeded"]
        until(lambda: len(work.messages) >= len(kinds), "the messages")
        assert [kind for _, kind in work.messages] == kinds
        assert len({message_id for message_id, _ in work.messages}) == len(kinds)


def test_two_retries(engine: Engine, work: Work) -> None:
    """A second retry with an old state leaves items alone that run already, or are complete."""
    work.failing = True
    job = added(engine, "a", "b")
    reached(engine, job, "failed")
    work.failing = False
    work.gate.clear()
    engine.retry(job, MANY)
    reached(engine, job, "running")
    engine.retry(job, MANY)
    work.gate.set()
    reached(engine, job, "succeeded")
    engine.retry(job, MANY)
    assert state(engine, job).status == "succeeded"
    assert sorted(work.made) == sorted(2 * [item_id(job, 0), item_id(job, 1)])


def test_a_retry_of_many_items(engine: Engine, work: Work) -> None:
    """A retry writes a few times, however many items it enqueues: each wait for the disk counts."""
    work.failing = True
    job = added(engine, *"abcdefgh" * 5)
    reached(engine, job, "failed")
    list(engine.settle(NEVER))
    work.failing = False
    work.gate.clear()
    writes: list[str] = []
    here = threading.current_thread()

    def written(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread() is here and not statement.startswith("SELECT"):
            writes.append(statement)

    system: Any = engine.queue.dbos._sys_db
    event.listen(system.engine, "before_cursor_execute", written)
    try:
        engine.retry(job, MANY)
    finally:
        event.remove(system.engine, "before_cursor_execute", written)
    assert 0 < len(writes) < 10, writes
    assert state(engine, job).counts["failed"] == 0
    work.gate.set()
    assert all(item.result == RESULT for item in reached(engine, job, "succeeded").items)
    assert state(engine, job).ended is None


def test_a_retry_after_one_that_was_broken_off(
    engine: Engine, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose items run again has not ended, though the first retry did not note its round."""

    def broken(*_: object) -> None:
        raise OSError("killed")

    work.failing = True
    job = added(engine, "a")
    reached(engine, job, "failed")
    list(engine.settle(NEVER))
    work.failing = False
    work.gate.clear()
    with monkeypatch.context() as killed:
        killed.setattr(engine, "_note", broken)
        with pytest.raises(OSError, match="killed"):
            engine.retry(job, MANY)
    assert state(engine, job).ended
    engine.retry(job, MANY)
    assert state(engine, job).ended is None
    work.gate.set()
    reached(engine, job, "succeeded")


def test_a_retry_beyond_the_quota(engine: Engine, work: Work) -> None:
    """A retry counts items that another process has stored or retried at the same moment."""
    work.failing = True
    first, second = added(engine, "a", "b"), added(engine, "c")
    for job in (first, second):
        reached(engine, job, "failed")
    list(engine.settle(NEVER))
    assert engine.waiting(OWNER) == 0
    work.failing = False
    work.gate.clear()
    entered = threading.Event()

    def retried() -> None:
        engine.retry(first, 2)
        entered.set()

    with FilePresence(engine._settings.folder / "workers").alone():  # as the other process does
        thread = threading.Thread(target=retried)
        thread.start()
        assert not entered.wait(0.2)
        assert state(engine, first).ended
    thread.join()
    with pytest.raises(NoRoom):
        engine.retry(second, 2)
    assert state(engine, second).status == "failed"
    engine.retry(second, 3)
    work.gate.set()
    for job in (first, second):
        reached(engine, job, "succeeded")


def test_ends_in_steps(engine: Engine, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step records the ends of a few jobs, so that no call of the queue takes long."""
    del work
    monkeypatch.setattr("vits_tts.jobs.engine._AT_ONCE", 1)
    jobs = [added(engine, "a"), added(engine, "b")]
    for job in jobs:
        reached(engine, job, "succeeded")
    until(lambda: all(done(engine, job) for job in jobs), "jobs that are spread")
    steps = engine.settle(NEVER)
    assert next(steps) == ([], None)
    assert not any(state(engine, job).ended for job in jobs)
    given = []
    while not any(state(engine, job).ended for job in jobs):
        expired, ending = next(steps)
        assert not expired
        given += [ending.id] if ending else []
    (first,) = (job for job in jobs if state(engine, job).ended)
    assert first in given
    rest = list(steps)
    given += [ending.id for _, ending in rest if ending]
    assert not any(expired for expired, _ in rest)
    assert set(jobs) <= set(given)
    assert all(state(engine, job).ended for job in jobs)
    expired, _ = next(engine.settle(-NEVER))
    assert set(jobs) <= set(expired)


def done(engine: Engine, job: str) -> bool:
    """Return whether all items of a job have been enqueued."""
    (workflow,) = engine._api.list_workflows(workflow_ids=[job])
    return bool(workflow.status == "SUCCESS")


def test_a_list_in_steps(engine: Engine, work: Work) -> None:
    """Each step reads one job, so that no call of the queue takes long."""
    del work
    first, second = added(engine, "a"), added(engine, "b")
    reached(engine, first, "succeeded")
    listed = engine.jobs(OWNER, 2, 0)
    assert next(listed).id == second
    engine.delete(first)
    assert list(listed) == []


def test_the_queue_has_a_log_of_changes(engine: Engine) -> None:
    """The queue's connections are those that wait for the disk once for each change."""
    (path,) = engine._settings.folder.glob("*.sqlite")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_item_is_stored_once(engine: Engine, work: Work) -> None:
    """The result of an item is written with its state and nowhere else."""
    del work
    job = added(engine, "a", "b")
    reached(engine, job, "succeeded")
    (path,) = engine._settings.folder.glob("*.sqlite")
    with closing(sqlite3.connect(path)) as database:
        stored = "SELECT count(*) FROM {} WHERE workflow_uuid LIKE ?"
        names = [f"{job}.%"]
        assert database.execute(stored.format("workflow_output"), names).fetchone() == (2,)
        assert database.execute(stored.format("operation_outputs"), names).fetchone() == (0,)


def test_an_outcome_that_cannot_be_stored(
    engine: Engine, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item whose outcome was not stored, as on a full disk, is made again without a restart."""
    system: Any = engine.queue.dbos._sys_db
    store = system.update_workflow_outcome
    failed = threading.Event()

    def full(name: str, *args: Any, **named: Any) -> Any:
        if name.endswith(".0") and not failed.is_set():
            failed.set()
            raise sqlite3.OperationalError("database or disk is full")
        return store(name, *args, **named)

    monkeypatch.setattr(system, "update_workflow_outcome", full)
    job = added(engine, "a")

    def stored() -> bool:
        engine.queue.recover()
        return state(engine, job).status == "succeeded"

    until(stored, "an outcome")
    assert failed.is_set()
    assert len(work.made) > 1


def test_a_small_job_beside_a_large_one(
    engine: Engine, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job runs while the items of another one are being enqueued, which may take minutes."""
    del work
    gate, begun = threading.Event(), threading.Event()
    enqueue = engine.queue.enqueue

    def slow(workflow: str, queue: str, name: str, *args: object, **options: object) -> None:
        if workflow == "item" and name.startswith(large):
            begun.set()
            assert gate.wait(60)
        enqueue(workflow, queue, name, *args, **options)

    large = f"job-{uuid4().hex}"
    monkeypatch.setattr(engine.queue, "enqueue", slow)
    try:
        engine.add(NewJob(large, OWNER, [item("a")], 5, "", None, None))
        assert begun.wait(60)
        reached(engine, added(engine, "b"), "succeeded")
        assert state(engine, large).status == "queued"
    finally:
        gate.set()
    reached(engine, large, "succeeded")


@pytest.mark.parametrize("equal", [True, False])
def test_two_processes_with_one_idempotency_key(
    engine: Engine, work: Work, monkeypatch: pytest.MonkeyPatch, *, equal: bool
) -> None:
    """The job that is stored first stays; another one with its id is a conflict if it differs."""
    del work
    enqueue = engine.queue.enqueue
    job = f"job-{uuid4().hex}"
    first = NewJob(job, OWNER, [item("a")], 5, "of a")
    second = first if equal else NewJob(job, OWNER, [item("b")], 5, "of b")

    def late(workflow: str, queue: str, name: str, *args: object, **options: object) -> None:
        monkeypatch.undo()
        engine.add(first)
        enqueue(workflow, queue, name, *args, **options)

    monkeypatch.setattr(engine.queue, "enqueue", late)
    if equal:
        engine.add(second)
    else:
        with pytest.raises(ValueError, match=job):
            engine.add(second)
    assert [each.spec["text"] for each in reached(engine, job, "succeeded").items] == ["a"]


def test_the_log_of_failures(engine: Engine, work: Work) -> None:
    """Items that fail or are cancelled are no errors of the queue; other errors have a reason."""
    lines: list[Any] = []
    logger.enable("vits_tts")  # other tests may have disabled it
    sink = logger.add(lambda message: lines.append(message.record), level="WARNING")
    library = logging.getLogger("dbos")
    try:
        work.failing = True
        reached(engine, added(engine, "a"), "failed")
        work.failing = False
        work.gate.clear()
        job = added(engine, "b")
        until(lambda: item_id(job, 0) in work.made, "an item that runs")
        engine.cancel(job)
        work.gate.set()
        active: Any = engine.queue.dbos._active_workflows_set
        until(lambda: not active.activeList(), "the end of the item")
        cause = sqlite3.OperationalError("Câu riêng tư.")
        library.error("Exception of the tests", exc_info=cause)
    finally:
        logger.remove(sink)
    errors = [line for line in lines if line["level"].name == "ERROR"]
    assert [line["message"] for line in errors] == ["jobs: Exception of the tests"]
    assert errors[0]["extra"]["reason"] == "OperationalError"


def test_items_follow_each_other(engine: Engine, work: Work) -> None:
    """Items of two jobs, more than run at once, are taken as others end, also after a retry."""
    work.failing = True
    jobs = [added(engine, "a", "b", "c", "d", "e"), added(engine, "f", "g", "h")]
    for job in jobs:
        reached(engine, job, "failed")
    work.failing = False
    for job in jobs:
        engine.retry(job, MANY)
        reached(engine, job, "succeeded")


def test_cancel_of_a_document_whose_file_is_not_begun(engine: Engine, work: Work) -> None:
    """After the cancellation no process begins the file, until a retry."""
    job = added(engine, "a", "b", whole=True)
    reached(engine, job, "succeeded")
    engine.cancel(job)
    assert state(engine, job).status == "cancelled"
    list(engine.settle(NEVER))
    found = state(engine, job)
    assert (found.status, bool(found.ended)) == ("cancelled", True)
    assert whole_id(job) not in work.made
    engine.retry(job, MANY)
    until(lambda: state(engine, job).status == "succeeded", "success after a retry")
    assert work.made.count(whole_id(job)) == 1


def test_cancel_of_a_document_whose_file_is_under_way(engine: Engine, work: Work) -> None:
    """A file that is complete after the cancellation is no result."""
    job = added(engine, "a", whole=True)
    reached(engine, job, "succeeded")
    work.gate.clear()
    list(engine.settle(NEVER))
    until(lambda: whole_id(job) in work.made, "the file is begun")
    engine.cancel(job)
    cancelled = state(engine, job)
    assert cancelled.status == "cancelled"
    work.gate.set()
    engine.retry(job, MANY)
    until(lambda: state(engine, job).status == "succeeded", "success after a retry")
    assert work.made.count(whole_id(job)) == 2


def test_the_use_of_items_of_equal_ids(engine: Engine, work: Work) -> None:
    """Items of a job that was removed and made again at once are used apart, also in the accounts.

    A retry has the id of the first run.
    """
    (path,) = engine._settings.folder.glob("*.sqlite")
    job = f"job-{uuid4().hex}"
    first = item_id(job, 0)

    def used() -> str:
        """Return the id for the use of the item, whose time of storage says nothing."""
        work.gate.clear()
        until(lambda: engine.queue.holds(first), "an item that runs")
        with closing(sqlite3.connect(path)) as database, database:
            query = "UPDATE workflow_status SET created_at = 0 WHERE workflow_uuid = ?"
            assert database.execute(query, [first]).rowcount == 1
        found = engine.queue.holds(first)
        assert found
        engine.cancel(job)
        work.gate.set()
        return found

    def begun() -> str:
        work.gate.clear()
        engine.add(NewJob(job, OWNER, [item("a")], 5, ""))
        return used()

    earlier = begun()
    work.gate.clear()
    engine.retry(job, MANY)
    assert used() == earlier
    engine.delete(job)
    assert begun() != earlier


def test_lost_items(engine: Engine, work: Work) -> None:
    """Items that were cancelled are lost, and only others go back to the queue when it is closed.

    Threads that still wait then do not keep the process from ending. This is the last test of the
    queue, since it closes it.
    """
    work.gate.clear()
    job = added(engine, "a", "b")
    first, second = item_id(job, 0), item_id(job, 1)
    until(lambda: len(work.made) == 2, "both items run")
    assert engine.queue.lost([first, second]) == set()
    assert engine.queue.holds(first) != engine.queue.holds(second)
    engine._api.cancel_workflows([second])
    assert engine.queue.lost([first, second]) == {second}
    assert engine.queue.holds(second) is None
    engine.queue.close([first, second])
    (path,) = engine._settings.folder.glob("*.sqlite")
    with closing(sqlite3.connect(path)) as database:
        query = (
            "SELECT workflow_uuid, status, queue_name, recovery_attempts FROM workflow_status "
            "WHERE parent_workflow_id = ? ORDER BY workflow_uuid"
        )
        found = database.execute(query, [job]).fetchall()
    assert found == [(first, "ENQUEUED", "items", 0), (second, "CANCELLED", None, 1)]
    engine.queue.abandon_threads()
    assert not [thread for thread in _JOINED if thread.name.startswith("dbos-executor")]
