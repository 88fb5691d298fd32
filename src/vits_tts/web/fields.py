"""The types of parameters: how each is checked, and what the description says of it.

A check that fails raises an error of our tree, or one of pydantic's that ``models`` translates.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainValidator,
    StrictFloat,
    StrictInt,
    StrictStr,
)
from pydantic import WithJsonSchema as Described
from pydantic_core import PydanticKnownError

from vits_tts.audio import formats
from vits_tts.audio.formats import MAX_SAMPLE_RATE, MIN_BIT_RATE, MIN_SAMPLE_RATE
from vits_tts.config import Speeds
from vits_tts.errors import EncodingInvalid, FieldInvalid, SpeedInvalid
from vits_tts.speech import MAX_RATE, MIN_RATE
from vits_tts.text.lexicon import Lexicon, LexiconInvalid
from vits_tts.text.normalise import CONTROLS

MAX_WORDS: Final = 1000
"""Words of a lexicon that one request brings along."""

JSON_ONLY: Final = "x-json-only"
"""Keyword of a schema: JSON can carry it, a query or a form cannot."""
LIMITED: Final = "x-limited"
"""Keyword of a schema: a text that is to be spoken, as long as the settings allow."""
ONE_OF: Final = "x-one-of"
"""Keyword of a schema: which names of this server a text may be one of, such as `voices`."""

_TIMES: Final = ("json", "srt", "vtt")


def _unicode(value: str) -> str:
    """Refuse half of a surrogate pair, which JSON can spell and no encoding can carry."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticKnownError("string_unicode") from None
    return value


def _named(value: Any) -> Any:
    """Return a number as a name; JSON does not tell 1.0 from 1."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return value


def _times(value: Any) -> Any:
    """Return a yes as the format it means, and a no as none."""
    found = {"true": "json", "false": None, "": None}.get(str(value).lower(), value)
    if found not in (None, *_TIMES):
        message = f"timestamps is true, false, {', '.join(_TIMES[:-1])} or {_TIMES[-1]}"
        raise FieldInvalid(message, field="timestamps")
    return found


def _rate(value: float) -> float:
    if not MIN_RATE <= value <= MAX_RATE:
        message = f"speed is a number from {MIN_RATE:g} to {MAX_RATE:g}"
        raise SpeedInvalid(message, field="speed")
    return value


def _readings(value: Any) -> Lexicon | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise FieldInvalid("lexicon is an object of words and readings", field="lexicon")
    if len(value) > MAX_WORDS:
        message = f"lexicon has {len(value)} words; {MAX_WORDS} are allowed"
        raise FieldInvalid(message, field="lexicon")
    try:
        lexicon = Lexicon.of(value, patterns=False)
        "".join(part for pair in lexicon.words for part in pair).encode()
    except LexiconInvalid as error:
        raise FieldInvalid(f"lexicon: {error}", field="lexicon") from None
    except UnicodeEncodeError:
        message = "lexicon is not valid Unicode: it has a lone surrogate"
        raise EncodingInvalid(message, field="lexicon") from None
    return lexicon


Written: TypeAlias = Annotated[StrictStr, AfterValidator(_unicode)]

Spoken: TypeAlias = Annotated[
    Written, Described({"type": "string", "pattern": f"^[^{CONTROLS}]*$", LIMITED: True})
]

VoiceName: TypeAlias = Annotated[Written, Described({"type": "string", ONE_OF: "voices"})]

Rate: TypeAlias = Annotated[
    StrictInt | StrictFloat,
    AfterValidator(_rate),
    Described({"type": "number", "minimum": MIN_RATE, "maximum": MAX_RATE}),
]

Speed: TypeAlias = Annotated[
    Written | StrictInt | StrictFloat,  # its names and its range are the business of `speech`
    Described(
        {
            "type": ["string", "number"],
            "anyOf": [
                {"type": "string", "enum": list(Speeds.model_fields)},
                {"type": "number", "minimum": MIN_RATE, "maximum": MAX_RATE},
            ],
        }
    ),
]

Speaker: TypeAlias = Annotated[
    Written,
    BeforeValidator(_named),
    Described({"type": ["string", "integer"]}),
]

Format: TypeAlias = Annotated[Written, Described({"type": "string", "enum": formats.names()})]

SampleRate: TypeAlias = Annotated[
    Written | StrictInt | StrictFloat,  # what a format takes is the business of `audio`
    Described({"type": "integer", "minimum": MIN_SAMPLE_RATE, "maximum": MAX_SAMPLE_RATE}),
]

BitRate: TypeAlias = Annotated[
    Written | StrictInt | StrictFloat, Described({"type": "integer", "minimum": MIN_BIT_RATE})
]

Readings: TypeAlias = Annotated[
    Lexicon | None,
    PlainValidator(_readings),
    Described(
        {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": r"[^\W_]"},
            "maxProperties": MAX_WORDS,
            JSON_ONLY: True,
        }
    ),
]

Timestamps: TypeAlias = Annotated[
    Literal["json", "srt", "vtt"] | None,
    BeforeValidator(_times),
    Described(
        {
            "anyOf": [
                {"enum": [True, False, "true", "false", "", "json", "srt", "vtt"]},
                {"type": "null"},
            ]
        }
    ),
]
