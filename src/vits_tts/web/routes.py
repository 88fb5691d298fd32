"""Every path of the interface: where it is, who handles it, and what is said of it.

The application takes its rules from here and `/openapi.json` its paths, so that neither has one
that the other lacks.
"""

from typing import Final

from vits_tts.errors import (
    AudioNotFound,
    BodyTooLarge,
    Busy,
    EncodingInvalid,
    FieldInvalid,
    JsonInvalid,
    MediaTypeUnsupported,
    NotReady,
    RangeNotSatisfiable,
    RequestError,
    SpeakerUnknown,
    SpeedInvalid,
    StorageError,
    TextControlCharacters,
    TextEmpty,
    TextMissing,
    TextTooLong,
    TextUnspeakable,
    VoiceError,
    VoiceUnknown,
)
from vits_tts.speech.subtitles import MEDIA_TYPES
from vits_tts.web import timed
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
    VoiceUnknown,
    NotReady,
    VoiceError,
)
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
                        "parameters": {"hash": "$response.body#/hash"},
                    }
                },
            ),
            *(
                Answer(f"Of `timestamps={name}`: subtitles.", media, headers=("Link",))
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
            Answer("16-bit PCM, mono, at the voice's sample rate, as it is made.", "audio/wav"),
            Answer(
                "With `timestamps`: lines of JSON, each with a `type`: `start`, `sentence` or "
                "`subtitles`, `audio` (`data` in base64), `error`, `end`.",
                timed.MEDIA_TYPE,
            ),
        ),
        "The sizes in the WAV header are 0xFFFFFFFF where the length is not known yet. A fault in "
        "the middle cuts the connection, so that a client can tell it from the end.",
        _SPEECH_ERRORS,
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
        "/audio/{hash}.wav",
        AudioHandler,
        "Speech",
        "Fetch a file",
        (
            Answer("The whole file.", "audio/wav", headers=_FILE),
            Answer("A part of it.", "audio/wav", headers=(*_FILE, "Content-Range"), status=206),
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
