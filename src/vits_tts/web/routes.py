"""All paths of our own and OpenAI's interface, each with its handler and its description.

Both the application and `/openapi.json` are built from this list, so that they always agree.
"""

from typing import Final

from vits_tts.audio.formats import COMPANIONS, CONTAINERS, media_types, offered
from vits_tts.errors import (
    AudioNotFound,
    BitRateInvalid,
    BodyTooLarge,
    BudgetExceeded,
    BudgetExceededForNow,
    Busy,
    CallbackRefused,
    DictionariesUnavailable,
    DictionaryNotFound,
    DocumentInvalid,
    EncodingInvalid,
    FieldInvalid,
    FormatInvalid,
    FormatUnavailable,
    IdempotencyConflict,
    JobNotFinished,
    JobNotFound,
    JobsUnavailable,
    JsonInvalid,
    LinkExpired,
    LinkInvalid,
    MarkupInvalid,
    MarkupUnsupported,
    MediaTypeUnsupported,
    ModelUnknown,
    NotAcceptable,
    NotReady,
    QuotaExceeded,
    RangeNotSatisfiable,
    RateLimited,
    RequestError,
    RequestTooCostly,
    SampleRateInvalid,
    SpeakerUnknown,
    SpeechTooLong,
    SpeedInvalid,
    StorageError,
    StorageTimeout,
    TextControlCharacters,
    TextEmpty,
    TextMissing,
    TextTooLong,
    TextUnspeakable,
    VoiceError,
    VoiceInvalid,
    VoiceUnknown,
)
from vits_tts.speech.speech_marks import MEDIA_TYPE as MARKS_TYPE
from vits_tts.speech.subtitles import MEDIA_TYPES
from vits_tts.web.handlers import timestamps
from vits_tts.web.handlers.files import AudioHandler
from vits_tts.web.handlers.jobs import (
    JobArchiveHandler,
    JobAudioHandler,
    JobCancelHandler,
    JobEventsHandler,
    JobHandler,
    JobItemsHandler,
    JobResultHandler,
    JobRetryHandler,
    JobsHandler,
)
from vits_tts.web.handlers.openai import (
    OpenAIAudioModelsHandler,
    OpenAIModelHandler,
    OpenAIModelsHandler,
    OpenAISpeechHandler,
    OpenAIVoicesHandler,
)
from vits_tts.web.handlers.operations import HealthHandler, MetricsHandler, ReadyHandler
from vits_tts.web.handlers.piper import PiperHandler
from vits_tts.web.handlers.speech import (
    LinkHandler,
    NormalizeHandler,
    StreamHandler,
    TtsHandler,
    VoicesHandler,
)
from vits_tts.web.handlers.tokens import TokensHandler
from vits_tts.web.handlers.usage import UsageHandler
from vits_tts.web.schema.jobs import ItemList, JobAnswer, JobList
from vits_tts.web.schema.responses import (
    HealthAnswer,
    NamedHealthAnswer,
    NormalizedText,
    OpenAIModel,
    OpenAIModelList,
    OpenAIModelNames,
    OpenAIVoiceList,
    ReadyAnswer,
    SavedSpeech,
    StreamLink,
    Times,
    TokenAnswer,
    VoicesAnswer,
)
from vits_tts.web.schema.route import JSON, Answer, Parameter, Route
from vits_tts.web.schema.usage import UsageAnswer

_TEXT_ERRORS: Final = (
    TextEmpty,
    TextUnspeakable,
    TextControlCharacters,
    TextTooLong,
    MarkupInvalid,
    MarkupUnsupported,
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
    BudgetExceeded,
    BudgetExceededForNow,
    SpeedInvalid,
    SpeakerUnknown,
    FormatInvalid,
    FormatUnavailable,
    NotReady,
    RequestTooCostly,
    VoiceError,
)
_NOT_NOW: Final = (Busy, NotReady, VoiceError)
"""Errors of synthesising a file again that another replica has created."""
_DICTIONARY_ERRORS: Final = (DictionariesUnavailable, DictionaryNotFound)
_SPEECH_ERRORS: Final = (
    *_SOUND_ERRORS,
    *_DICTIONARY_ERRORS,
    TextMissing,
    VoiceUnknown,
    SampleRateInvalid,
    BitRateInvalid,
)
_ALIVE: Final = Answer("The process is running.", JSON, HealthAnswer)
_SOUND: Final = media_types()
_FILE: Final = ("ETag", "Accept-Ranges", "Cache-Control")

