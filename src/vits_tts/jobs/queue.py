"""The queue of jobs in this process: opening it, running its workflows, and closing it.

The queue is DBOS, with SQLite in a folder or PostgreSQL for several machines. Only this module,
``intake``, ``engine`` and ``stored`` know that. All methods block: call them in threads.
"""

import concurrent.futures.thread
import logging
import re
import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qs, urlencode

from loguru import logger

from vits_tts.config.jobs import Jobs
from vits_tts.errors import RequestError, VitsTtsError
from vits_tts.jobs.model import ItemFailed, ItemResult, ItemSpec, Notice
from vits_tts.jobs.presence import DatabasePresence, FilePresence, Presence
from vits_tts.jobs.queue_file import DurableConnection
from vits_tts.jobs.stored import ATTEMPTS, STATUS

if TYPE_CHECKING:
    from dbos import WorkflowStatus

    from vits_tts.jobs.intake import Intake

T = TypeVar("T")

JOBS, ITEMS, CALLBACKS, WHOLES = "jobs", "items", "callbacks", "wholes"
"""The names of the queues of DBOS, one for each kind of workflow."""
MADE: Final = "made"
"""The attribute of an item that tells apart jobs of the same id, of which the first was removed.

The time at which an item was stored does not: SQLite's may be in whole seconds.
"""
_STORE: Final = "queue.sqlite"
_APPLICATION: Final = "vits-tts-jobs"
_VERSION: Final = "1"
"""The version of the workflows. Processes of other versions do not run them."""
_CALLBACKS_AT_ONCE: Final = 8
_JOBS_AT_ONCE: Final = 4
"""Jobs whose items are enqueued at the same time, so that a small job does not wait for a long
document."""
_PAUSE_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.5
"""Interval at which a process with room for more asks for work that others have enqueued."""
_OF_A_RUN: Final = (
    "owner_xid",
    "queue_partition_key",
    "workflow_deadline_epoch_ms",
    "deduplication_id",
    "started_at_epoch_ms",
    "completed_at",
    "output",
    "error",
)
"""Columns of a workflow that are empty before it runs."""
_STORE_SECONDS: Final = 2.0
"""How long a process that ends waits for threads that may be storing a result."""
_QUIET_SECONDS: Final = 60.0
_ALIKE: Final = 30
"""Lines of the library that begin with the same characters, this many, count as alike."""
_JOINED: Final[Any] = concurrent.futures.thread._threads_queues  # noqa: SLF001
"""The threads of all executors, which the interpreter joins before it ends."""
_USER: Final = re.compile(r"[^:/]+://(?:[^:/]*(?::[^@]*)?@)?")
"""The scheme, user and password of a URL. A password may have ``?`` and ``#``, as in SQLAlchemy."""
_PATIENCE: Final = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
}
"""Options that end a connection to PostgreSQL within seconds if its other side is gone.

They are in seconds, ``tcp_user_timeout`` in milliseconds. The system's defaults are minutes to
hours.
"""


@dataclass(frozen=True, slots=True)
class Workflows:
    """The functions that the queue runs. They block."""

    job: Callable[[dict[str, Any]], None]
    """Enqueues the items of a job."""
    item: Callable[[str, ItemSpec], ItemResult]
    """Creates the file of an item, given its id and the item, and returns the result."""
    whole: Callable[[str, str, str], ItemResult]
    """Creates the file of a document, given its id, the id of its job and the owner."""
    callback: Callable[[Notice], None]
    """Tells a caller that a job has ended."""


