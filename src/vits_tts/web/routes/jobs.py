"""Routes of jobs. Only servers that take jobs have them."""

from typing import Final

from vits_tts.audio.formats import CONTAINERS, offered
from vits_tts.errors import (
    AudioNotFound,
    BitRateInvalid,
    Busy,
    CallbackRefused,
    DictionariesUnavailable,
    DictionaryNotFound,
    DocumentInvalid,
    FieldInvalid,
    IdempotencyConflict,
    JobNotFinished,
    JobNotFound,
    JobsUnavailable,
    LinkExpired,
    LinkInvalid,
    QuotaExceeded,
    RangeNotSatisfiable,
    SampleRateInvalid,
    SpeechTooLong,
    StorageError,
    StorageTimeout,
    TextMissing,
    VoiceUnknown,
)
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
from vits_tts.web.routes.shared import (
    FILE_FORMAT,
    FILE_HEADERS,
    NOT_NOW,
    RANGE,
    SOUND,
    SOUND_ERRORS,
)
from vits_tts.web.schema.jobs import ItemList, JobAnswer, JobList
from vits_tts.web.schema.responses import Times
from vits_tts.web.schema.route import JSON, Answer, Parameter, Route

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
    *NOT_NOW,
    StorageError,
    StorageTimeout,
)
_ELSEWHERE: Final = Answer(
    "The file is in object storage (`jobs.storage`).",
    headers=("Location", "Cache-Control"),
    status=307,
)
_JOB: Final = Answer("The progress of the job.", JSON, JobAnswer)

JOBS: Final = (
    Route(
        "/v1/jobs",
        JobsHandler,
        "Jobs",
        "Create many files, or list the caller's jobs",
        (
            Answer("The caller's jobs.", JSON, JobList, method="GET"),
            Answer("The caller may list jobs.", method="HEAD"),
            Answer(
                "The job that the `Idempotency-Key` was used for.", JSON, JobAnswer, method="POST"
            ),
            Answer("The job was accepted.", JSON, JobAnswer, status=202, method="POST"),
        ),
        "A job continues after the answer, and after a restart of the server. Requests with a "
        "listener come first.",
        (
            *SOUND_ERRORS,
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
            Answer("The progress of the job.", JSON, JobAnswer, method="GET"),
            Answer("The job exists.", method="HEAD"),
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
            Answer("The whole file.", SOUND, headers=FILE_HEADERS),
            Answer("The times of the item.", JSON, Times, headers=FILE_HEADERS),
            Answer("A part of it.", SOUND, headers=(*FILE_HEADERS, "Content-Range"), status=206),
            Answer("The client's copy is current.", headers=FILE_HEADERS, status=304),
            _ELSEWHERE,
        ),
        errors=_JOB_FILE_ERRORS,
        parameters=(
            _JOB_ID,
            Parameter("index", "path", "The item's `index`.", {"type": "integer", "minimum": 0}),
            FILE_FORMAT,
            RANGE,
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
            Answer("The whole file.", (*SOUND, *CONTAINERS.values()), headers=FILE_HEADERS),
            Answer(
                "A part of it.",
                (*SOUND, *CONTAINERS.values()),
                headers=(*FILE_HEADERS, "Content-Range"),
                status=206,
            ),
            Answer("The client's copy is current.", headers=FILE_HEADERS, status=304),
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
            RANGE,
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
        "The job has to have ended. Failed items are only listed.",
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
        errors=(*_JOB_ERRORS, QuotaExceeded, Busy),
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
