"""All expected errors, as one tree of exceptions.

Each class carries an HTTP status and a stable code for clients. The message is written for the
person who sent the request or operates the server. The web layer turns an error into one JSON
object, the command line into one line; neither shows a traceback.

The first line of a class's docstring is its description in ``/openapi.json``.

- VitsTtsError: 500 internal
  - ConfigError: 500 config_invalid (stops the start)
  - VoiceError: 503 voice_broken (a voice that cannot be used)
  - RequestError: 400 request_invalid
    - EncodingInvalid: 400 encoding_invalid
    - JsonInvalid: 400 json_invalid
    - FieldInvalid: 400 field_invalid
    - EventInvalid: 400 event_invalid (of the Wyoming protocol)
    - TextMissing: 400 text_missing
    - TextEmpty: 400 text_empty
    - TextUnspeakable: 400 text_unspeakable
    - TextControlCharacters: 400 text_control_characters
    - TextTooLong: 400 text_too_long
    - MarkupInvalid: 400 markup_invalid
    - MarkupUnsupported: 400 markup_unsupported
    - SpeedInvalid: 400 speed_invalid
    - SpeakerUnknown: 400 speaker_unknown
    - ContextInvalid: 400 context_invalid (on WebSockets)
    - FormatInvalid: 400 format_invalid
    - SampleRateInvalid: 400 sample_rate_invalid
    - BitRateInvalid: 400 bit_rate_invalid
    - KeyMissing: 401 key_missing
    - KeyInvalid: 401 key_invalid
    - TokenExpired: 401 token_expired
    - ScopeInsufficient: 403 scope_insufficient
    - DocumentInvalid: 400 document_invalid (subtitles and books of jobs)
    - CallbackRefused: 400 callback_refused (its host is not allowed)
    - OriginRefused: 403 origin_refused
    - LinkInvalid: 403 link_invalid
    - LinkExpired: 403 link_expired
    - VoiceUnknown: 404 voice_unknown
    - VoiceInvalid: 400 voice_invalid (on OpenAI's paths)
    - ModelUnknown: 404 model_not_found (likewise)
    - NotFound: 404 not_found
    - AudioNotFound: 404 audio_not_found
    - JobNotFound: 404 job_not_found
    - JobNotFinished: 409 job_not_finished
    - DictionaryInvalid: 400 dictionary_invalid
    - DictionaryNotFound: 404 dictionary_not_found
    - DictionaryConflict: 409 dictionary_conflict
    - IdempotencyConflict: 409 idempotency_conflict
    - QuotaExceeded: 429 quota_exceeded (jobs.max_waiting, dictionaries.max_dictionaries)
    - BudgetExceeded: 402 budget_exceeded (usage.budgets)
      - BudgetExceededForNow: 429 budget_exceeded (with Retry-After)
    - MethodNotAllowed: 405 method_not_allowed
    - NotAcceptable: 406 not_acceptable
    - BodyTooLarge: 413 body_too_large
    - TargetTooLong: 414 target_too_long
    - SpeechTooLong: 413 speech_too_long
    - MediaTypeUnsupported: 415 media_type_unsupported
    - RangeNotSatisfiable: 416 range_not_satisfiable
    - HostUnknown: 421 host_unknown
    - UpgradeRequired: 426 upgrade_required (on the paths of WebSockets)
    - RateLimited: 429 rate_limited (with Retry-After)
    - HeadTooLarge: 431 head_too_large
    - FormatUnavailable: 501 format_unavailable (its library is missing)
  - Unavailable: 503 unavailable (with Retry-After)
    - NotReady: 503 not_ready
    - Busy: 503 busy
    - JobsUnavailable: 503 jobs_unavailable (the queue cannot be used)
    - DictionariesUnavailable: 503 dictionaries_unavailable
  - RequestTooCostly: 503 request_too_costly (limits.request_cpu_seconds)
  - StorageError: 507 storage_failed (files cannot be saved)
    - StorageTimeout: 507 storage_timeout (the disk does not answer)
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar


class VitsTtsError(Exception):
    """An internal error of the server. The log has its traceback under the request's id.

    Subclasses are more specific. ``status`` is the HTTP status, ``code`` the stable code in the
    JSON of the response, and ``field`` the parameter that caused the error, if one did.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        """Store the message and the name of the parameter or setting that caused the error."""
        super().__init__(message)
        self.message = message
        self.field = field


class ConfigError(VitsTtsError):
    """A setting cannot be used. The message names the key, its source and the accepted values."""

    code = "config_invalid"


class VoiceError(VitsTtsError):
    """The files of a voice are missing, damaged or not in Piper's format."""

    status = 503
    code = "voice_broken"


