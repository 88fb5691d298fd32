"""The queue of jobs: DBOS, with SQLite in a folder or PostgreSQL for several machines.

A job is a workflow that enqueues a workflow for each of its items. The queue stores both, with
their inputs, results and errors. Nothing else of a job is stored. No other module imports DBOS.

All methods block: call them in threads.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from vits_tts.config.jobs import Jobs
from vits_tts.errors import RequestError, VitsTtsError
from vits_tts.jobs.model import (
    DEFAULT_PRIORITY,
    PRIORITIES,
    UNFINISHED,
    Interrupted,
    ItemFailed,
    ItemResult,
    ItemSpec,
    ItemState,
    JobState,
    NewJob,
    Notice,
    Status,
    WholeState,
    error_of,
)
from vits_tts.jobs.presence import DatabasePresence, FilePresence, Presence

if TYPE_CHECKING:
    from dbos import WorkflowStatus

STORE: Final = "queue.sqlite"
_APPLICATION: Final = "vits-tts-jobs"
_VERSION: Final = "1"
"""The version of the workflows. Processes of other versions do not run them."""
_JOBS, _ITEMS, _CALLBACKS, _WHOLES = "jobs", "items", "callbacks", "wholes"
_WHOLE: Final = ".whole"
_CALLBACKS_AT_ONCE: Final = 8
_BACKOFF: Final = 4
"""Factor by which the pause before a callback is repeated grows each time."""
_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 1.0
_NEVER_SECONDS: Final = 3600.0
"""Delay of a workflow that is cancelled at once, so that no process starts it before."""
_POLL_SECONDS: Final = 0.5
_ACTIVE: Final = ["ENQUEUED", "DELAYED", "PENDING"]
_STATUS: Final[dict[str, Status]] = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "succeeded",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
_CRASHED: Final = (
    "worker_died",
    f"the process that made the item ended unexpectedly {_ATTEMPTS} times",
)

Post = Callable[[str, str, Mapping[str, object]], bool]
"""Posts a message, given its URL, id and content; returns whether to try again."""
Make = Callable[[str, ItemSpec], ItemResult]
"""Creates the file of an item, given its id and the item, and returns the result. It blocks."""
Assemble = Callable[[str, JobState], ItemResult]
"""Creates the file of a document, given its id, from its complete items."""


class Engine:
    """The connection of this process to the queue."""

    def __init__(
        self, settings: Jobs, concurrency: int, make: Make, assemble: Assemble, post: Post
    ) -> None:
        """Set how many items run at once, and the functions that run them; open nothing yet.

        ``post`` sends the caller a message when a job has ended.
        """
        self._settings = settings
        self._concurrency = concurrency
        self._make = make
        self._assemble = assemble
        self._post = post
        self._lock = threading.Lock()
        self._dbos: Any = None
        self._presence: Presence | None = None
        self.launched = False

    @property
    def is_there(self) -> bool:
        """True if a queue exists already. Reads the disk."""
        return self._settings.url is not None or (self._settings.folder / STORE).exists()

    # --- life ------------------------------------------------------------------------------------

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
        from dbos import DBOS  # noqa: PLC0415  # loads slowly, and only servers with jobs need it

        # The file contains users' texts.
        self._settings.folder.mkdir(0o700, parents=True, exist_ok=True)
        presence: Presence
        if self._settings.url:
            url = self._settings.url.get_secret_value()
            presence = DatabasePresence(url)
        else:
            url = f"sqlite:///{(self._settings.folder / STORE).absolute()}"
            presence = FilePresence(self._settings.folder / "workers")
        self._presence = presence
        presence.hold()
        self._dbos = DBOS
        DBOS(
            config={
                "name": _APPLICATION,
                "system_database_url": url,
                "application_version": _VERSION,
                "executor_id": presence.executor,
                "scheduler_polling_interval_sec": 3600.0,
            }
        )
        _redirect_log()
        self._register()
        DBOS.launch()
        DBOS.register_queue(_JOBS, worker_concurrency=1, polling_interval_sec=_POLL_SECONDS)
        DBOS.register_queue(
            _ITEMS, worker_concurrency=self._concurrency, polling_interval_sec=_POLL_SECONDS
        )
        DBOS.register_queue(_WHOLES, worker_concurrency=1, polling_interval_sec=_POLL_SECONDS)
        DBOS.register_queue(
            _CALLBACKS, worker_concurrency=_CALLBACKS_AT_ONCE, polling_interval_sec=_POLL_SECONDS
        )
        logger.info("jobs: the queue is open", folder=str(self._settings.folder))

    def _abandon(self) -> None:
        """Clean up after a failed attempt to open the queue, so that the next one starts afresh."""
        if self._dbos is not None:
            self._dbos.destroy(destroy_registry=True)
        if self._presence is not None:
            self._presence.release()

    def _register(self) -> None:
        """Register the workflows: of a job, of an item, of a document's file, of a callback."""
        workflow, step = self._dbos.workflow, self._dbos.step
        tried = step(
            name="make",
            retries_allowed=True,
            max_attempts=_ATTEMPTS,
            interval_seconds=_PAUSE_SECONDS,
            should_retry=lambda error: not isinstance(error, RequestError),
        )

        @workflow(name="job", max_recovery_attempts=None)  # type: ignore[untyped-decorator]
        def spread(job: dict[str, Any]) -> None:
            self._spread(job)

        @tried  # type: ignore[untyped-decorator]
        def make(work: Callable[[str], ItemResult]) -> ItemResult:
            return work(self._dbos.workflow_id)

        def stored(work: Callable[[str], ItemResult]) -> ItemResult:
            try:
                made: ItemResult = make(work)
            except Exception as error:  # noqa: BLE001  # all are stored with the item
                raise _failure(error) from None
            return made

        @workflow(name="item", max_recovery_attempts=_ATTEMPTS)  # type: ignore[untyped-decorator]
        def item(spec: ItemSpec) -> ItemResult:
            return stored(lambda name: self._make(name, spec))

        @workflow(name="whole", max_recovery_attempts=_ATTEMPTS)  # type: ignore[untyped-decorator]
        def whole(job_id: str, owner: str) -> ItemResult:
            return stored(lambda name: self._assembled(name, job_id, owner))

        @workflow(name="callback", max_recovery_attempts=None)  # type: ignore[untyped-decorator]
        def callback(notice: Notice) -> None:
            if self._post(notice["url"], notice["id"], notice["content"]):
                self._notify(notice, notice["attempt"] + 1)

        del spread, item, whole, callback  # the registry of DBOS keeps references to them

    def _assembled(self, name: str, job_id: str, owner: str) -> ItemResult:
        """Return the file of a document.

        Raises:
            ItemFailed: the job was removed.

        """
        state = self.find(job_id, owner)
        if state is None:
            raise ItemFailed("job_not_found", "the job was removed")
        return self._assemble(name, state)

    def close(self, running: Collection[str]) -> None:
        """Return the items ``running`` in this process to the queue, and close the queue."""
        with self._lock:
            if not self.launched:
                return
            self.launched = False
            for item in set(running) - self.lost(running):
                queue = _WHOLES if item.endswith(_WHOLE) else _ITEMS
                self._dbos.resume_workflow(item, queue_name=queue)
            self._dbos.destroy()
            if self._presence is not None:
                self._presence.release()

    # --- work ------------------------------------------------------------------------------------

    def _spread(self, job: dict[str, Any]) -> None:
        """Enqueue the items of a job.

        If this runs again, items that are in the queue are not added twice.
        """
        for index, spec in enumerate(job["items"]):
            self._dbos.enqueue_workflow_with_options(
                {
                    "workflow_name": "item",
                    "queue_name": _ITEMS,
                    "workflow_id": item_id(job["id"], index),
                    "priority": PRIORITIES.stop - job["priority"],
                    "authenticated_user": job["owner"],
                    "app_version": _VERSION,
                },
                spec,
            )

    def _notify(self, notice: Notice, attempt: int) -> None:
        """Enqueue an attempt to notify the caller of the end of a job; the first runs at once."""
        if attempt >= self._settings.callback_attempts:
            logger.warning("jobs: a callback is given up", job=notice["job"])
            return
        self._dbos.enqueue_workflow_with_options(
            {
                "workflow_name": "callback",
                "queue_name": _CALLBACKS,
                "workflow_id": f"{notice['id']}.{attempt}",
                "app_version": _VERSION,
                **({"delay_seconds": float(_BACKOFF ** (attempt - 1))} if attempt else {}),
            },
            notice | {"attempt": attempt},
        )

    def recover(self) -> None:
        """Return the unfinished work of processes that have ended to the queue."""
        presence = self._presence
        if presence is None:
            return
        presence.hold()
        pending = self._dbos.list_workflows(status="PENDING", load_input=False, load_output=False)
        executors = {workflow.executor_id for workflow in pending} - {None}
        for executor in sorted(filter(presence.is_dead, executors)):
            logger.warning("jobs: a process has ended; its items go back to the queue")
            self._dbos._recover_pending_workflows([executor])  # noqa: SLF001

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
        found = self._dbos.list_workflows(
            workflow_ids=list(running),
            status="PENDING",
            executor_id=self._presence.executor,
            load_input=False,
            load_output=False,
        )
        return {each.workflow_id: f"{each.workflow_id}@{each.created_at}" for each in found}

    # --- jobs ------------------------------------------------------------------------------------

    def add(self, job: NewJob) -> bool:
        """Store a job; return whether it is new.

        Raises:
            ValueError: another request has made a job with this id.

        """
        found = self._dbos.list_workflows(workflow_ids=[job.id], load_input=False)
        if not found:
            content = {
                "id": job.id,
                "owner": job.owner,
                "items": job.items,
                "priority": job.priority,
                "document": job.document,
            }
            self._dbos.enqueue_workflow_with_options(
                {
                    "workflow_name": "job",
                    "queue_name": _JOBS,
                    "workflow_id": job.id,
                    "priority": PRIORITIES.stop - job.priority,
                    "authenticated_user": job.owner,
                    "app_version": _VERSION,
                    "attributes": {
                        "fingerprint": job.fingerprint,
                        "items": len(job.items),
                        "callback": job.callback_url,
                        "whole": job.document is not None,
                    },
                },
                content,
            )
            return True
        if (found[0].attributes or {}).get("fingerprint") != job.fingerprint:
            raise ValueError(job.id)
        return False

    def find(self, job_id: str, owner: str) -> JobState | None:
        """Return the state of a job; None if its owner has no such job."""
        found = self._dbos.list_workflows(workflow_ids=[job_id], name="job", user=owner)
        return self._state(found[0]) if found else None

    def jobs(self, owner: str, limit: int, offset: int) -> list[JobState]:
        """Return the jobs of an owner, the newest first."""
        found = self._dbos.list_workflows(
            name="job", user=owner, limit=limit, offset=offset, sort_desc=True
        )
        return [self._state(workflow) for workflow in found]

    def waiting(self, owner: str) -> int:
        """Return the number of unfinished items in all jobs of an owner."""
        found = self._dbos.list_workflows(name="job", user=owner, load_input=False)
        attributes = [workflow.attributes or {} for workflow in found]
        return sum(each.get("items", 0) for each in attributes if not _ended(each))

    def cancel(self, job_id: str) -> None:
        """Cancel the unfinished items of a job; none of them starts after that."""
        self._dbos.cancel_workflows([job_id, whole_id(job_id)])
        while active := self._items(job_id, status=_ACTIVE):
            self._dbos.cancel_workflows([item.workflow_id for item in active])
        for job in self._dbos.list_workflows(workflow_ids=[job_id], load_input=False):
            if self._lacks_whole(job):  # otherwise the next check of the queue would start it
                self._enqueue_whole(job, delay_seconds=_NEVER_SECONDS)
                self._dbos.cancel_workflows([whole_id(job_id)])

    def retry(self, state: JobState) -> None:
        """Enqueue the failed and cancelled items of a job again.

        The state may be old: items that another process has enqueued meanwhile are left alone.
        """
        stored = self._items(state.id)
        again = [(each, _ITEMS) for each in stored]
        if len(stored) < len(state.items):  # the job was cancelled before all were enqueued
            again += [(each, _JOBS) for each in self._dbos.list_workflows(workflow_ids=[state.id])]
        if state.document and (whole := self._whole(state.id)):
            again.append((whole, _WHOLES))
        rewound = [self._rewound(workflow, queue) for workflow, queue in again]
        if any(rewound):
            # Only now: a round in which nothing is enqueued yet would end at once.
            for job in self._dbos.list_workflows(workflow_ids=[state.id], load_input=False):
                self._note(state.id, {"round": _round(job.attributes) + 1})

    def _rewound(self, workflow: "WorkflowStatus", queue: str) -> bool:
        """Enqueue a workflow again if it has failed or was cancelled; return whether that is so."""
        from dbos import error as errors  # noqa: PLC0415

        if _STATUS[workflow.status] not in {"failed", "cancelled"}:
            return False
        try:
            self._dbos.rewind_workflow(workflow.workflow_id, queue_name=queue)
        except errors.DBOSException:  # another process has rewound it at the same moment
            logger.debug("jobs: a workflow was enqueued already", workflow=workflow.workflow_id)
        return True

    def delete(self, job_id: str) -> None:
        """Remove a job, which has ended, and its items."""
        notices = self._dbos.list_workflows(
            workflow_id_prefix=f"{job_id}.{_CALLBACKS}.", load_input=False, load_output=False
        )
        names = [whole_id(job_id), *(notice.workflow_id for notice in notices)]
        self._dbos.delete_workflows([job_id, *names], delete_children=True)

    def settle(self, keep_seconds: float) -> list[str]:
        """Record which jobs have ended; return the ids of those that ended ``keep_seconds`` ago.

        Each retry begins a new round of a job, and an end is that of one round. So an end that
        another process records late, after a retry, does not end the new round.
        """
        now = time.time()
        expired = []
        for job in self._dbos.list_workflows(name="job", load_input=False, load_output=False):
            ended = _ended(job.attributes)
            if ended and now - ended > keep_seconds:
                expired.append(job.workflow_id)
            elif not ended and job.status not in _ACTIVE and not self._is_active(job):
                self._end(job, now)
        return expired

    def _end(self, job: "WorkflowStatus", now: float) -> None:
        """Record the end of a round of a job, and notify its caller.

        Other processes may do the same meanwhile.
        """
        ending = _round(job.attributes)
        url = (job.attributes or {}).get("callback")
        state = self.find(job.workflow_id, job.authenticated_user or "") if url else None
        if state and url:
            if state.status in UNFINISHED:  # it was retried meanwhile
                return
            content = {
                "type": f"job.{state.status}",
                "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
                "data": {
                    "id": state.id,
                    "status": state.status,
                    "counts": state.counts,
                    "seconds": round(state.seconds, 3),
                },
            }
            name = f"{state.id}.{_CALLBACKS}.{ending}"
            self._notify(Notice(id=name, job=state.id, url=url, attempt=0, content=content), 0)
        self._note(job.workflow_id, {"ended": now, "ended_round": ending})

    def _is_active(self, job: "WorkflowStatus") -> bool:
        """Return whether an item of a job, or the file of its document, is unfinished.

        If all items have succeeded, this starts to create that file.
        """
        if self._items(job.workflow_id, status=_ACTIVE, limit=1):
            return True
        if self._lacks_whole(job):
            self._enqueue_whole(job)
            return True
        whole = self._whole(job.workflow_id) if (job.attributes or {}).get("whole") else None
        return whole is not None and whole.status in _ACTIVE

    def _lacks_whole(self, job: "WorkflowStatus") -> bool:
        """Return whether all parts of a document are complete, and its file is not begun."""
        attributes = job.attributes or {}
        if not attributes.get("whole") or self._whole(job.workflow_id) is not None:
            return False
        items: int = attributes["items"]
        return len(self._items(job.workflow_id, status=["SUCCESS"])) == items

    def _enqueue_whole(self, job: "WorkflowStatus", **options: float) -> None:
        """Enqueue the file of a document, unless another process has done so."""
        self._dbos.enqueue_workflow_with_options(
            {
                "workflow_name": "whole",
                "queue_name": _WHOLES,
                "workflow_id": whole_id(job.workflow_id),
                "authenticated_user": job.authenticated_user,
                "app_version": _VERSION,
                **options,
            },
            job.workflow_id,
            job.authenticated_user or "",
        )

    def _whole(self, job_id: str) -> "WorkflowStatus | None":
        found: list[WorkflowStatus] = self._dbos.list_workflows(
            workflow_ids=[whole_id(job_id)], load_input=False
        )
        return found[0] if found else None

    def _note(self, job_id: str, attributes: dict[str, Any]) -> None:
        self._dbos.update_workflow_attributes(job_id, attributes, merge=True)

    def _items(
        self, job_id: str, status: list[str] | None = None, limit: int | None = None
    ) -> "list[WorkflowStatus]":
        found: list[WorkflowStatus] = self._dbos.list_workflows(
            parent_workflow_id=job_id,
            name="item",
            status=status,
            limit=limit,
            load_input=False,
            load_output=status is None,
        )
        return found

    def _state(self, workflow: "WorkflowStatus") -> JobState:
        job: dict[str, Any] = workflow.input["args"][0] if workflow.input else {}
        stored = {item.workflow_id: item for item in self._items(workflow.workflow_id)}
        absent: Status = "queued" if workflow.status in _ACTIVE else "cancelled"
        whole = self._whole(workflow.workflow_id) if job.get("document") else None
        return JobState(
            workflow.workflow_id,
            workflow.authenticated_user or "",
            job.get("priority", DEFAULT_PRIORITY),
            (workflow.created_at or 0) / 1000,
            _ended(workflow.attributes),
            tuple(
                _item(index, spec, stored.get(item_id(workflow.workflow_id, index)), absent)
                for index, spec in enumerate(job.get("items", []))
            ),
            job.get("document"),
            WholeState(*_outcome(whole)) if whole else None,
        )


