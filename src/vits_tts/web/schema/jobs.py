"""Jobs over HTTP: the fields of requests, and the JSON of responses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt
from typing_extensions import TypedDict

from vits_tts.audio.gain import MAX_VOLUME
from vits_tts.errors import FieldInvalid, RequestError
from vits_tts.jobs.model import DEFAULT_PRIORITY, PRIORITIES
from vits_tts.speech import MAX_RATE, MIN_RATE
from vits_tts.web.http.parameters import Parameters, kind
from vits_tts.web.schema.fields import (
    BitRate,
    DictionaryNames,
    Format,
    Input,
    Pause,
    Readings,
    SampleRate,
    Speaker,
    Speed,
    VoiceName,
    Volume,
    Written,
)
from vits_tts.web.schema.requests import TextParameters, checked

MAX_ITEMS: Final = 1000
_MAX_NAME_CHARS: Final = 200


def _whole(value: object) -> object:
    """Return 5 for 5.0, since JSON does not tell them apart."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class JobDefaults(BaseModel):
    """Options of speech, and the format of the files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    voice: VoiceName | None = Field(
        None, description="A name from `/voices`; the default voice if it is left out or empty."
    )
    speaker: Speaker | None = Field(
        None, description="For voices with several speakers: a name from `/voices`, or a number."
    )
    speed: Speed | None = Field(
        None,
        description=f"A name, or a rate from {MIN_RATE:g} to {MAX_RATE:g}: 2 is twice as fast.",
        examples=[1.25],
    )
    volume: Volume | None = Field(
        None, description=f"Factor of the amplitude, from 0 to {MAX_VOLUME:g}."
    )
    input: Input = Field(None, description="Whether the text is plain or SSML, as in `/tts`.")
    lexicon: Readings = Field(None, description="Words and their readings.")
    dictionaries: DictionaryNames = Field(
        None,
        description="Names or ids of pronunciation dictionaries, as in `/tts`. Their versions are "
        "those of the time at which the job is taken.",
    )
    turn_pause: Pause | None = Field(
        None, description="Seconds of silence between two turns of a dialogue."
    )
    format: Format | None = Field(None, description="The format of the file; WAV if left out.")
    sample_rate: SampleRate | None = Field(None, description="Samples a second.")
    bit_rate: BitRate | None = Field(
        None, description="Bits a second, for `mp3`, `opus` and `aac`."
    )


class JobItem(JobDefaults, TextParameters):
    """One text of a job, or one dialogue. Options that it leaves out are those of the job."""

    id: Annotated[Written, Field(max_length=_MAX_NAME_CHARS)] | None = Field(
        None, description="The caller's own name for the item.", examples=["greeting"]
    )


class JobParameters(JobDefaults):
    """The body of `POST /v1/jobs`."""

    items: Annotated[list[JobItem], Field(min_length=1, max_length=MAX_ITEMS)] = Field(
        description=f"The texts, up to {MAX_ITEMS}.",
        examples=[[{"text": "Xin chào các bạn."}, {"text": "Hẹn gặp lại!", "format": "mp3"}]],
    )
    priority: Annotated[
        StrictInt, Field(ge=PRIORITIES.start, le=PRIORITIES.stop - 1), BeforeValidator(_whole)
    ] = Field(
        DEFAULT_PRIORITY,
        description=f"From {PRIORITIES.start} to {PRIORITIES.stop - 1}; a job of a higher priority "
        "is made first.",
    )

    callback_url: Annotated[Written, Field(max_length=2000)] | None = Field(
        None,
        description="Where the end of the job is posted, signed as in Standard Webhooks; a host of "
        "the server's `callbacks.hosts`.",
        examples=["https://app.example.vn/speech-is-ready"],
    )

    @property
    def defaults(self) -> dict[str, Any]:
        """The options for items that leave them out."""
        values = {name: getattr(self, name) for name in JobDefaults.model_fields}
        return {name: value for name, value in values.items() if value is not None}


class JobPage(BaseModel):
    """The requested part of a list."""

    model_config = ConfigDict(frozen=True)

    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = Field(
        100, description="The most entries in the answer."
    )
    offset: Annotated[int, Field(ge=0, le=2**31)] = Field(
        0, description="The number of entries before the first."
    )


class ItemCounts(TypedDict):
    """The number of items in each state."""

    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


class JobProgress(TypedDict):
    """Progress in seconds of sound."""

    seconds: Annotated[float, Field(description="Seconds of sound made so far.")]
    expected_seconds: Annotated[
        float | None,
        Field(description="About how many there will be; null before an item is complete."),
    ]


JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobAnswer(TypedDict):
    """A job, and how far it is."""

    id: str
    status: JobStatus
    priority: int
    created: Annotated[str, Field(description="As in RFC 3339.")]
    ended: Annotated[str | None, Field(description="Null before its end.")]
    counts: ItemCounts
    progress: JobProgress


class JobList(TypedDict):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class ItemError(TypedDict):
    """The reason for the failure of an item."""

    code: Annotated[str, Field(description="Stable, for programs.")]
    message: str


class ItemAnswer(TypedDict):
    """An item of a job."""

    index: int
    id: Annotated[str | None, Field(description="The caller's own name for it.")]
    status: JobStatus
    characters: int
    seconds: Annotated[float | None, Field(description="The length of the sound.")]
    format: str | None
    audio_url: Annotated[str | None, Field(description="Where the file is, once it is there.")]
    error: ItemError | None


class ItemList(TypedDict):
    """Items of a job in their order; ``total`` is the number of all."""

    items: list[ItemAnswer]
    total: int


def job_parameters(given: Parameters) -> JobParameters:
    """Return the parameters of a job; an error names the item that caused it.

    Raises:
        RequestError: a subclass names the wrong parameter.

    """
    _refuse_timestamps(given)
    items = given.get("items")
    if not isinstance(items, Sequence) or isinstance(items, str):
        what = "missing" if items is None else f"a list, not {kind(items)}"
        raise FieldInvalid(f"items is {what}", field="items")
    if not 1 <= len(items) <= MAX_ITEMS:
        message = f"items has {len(items)} entries; 1 to {MAX_ITEMS} are allowed"
        raise FieldInvalid(message, field="items")
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):
            message = f"items[{index}] is an object with text, not {kind(item)}"
            raise FieldInvalid(message, field=f"items[{index}]")
        with placed(index):
            _refuse_timestamps(item)
            checked(JobItem, item)
    return checked(JobParameters, given)


def _refuse_timestamps(given: Mapping[str, Any]) -> None:
    if given.get("timestamps"):
        message = "jobs have no timestamps yet; /tts and /tts/stream have them"
        raise FieldInvalid(message, field="timestamps")


@contextmanager
def placed(index: int) -> Iterator[None]:
    """Give the place of an item to an error that the block raises.

    Raises:
        RequestError: the block has raised it.

    """
    try:
        yield
    except RequestError as error:
        error.message = f"items[{index}]: {error.message}"
        error.field = f"items[{index}].{error.field}" if error.field else f"items[{index}]"
        raise