class RequestError(VitsTtsError):
    """The request is not valid, or asks for something that the server cannot do."""

    status = 400
    code = "request_invalid"


class EncodingInvalid(RequestError):
    """The text or the body is not valid UTF-8."""

    code = "encoding_invalid"


class JsonInvalid(RequestError):
    """The body is not valid JSON, or is not an object."""

    code = "json_invalid"


class FieldInvalid(RequestError):
    """A parameter has the wrong type, such as a list instead of a string."""

    code = "field_invalid"


class EventInvalid(RequestError):
    """The bytes are not an event of the Wyoming protocol, or the event is too large or too late."""

    code = "event_invalid"


class TextMissing(RequestError):
    """The parameter ``text`` is missing."""

    code = "text_missing"


class TextEmpty(RequestError):
    """The text is empty or has only white space."""

    code = "text_empty"


class TextUnspeakable(RequestError):
    """The text has no letter and no digit: only punctuation, symbols or emoji."""

    code = "text_unspeakable"


class TextControlCharacters(RequestError):
    """The text has control characters other than white space."""

    code = "text_control_characters"


class TextTooLong(RequestError):
    """The text is longer than ``server.max_text_chars``, or four times that when it is spoken."""

    code = "text_too_long"


class MarkupInvalid(RequestError):
    """The SSML or an inline mark is broken. The message names the tag, its line and its column."""

    code = "markup_invalid"


class MarkupUnsupported(RequestError):
    """The SSML asks for something that this server cannot do. The message has advice."""

    code = "markup_unsupported"


class SpeedInvalid(RequestError):
    """The speed is neither a name nor a rate between 0.25 and 4."""

    code = "speed_invalid"


class SpeakerUnknown(RequestError):
    """The voice has no speaker of this name or number."""

    code = "speaker_unknown"


class ContextInvalid(RequestError):
    """A message names a context that cannot be used."""

    code = "context_invalid"


class FormatInvalid(RequestError):
    """The audio format does not exist."""

    code = "format_invalid"


class SampleRateInvalid(RequestError):
    """The sample rate is not a number, or the format does not support it."""

    code = "sample_rate_invalid"


class BitRateInvalid(RequestError):
    """The bit rate is not a number, or the format does not support it."""

    code = "bit_rate_invalid"


class FormatUnavailable(RequestError):
    """The library that encodes this format is not installed on the server."""

    status = 501
    code = "format_unavailable"


class NotAcceptable(RequestError):
    """``Accept`` names no format that the server can produce."""

    status = 406
    code = "not_acceptable"


class KeyMissing(RequestError):
    """The server requires an API key and the request has none."""

    status = 401
    code = "key_missing"


class KeyInvalid(RequestError):
    """The server does not know this API key."""

    status = 401
    code = "key_invalid"


class TokenExpired(RequestError):
    """The token has expired. `POST /v1/tokens` returns a new one."""

    status = 401
    code = "token_expired"


class ScopeInsufficient(RequestError):
    """A token does not admit this request; an API key does."""

    status = 403
    code = "scope_insufficient"


class DocumentInvalid(RequestError):
    """The subtitles or the book of a job are broken, encrypted or unsafe, or have no text."""

    code = "document_invalid"


class CallbackRefused(RequestError):
    """The callback is not a URL, or its host is not in ``callbacks.hosts``."""

    code = "callback_refused"


class OriginRefused(RequestError):
    """The request comes from a web page whose origin is not in ``server.cors_origins``."""

    status = 403
    code = "origin_refused"


class LinkInvalid(RequestError):
    """The signed link was not created by this server, or was changed."""

    status = 403
    code = "link_invalid"


class LinkExpired(RequestError):
    """The signed link has expired."""

    status = 403
    code = "link_expired"


class VoiceUnknown(RequestError):
    """The server has no voice of this name. It never uses another one instead."""

    status = 404
    code = "voice_unknown"


class VoiceInvalid(RequestError):
    """The server has no voice of this name (on OpenAI's paths, where the status is 400)."""

    code = "voice_invalid"


class ModelUnknown(RequestError):
    """The server has no model of this name. The code is OpenAI's."""

    status = 404
    code = "model_not_found"


class NotFound(RequestError):
    """The path does not exist."""

    status = 404
    code = "not_found"


class AudioNotFound(RequestError):
    """No file has this hash: it was never created, or was removed."""

    status = 404
    code = "audio_not_found"


class JobNotFound(RequestError):
    """The caller has no such job, or has none any more (``jobs.keep_hours``)."""

    status = 404
    code = "job_not_found"


