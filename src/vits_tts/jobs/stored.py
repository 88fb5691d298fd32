"""Values of jobs from the workflows that the queue stores."""

from typing import TYPE_CHECKING, Any, Final

from vits_tts.jobs.model import ItemResult, ItemSpec, ItemState, Status, error_of

if TYPE_CHECKING:
    from dbos import WorkflowStatus

ATTEMPTS: Final = 3
"""How often an item is begun before its failure is final."""
ACTIVE: Final = ["ENQUEUED", "DELAYED", "PENDING"]
"""The states of a workflow that has not ended."""
STATUS: Final[dict[str, Status]] = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "succeeded",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
"""Our word for each state of a workflow."""
_WHOLE: Final = ".whole"
_CRASHED: Final = (
    "worker_died",
    f"the process that made the item ended unexpectedly {ATTEMPTS} times",
)


def retries(attributes: dict[str, Any] | None) -> int:
    """Return how often a job was retried."""
    return int((attributes or {}).get("round", 0))


def ended(attributes: dict[str, Any] | None) -> float | None:
    """Return when the current round of a job has ended, in seconds since 1970; None before."""
    found = attributes or {}
    moment: float | None = found.get("ended")
    return moment if found.get("ended_round", 0) == retries(found) else None


def item_id(job_id: str, index: int) -> str:
    """Return the id of an item in the queue."""
    return f"{job_id}.{index}"


def whole_id(job_id: str) -> str:
    """Return the id of the file of a document in the queue."""
    return f"{job_id}{_WHOLE}"


def item_state(
    index: int, spec: ItemSpec, workflow: "WorkflowStatus | None", absent: Status
) -> ItemState:
    """Return the state of an item; ``absent`` is its status if it is not in the queue."""
    if workflow is None:
        return ItemState(index, absent, spec)
    status, result, error = outcome(workflow)
    return ItemState(index, status, spec, result, error)


def outcome(
    workflow: "WorkflowStatus",
) -> tuple[Status, ItemResult | None, tuple[str, str] | None]:
    """Return the state of a workflow, its result or None, and its error (code, message) or None."""
    status = STATUS[workflow.status]
    if workflow.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        return status, None, _CRASHED
    error = error_of(workflow.error) if status == "failed" else None
    return status, workflow.output if status == "succeeded" else None, error
