"""Routes that create speech, serve its files, and list the voices."""

from typing import Final

from vits_tts.errors import (
    AudioNotFound,
    LinkExpired,
    LinkInvalid,
    NotAcceptable,
    RangeNotSatisfiable,
    RateLimited,
    SpeakerUnknown,
    SpeechTooLong,
    SpeedInvalid,
    StorageError,
    StorageTimeout,
    TextMissing,
    VoiceUnknown,
)
from vits_tts.speech.speech_marks import MEDIA_TYPE as MARKS_TYPE
from vits_tts.speech.subtitles import MEDIA_TYPES
from vits_tts.web.handlers import timestamps
from vits_tts.web.handlers.files import AudioHandler
from vits_tts.web.handlers.speech import (
    LinkHandler,
    NormalizeHandler,
    StreamHandler,
    TtsHandler,
    VoicesHandler,
)
from vits_tts.web.routes.shared import (
    DICTIONARY_ERRORS,
    FILE_FORMAT,
    FILE_HEADERS,
    NOT_NOW,
    RANGE,
    SOUND,
    SPEECH_ERRORS,
    TEXT_ERRORS,
)
from vits_tts.web.schema.responses import NormalizedText, SavedSpeech, StreamLink, VoicesAnswer
from vits_tts.web.schema.route import JSON, Answer, Parameter, Route

SPEECH: Final = (
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
        (*SPEECH_ERRORS, SpeechTooLong, StorageError, StorageTimeout),
        label="tts",
    ),
    Route(
        "/tts/stream",
        StreamHandler,
        "Speech",
        "Stream speech",
        (
            Answer("Mono audio, sent while it is synthesised.", SOUND, headers=("X-Characters",)),
            Answer(
                "With `timestamps`: lines of JSON, each with a `type`: `start`, `sentence` or "
                "`subtitles` or `marks`, `audio` (`data` in base64), `error`, `end`.",
                (timestamps.MEDIA_TYPE,),
            ),
            Answer(
                "A range of the audio.", SOUND, headers=(*FILE_HEADERS, "Content-Range"), status=206
            ),
        ),
        "`format` or `Accept` selects the format; the default is WAV. If the length is unknown, "
        "the sizes in the WAV header are 0xFFFFFFFF. After an error in the middle the connection "
        "is closed, so that a client can distinguish it from the end.",
        (*SPEECH_ERRORS, NotAcceptable, RangeNotSatisfiable, LinkInvalid, LinkExpired),
        (RANGE,),
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
        (*SPEECH_ERRORS, NotAcceptable),
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
            *TEXT_ERRORS,
            *DICTIONARY_ERRORS,
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
            Answer("The whole file.", SOUND, headers=FILE_HEADERS),
            Answer("A range of it.", SOUND, headers=(*FILE_HEADERS, "Content-Range"), status=206),
            Answer("The client's copy is current.", headers=FILE_HEADERS, status=304),
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
            *NOT_NOW,
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
            FILE_FORMAT,
            RANGE,
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
)
