"""Errors, parameters, media types and headers that several routes have in common."""

from typing import Final

from vits_tts.audio.formats import COMPANIONS, media_types, offered
from vits_tts.errors import (
    BitRateInvalid,
    BodyTooLarge,
    BudgetExceeded,
    BudgetExceededForNow,
    Busy,
    DictionariesUnavailable,
    DictionaryNotFound,
    EncodingInvalid,
    FieldInvalid,
    FormatInvalid,
    FormatUnavailable,
    JsonInvalid,
    MarkupInvalid,
    MarkupUnsupported,
    MediaTypeUnsupported,
    NotReady,
    RequestError,
    RequestTooCostly,
    SampleRateInvalid,
    SpeakerUnknown,
    SpeedInvalid,
    TextControlCharacters,
    TextEmpty,
    TextMissing,
    TextTooLong,
    TextUnspeakable,
    VoiceError,
    VoiceUnknown,
)
from vits_tts.web.schema.route import Parameter

TEXT_ERRORS: Final = (
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
SOUND_ERRORS: Final = (
    *TEXT_ERRORS,
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
NOT_NOW: Final = (Busy, NotReady, VoiceError)
"""Errors of a file that another replica created, when it has to be synthesised again."""
DICTIONARY_ERRORS: Final = (DictionariesUnavailable, DictionaryNotFound)
SPEECH_ERRORS: Final = (
    *SOUND_ERRORS,
    *DICTIONARY_ERRORS,
    TextMissing,
    VoiceUnknown,
    SampleRateInvalid,
    BitRateInvalid,
)
SOUND: Final = media_types()
FILE_HEADERS: Final = ("ETag", "Accept-Ranges", "Cache-Control")
FILE_FORMAT: Final = Parameter(
    "format",
    "path",
    "Its `format`, or `json` for its times.",
    {"type": "string", "enum": [*offered(), *COMPANIONS]},
)
RANGE: Final = Parameter("Range", "header", "Such as `bytes=0-1023`.", {"type": "string"})
