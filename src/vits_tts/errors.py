"""Everything that can go wrong on purpose, as one tree.

Each class carries the HTTP status and the stable code that a caller sees; the message is written
for the person who made the request or keeps the server. Nothing here is ever a traceback to a
user: the web layer and the command line turn these into one JSON object or one line.

::

    VitsTtsError                          500 internal
    ├── ConfigError                       500 config_invalid          (stops the start)
    ├── VoiceError                        503 voice_broken            (a voice that cannot speak)
    ├── RequestError                      400 request_invalid
    │   ├── EncodingInvalid               400 encoding_invalid
    │   ├── JsonInvalid                   400 json_invalid
    │   ├── FieldInvalid                  400 field_invalid
    │   ├── TextMissing                   400 text_missing
    │   ├── TextEmpty                     400 text_empty
    │   ├── TextUnspeakable               400 text_unspeakable
    │   ├── TextControlCharacters         400 text_control_characters
    │   ├── TextTooLong                   400 text_too_long
    │   ├── SpeedInvalid                  400 speed_invalid
    │   ├── SpeakerUnknown                400 speaker_unknown
    │   ├── FormatInvalid                 400 format_invalid
    │   ├── SampleRateInvalid             400 sample_rate_invalid
    │   ├── BitRateInvalid                400 bit_rate_invalid
    │   ├── KeyMissing                    401 key_missing
    │   ├── KeyInvalid                    401 key_invalid
    │   ├── VoiceUnknown                  404 voice_unknown
    │   ├── VoiceInvalid                  400 voice_invalid           (on OpenAI's paths)
    │   ├── ModelUnknown                  404 model_not_found         (likewise)
    │   ├── NotFound                      404 not_found
    │   ├── AudioNotFound                 404 audio_not_found
    │   ├── MethodNotAllowed              405 method_not_allowed
    │   ├── NotAcceptable                 406 not_acceptable
    │   ├── BodyTooLarge                  413 body_too_large
    │   ├── MediaTypeUnsupported          415 media_type_unsupported
    │   ├── RangeNotSatisfiable           416 range_not_satisfiable
    │   ├── RateLimited                   429 rate_limited            (with Retry-After)
    │   └── FormatUnavailable             501 format_unavailable      (its library is not here)
    ├── Unavailable                       503 unavailable             (with Retry-After)
    │   ├── NotReady                      503 not_ready
    │   └── Busy                          503 busy
    └── StorageError                      507 storage_failed          (audio files cannot be kept)
"""

from collections.abc import Mapping
from typing import ClassVar


class VitsTtsError(Exception):
    """A fault of the server's, logged under the request's id, where no class below says more.

    ``status`` and ``code`` are what HTTP callers see, ``field`` is the parameter.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        """Keep the message and, where one is to blame, the name of the parameter or setting."""
        super().__init__(message)
        self.message = message
        self.field = field


class ConfigError(VitsTtsError):
    """A setting that cannot be used; the message names the key, its source and what would do."""

    code = "config_invalid"


class VoiceError(VitsTtsError):
    """A voice whose files are missing, broken or not what Piper's format asks for."""

    status = 503
    code = "voice_broken"


class RequestError(VitsTtsError):
    """The caller asked for something that cannot be done as asked."""

    status = 400
    code = "request_invalid"


class EncodingInvalid(RequestError):
    """Bytes that are not UTF-8."""

    code = "encoding_invalid"


class JsonInvalid(RequestError):
    """A body that says it is JSON and is not, or is not an object."""

    code = "json_invalid"


class FieldInvalid(RequestError):
    """A parameter of the wrong kind, such as a list where a text is wanted."""

    code = "field_invalid"


class TextMissing(RequestError):
    """There is no ``text``."""

    code = "text_missing"


class TextEmpty(RequestError):
    """The text is empty or only white space."""

    code = "text_empty"


class TextUnspeakable(RequestError):
    """The text has nothing that can be said: only punctuation, symbols or emoji."""

    code = "text_unspeakable"


class TextControlCharacters(RequestError):
    """The text has control characters, which no reader says and which hide mistakes."""

    code = "text_control_characters"


class TextTooLong(RequestError):
    """The text is longer than ``server.max_text_chars``."""

    code = "text_too_long"


class SpeedInvalid(RequestError):
    """A speed that is neither a name nor a rate between 0.25 and 4."""

    code = "speed_invalid"


class SpeakerUnknown(RequestError):
    """The voice has no such speaker."""

    code = "speaker_unknown"


class FormatInvalid(RequestError):
    """No such format of audio."""

    code = "format_invalid"


class SampleRateInvalid(RequestError):
    """A sample rate that is no number, or that the format does not take."""

    code = "sample_rate_invalid"


class BitRateInvalid(RequestError):
    """A bit rate that is no number, or that the format does not take."""

    code = "bit_rate_invalid"


class FormatUnavailable(RequestError):
    """A format whose library is not installed here."""

    status = 501
    code = "format_unavailable"


class NotAcceptable(RequestError):
    """``Accept`` names only what cannot be made."""

    status = 406
    code = "not_acceptable"


class KeyMissing(RequestError):
    """The server wants an API key and the request has none."""

    status = 401
    code = "key_missing"


class KeyInvalid(RequestError):
    """The API key is not one of those the server knows."""

    status = 401
    code = "key_invalid"


class VoiceUnknown(RequestError):
    """No voice of that name is served; another is never used in its place."""

    status = 404
    code = "voice_unknown"


class VoiceInvalid(RequestError):
    """No voice of that name, where OpenAI answers 400."""

    code = "voice_invalid"


class ModelUnknown(RequestError):
    """No model of that name; the code is OpenAI's."""

    status = 404
    code = "model_not_found"


class NotFound(RequestError):
    """No such path."""

    status = 404
    code = "not_found"


class AudioNotFound(RequestError):
    """No audio file of that hash: never made, or already dropped."""

    status = 404
    code = "audio_not_found"


class MethodNotAllowed(RequestError):
    """The path exists, but not for this method; ``Allow`` says which it takes."""

    status = 405
    code = "method_not_allowed"


class BodyTooLarge(RequestError):
    """The body is larger than ``server.max_body_bytes``."""

    status = 413
    code = "body_too_large"


class MediaTypeUnsupported(RequestError):
    """A body that is neither JSON nor a form."""

    status = 415
    code = "media_type_unsupported"


class RangeNotSatisfiable(RequestError):
    """The bytes asked for lie outside the file, which has ``size`` bytes."""

    status = 416
    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        """Keep the file's size in bytes."""
        super().__init__(f"the file has {size} bytes")
        self.size = size


class RateLimited(RequestError):
    """The caller asked for more than its share; ``retry_after`` says when there is room again."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int, headers: Mapping[str, str]) -> None:
        """Keep the message, the seconds to wait and the headers that tell how things stand."""
        super().__init__(message)
        self.retry_after = retry_after
        self.headers = headers


class Unavailable(VitsTtsError):
    """Not now: ``retry_after`` says in how many seconds it is worth asking again."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        """Keep the message and the seconds after which to ask again."""
        super().__init__(message)
        self.retry_after = retry_after


class NotReady(Unavailable):
    """The voice is still being loaded, or cannot be."""

    code = "not_ready"


class Busy(Unavailable):
    """More requests are under way than this process takes at once."""

    code = "busy"


class StorageError(VitsTtsError):
    """The folder of audio files cannot be written: full, read-only or gone."""

    status = 507
    code = "storage_failed"