class Queue:
    """The connection of this process to the queue."""

    def __init__(self, settings: Jobs, concurrency: int, workflows: Workflows) -> None:
        """Set how many items run at once, and the functions that are run; open nothing yet."""
        self._settings = settings
        self._concurrency = concurrency
        self._workflows = workflows
        self._lock = threading.Lock()
        self.dbos: Any = None
        """The library, which runs the workflows; open the queue before."""
        self._client: Any = None
        self._presence: Presence | None = None
        self._intakes: dict[str, Intake] = {}
        self._executor: Any = None
        """The threads in which the library runs workflows."""
        self._ended: set[str] = set()
        """Work that has ended without an outcome, as far as the last look for it knows."""
        self.launched = False

    @property
    def is_there(self) -> bool:
        """True if a queue exists already. Reads the disk."""
        return self._settings.url is not None or (self._settings.folder / _STORE).exists()

    @property
    def api(self) -> Any:
        """The library's methods, once the queue is open.

        Within a workflow they wait for a database that cannot be reached, so that no work is lost.
        Elsewhere they raise an error.
        """
        return self.dbos if self._client is None or self.dbos.workflow_id else self._client

    def launch(self) -> None:
        """Open the queue and start to run its items, unless that was done."""
        with self._lock:
            if self.launched:
                return
            try:
                self._launch()
            except BaseException:
                self._abandon()
                raise
            self.launched = True

    def _launch(self) -> None:
        # Loads slowly, and only servers with jobs need it.
        from dbos import DBOS, DBOSClient  # noqa: PLC0415

        from vits_tts.jobs.intake import Intake, Running  # noqa: PLC0415

        # The file contains users' texts.
        self._settings.folder.mkdir(0o700, parents=True, exist_ok=True)
        presence: Presence
        options: dict[str, Any] = {"hide_parameters": True}  # texts of users, in errors
        if self._settings.url:
            url = limited(self._settings.url.get_secret_value())
            presence = DatabasePresence(url)
        else:
            url = f"sqlite:///{(self._settings.folder / _STORE).absolute()}"
            presence = FilePresence(self._settings.folder / "workers")
            options["connect_args"] = {"factory": DurableConnection}
        self._presence = presence
        presence.hold()
        _redirect_log()  # before the library adds a handler of its own
        self.dbos = DBOS(
            config={
                "name": _APPLICATION,
                "system_database_url": url,
                "db_engine_kwargs": options,
                "application_version": _VERSION,
                "executor_id": presence.executor,
                "scheduler_polling_interval_sec": 3600.0,
            }
        )
        self._register()
        self.dbos._active_workflows_set = Running(self._ask)  # noqa: SLF001
        DBOS.listen_queues([])  # the threads below take the work
        DBOS.launch()
        self._executor = self.dbos._executor_field  # noqa: SLF001
        for name, at_once in {
            JOBS: _JOBS_AT_ONCE,
            ITEMS: self._concurrency,
            WHOLES: 1,
            CALLBACKS: _CALLBACKS_AT_ONCE,
        }.items():
            queue = DBOS.register_queue(
                name, worker_concurrency=at_once, polling_interval_sec=_POLL_SECONDS
            )
            self._intakes[name] = Intake(self.dbos, queue, at_once)
        if self._settings.url:
            self._client = DBOSClient(system_database_url=url, retry_connection_errors=False)
        logger.info("jobs: the queue is open", folder=str(self._settings.folder))

    def _abandon(self) -> None:
        """Clean up after a failed attempt to open the queue, so that the next one starts afresh."""
        self._close_intakes()
        if self.dbos is not None:
            self.dbos.destroy(destroy_registry=True)
        if self._presence is not None:
            self._presence.release()

    def _register(self) -> None:
        """Register the workflows: of a job, of an item, of a document's file, of a callback."""
        workflow = self.dbos.workflow

        @workflow(name="job", max_recovery_attempts=None)  # type: ignore[untyped-decorator]
        def spread(job: dict[str, Any]) -> None:
            self._workflows.job(job)

        def stored(work: Callable[[str], ItemResult]) -> ItemResult:
            try:
                return _tried(partial(work, self.dbos.workflow_id))
            except Exception as error:  # noqa: BLE001  # all are stored with the item
                raise _failure(error) from None

        @workflow(name="item", max_recovery_attempts=ATTEMPTS)  # type: ignore[untyped-decorator]
        def item(spec: ItemSpec) -> ItemResult:
            return stored(lambda name: self._workflows.item(name, spec))

        @workflow(name="whole", max_recovery_attempts=ATTEMPTS)  # type: ignore[untyped-decorator]
        def whole(job_id: str, owner: str) -> ItemResult:
            return stored(lambda name: self._workflows.whole(name, job_id, owner))

        @workflow(name="callback", max_recovery_attempts=None)  # type: ignore[untyped-decorator]
        def callback(notice: Notice) -> None:
            self._workflows.callback(notice)

        del spread, item, whole, callback  # the registry of DBOS keeps references to them

    def close(self, running: Collection[str]) -> None:
        """Return the items ``running`` in this process to the queue, and close the queue."""
        with self._lock:
            if not self.launched:
                return
            self.launched = False
            self._close_intakes()
            self._return(running)
            self.dbos.destroy()
            if self._client is not None:
                self._client.destroy()
            if self._presence is not None:
                self._presence.release()

    def take_no_more(self) -> None:
        """Take no further work. This does not wait; :meth:`close` does.

        Otherwise this process would take the next work as soon as that under way is stopped.
        """
        for intake in list(self._intakes.values()):
            intake.stop()

    def _return(self, running: Collection[str]) -> None:
        """Return the items ``running`` in this process to the queue, unless it has lost them."""
        if not running or self._presence is None:
            return
        stored = self._system.tables.workflow_status
        mine = (stored.c.status == "PENDING") & (stored.c.executor_id == self._presence.executor)
        change = stored.update().where(mine & stored.c.workflow_uuid.in_(list(running)))
        with self._system.engine.begin() as connection:
            connection.execute(change.values(self._waiting))

    def _close_intakes(self) -> None:
        self.take_no_more()
        for intake in self._intakes.values():
            intake.join()
        self._intakes = {}

    def abandon_threads(self) -> None:
        """Let the process end although threads of the library wait for the database.

        They wait without limit and cannot be stopped, and the interpreter joins the threads of
        executors before it ends. Those that just store a result have a moment to do so. The process
        that takes over finds the work of the others unfinished.
        """
        if self._executor is None:
            return
        self._executor.shutdown(wait=False, cancel_futures=True)
        end = time.monotonic() + _STORE_SECONDS
        for thread in list(self._executor._threads):  # noqa: SLF001
            thread.join(max(0.0, end - time.monotonic()))
            _JOINED.pop(thread, None)

    # --- work ------------------------------------------------------------------------------------

    def enqueue(
        self, workflow: str, queue: str, workflow_id: str, *args: object, **options: object
    ) -> None:
        """Enqueue a workflow with options of DBOS, unless its id is in the queue."""
        api = self.api
        enqueue = api.enqueue if api is self._client else api.enqueue_workflow_with_options
        enqueue(
            {
                "workflow_name": workflow,
                "queue_name": queue,
                "workflow_id": workflow_id,
                "app_version": _VERSION,
                **options,
            },
            *args,
        )
        self._ask(queue)

    def _ask(self, queue: str) -> None:
        """Ask for work of a queue soon: some was enqueued, or there is room for more."""
        if intake := self._intakes.get(queue):
            intake.ask()

    def alone(self) -> AbstractContextManager[None]:
        """Enter a block that one process of this queue at a time is in; the queue is open."""
        if self._presence is None:
            raise RuntimeError("the queue is not open")
        return self._presence.alone()

    def enqueue_again(
        self, workflow: "WorkflowStatus", queue: str, lost: Collection[str] = ()
    ) -> bool:
        """Enqueue a workflow again if it has failed or was cancelled, or its result is ``lost``.

        Return whether it had.
        """
        from dbos import error as errors  # noqa: PLC0415

        failed = STATUS[workflow.status] in {"failed", "cancelled"}
        gone = STATUS[workflow.status] == "succeeded" and workflow.workflow_id in lost
        if not failed and not gone:
            return False
        try:
            self.api.rewind_workflow(workflow.workflow_id, queue_name=queue)
        except errors.DBOSException:  # another process has rewound it at the same moment
            logger.debug("jobs: a workflow was enqueued already", workflow=workflow.workflow_id)
        self._ask(queue)
        return True

    def enqueue_items_again(self, job_id: str, lost: Collection[str] = ()) -> int:
        """Enqueue the failed and cancelled items of a job again; return how many there were.

        Those that have succeeded are among them if their ids are in ``lost``.

        This is what the library does for one workflow, for all items in one transaction. A
        transaction for each takes a minute for a thousand. Items have no steps, events or messages
        that would have to be removed too.
        """
        tables = self._system.tables
        stored, outputs = tables.workflow_status, tables.workflow_output
        mine = (stored.c.parent_workflow_id == job_id) & (stored.c.name == "item")
        over = [name for name, status in STATUS.items() if status in {"failed", "cancelled"}]
        gone = (stored.c.status == "SUCCESS") & stored.c.workflow_uuid.in_(list(lost))
        change = stored.update().where(mine & (stored.c.status.in_(over) | gone))
        names = stored.select().with_only_columns(stored.c.workflow_uuid)
        waiting = names.where(mine & (stored.c.status == "ENQUEUED"))
        with self._system.engine.begin() as connection:
            changed = connection.execute(change.values(self._waiting | {"queue_name": ITEMS}))
            # No item that waits has a result.
            connection.execute(outputs.delete().where(outputs.c.workflow_uuid.in_(waiting)))
        self._ask(ITEMS)
        return int(changed.rowcount)

    @property
    def _system(self) -> Any:
        """The library's database, whose errors are raised and not waited for."""
        return (self.dbos if self._client is None else self._client)._sys_db  # noqa: SLF001

    @property
    def _waiting(self) -> dict[str, Any]:
        """The columns of a workflow that waits as if it had never begun."""
        return {
            "status": "ENQUEUED",
            "recovery_attempts": 0,
            "updated_at": self._system._now_ms_sql(),  # noqa: SLF001
            **dict.fromkeys(_OF_A_RUN),
        }

    def recover(self) -> None:
        """Return work to the queue: of processes that have ended, and without a stored outcome."""
        presence = self._presence
        if presence is None:
            return
        presence.hold()
        pending = self.api.list_workflows(status="PENDING", load_input=False, load_output=False)
        executors = {workflow.executor_id for workflow in pending} - {None}
        for executor in sorted(filter(presence.is_dead, executors)):
            logger.warning("jobs: a process has ended; its items go back to the queue")
            self.dbos._recover_pending_workflows([executor])  # noqa: SLF001
            for queue in self._intakes:
                self._ask(queue)
        mine = {each.workflow_id for each in pending if each.executor_id == presence.executor}
        self._recover_ended(mine, presence.executor)

    def _recover_ended(self, mine: set[str], executor: str) -> None:
        """Return work of this process to the queue that has ended without an outcome.

        Its outcome could not be stored, as on a full disk, and DBOS does not try again. Work that
        is just being taken or stored looks the same for a moment, so it has to look so twice.
        """
        ended = mine - set(self.dbos._active_workflows_set.activeList())  # noqa: SLF001
        for name in ended & self._ended:
            logger.warning("jobs: an outcome was not stored; it goes back to the queue", item=name)
            self.dbos._sys_db.reenqueue_for_recovery(name, [executor], ITEMS)  # noqa: SLF001
            self._ask(ITEMS)
        self._ended = ended - self._ended

    def lost(self, running: Collection[str]) -> set[str]:
        """Return the items running in this process that it should no longer run.

        They were cancelled, perhaps also retried, or removed; or this process seemed dead, and
        another one has taken them.
        """
        return set(running) - set(self._held(running))

    def holds(self, name: str) -> str | None:
        """Return an id for the use of an item that this process runs; None if it has lost the item.

        An item has the same id after a restart or a retry. If a job is removed and another one gets
        its id, by the same idempotency key, their items have different ids.
        """
        return self._held([name]).get(name)

    def _held(self, running: Collection[str]) -> dict[str, str]:
        if not running or self._presence is None:
            return {}
        found = self.api.list_workflows(
            workflow_ids=list(running),
            status="PENDING",
            executor_id=self._presence.executor,
            load_input=False,
            load_output=False,
        )
        # Items that an earlier version has stored have no such attribute.
        made = {each: (each.attributes or {}).get(MADE, each.created_at) for each in found}
        return {each.workflow_id: f"{each.workflow_id}@{one}" for each, one in made.items()}


