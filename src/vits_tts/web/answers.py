"""What is answered in JSON: the shapes, which types check here and which the description shows.

They are typed dictionaries, not models, because what we make ourselves needs no validation.
"""

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from vits_tts.speech.timeline import TimedSentence


class Times(TypedDict):
    """When sentences and words are heard, and where they stand in the given text."""

    sentences: list[TimedSentence]


class SavedSpeech(TypedDict):
    """A file of speech."""

    hash: Annotated[
        str,
        Field(
            description="What the file is known by; it follows from the words, the voice, the "
            "speaker, the speed and the scales.",
            pattern="^[0-9a-f]{40}$",
        ),
    ]
    text: Annotated[str, Field(description="As given.", examples=["Xin chào các bạn."])]
    speed: Annotated[str | float, Field(description="As given.", examples=["normal"])]
    audio_url: Annotated[str, Field(description="Where the WAV is, absolute.")]
    voice: Annotated[str, Field(description="Who speaks.")]
    seconds: Annotated[float, Field(description="How long it plays.", ge=0)]
    format: Annotated[str, Field(description="What the sound comes as.", examples=["wav"])]
    sample_rate: Annotated[int, Field(description="Samples a second.", gt=0)]
    bit_rate: NotRequired[Annotated[int, Field(description="Bits a second, if lossy.", gt=0)]]
    licence: Annotated[str, Field(description="The terms of the voice.")]
    timestamps: NotRequired[Times]


class Place(TypedDict):
    """A piece of what is said, and where in the given text it stands, in characters from 0."""

    text: Annotated[str, Field(description="The words that are spoken.")]
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class SpokenSentence(Place):
    """A sentence."""

    pause: Annotated[float, Field(description="Seconds of silence after it.", ge=0)]


class NormalizedText(TypedDict):
    """What would be said."""

    text: Annotated[
        str, Field(description="The words that are spoken.", examples=["mở cửa bảy giờ sáng."])
    ]
    sentences: list[SpokenSentence]
    stretches: Annotated[
        list[Place], Field(description="The whole of `text` in pieces, as written or rewritten.")
    ]


class VoiceListing(TypedDict):
    """A voice, and under which terms it may be used."""

    name: str
    default: Annotated[bool, Field(description="Speaks when a request names no voice.")]
    language: Annotated[str, Field(examples=["vi_VN"])]
    sample_rate: Annotated[int, Field(description="Samples a second.", gt=0)]
    speakers: Annotated[list[str], Field(description="Their names; none if there is only one.")]
    licence: str
    licence_url: str | None
    attribution: str | None
    advice: Annotated[
        str | None, Field(description="What to do for commercial use, if this is not for that.")
    ]
    loaded: Annotated[bool, Field(description="In memory, so that it can speak at once.")]


class VoicesAnswer(TypedDict):
    """The voices that are served, the default one first."""

    default: Annotated[str, Field(description="The name of the default voice.")]
    voices: list[VoiceListing]


class HealthAnswer(TypedDict):
    """The process lives."""

    status: Literal["ok"]


Status: TypeAlias = Literal["ready", "degraded", "loading", "voice_broken", "draining"]
"""Of a process: the first two mean that it can speak."""


class ReadyAnswer(TypedDict):
    """Whether the process can speak."""

    status: Status
    voices: Annotated[list[str], Field(description="The names of the voices.")]
    degraded: NotRequired[
        Annotated[
            str,
            Field(description="What does not work that makes speech cheaper.", examples=["redis"]),
        ]
    ]


class Problem(TypedDict):
    """What is wrong."""

    code: Annotated[str, Field(description="Stable, for programs.", examples=["text_missing"])]
    message: Annotated[str, Field(description="For people; may change.")]
    field: Annotated[str | None, Field(description="The parameter to blame, if it is one.")]
    request_id: Annotated[str, Field(description="As in `X-Request-ID` and in the server's log.")]


class ErrorAnswer(TypedDict):
    """The one shape of all errors."""

    error: Problem


class OpenAIProblem(TypedDict):
    """What is wrong, as OpenAI says it."""

    message: Annotated[str, Field(description="For people; may change.")]
    type: Literal["invalid_request_error", "requests", "server_error"]
    param: Annotated[str | None, Field(description="The parameter to blame, if it is one.")]
    code: Annotated[str, Field(description="Stable, for programs.")]


class OpenAIErrorAnswer(TypedDict):
    """The shape of errors on OpenAI's paths."""

    error: OpenAIProblem


class OpenAIModel(TypedDict):
    """A name that `model` may have."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAIModelList(TypedDict):
    """All of them."""

    object: Literal["list"]
    data: list[OpenAIModel]


class OpenAIVoice(TypedDict):
    """A name that `voice` may have."""

    id: str
    object: Literal["audio.voice"]
    name: str


class OpenAIVoiceList(TypedDict):
    """All of them."""

    object: Literal["list"]
    data: list[OpenAIVoice]
