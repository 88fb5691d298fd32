"""Jobs over HTTP: the fields of requests, and the JSON of responses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, WithJsonSchema
from pydantic.config import JsonDict
from typing_extensions import TypedDict

from vits_tts.audio.gain import MAX_VOLUME
from vits_tts.books.dubbing import Limits
from vits_tts.errors import FieldInvalid, RequestError
from vits_tts.jobs.documents import MAX_TRACK_SECONDS
from vits_tts.jobs.model import DEFAULT_PRIORITY, PRIORITIES, Kind
from vits_tts.speech import MAX_RATE, MIN_RATE
from vits_tts.text.normalizer.pipeline import CONTROLS
from vits_tts.web.http.parameters import Parameters, kind
from vits_tts.web.schema.fields import (
    BitRate,
    DictionaryNames,
    Format,
    Input,
    JsonTimestamps,
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
KINDS: Final[tuple[Kind, ...]] = ("items", "text", "ssml", "srt", "epub")
_ONLY_FOR: Final[Mapping[str, tuple[Kind, ...]]] = {
    "input": ("items", "text"),
    "turn_pause": ("items",),
    "timestamps": ("items",),
    "speed": ("items", "text", "ssml", "epub"),
    "dubbing": ("srt",),
    "skip_front_matter": ("epub",),
    "title": ("epub",),
    "author": ("epub",),
    "cover": ("epub",),
}
_LIMITS: Final = Limits()
_MAX_NAME_CHARS: Final = 200
_LongText: TypeAlias = Annotated[
    Written, WithJsonSchema({"type": "string", "minLength": 1, "pattern": f"^[^{CONTROLS}]*$"})
]
_Tag: TypeAlias = Annotated[Written, Field(min_length=1, max_length=_MAX_NAME_CHARS)]
_Rate: TypeAlias = Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE)]


def _only(kind: Kind) -> JsonDict:
    """Return a schema of jobs with the field ``kind`` and without the fields of other kinds."""
    others: list[str] = [name for name in KINDS if name != kind]
    others += [name for name, kinds in _ONLY_FOR.items() if kind not in kinds]
    given: JsonDict = {kind: {"type": "array" if kind == "items" else "string"}}
    return {"required": [kind], "properties": given | {name: {"type": "null"} for name in others}}


def _whole(value: object) -> object:
    """Return 5 for 5.0, since JSON does not distinguish them."""
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
    timestamps: JsonTimestamps = Field(
        None,
        description="Whether the times of sentences and words are kept as JSON beside the sound, "
        "with `phonemes`, `visemes` or both in addition. For `items` only.",
        examples=[True, "phonemes,visemes"],
    )


class JobItem(JobDefaults, TextParameters):
    """One text of a job, or one dialogue. Options that it leaves out are those of the job."""

    id: Annotated[Written, Field(max_length=_MAX_NAME_CHARS)] | None = Field(
        None, description="The caller's own name for the item.", examples=["greeting"]
    )


class Dubbing(BaseModel):
    """Limits of the rate of subtitles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slowest: _Rate = Field(_LIMITS.slowest, description="Slowest rate of a cue.")
    fastest: _Rate = Field(_LIMITS.fastest, description="Fastest rate of a cue.")
    rate: _Rate = Field(_LIMITS.usual, description="Usual rate.")
    fill: bool = Field(
        _LIMITS.fill, description="Whether a cue is spoken more slowly if there is time."
    )
    spill: Annotated[float, Field(ge=0, le=60)] = Field(
        _LIMITS.spill,
        description="Seconds that a cue may run into the silence before the next one.",
    )
    length: Annotated[float, Field(gt=0, le=MAX_TRACK_SECONDS)] | None = Field(
        None, description="Length of the track in seconds; the end of the last cue if left out."
    )


class JobParameters(JobDefaults):
    """The body of `POST /v1/jobs`: one of `items`, `text`, `ssml`, `srt` and `epub`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_only(kind) for kind in KINDS]})

    items: Annotated[list[JobItem], Field(min_length=1, max_length=MAX_ITEMS)] | None = Field(
        None,
        description=f"The texts, up to {MAX_ITEMS}.",
        examples=[[{"text": "Xin chào các bạn."}, {"text": "Hẹn gặp lại!", "format": "mp3"}]],
    )
    text: _LongText | None = Field(
        None, description="A long text, which becomes one file; up to `jobs.max_chars`."
    )
    ssml: _LongText | None = Field(
        None, description="A document of SSML; up to `server.max_text_chars`."
    )
    srt: Written | None = Field(
        None, description="Subtitles, SRT or WebVTT, which become one track."
    )
    epub: Written | None = Field(
        None,
        description="An EPUB in base64, which becomes an audiobook, M4B if `format` is left out.",
    )
    dubbing: Dubbing | None = Field(None, description="Limits of the rate, for `srt`.")
    skip_front_matter: bool | None = Field(
        None,
        description="Whether to leave out contents, copyright, preface and the like of `epub`.",
    )
    title: _Tag | None = Field(None, description="Title in the tags; the book's own if left out.")
    author: _Tag | None = Field(None, description="Author in the tags; the book's own if left out.")
    cover: Written | None = Field(
        None,
        description="Cover, a JPEG or PNG in base64 of up to 1 MiB; the book's own if left out.",
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
    def kind(self) -> Kind:
        """The name of the field that contains the texts."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    @property
    def defaults(self) -> dict[str, Any]:
        """The options for items that leave them out."""
        values = {name: getattr(self, name) for name in JobDefaults.model_fields}
        return {name: value for name, value in values.items() if value is not None}


