"""The JSON of responses, as types for the type checker and for the OpenAPI description.

They are typed dictionaries, not models, because our own output needs no validation at run time.
"""

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from vits_tts.speech.timeline import TimedSentence


class Times(TypedDict):
    """The times of sentences and words in the audio, and their places in the given text."""

    sentences: list[TimedSentence]


class SavedSpeech(TypedDict):
    """A saved file of speech."""

    hash: Annotated[
        str,
        Field(
            description="The name of the file. It depends on the text, the voice, the speaker, the "
            "speed, the scales and the format.",
            pattern="^[0-9a-f]{40}$",
        ),
    ]
    text: Annotated[str, Field(description="As given.", examples=["Xin chào các bạn."])]
    speed: Annotated[str | float, Field(description="As given.", examples=["normal"])]
    audio_url: Annotated[str, Field(description="The URL of the audio file.")]
    voice: Annotated[str, Field(description="The name of the voice.")]
    seconds: Annotated[float, Field(description="The duration in seconds.", ge=0)]
    format: Annotated[str, Field(description="The audio format.", examples=["wav"])]
    sample_rate: Annotated[int, Field(description="Samples per second.", gt=0)]
    bit_rate: NotRequired[
        Annotated[int, Field(description="Bits per second, if the format is lossy.", gt=0)]
    ]
    licence: Annotated[str, Field(description="The licence of the voice.")]
    timestamps: NotRequired[Times]


class Place(TypedDict):
    """A part of the spoken text, and its place in the given text, in characters from 0."""

    text: Annotated[str, Field(description="The words that are spoken.")]
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class SpokenMark(TypedDict):
    """A mark of SSML: its place, and the seconds between the speech at this place and the mark."""

    name: str
    position: Annotated[int, Field(ge=0)]
    shift: float


class SpokenSentence(Place):
    """One sentence of the spoken text, and the pause after it."""

    pause: Annotated[float, Field(description="Seconds of silence after the sentence.", ge=0)]
    voice: NotRequired[Annotated[str, Field(description="The voice that markup or a turn names.")]]
    turn: NotRequired[Annotated[int, Field(ge=0, description="Its turn in a dialogue, from 0.")]]
    rate: NotRequired[Annotated[float, Field(description="Its speed; 2 is twice as fast.")]]
    volume: NotRequired[Annotated[float, Field(description="Its amplitude; 0.5 is half.")]]
    marks: NotRequired[list[SpokenMark]]


class PlannedSegment(TypedDict):
    """A part of the plan that markup makes: a text, a pause or a mark."""

    text: str
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    voice: NotRequired[str]
    turn: NotRequired[Annotated[int, Field(ge=0, description="Its turn in a dialogue, from 0.")]]
    rate: NotRequired[float]
    volume: NotRequired[float]
    pause: NotRequired[
        Annotated[
            float | Literal["sentence", "paragraph"],
            Field(description="Seconds, or the usual pause after a sentence or paragraph."),
        ]
    ]
    mark: NotRequired[str]
    say_as: NotRequired[Annotated[str, Field(description="The rule by which it is read.")]]
    format: NotRequired[str]
    phonemes: NotRequired[str]
    alphabet: NotRequired[Literal["ipa", "x-voice"]]


class NormalizedText(TypedDict):
    """The normalised text, as it would be spoken."""

    text: Annotated[
        str, Field(description="The words that are spoken.", examples=["mở cửa bảy giờ sáng."])
    ]
    sentences: list[SpokenSentence]
    plan: NotRequired[
        Annotated[
            list[PlannedSegment],
            Field(description="The segments of SSML or inline marks; plain text has no list."),
        ]
    ]
    stretches: Annotated[
        list[Place],
        Field(description="All of `text`, in parts that are each unchanged or rewritten."),
    ]


class VoiceListing(TypedDict):
    """A voice and its licence."""

    name: str
    default: Annotated[bool, Field(description="True for the voice of requests that name none.")]
    language: Annotated[str, Field(examples=["vi_VN"])]
    sample_rate: Annotated[int, Field(description="Samples per second.", gt=0)]
    speakers: Annotated[
        list[str], Field(description="The names of its speakers; empty if there is only one.")
    ]
    licence: str
    licence_url: str | None
    attribution: str | None
    commercial: Annotated[
        bool | None,
        Field(description="False if the licence forbids commercial use; null if it is not known."),
    ]
    advice: Annotated[
        str | None,
        Field(description="Advice for commercial use, if the licence does not allow it."),
    ]
    loaded: Annotated[bool, Field(description="True if it is in memory and can speak at once.")]