ROUTES: Final = (
    Route(
        "/tts",
        TtsHandler,
        "Speech",
        "Create a file of speech",
        (
            Answer(
                "The file is complete; `audio_url` is its URL.",
                JSON,
                SavedSpeech,
                headers=("X-Characters", "X-Audio-Seconds"),
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
                Answer(f"Subtitles, for `timestamps={name}`.", (media,), headers=("Link",))
                for name, media in MEDIA_TYPES.items()
            ),
            Answer("Speech marks, for `timestamps=marks`.", (MARKS_TYPE,), headers=("Link",)),
        ),
        "Answers when the file is complete. Repeated sentences come from a cache.",
        (*_SPEECH_ERRORS, SpeechTooLong, StorageError, StorageTimeout),
        label="tts",
    ),
    Route(
        "/tts/stream",
        StreamHandler,
        "Speech",
        "Stream speech",
        (
            Answer("Mono audio, sent while it is synthesised.", _SOUND, headers=("X-Characters",)),
            Answer(
                "With `timestamps`: lines of JSON, each with a `type`: `start`, `sentence` or "
                "`subtitles` or `marks`, `audio` (`data` in base64), `error`, `end`.",
                (timestamps.MEDIA_TYPE,),
            ),
            Answer("A range of the audio.", _SOUND, headers=(*_FILE, "Content-Range"), status=206),
        ),
        "`format` or `Accept` selects the format; the default is WAV. If the length is unknown, "
        "the sizes in the WAV header are 0xFFFFFFFF. After an error in the middle the connection "
        "is closed, so that a client can distinguish it from the end.",
        (*_SPEECH_ERRORS, NotAcceptable, RangeNotSatisfiable, LinkInvalid, LinkExpired),
        (Parameter("Range", "header", "Such as `bytes=0-1023`.", {"type": "string"}),),
        name="stream",
        label="stream",
    ),
    Route(
        "/tts/link",
        LinkHandler,
        "Speech",
        "Get the URL of a stream",
        (Answer("The URL of the audio.", JSON, StreamLink),),
        "For players that cannot send headers. With `audio.links: signed` the URL needs no key "
        "until it expires. Nothing is synthesised.",
        (*_SPEECH_ERRORS, NotAcceptable),
        label="link",
    ),
    Route(
        "/normalize",
        NormalizeHandler,
        "Speech",
        "Show the spoken text",
        (Answer("The spoken text, and the source of each word.", JSON, NormalizedText),),
        "Writes numbers, dates, abbreviations and so on as words. Nothing is synthesised.",
        (
            *_TEXT_ERRORS,
            *_DICTIONARY_ERRORS,
            TextMissing,
            VoiceUnknown,
            SpeakerUnknown,
            SpeedInvalid,
        ),
        label="normalize",
    ),
    Route(
        "/audio/{hash}.{format}",
        AudioHandler,
        "Speech",
        "Get a file",
        (
            Answer("The whole file.", _SOUND, headers=_FILE),
            Answer("A range of it.", _SOUND, headers=(*_FILE, "Content-Range"), status=206),
            Answer("The client's copy is current.", headers=_FILE, status=304),
        ),
        "A file that `/tts` created. One range of bytes, `If-Range`, `If-None-Match` and `ETag` "
        "work as in RFC 9110.",
        (
            AudioNotFound,
            LinkInvalid,
            LinkExpired,
            RangeNotSatisfiable,
            RateLimited,
            SpeechTooLong,
            *_NOT_NOW,
            StorageError,
            StorageTimeout,
        ),
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
                "Its `format`, or `json` for its times.",
                {"type": "string", "enum": [*offered(), *COMPANIONS]},
            ),
            Parameter("Range", "header", "Such as `bytes=0-1023`.", {"type": "string"}),
            Parameter("If-None-Match", "header", "An `ETag` or several.", {"type": "string"}),
            Parameter("If-Range", "header", "An `ETag`.", {"type": "string"}),
        ),
        name="audio",
        label="audio",
    ),
    Route(
        "/voices",
        VoicesHandler,
        "Voices",
        "List the voices",
        (Answer("The voices and their licences.", JSON, VoicesAnswer),),
        label="voices",
    ),
    Route(
        "/v1/audio/speech",
        OpenAISpeechHandler,
        "OpenAI's paths",
        "Create speech, for OpenAI's clients",
        (Answer("Audio, or events that contain it.", (*_SOUND, "text/event-stream")),),
        errors=(*_SOUND_ERRORS, *_DICTIONARY_ERRORS, VoiceInvalid, ModelUnknown),
        bodies=JSON,
        label="openaispeech",
    ),
    Route(
        "/v1/audio/voices",
        OpenAIVoicesHandler,
        "OpenAI's paths",
        "List the names of voices",
        (Answer("The names.", JSON, OpenAIVoiceList),),
        label="openaivoices",
    ),
    Route(
        "/v1/audio/models",
        OpenAIAudioModelsHandler,
        "OpenAI's paths",
        "List the names of models, for Open WebUI",
        (Answer("The names.", JSON, OpenAIModelNames),),
        label="openaiaudiomodels",
    ),
    Route(
        "/v1/models",
        OpenAIModelsHandler,
        "OpenAI's paths",
        "List the names of models",
        (Answer("The names.", JSON, OpenAIModelList),),
        label="openaimodels",
    ),
    Route(
        "/v1/models/{model}",
        OpenAIModelHandler,
        "OpenAI's paths",
        "Show one model",
        (Answer("The model exists.", JSON, OpenAIModel),),
        errors=(ModelUnknown,),
        parameters=(Parameter("model", "path", "The name of a model.", {"type": "string"}),),
        label="openaimodel",
    ),
    Route(
        "/v1/usage",
        UsageHandler,
        "Usage",
        "Show what was used",
        (Answer("What the caller's key has used, by day, and its budget.", JSON, UsageAnswer),),
        "Days and months are those of UTC. Without API keys, all callers have one account.",
        (FieldInvalid, StorageError),
        label="usage",
    ),
    Route(
        "/v1/tokens",
        TokensHandler,
        "Tokens",
        "Create a token for a browser",
        (Answer("A token that stands for the caller's key.", JSON, TokenAnswer),),
        "A token admits requests that are answered with speech, as `Authorization: Bearer`, and "
        "WebSockets, as the parameter `token` of their URL or first message. It counts towards the "
        "limits of its key, and all workers and replicas accept it.",
        (
            EncodingInvalid,
            FieldInvalid,
            JsonInvalid,
            BodyTooLarge,
            RequestError,
            StorageError,
            StorageTimeout,
        ),
        bodies=JSON,
        label="tokens",
    ),
    Route(
        "/healthz",
        HealthHandler,
        "Operations",
        "Check that the process is running",
        (_ALIVE,),
        label="health",
    ),
    Route(
        "/health",
        HealthHandler,
        "Operations",
        "Check that the process is running; another form of `/healthz`",
        (Answer("The process is running.", JSON, NamedHealthAnswer),),
        label="health",
    ),
    Route(
        "/readyz",
        ReadyHandler,
        "Operations",
        "Check that the process can speak",
        (
            Answer("It can speak.", JSON, ReadyAnswer),
            Answer("It cannot speak now; `status` says why.", JSON, ReadyAnswer, status=503),
        ),
        label="ready",
    ),
    Route(
        "/metrics",
        MetricsHandler,
        "Operations",
        "Get metrics for Prometheus",
        (Answer("The metrics of all workers, in Prometheus's text format.", ("text/plain",)),),
        label="metrics",
    ),
)