def limited(url: str) -> str:
    """Return a URL of PostgreSQL with limits of time, unless it has its own.

    The rest is not parsed and rebuilt, which would change a URL without a host (for a Unix socket).
    """
    url = url.rstrip("?&")
    _, mark, query = _USER.sub("", url).partition("?")
    given = parse_qs(query, keep_blank_values=True)
    more = urlencode({name: value for name, value in _PATIENCE.items() if name not in given})
    return f"{url}{'&' if mark else '?'}{more}" if more else url


def reason_of(error: Exception) -> str:
    """Return the reason of a failure without SQL, whose parameters are texts of users."""
    if isinstance(error, TimeoutError):
        return "no answer"
    cause = getattr(error, "orig", None) or error
    told = "psycopg" in type(cause).__module__
    return " ".join(str(cause).split())[:200] if told else type(cause).__name__


def _tried(work: Callable[[], T]) -> T:
    """Return the result of work, which is tried again unless the fault is in the item itself.

    A step of DBOS would do the same, but store each result a second time, beside that of its
    workflow. A result that was not stored is found by its content when the item is made again.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except RequestError:
            raise
        except Exception as error:  # noqa: BLE001  # the next attempt may succeed
            logger.debug("jobs: an item is tried again", attempt=attempt, reason=reason_of(error))
        time.sleep(_PAUSE_SECONDS * 2 ** (attempt - 1))
    return work()


def _failure(error: Exception) -> Exception:
    """Return an error with the code and the message that are stored with the item."""
    if isinstance(error, VitsTtsError):
        return ItemFailed(error.code, error.message)
    if isinstance(error, ItemFailed):
        return error
    return ItemFailed("internal", f"{type(error).__name__}; see the log")


class _ToOurLog(logging.Handler):
    """Writes the library's warnings into our log, with the reasons of their causes.

    It leaves out that a workflow has failed, which was logged with its code, or was cancelled.

    Of lines that begin alike, one a minute is written: while a database cannot be reached, the
    library complains several times a second.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. It may contain ids; texts never reach this logger."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ItemFailed) or "Cancelled" in type(error).__name__:
            return
        line = re.sub(r"\s+", " ", record.getMessage())[:300]
        kind, now = line[:_ALIKE], time.monotonic()
        if now - self._last.get(kind, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._last = {each: at for each, at in self._last.items() if now - at < _QUIET_SECONDS}
            self._last[kind] = now
            reason = {"reason": reason_of(error)} if isinstance(error, Exception) else {}
            logger.bind(**reason).log(record.levelname, "jobs: {}", line)


def _redirect_log() -> None:
    library = logging.getLogger("dbos")
    library.handlers = [_ToOurLog()]
    library.setLevel(logging.WARNING)
    library.propagate = False