class JobPage(BaseModel):
    """The requested part of a list."""

    model_config = ConfigDict(frozen=True)

    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = Field(
        100, description="The maximum number of entries in the answer."
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
        Field(description="An estimate of the whole job; null before an item is complete."),
    ]


JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class ItemError(TypedDict):
    """The reason for the failure of an item."""

    code: Annotated[str, Field(description="Stable, for programs.")]
    message: str


class WholeAnswer(TypedDict):
    """The one file of a long document."""

    status: JobStatus
    format: str
    seconds: Annotated[float | None, Field(description="The length of the sound.")]
    audio_url: Annotated[str | None, Field(description="The URL of the file, once it is complete.")]
    error: ItemError | None


class JobAnswer(TypedDict):
    """A job and its progress."""

    id: str
    kind: Literal["items", "text", "ssml", "srt", "epub"]
    status: JobStatus
    priority: int
    created: Annotated[str, Field(description="As in RFC 3339.")]
    ended: Annotated[str | None, Field(description="Null before its end.")]
    counts: ItemCounts
    progress: JobProgress
    result: Annotated[
        WholeAnswer | None, Field(description="The file of a document; null for `items`.")
    ]
    archive_url: Annotated[
        str | None, Field(description="The URL of a ZIP of all files, once the job has ended.")
    ]


class JobList(TypedDict):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class FitAnswer(TypedDict):
    """The fit of a subtitle into its time."""

    outcome: Literal["fits", "silent", "too_long", "short"]
    begins: Annotated[float, Field(description="Where it begins, in seconds.")]
    rate: float
    seconds: float
    over: Annotated[float, Field(description="Seconds by which it is too long; negative: short.")]


class ItemAnswer(TypedDict):
    """An item of a job."""

    index: int
    id: Annotated[str | None, Field(description="The caller's own name for it.")]
    status: JobStatus
    characters: int
    seconds: Annotated[float | None, Field(description="The length of the sound.")]
    format: str | None
    audio_url: Annotated[str | None, Field(description="The URL of the file, once it is complete.")]
    timestamps_url: Annotated[
        str | None, Field(description="The URL of its times in JSON, if they were requested.")
    ]
    error: ItemError | None
    fit: Annotated[FitAnswer | None, Field(description="Of a subtitle whose file is complete.")]


class ItemList(TypedDict):
    """A page of the items of a job, in order; ``total`` is the number of all its items."""

    items: list[ItemAnswer]
    total: int


def job_parameters(given: Parameters) -> JobParameters:
    """Return the parameters of a job; an error names the item that caused it.

    Raises:
        RequestError: a subclass names the wrong parameter.

    """
    found = [name for name in KINDS if given.get(name) is not None]
    if found and found != ["items"]:
        return _document(given, found)
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
            checked(JobItem, item)
    return checked(JobParameters, given)


def _document(given: Parameters, found: Sequence[str]) -> JobParameters:
    """Return the parameters of a job that has one long document.

    Raises:
        RequestError: a subclass names the wrong parameter.

    """
    if len(found) != 1:
        message = f"give one of {', '.join(KINDS)}"
        raise FieldInvalid(message, field=found[1] if found else "items")
    asked = checked(JobParameters, given)
    for name, kinds in _ONLY_FOR.items():
        if getattr(asked, name) is not None and asked.kind not in kinds:
            message = f"{name} is possible with {', '.join(kinds)} only"
            raise FieldInvalid(message, field=name)
    return asked


@contextmanager
def placed(index: int) -> Iterator[None]:
    """Add the place of an item to an error that the block raises.

    Raises:
        RequestError: the block has raised it.

    """
    try:
        yield
    except RequestError as error:
        error.message = f"items[{index}]: {error.message}"
        error.field = f"items[{index}].{error.field}" if error.field else f"items[{index}]"
        raise
