"""Jobs in the queue: adding, reading, cancelling, retrying, ending and removing them.

A job is a workflow that enqueues a workflow for each of its items. The queue stores both, with
their inputs, results and errors. Nothing else of a job is stored.

All methods block: call them in threads. Iterators block at each step. They are for work that grows
with the number of items or jobs, so that none of their steps takes long.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from loguru import logger

from vits_tts.config.jobs import Jobs
from vits_tts.jobs.model import (
    DEFAULT_PRIORITY,
    PRIORITIES,
    UNFINISHED,
    ItemFailed,
    ItemResult,
    ItemSpec,
    JobState,
    NewJob,
    Notice,
    Status,
    WholeState,
)
from vits_tts.jobs.queue import CALLBACKS, ITEMS, JOBS, MADE, WHOLES, Queue, Workflows
from vits_tts.jobs.stored import ACTIVE, ended, item_id, item_state, outcome, retries, whole_id

if TYPE_CHECKING:
    from dbos import WorkflowStatus

_BACKOFF: Final = 4
"""Factor by which the pause before a callback is repeated grows each time."""
_NEVER_SECONDS: Final = 3600.0
"""Delay of a workflow that is cancelled at once, so that no process starts it before."""
_AT_ONCE: Final = 20
"""Workflows that one step of a long call changes or checks."""

Post = Callable[[str, str, Mapping[str, object]], bool]
"""Posts a message, given its URL, id and content; returns whether to try again."""
Make = Callable[[str, ItemSpec], ItemResult]
"""Creates the file of an item, given its id and the item, and returns the result. It blocks."""
Assemble = Callable[[str, JobState], ItemResult]
"""Creates the file of a document, given its id, from its complete items."""


class NoRoom(ValueError):
    """Raised if an owner would have too many unfinished items.

    The argument is the number of those that there are.
    """


class Engine:
    """The jobs in the queue."""

    def __init__(
        self, settings: Jobs, concurrency: int, make: Make, assemble: Assemble, post: Post
    ) -> None:
        """Set how many items run at once, and the functions that run them; open nothing yet.

        ``post`` sends the caller a message when a job has ended.
        """
        self._settings = settings
        self._assemble = assemble
        self._post = post
        workflows = Workflows(self._spread, make, self._assembled, self._call_back)
        self.queue = Queue(settings, concurrency, workflows)
        """The connection to the queue; open it before any call."""

    @property
    def _api(self) -> Any:
        return self.queue.api

    # --- workflows -------------------------------------------------------------------------------

    def _spread(self, job: dict[str, Any]) -> None:
        """Enqueue the items of a job.

        If this runs again, items that are in the queue are not added twice.
        """
        for index, spec in enumerate(job["items"]):
            self.queue.enqueue(
                "item",
                ITEMS,
                item_id(job["id"], index),
                spec,
                priority=PRIORITIES.stop - job["priority"],
                authenticated_user=job["owner"],
                **({"attributes": {MADE: job[MADE]}} if MADE in job else {}),
            )

    def _assembled(self, name: str, job_id: str, owner: str) -> ItemResult:
        """Return the file of a document.

        Raises:
            ItemFailed: the job was removed.

        """
        state = self.find(job_id, owner)
        if state is None:
            raise ItemFailed("job_not_found", "the job was removed")
        return self._assemble(name, state)

    def _call_back(self, notice: Notice) -> None:
        """Notify the caller of the end of a job, and enqueue another attempt if this one fails."""
        if self._post(notice["url"], notice["id"], notice["content"]):
            self._notify(notice, notice["attempt"] + 1)

    def _notify(self, notice: Notice, attempt: int) -> None:
        """Enqueue an attempt to notify the caller of the end of a job; the first runs at once."""
        if attempt >= self._settings.callback_attempts:
            logger.warning("jobs: a callback is given up", job=notice["job"])
            return
        self.queue.enqueue(
            "callback",
            CALLBACKS,
            f"{notice['id']}.{attempt}",
            notice | {"attempt": attempt},
            **({"delay_seconds": float(_BACKOFF ** (attempt - 1))} if attempt else {}),
        )

    # --- jobs ------------------------------------------------------------------------------------

    def admit(self, job: NewJob, most: int) -> bool:
        """Store a job; return whether it is new. Its owner may have ``most`` unfinished items.

        Jobs that other processes store at the same moment count too.

        Raises:
            NoRoom: the owner would have more.
            ValueError: another request has made a job with this id.

        """
        with self.queue.alone():
            if not self._stored(job.id):
                waiting = self.waiting(job.owner)
                if waiting + len(job.items) > most:
                    raise NoRoom(waiting)
            return self.add(job)

    def add(self, job: NewJob) -> bool:
        """Store a job; return whether it is new.

        Raises:
            ValueError: another request has made a job with this id.

        """
        new = not self._stored(job.id)
        if new:
            content = {
                "id": job.id,
                "owner": job.owner,
                "items": job.items,
                "priority": job.priority,
                "document": job.document,
                MADE: uuid4().hex,
            }
            self.queue.enqueue(
                "job",
                JOBS,
                job.id,
                content,
                priority=PRIORITIES.stop - job.priority,
                authenticated_user=job.owner,
                attributes={
                    "fingerprint": job.fingerprint,
                    "items": len(job.items),
                    "callback": job.callback_url,
                    "whole": job.document is not None,
                },
            )
        # If another process has stored a job with this id meanwhile, the queue has kept that one.
        for found in self._stored(job.id):
            if (found.attributes or {}).get("fingerprint") != job.fingerprint:
                raise ValueError(job.id)
        return new

    def _stored(self, job_id: str) -> "list[WorkflowStatus]":
        """Return the workflow of a job, without its input; none if it is not stored."""
        found: list[WorkflowStatus] = self._api.list_workflows(
            workflow_ids=[job_id], load_input=False
        )
        return found

    def find(self, job_id: str, owner: str) -> JobState | None:
        """Return the state of a job; None if its owner has no such job."""
        found = self._api.list_workflows(workflow_ids=[job_id], name="job", user=owner)
        return self._state(found[0]) if found else None

    def jobs(self, owner: str, limit: int, offset: int) -> Iterator[JobState]:
        """Yield the jobs of an owner, the newest first; each step reads one of them."""
        found = self._api.list_workflows(
            name="job", user=owner, limit=limit, offset=offset, sort_desc=True, load_input=False
        )
        for workflow in found:
            if state := self.find(workflow.workflow_id, owner):
                yield state

    def waiting(self, owner: str) -> int:
        """Return the number of unfinished items in all jobs of an owner."""
        found = self._api.list_workflows(name="job", user=owner, load_input=False)
        attributes = [workflow.attributes or {} for workflow in found]
        return sum(each.get("items", 0) for each in attributes if not ended(each))

    def cancel(self, job_id: str) -> None:
        """Cancel the unfinished items of a job; none of them starts after that."""
        self._api.cancel_workflows([job_id, whole_id(job_id)])
        while active := self._items(job_id, status=ACTIVE):
            self._api.cancel_workflows([item.workflow_id for item in active])
        for job in self._stored(job_id):
            if self._lacks_whole(job):  # otherwise the next check of the queue would start it
                self._enqueue_whole(job, delay_seconds=_NEVER_SECONDS)
                self._api.cancel_workflows([whole_id(job_id)])

    def retry(self, job_id: str, most: int, lost: Collection[str] = ()) -> None:
        """Enqueue the failed and cancelled items of a job again, within the quota of its owner.

        So are those whose ids are in ``lost``: their files are gone. The owner may have ``most``
        unfinished items; those of jobs that other processes store or retry at the same moment count
        too. Items that are in the queue already are left alone.

        Raises:
            NoRoom: the owner would have more.

        """
        with self.queue.alone():
            for job in self._stored(job_id):
                attributes = job.attributes or {}
                # Otherwise it counts already.
                if ended(attributes) and not self._items(job_id, ACTIVE, limit=1):
                    waiting = self.waiting(job.authenticated_user or "")
                    if waiting + attributes.get("items", 0) > most:
                        raise NoRoom(waiting)
                self._enqueue_again(job, lost)

    def _enqueue_again(self, job: "WorkflowStatus", lost: Collection[str]) -> None:
        """Enqueue failed, cancelled and lost parts of a job again, and begin a new round of it."""
        job_id = job.workflow_id
        again = self.queue.enqueue_items_again(job_id, lost)
        # It was cancelled before it had enqueued all of its items.
        again += self.queue.enqueue_again(job, JOBS)
        if (job.attributes or {}).get("whole") and (whole := self._whole(job_id)):
            again += self.queue.enqueue_again(whole, WHOLES, lost)
        # Only now: a round in which nothing is enqueued yet would end at once.
        for found in self._stored(job_id):
            # An earlier retry may have been interrupted before it recorded its round.
            if again or (ended(found.attributes) and self._items(job_id, ACTIVE, limit=1)):
                self._note(job_id, {"round": retries(found.attributes) + 1})

    def delete(self, job_id: str) -> None:
        """Remove a job, which has ended, and its items."""
        notices = self._api.list_workflows(
            workflow_id_prefix=f"{job_id}.{CALLBACKS}.", load_input=False, load_output=False
        )
        names = [whole_id(job_id), *(notice.workflow_id for notice in notices)]
        self._api.delete_workflows([job_id, *names], delete_children=True)

    def unended(self) -> Iterator[JobState]:
        """Yield the jobs whose end is not recorded; each step reads one of them."""
        jobs = self._api.list_workflows(name="job", load_input=False, load_output=False)
        for job in jobs:
            if not ended(job.attributes) and (
                state := self.find(job.workflow_id, job.authenticated_user or "")
            ):
                yield state

    def settle(self, keep_seconds: float) -> Iterator[tuple[list[str], JobState | None]]:
        """Record which jobs have ended.

        Each step yields ids of jobs that ended ``keep_seconds`` ago, and a job that has ended now,
        whose end the next step records.

        Each retry begins a new round of a job, and an end is that of one round. So an end that
        another process records late, after a retry, does not end the new round.
        """
        now = time.time()
        jobs = self._api.list_workflows(name="job", load_input=False, load_output=False)
        ends = [(job, ended(job.attributes)) for job in jobs]
        yield [job.workflow_id for job, end in ends if end and now - end > keep_seconds], None
        unended = [job for job, end in ends if not end and job.status not in ACTIVE]
        for start in range(0, len(unended), _AT_ONCE):
            for job in unended[start : start + _AT_ONCE]:
                if not self._is_active(job):
                    yield [], self.find(job.workflow_id, job.authenticated_user or "")
                    self._end(job, now)
            yield [], None

    def _end(self, job: "WorkflowStatus", now: float) -> None:
        """Record the end of a round of a job, and notify its caller.

        Other processes may do the same meanwhile.
        """
        ending = retries(job.attributes)
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
            name = f"{state.id}.{CALLBACKS}.{ending}"
            self._notify(Notice(id=name, job=state.id, url=url, attempt=0, content=content), 0)
        self._note(job.workflow_id, {"ended": now, "ended_round": ending})

    def _is_active(self, job: "WorkflowStatus") -> bool:
        """Return whether an item of a job, or the file of its document, is unfinished.

        If all items have succeeded, this starts to create that file.
        """
        if self._items(job.workflow_id, status=ACTIVE, limit=1):
            return True
        if self._lacks_whole(job):
            self._enqueue_whole(job)
            return True
        whole = self._whole(job.workflow_id) if (job.attributes or {}).get("whole") else None
        return whole is not None and whole.status in ACTIVE

    def _lacks_whole(self, job: "WorkflowStatus") -> bool:
        """Return whether all parts of a document are complete, and its file is not begun."""
        attributes = job.attributes or {}
        if not attributes.get("whole") or self._whole(job.workflow_id) is not None:
            return False
        items: int = attributes["items"]
        return len(self._items(job.workflow_id, status=["SUCCESS"])) == items

    def _enqueue_whole(self, job: "WorkflowStatus", **options: float) -> None:
        """Enqueue the file of a document, unless another process has done so."""
        self.queue.enqueue(
            "whole",
            WHOLES,
            whole_id(job.workflow_id),
            job.workflow_id,
            job.authenticated_user or "",
            authenticated_user=job.authenticated_user,
            **options,
        )

    def _whole(self, job_id: str) -> "WorkflowStatus | None":
        found: list[WorkflowStatus] = self._api.list_workflows(
            workflow_ids=[whole_id(job_id)], load_input=False
        )
        return found[0] if found else None

    def _note(self, job_id: str, attributes: dict[str, Any]) -> None:
        self._api.update_workflow_attributes(job_id, attributes, merge=True)

    def _items(
        self, job_id: str, status: list[str] | None = None, limit: int | None = None
    ) -> "list[WorkflowStatus]":
        found: list[WorkflowStatus] = self._api.list_workflows(
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
        absent: Status = "queued" if workflow.status in ACTIVE else "cancelled"
        whole = self._whole(workflow.workflow_id) if job.get("document") else None
        return JobState(
            workflow.workflow_id,
            workflow.authenticated_user or "",
            job.get("priority", DEFAULT_PRIORITY),
            (workflow.created_at or 0) / 1000,
            ended(workflow.attributes),
            tuple(
                item_state(index, spec, stored.get(item_id(workflow.workflow_id, index)), absent)
                for index, spec in enumerate(job.get("items", []))
            ),
            job.get("document"),
            WholeState(*outcome(whole)) if whole else None,
        )