PIPER: Final = Route(
    "/synthesize",
    PiperHandler,
    "Piper's path",
    "Create a WAV file, for Piper's clients",
    (Answer("A file with its length; a long one is streamed.", ("audio/wav",)),),
    "The same as `POST /`.",
    (*_SOUND_ERRORS, TextMissing, VoiceUnknown),
    bodies=JSON,
    label="piper",
)
"""Described if ``piper.enabled`` is set; its routing rules are in ``web/interfaces.py``."""

_JOB_ID: Final = Parameter(
    "id",
    "path",
    "The `id` of a job.",
    {"type": "string", "pattern": "^job-[0-9a-f]{24}$"},
)
_JOB_ERRORS: Final = (JobNotFound, JobsUnavailable)
_JOB_FILE_ERRORS: Final = (
    *_JOB_ERRORS,
    AudioNotFound,
    LinkInvalid,
    LinkExpired,
    RangeNotSatisfiable,
    SpeechTooLong,
    *_NOT_NOW,
    StorageError,
    StorageTimeout,
)
_ELSEWHERE: Final = Answer(
    "The file is in object storage (`jobs.storage`).",
    headers=("Location", "Cache-Control"),
    status=307,
)
_JOB: Final = Answer("How far the job is.", JSON, JobAnswer)