class JobNotFinished(RequestError):
    """The job has not ended, so it cannot be deleted."""

    status = 409
    code = "job_not_finished"


class IdempotencyConflict(RequestError):
    """The ``Idempotency-Key`` was used before, for another request."""

    status = 409
    code = "idempotency_conflict"


class DictionaryInvalid(RequestError):
    """The rules or the PLS file of a dictionary cannot be used. The message names the place."""

    code = "dictionary_invalid"


class DictionaryNotFound(RequestError):
    """The caller has no such pronunciation dictionary, or it has no such version."""

    status = 404
    code = "dictionary_not_found"


class DictionaryConflict(RequestError):
    """The name of the dictionary is taken, or its latest version is not the expected one."""

    status = 409
    code = "dictionary_conflict"


class MethodNotAllowed(RequestError):
    """The path does not support this method. ``Allow`` lists those that it supports."""

    status = 405
    code = "method_not_allowed"


class BodyTooLarge(RequestError):
    """The body is larger than ``server.max_body_bytes``."""

    status = 413
    code = "body_too_large"


class TargetTooLong(RequestError):
    """The request line is longer than ``server.max_header_bytes``."""

    status = 414
    code = "target_too_long"


class HeadTooLarge(RequestError):
    """The head is larger than ``server.max_header_bytes`` or has more than 200 header lines."""

    status = 431
    code = "head_too_large"


class SpeechTooLong(RequestError):
    """The file would be larger than ``audio.max_bytes``, the limit for all files together."""

    status = 413
    code = "speech_too_long"


class MediaTypeUnsupported(RequestError):
    """The body is neither JSON nor a form, or it is compressed."""

    status = 415
    code = "media_type_unsupported"


class RangeNotSatisfiable(RequestError):
    """The requested range lies outside the file."""

    status = 416
    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        """Store the file's size in bytes."""
        super().__init__(f"the file has {size} bytes")
        self.size = size


class HostUnknown(RequestError):
    """The ``Host`` header of the request is not a name of this server."""

    status = 421
    code = "host_unknown"


class UpgradeRequired(RequestError):
    """The path is a WebSocket, and the request is not the handshake of one."""

    status = 426
    code = "upgrade_required"


class RateLimited(RequestError):
    """The client exceeded its rate limit. ``Retry-After`` says when to send the request again."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int, headers: Mapping[str, str]) -> None:
        """Store the message, the seconds to wait, and the ``RateLimit`` headers of the response."""
        super().__init__(message)
        self.retry_after = retry_after
        self.headers = headers


class QuotaExceeded(RequestError):
    """The caller has too many unfinished items or listeners of jobs, or too many dictionaries."""

    status = 429
    code = "quota_exceeded"


class BudgetExceeded(RequestError):
    """The key has used up its budget for this month."""

    status = 402
    code = "budget_exceeded"


class BudgetExceededForNow(BudgetExceeded):
    """The key has used up its budget for this month. ``Retry-After`` is its end."""

    status = 429

    def __init__(self, message: str, again: datetime) -> None:
        """Store the message, and when the next budget begins."""
        super().__init__(message)
        left = (again - datetime.now(UTC)).total_seconds()
        self.retry_after = max(1, math.ceil(left))


class Unavailable(VitsTtsError):
    """The request cannot be served now. ``Retry-After`` says when to send it again."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        """Store the message and the seconds after which the client should try again."""
        super().__init__(message)
        self.retry_after = retry_after


class NotReady(Unavailable):
    """The voice is still being loaded, or cannot be loaded."""

    code = "not_ready"


class Busy(Unavailable):
    """The server has no capacity for this request now."""

    code = "busy"


class JobsUnavailable(Unavailable):
    """The queue of jobs cannot be opened, read or written."""

    code = "jobs_unavailable"


class DictionariesUnavailable(Unavailable):
    """The pronunciation dictionaries cannot be read or changed now."""

    code = "dictionaries_unavailable"


class RequestTooCostly(VitsTtsError):
    """The request used more than ``limits.request_cpu_seconds`` of processor time and was ended."""

    status = 503
    code = "request_too_costly"

    def __init__(self, most: float, stage: str) -> None:
        """Store the limit in seconds and the stage that used most of it, such as ``reading``."""
        super().__init__(
            f"the request used more than {most:g} s of processor time, mostly for {stage}"
        )
        self.stage = stage


class StorageError(VitsTtsError):
    """The file cannot be saved: the disk is full, read-only or missing."""

    status = 507
    code = "storage_failed"


class StorageTimeout(StorageError):
    """The disk of the saved files does not answer within ``audio.timeout_seconds``."""

    code = "storage_timeout"
