"""The values of jobs: the items that a caller asks for, and their states."""

from dataclasses import dataclass
from typing import Any, Final, Literal, NotRequired, TypeAlias, TypedDict

from vits_tts.markup.plan import InputKind

Status: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled"]

UNFINISHED: Final = ("queued", "running")
PRIORITIES: Final = range(10)
"""Items of jobs with a higher priority run first."""
DEFAULT_PRIORITY: Final = 5


Kind: TypeAlias = Literal["items", "text", "ssml", "srt", "epub"]


class CueSpec(TypedDict):
    """A subtitle, its longest duration in seconds (``room``), and the limits of its rate."""

    number: int
    line: int
    begins: float
    ends: float
    room: float
    slowest: float
    fastest: float
    usual: float
    fill: bool


class Document(TypedDict):
    """A long document, whose items become one file: its encoding, and facts of a book.

    ``chapters`` are titles, each with the number of its items. ``seconds`` is the length of a track
    for subtitles. ``cover`` is a JPEG or PNG.
    """

    kind: Kind
    format: str
    sample_rate: int
    bit_rate: int | None
    chapters: tuple[tuple[str, int], ...]
    title: str
    author: str
    seconds: float | None
    cover: NotRequired[bytes]


class ItemSpec(TypedDict):
    """One text of a job, and how it is spoken. The values were checked when the job was made."""

    text: str
    voice: str | None
    speaker: str | None
    speed: str | float | None
    format: str | None
    sample_rate: str | float | None
    bit_rate: str | float | None
    key: str | None
    """Name of the caller's API key."""
    id: NotRequired[str]
    """The caller's own name for the item."""
    volume: NotRequired[float]
    input: NotRequired[InputKind]
    lexicon: NotRequired[tuple[tuple[str, str], ...]]
    dictionaries: NotRequired[tuple[tuple[str, str], ...]]
    """The name or id of each pronunciation dictionary, and its version at the request."""
    turns: NotRequired[tuple[dict[str, Any], ...]]
    """The turns of a dialogue; ``text`` has the texts of all of them."""
    turn_pause: NotRequired[float]
    timestamps: NotRequired[str]
    """The times that are kept beside the sound, as the request names them."""
    pause: NotRequired[float]
    """Seconds of silence after a part of a document. Such a part may have nothing to say."""
    cue: NotRequired[CueSpec]


class ItemResult(TypedDict):
    """The file of an item or of a whole document; ``hash`` is empty if there is no sound."""

    hash: str
    format: str
    seconds: float
    fit: NotRequired["CueFit"]
    object: NotRequired[str]
    """The key of the file in object storage; without one it is in the folder."""
    times: NotRequired["ItemResult"]
    """The file of the times of an item."""


class CueFit(TypedDict):
    """The fit of a subtitle into its time, as in ``dubbing.Fit``."""

    outcome: Literal["fits", "silent", "too_long", "short"]
    rate: float
    seconds: float
    over: float


class Notice(TypedDict):
    """A message to a caller about the end of a job; ``id`` is the same in all attempts."""

    id: str
    job: str
    url: str
    attempt: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be stored.

    ``fingerprint`` shows whether two requests with one idempotency key are equal.
    """

    id: str
    owner: str
    items: list[ItemSpec]
    priority: int
    fingerprint: str
    callback_url: str | None = None
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class ItemState:
    """The state of one item; ``result`` once it has succeeded, ``error`` once it has failed."""

    index: int
    status: Status
    spec: ItemSpec
    result: ItemResult | None = None
    error: tuple[str, str] | None = None
    """Code and message."""


@dataclass(frozen=True, slots=True)
class WholeState:
    """The state of the file of a whole document, once all of its items have succeeded."""

    status: Status
    result: ItemResult | None = None
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of a job. Times are in seconds since 1970."""

    id: str
    owner: str
    priority: int
    created: float
    ended: float | None
    items: tuple[ItemState, ...]
    document: Document | None = None
    whole: WholeState | None = None

    @property
    def counts(self) -> dict[Status, int]:
        """The number of items in each state."""
        counts: dict[Status, int] = dict.fromkeys(
            ("queued", "running", "succeeded", "failed", "cancelled"), 0
        )
        for item in self.items:
            counts[item.status] += 1
        return counts

    @property
    def status(self) -> Status:
        """The state of the whole job.

        It has failed if an item, or the file of its document, has failed.
        """
        counts = self.counts
        if counts["queued"] == len(self.items):
            return "queued"
        if counts["queued"] or counts["running"]:
            return "running"
        if counts["cancelled"]:
            return "cancelled"
        if counts["failed"]:
            return "failed"
        if self.document is None:
            return "succeeded"
        whole = self.whole.status if self.whole else "queued"
        return "running" if whole == "queued" else whole

    @property
    def seconds(self) -> float:
        """Seconds of sound in the files that are complete."""
        return sum(item.result["seconds"] for item in self.items if item.result)

    @property
    def characters(self) -> int:
        """Characters of all texts."""
        return sum(len(item.spec["text"]) for item in self.items)

    @property
    def expected_seconds(self) -> float | None:
        """The estimated seconds of sound of the whole job; None before an item is complete."""
        done = sum(len(item.spec["text"]) for item in self.items if item.result)
        if not done:
            return None
        return self.seconds * self.characters / done


class ItemFailed(Exception):
    """The file of an item cannot be created; the arguments are a stable code and a message."""

    def __init__(self, code: str, message: str) -> None:
        """Keep both as ``args``, so that the error can be stored."""
        super().__init__(code, message)
        self.code = code
        self.message = message


class Interrupted(BaseException):
    """The process stops working on an unfinished item.

    It is a ``BaseException``, so that the queue does not count it as a failure of the item.
    """


def error_of(error: Any) -> tuple[str, str]:
    """Return the code and the message of an error that the queue has stored."""
    if isinstance(error, ItemFailed):
        return error.code, error.message
    return "internal", "the item failed in an unexpected way; see the log"