class VoicesAnswer(TypedDict):
    """All voices of the server, the default one first."""

    default: Annotated[str, Field(description="The name of the default voice.")]
    voices: list[VoiceListing]
    aliases: Annotated[
        dict[str, str],
        Field(description="Other names of voices: the voice of each, as NAME or NAME/SPEAKER."),
    ]


class StreamLink(TypedDict):
    """The URL of a stream."""

    audio_url: Annotated[str, Field(description="The URL of the audio; request it with GET.")]
    expires: Annotated[
        int | None,
        Field(
            description="The time until which the URL needs no API key, in seconds since 1970; "
            "null for a URL without a signature."
        ),
    ]
    media_type: Annotated[str, Field(description="The `Content-Type` of the audio.")]


class TokenAnswer(TypedDict):
    """A token that stands for an API key."""

    token: Annotated[str, Field(description="Sent in place of a key: `Authorization: Bearer`.")]
    scope: Annotated[str, Field(description="The requests that it admits.")]
    expires_in: Annotated[int, Field(description="Seconds until it expires.")]
    expires: Annotated[int, Field(description="When it expires, in seconds since 1970.")]


class HealthAnswer(TypedDict):
    """The process is running."""

    status: Literal["ok"]


class NamedHealthAnswer(TypedDict):
    """The process is running, as `/health` reports it."""

    status: Literal["healthy"]
    message: Literal["TTS service is running"]


Status: TypeAlias = Literal["ready", "degraded", "loading", "voice_broken", "draining"]
"""The state of a process. It can speak if it is `ready` or `degraded`."""


class ReadyAnswer(TypedDict):
    """The readiness of the process: can it speak?"""

    status: Status
    voices: Annotated[list[str], Field(description="The names of the voices.")]
    degraded: NotRequired[
        Annotated[
            str,
            Field(description="The parts that fail, while speech works.", examples=["redis"]),
        ]
    ]


class Problem(TypedDict):
    """An error: its code, its message, and the parameter that caused it."""

    code: Annotated[
        str, Field(description="A stable code, for programs.", examples=["text_missing"])
    ]
    message: Annotated[str, Field(description="A message for people; may change.")]
    field: Annotated[
        str | None, Field(description="The parameter that caused the error; null if none did.")
    ]
    request_id: Annotated[str, Field(description="As in `X-Request-ID` and in the server's log.")]


class ErrorAnswer(TypedDict):
    """The JSON of all errors."""

    error: Problem


class OpenAIProblem(TypedDict):
    """An error in OpenAI's form."""

    message: Annotated[str, Field(description="A message for people; may change.")]
    type: Literal["invalid_request_error", "requests", "server_error"]
    param: Annotated[
        str | None, Field(description="The parameter that caused the error; null if none did.")
    ]
    code: Annotated[str, Field(description="A stable code, for programs.")]


class OpenAIErrorAnswer(TypedDict):
    """The JSON of errors on OpenAI's paths."""

    error: OpenAIProblem


class OpenAIModel(TypedDict):
    """A value of the parameter `model`."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAIModelList(TypedDict):
    """All values of the parameter `model`."""

    object: Literal["list"]
    data: list[OpenAIModel]


class OpenAIVoice(TypedDict):
    """A value of the parameter `voice`."""

    id: str
    object: Literal["audio.voice"]
    name: str


class OpenAIVoiceName(TypedDict):
    """A value of the parameter `voice`, in the form that Open WebUI reads."""

    id: str
    name: str


class OpenAIVoiceList(TypedDict):
    """All values of the parameter `voice`, in both forms that clients read."""

    object: Literal["list"]
    data: list[OpenAIVoice]
    voices: list[OpenAIVoiceName]


class OpenAIModelName(TypedDict):
    """A value of the parameter `model`, in the form that Open WebUI reads."""

    id: str


class OpenAIModelNames(TypedDict):
    """All values of the parameter `model`, in the form that Open WebUI reads."""

    models: list[OpenAIModelName]