JOBS: Final = (
    Route(
        "/v1/jobs",
        JobsHandler,
        "Jobs",
        "Make many files, or list what was asked for",
        (
            Answer("The caller's jobs.", JSON, JobList, method="GET"),
            Answer(
                "The job that the `Idempotency-Key` was used for.", JSON, JobAnswer, method="POST"
            ),
            Answer("The job was taken.", JSON, JobAnswer, status=202, method="POST"),
        ),
        "A job goes on after the answer, and after a restart of the server. Requests that somebody "
        "listens to come first.",
        (
            *_SOUND_ERRORS,
            TextMissing,
            VoiceUnknown,
            SampleRateInvalid,
            BitRateInvalid,
            CallbackRefused,
            DocumentInvalid,
            DictionariesUnavailable,
            DictionaryNotFound,
            IdempotencyConflict,
            QuotaExceeded,
            JobsUnavailable,
        ),
        (
            Parameter(
                "Idempotency-Key",
                "header",
                "A repetition with the same key does not make a second job.",
                {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                "POST",
            ),
        ),
        bodies=JSON,
        label="jobs",
    ),
    Route(
        "/v1/jobs/{id}",
        JobHandler,
        "Jobs",
        "Show or delete a job",
        (
            Answer("How far the job is.", JSON, JobAnswer, method="GET"),
            Answer("It is gone.", status=204, method="DELETE"),
        ),
        "A job that has not ended cannot be deleted.",
        (*_JOB_ERRORS, JobNotFinished),
        (_JOB_ID,),
        label="job",
    ),
    Route(
        "/v1/jobs/{id}/items",
        JobItemsHandler,
        "Jobs",
        "List the items of a job",
        (Answer("The items, and where their files are.", JSON, ItemList),),
        errors=(*_JOB_ERRORS, FieldInvalid),
        parameters=(_JOB_ID,),
        label="jobitems",
    ),
    Route(
        "/v1/jobs/{id}/items/{index}.{format}",
        JobAudioHandler,
        "Jobs",
        "Fetch the file of an item",
        (
            Answer("The whole file.", _SOUND, headers=_FILE),
            Answer("The times of the item.", JSON, Times, headers=_FILE),
            Answer("A part of it.", _SOUND, headers=(*_FILE, "Content-Range"), status=206),
            Answer("The caller's copy is still good.", headers=_FILE, status=304),
            _ELSEWHERE,
        ),
        errors=_JOB_FILE_ERRORS,
        parameters=(
            _JOB_ID,
            Parameter("index", "path", "The item's `index`.", {"type": "integer", "minimum": 0}),
            Parameter(
                "format",
                "path",
                "Its `format`, or `json` for its times.",
                {"type": "string", "enum": [*offered(), *COMPANIONS]},
            ),
            Parameter("Range", "header", "Such as `bytes=0-1023`.", {"type": "string"}),
        ),
        name="jobaudio",
        label="jobaudio",
    ),
    Route(
        "/v1/jobs/{id}/result.{format}",
        JobResultHandler,
        "Jobs",
        "Fetch the file of a document",
        (
            Answer("The whole file.", (*_SOUND, *CONTAINERS.values()), headers=_FILE),
            Answer(
                "A part of it.",
                (*_SOUND, *CONTAINERS.values()),
                headers=(*_FILE, "Content-Range"),
                status=206,
            ),
            Answer("The caller's copy is still good.", headers=_FILE, status=304),
            _ELSEWHERE,
        ),
        errors=_JOB_FILE_ERRORS,
        parameters=(
            _JOB_ID,
            Parameter(
                "format",
                "path",
                "The `format` of `result`.",
                {"type": "string", "enum": [*offered(), *CONTAINERS]},
            ),
            Parameter("Range", "header", "Such as `bytes=0-1023`.", {"type": "string"}),
        ),
        name="jobresult",
        label="jobresult",
    ),
    Route(
        "/v1/jobs/{id}/archive",
        JobArchiveHandler,
        "Jobs",
        "Fetch all files of a job",
        (Answer("A ZIP of the files, and of `items.json`.", ("application/zip",)),),
        "The job has to have ended. Items that failed are listed only.",
        (*_JOB_FILE_ERRORS, JobNotFinished),
        (_JOB_ID,),
        name="jobarchive",
        label="jobarchive",
    ),
    Route(
        "/v1/jobs/{id}/events",
        JobEventsHandler,
        "Jobs",
        "Follow a job",
        (
            Answer(
                "Server-sent events named `job`, one for each change; the data is the job. They "
                "end with the job.",
                ("text/event-stream",),
            ),
        ),
        errors=_JOB_ERRORS,
        parameters=(_JOB_ID,),
        label="jobevents",
    ),
    Route(
        "/v1/jobs/{id}/cancel",
        JobCancelHandler,
        "Jobs",
        "Cancel a job",
        (_JOB,),
        "Items that are complete stay.",
        _JOB_ERRORS,
        (_JOB_ID,),
        label="jobcancel",
    ),
    Route(
        "/v1/jobs/{id}/retry",
        JobRetryHandler,
        "Jobs",
        "Try failed and cancelled items again",
        (_JOB,),
        errors=_JOB_ERRORS,
        parameters=(_JOB_ID,),
        label="jobretry",
    ),
)
"""Described where the server takes jobs."""
