"""Every path of the interface: where it is, who handles it, and what is said of it.

The application takes its rules from here and `/openapi.json` its paths, so that neither has one
that the other lacks.
"""

from typing import Final

from vits_tts.audio.formats import media_types, offered
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
from vits_tts.speech.subtitles import MEDIA_TYPES
from vits_tts.web import timed
from vits_tts.web.answers import (
    HealthAnswer,
    NormalizedText,
    OpenAIModel,
    OpenAIModelList,
    OpenAIVoiceList,
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
    OpenAIModelHandler,
    OpenAIModelsHandler,
    OpenAISpeechHandler,
    OpenAIVoicesHandler,
)
from vits_tts.web.operations import HealthHandler, MetricsHandler, ReadyHandler

_TEXT_ERRORS: Final = (
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
_SOUND_ERRORS: Final = (
    *_TEXT_ERRORS,
    SpeedInvalid,
    SpeakerUnknown,
    FormatInvalid,
    FormatUnavailable,
    NotReady,
    VoiceError,
)
_SPEECH_ERRORS: Final = (
    *_SOUND_ERRORS,
    TextMissing,
    VoiceUnknown,
    SampleRateInvalid,
    BitRateInvalid,
)
_ALIVE: Final = Answer("Alive.", JSON, HealthAnswer)
_SOUND: Final = media_types()
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
                        "operationId": "get_audio_hash_format",
                        "parameters": {
                            "hash": "$response.body#/hash",
                            "format": "$response.body#/format",
                        },
                    }
                },
            ),
            *(
                Answer(f"Of `timestamps={name}`: subtitles.", (media,), headers=("Link",))
                for name, media in MEDIA_TYPES.items()
            ),
        ),
        "Answers when the whole speech is made. Repeated words cost next to nothing.",
        (*_SPEECH_ERRORS, StorageError),
    ),
    Route(
        "/tts/stream",
        StreamHandler,
        "Speech",
        "Stream speech while it is made",
        (
            Answer("Mono, sent as it is made.", _SOUND),
            Answer(
                "With `timestamps`: lines of JSON, each with a `type`: `start`, `sentence` or "
                "`subtitles`, `audio` (`data` in base64), `error`, `end`.",
                (timed.MEDIA_TYPE,),
            ),
        ),
        "`format`, or `Accept`, says as what; WAV otherwise. The sizes in a WAV header are "
        "0xFFFFFFFF where the length is not known yet. A fault in the middle cuts the connection, "
        "so that a client can tell it from the end.",
        (*_SPEECH_ERRORS, NotAcceptable),
    ),
    Route(
        "/normalize",
        NormalizeHandler,
        "Speech",
        "Show what would be said",
        (Answer("The reading, and from where in the text each word comes.", JSON, NormalizedText),),
        "Numbers, dates, abbreviations and the like, as words. Nothing is synthesised.",
        (*_TEXT_ERRORS, TextMissing),
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
            Parameter("format", "path", "Its `format`.", {"type": "string", "enum": offered()}),
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
        "OpenAI's paths",
        "Make speech, as OpenAI's clients ask for it",
        (Answer("Sound, or events that carry it.", (*_SOUND, "text/event-stream")),),
        errors=(*_SOUND_ERRORS, VoiceInvalid, ModelUnknown),
        bodies=JSON,
    ),
    Route(
        "/v1/audio/voices",
        OpenAIVoicesHandler,
        "OpenAI's paths",
        "List the names of voices",
        (Answer("The names.", JSON, OpenAIVoiceList),),
    ),
    Route(
        "/v1/models",
        OpenAIModelsHandler,
        "OpenAI's paths",
        "List the names of models",
        (Answer("The names.", JSON, OpenAIModelList),),
    ),
    Route(
        "/v1/models/{model}",
        OpenAIModelHandler,
        "OpenAI's paths",
        "Show one of them",
        (Answer("It is there.", JSON, OpenAIModel),),
        errors=(ModelUnknown,),
        parameters=(Parameter("model", "path", "A name.", {"type": "string"}),),
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
        (Answer("Prometheus's text format, over all workers.", ("text/plain",)),),
    ),
)
