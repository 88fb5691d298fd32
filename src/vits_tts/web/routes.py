"""Every path of the interface: where it is, who handles it, and what is said of it.

The application takes its rules from here and `/openapi.json` its paths, so that neither has one
that the other lacks.
"""

from typing import Final

from vits_tts.audio import formats
from vits_tts.errors import (
    AudioNotFound,
    BitRateInvalid,
    BodyTooLarge,
    Busy,
    EncodingInvalid,
    FieldInvalid,
    FormatInvalid,
    FormatUnavailable,
    JsonInvalid,
    MediaTypeUnsupported,
    ModelUnknown,
    NotAcceptable,
    NotReady,
    RangeNotSatisfiable,
    RequestError,
    SampleRateInvalid,
    SpeakerUnknown,
    SpeedInvalid,
    StorageError,
    TextControlCharacters,
    TextEmpty,
    TextMissing,
    TextTooLong,
    TextUnspeakable,
    VoiceError,
    VoiceInvalid,
    VoiceUnknown,
)
from vits_tts.web.answers import (
    HealthAnswer,
    NormalizedText,
    ReadyAnswer,
    SavedSpeech,
    VoicesAnswer,
)
from vits_tts.web.describing import JSON, Answer, Parameter, Route
from vits_tts.web.handlers import (
    AudioHandler,
    NormalizeHandler,
    StreamHandler,
    TtsHandler,
    VoicesHandler,
)
from vits_tts.web.openai import (
    OpenAIErrorAnswer,
    OpenAIModel,
    OpenAIModelHandler,
    OpenAIModelList,
    OpenAIModelsHandler,
    OpenAISpeechHandler,
    OpenAIVoiceList,
    OpenAIVoicesHandler,
)
from vits_tts.web.operations import HealthHandler, MetricsHandler, ReadyHandler

_TEXT_ERRORS: Final = (
    TextMissing,
    TextEmpty,
    TextUnspeakable,
    TextControlCharacters,
    TextTooLong,
    EncodingInvalid,
    FieldInvalid,
    JsonInvalid,
    RequestError,
    BodyTooLarge,
    MediaTypeUnsupported,
    Busy,
)
_SPEECH_ERRORS: Final = (
    *_TEXT_ERRORS,
    SpeedInvalid,
    SpeakerUnknown,
    FormatInvalid,
    FormatUnavailable,
    NotReady,
    VoiceError,
)
_RATE_ERRORS: Final = (VoiceUnknown, SampleRateInvalid, BitRateInvalid)
_SOUND: Final = formats.content_types()
_OPENAI: Final = "OpenAI's API"
_ALIVE: Final = Answer("Alive.", JSON, HealthAnswer)
_FILE: Final = ("ETag", "Accept-Ranges", "Cache-Control")

ROUTES: Final = (
    Route(
        "/tts",
        TtsHandler,
        "Speech",
        "Make a file of speech",
        (
            Answer(
                "The file is complete; this is where it is.",
                JSON,
                SavedSpeech,
                links={
                    "file": {
                        "operationId": "get_audio",
                        "parameters": {
                            "hash": "$response.body#/hash",
                            "format": "$response.body#/format",
                        },
                    }
                },
            ),
        ),
        "Answers when the whole speech is made. Repeated words cost next to nothing.",
        (*_SPEECH_ERRORS, *_RATE_ERRORS, StorageError),
    ),
    Route(
        "/tts/stream",
        StreamHandler,
        "Speech",
        "Stream speech while it is made",
        (Answer("The sound, mono, sent as it is made.", _SOUND),),
        "The sizes in the WAV header are 0xFFFFFFFF where the length is not known yet. A fault in "
        "the middle cuts the connection, so that a client can tell it from the end.",
        (*_SPEECH_ERRORS, *_RATE_ERRORS, NotAcceptable),
    ),
    Route(
        "/normalize",
        NormalizeHandler,
        "Speech",
        "Show what would be said",
        (Answer("The reading, and from where in the text each word comes.", JSON, NormalizedText),),
        "Numbers, dates, abbreviations and the like, as words. Nothing is synthesised.",
        _TEXT_ERRORS,
    ),
    Route(
        "/audio/{hash}.{format}",
        AudioHandler,
        "Speech",
        "Fetch a file",
        (
            Answer("The whole file.", _SOUND, headers=_FILE),
            Answer("A part of it.", _SOUND, headers=(*_FILE, "Content-Range"), status=206),
            Answer("The caller's copy is still good.", headers=_FILE, status=304),
        ),
        "A file that `/tts` made. One range of bytes, `If-Range`, `If-None-Match` and `ETag` work "
        "as in RFC 9110.",
        (AudioNotFound, RangeNotSatisfiable),
        (
            Parameter(
                "hash",
                "path",
                "The `hash` of an answer of `/tts`.",
                {"type": "string", "pattern": "^[0-9a-f]{40}$"},
            ),
            Parameter(
                "format",
                "path",
                "The `format` of that answer.",
                {"type": "string", "enum": formats.offered()},
            ),
            Parameter("Range", "header", "Such as `bytes=0-1023`.", {"type": "string"}),
            Parameter("If-None-Match", "header", "An `ETag` or several.", {"type": "string"}),
            Parameter("If-Range", "header", "An `ETag`.", {"type": "string"}),
        ),
        name="audio",
    ),
    Route(
        "/voices",
        VoicesHandler,
        "Voices",
        "List the voices",
        (Answer("The voices, and under which terms they may be used.", JSON, VoicesAnswer),),
    ),
    Route(
        "/v1/audio/speech",
        OpenAISpeechHandler,
        _OPENAI,
        "Speak, as OpenAI's API does",
        (Answer("The sound, or events that carry it.", (*_SOUND, "text/event-stream")),),
        "Sent as it is made.",
        (*_SPEECH_ERRORS, ModelUnknown, VoiceInvalid),
        bodies=(JSON,),
        error_shape=OpenAIErrorAnswer,
    ),
    Route(
        "/v1/audio/voices",
        OpenAIVoicesHandler,
        _OPENAI,
        "List the names that `voice` may have",
        (Answer("The voices.", JSON, OpenAIVoiceList),),
        error_shape=OpenAIErrorAnswer,
    ),
    Route(
        "/v1/models",
        OpenAIModelsHandler,
        _OPENAI,
        "List the names that `model` may have",
        (Answer("The models.", JSON, OpenAIModelList),),
        error_shape=OpenAIErrorAnswer,
    ),
    Route(
        "/v1/models/{model}",
        OpenAIModelHandler,
        _OPENAI,
        "Show one of them",
        (Answer("The model.", JSON, OpenAIModel),),
        errors=(ModelUnknown,),
        parameters=(Parameter("model", "path", "Its name.", {"type": "string"}),),
        error_shape=OpenAIErrorAnswer,
        name="model",
    ),
    Route("/healthz", HealthHandler, "Operations", "Ask whether the process lives", (_ALIVE,)),
    Route("/health", HealthHandler, "Operations", "The same, by another name", (_ALIVE,)),
    Route(
        "/readyz",
        ReadyHandler,
        "Operations",
        "Ask whether it can speak",
        (
            Answer("It can.", JSON, ReadyAnswer),
            Answer("Not now; `status` says why.", JSON, ReadyAnswer, status=503),
        ),
    ),
    Route(
        "/metrics",
        MetricsHandler,
        "Operations",
        "Numbers for Prometheus",
        (Answer("Prometheus's text format, over all workers.", "text/plain"),),
    ),
)