def _round(attributes: dict[str, Any] | None) -> int:
    """Return how often a job was retried."""
    return int((attributes or {}).get("round", 0))


def _ended(attributes: dict[str, Any] | None) -> float | None:
    """Return when the current round of a job has ended, in seconds since 1970; None before."""
    found = attributes or {}
    ended: float | None = found.get("ended")
    return ended if found.get("ended_round", 0) == _round(found) else None


def item_id(job_id: str, index: int) -> str:
    """Return the id of an item in the queue."""
    return f"{job_id}.{index}"


def whole_id(job_id: str) -> str:
    """Return the id of the file of a document in the queue."""
    return f"{job_id}{_WHOLE}"


def _item(
    index: int, spec: ItemSpec, workflow: "WorkflowStatus | None", absent: Status
) -> ItemState:
    if workflow is None:
        return ItemState(index, absent, spec)
    status, result, error = _outcome(workflow)
    return ItemState(index, status, spec, result, error)


def _outcome(
    workflow: "WorkflowStatus",
) -> tuple[Status, ItemResult | None, tuple[str, str] | None]:
    """Return the state of a workflow, its result or None, and its error (code, message) or None."""
    status = _STATUS[workflow.status]
    if workflow.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        return status, None, _CRASHED
    error = error_of(workflow.error) if status == "failed" else None
    return status, workflow.output if status == "succeeded" else None, error


def _failure(error: Exception) -> Exception:
    """Return an error with the code and the message that are stored with the item."""
    from dbos import error as errors  # noqa: PLC0415

    if isinstance(error, errors.DBOSWorkflowCancelledError):
        return error
    causes: Sequence[Exception] = getattr(error, "errors", None) or [error]
    cause = causes[-1]
    if isinstance(cause, VitsTtsError):
        return ItemFailed(cause.code, cause.message)
    if isinstance(cause, ItemFailed):
        return cause
    return ItemFailed("internal", f"{type(cause).__name__}; see the log")


class _ToOurLog(logging.Handler):
    """Writes the library's warnings into our log, without their causes."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. It may contain ids; texts never reach this logger."""
        line = re.sub(r"\s+", " ", record.getMessage())[:300]
        logger.log(record.levelname, "jobs: {}", line)


def _redirect_log() -> None:
    library = logging.getLogger("dbos")
    library.handlers = [_ToOurLog(logging.WARNING)]
    library.setLevel(logging.WARNING)
    library.propagate = False


__all__ = ["Engine", "Interrupted", "item_id", "whole_id"]
