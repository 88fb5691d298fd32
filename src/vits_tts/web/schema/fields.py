"""The types of parameters, each with its check and its JSON Schema for the OpenAPI description.

A failed check raises one of our errors, or one of pydantic's that ``schema/requests.py``
translates.
"""

import re
from typing import Annotated, Any, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)
from pydantic import WithJsonSchema as Described
from pydantic_core import PydanticCustomError, PydanticKnownError

from vits_tts.audio import formats
from vits_tts.audio.formats import MAX_SAMPLE_RATE, MIN_BIT_RATE, MIN_SAMPLE_RATE
from vits_tts.audio.gain import MAX_VOLUME
from vits_tts.config import Speeds
from vits_tts.errors import EncodingInvalid, FieldInvalid, SpeedInvalid
from vits_tts.markup import InputKind
from vits_tts.markup.dialogue import MAX_TURNS, Turn
from vits_tts.markup.plan import MAX_PAUSE
from vits_tts.speech import MAX_RATE, MIN_RATE
from vits_tts.text.normalizer.lexicon import Lexicon, LexiconInvalid
from vits_tts.text.normalizer.pipeline import CONTROLS

MAX_WORDS: Final = 1000
"""The maximum number of words in the lexicon of one request."""
MAX_WORD_CHARS: Final = 100
MAX_DICTIONARIES: Final = 10
"""The maximum number of pronunciation dictionaries of one request."""
MAX_READING_CHARS: Final = 200
"""The maximum characters of a reading, which is inserted each time its word occurs."""

JSON_ONLY: Final = "x-json-only"
"""Keyword of a schema: the parameter is possible in JSON, but not in a query or a form."""
INSTEAD: Final = "x-instead"
"""Keyword of a model: two parameters, of which JSON has exactly one. A query or form has the
first."""
LIMITED: Final = "x-limited"
"""Keyword of a schema: a text to be spoken, whose maximal length is in the settings."""
ONE_OF: Final = "x-one-of"
"""Keyword of a schema: the text must be one of a list of names, such as `voices`."""

_DETAILS: Final = "(words|phonemes|visemes)"
_JSON_TIMES: Final = re.compile(rf"json|{_DETAILS}(,{_DETAILS}){{0,2}}")
_TIMES: Final = re.compile(
    rf"json|srt|vtt|{_DETAILS}(,{_DETAILS}){{0,2}}|marks(,visemes)?|visemes,marks"
)


def can_be_encoded(value: str) -> bool:
    """Return False if ``value`` has a lone surrogate: JSON can spell one, UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unicode(value: str) -> str:
    """Return ``value``, unless it has a lone surrogate."""
    if not can_be_encoded(value):
        raise PydanticKnownError("string_unicode")
    return value


def _named(value: Any) -> Any:
    """Return a number as a text, 1.0 like 1; return other values unchanged."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return value


def _times(value: Any) -> Any:
    """Return the value of ``timestamps`` in its standard form: "json" for true, None for false.

    Raises:
        FieldInvalid: it is another value.

    """
    found = {"true": "json", "words": "json", "false": None, "": None}.get(
        str(value).lower(), value
    )
    if found is None or (isinstance(found, str) and _TIMES.fullmatch(found)):
        return found
    message = (
        "timestamps must be true, false, json, srt, vtt, marks, or one or more of words, phonemes "
        "and visemes, separated by commas; marks may have visemes too"
    )
    raise FieldInvalid(message, field="timestamps")


def _json_times(value: Any) -> Any:
    """Return the value of ``timestamps`` of a job in its usual form: "" for false.

    Raises:
        FieldInvalid: it is another value, or asks for another form than JSON.

    """
    found = value if value is None else _times(value) or ""
    if found and not _JSON_TIMES.fullmatch(found):
        message = (
            "timestamps of jobs must be true, false, json, or one or more of words, phonemes and "
            "visemes, separated by commas; /tts has subtitles and marks"
        )
        raise FieldInvalid(message, field="timestamps")
    return found


def as_number(value: Any) -> Any:
    """Return a text as a number if it is one; return other values unchanged."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def number_or_none(value: Any) -> Any:
    """Return a text as a number if it is one, None if it is empty; other values unchanged."""
    return None if isinstance(value, str) and not value.strip() else as_number(value)


def _rate(value: float) -> float:
    if not MIN_RATE <= value <= MAX_RATE:
        message = f"speed must be a number from {MIN_RATE:g} to {MAX_RATE:g}"
        raise SpeedInvalid(message, field="speed")
    return value


def _dictionaries(value: Any) -> tuple[str, ...] | None:
    """Return names of dictionaries: a list, or a text with commas.

    Raises:
        FieldInvalid: it is neither, or has too many.

    """
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FieldInvalid("dictionaries must be a list of names", field="dictionaries")
    if len(names) > MAX_DICTIONARIES:
        message = f"dictionaries has up to {MAX_DICTIONARIES} names"
        raise FieldInvalid(message, field="dictionaries")
    return tuple(_unicode(name) for name in names if name)


def _factor(value: Any) -> Any:
    """Return a text as a number if it is one, and 1 for None; return other values unchanged."""
    return 1.0 if value is None else as_number(value)


def _volume(value: float) -> float:
    if not 0 <= value <= MAX_VOLUME:
        message = f"volume must be a number from 0 to {MAX_VOLUME:g}"
        raise FieldInvalid(message, field="volume")
    return value


def _readings(value: Any) -> Lexicon | None:
    """Return the lexicon of a request.

    Raises:
        FieldInvalid: it is not an object, has an invalid word or reading, or is too large.
        EncodingInvalid: it has a lone surrogate.

    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise FieldInvalid("lexicon must be an object of words and readings", field="lexicon")
    if len(value) > MAX_WORDS:
        message = f"lexicon has {len(value)} words; {MAX_WORDS} are allowed"
        raise FieldInvalid(message, field="lexicon")
    for word, said in value.items():
        if len(str(word)) > MAX_WORD_CHARS:
            message = f"lexicon: {word!r:.40}: a word has up to {MAX_WORD_CHARS} characters"
            raise FieldInvalid(message, field="lexicon")
        if isinstance(said, str) and len(said) > MAX_READING_CHARS:
            message = f"lexicon: {word!r:.40}: a reading has up to {MAX_READING_CHARS} characters"
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


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _no_turns(value: Any) -> None:
    if value is not None:
        raise FieldInvalid("a link cannot contain turns", field="turns")


def checked_turns(value: Any) -> tuple[Turn, ...] | None:
    """Return the turns of a dialogue.

    Raises:
        FieldInvalid: it is not a list of objects, or a field of one is invalid.
        EncodingInvalid: a text has a lone surrogate.

    """
    if value is None:
        return None
    if isinstance(value, tuple):  # checked before
        return value
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_TURNS:
        raise FieldInvalid(f"turns must be a list of 1 to {MAX_TURNS} objects", field="turns")
    return tuple(_turn(number, item) for number, item in enumerate(value))


def _turn(number: int, item: Any) -> Turn:
    if not isinstance(item, dict):
        raise FieldInvalid(f"turns[{number}] must be an object with text", field="turns")
    try:
        return Turn(**_TurnFields.model_validate(item).model_dump())
    except ValidationError as problem:
        detail = problem.errors(include_url=False)[0]
        at = ".".join([f"turns[{number}]", *map(str, detail["loc"][:1])])
        if detail["type"] == "string_unicode":
            message = f"{at} is not valid Unicode: it has a lone surrogate"
            raise EncodingInvalid(message, field="turns") from None
        if detail["type"] == "too_short":
            raise FieldInvalid(f"{at} is empty", field="turns") from None
        raise FieldInvalid(f"{at}: {detail['msg'].lower()}", field="turns") from None


def _pause(value: float) -> float:
    if not 0 <= value <= MAX_PAUSE:
        raise PydanticCustomError("pause", f"pauses last from 0 to {MAX_PAUSE:g} seconds")
    return value


def _no_readings(value: Any) -> None:
    if value is not None:
        raise FieldInvalid("a link cannot contain a lexicon", field="lexicon")


_TEXT: Final = {"type": "string", "pattern": f"^[^{CONTROLS}]*$", LIMITED: True}
_SPEED: Final = {
    "type": ["string", "number"],
    "anyOf": [
        {"type": "string", "enum": list(Speeds.model_fields)},
        {"type": "number", "minimum": MIN_RATE, "maximum": MAX_RATE},
    ],
}
_PAUSE: Final = {"type": "number", "minimum": 0, "maximum": MAX_PAUSE}
_INPUT: Final = {"anyOf": [{"enum": ["text", "ssml", ""]}, {"type": "null"}]}

Written: TypeAlias = Annotated[StrictStr, AfterValidator(_unicode)]

Spoken: TypeAlias = Annotated[Written, Described(_TEXT)]

VoiceName: TypeAlias = Annotated[Written, Described({"type": "string", ONE_OF: "voices"})]

Rate: TypeAlias = Annotated[
    StrictInt | StrictFloat,
    BeforeValidator(as_number),
    AfterValidator(_rate),
    Described({"type": "number", "minimum": MIN_RATE, "maximum": MAX_RATE}),
]

DictionaryNames: TypeAlias = Annotated[
    tuple[str, ...] | None,
    PlainValidator(_dictionaries),
    Described(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}, "maxItems": MAX_DICTIONARIES},
                {"type": "string"},
                {"type": "null"},
            ],
            JSON_ONLY: True,
        }
    ),
]

Volume: TypeAlias = Annotated[
    StrictInt | StrictFloat,
    BeforeValidator(_factor),
    AfterValidator(_volume),
    Described(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": MAX_VOLUME}, {"type": "null"}]}
    ),
]

Speed: TypeAlias = Annotated[
    Written | StrictInt | StrictFloat,  # `speech` checks names and range
    Described(_SPEED),
]

Speaker: TypeAlias = Annotated[
    Written,
    BeforeValidator(_named),
    Described({"type": ["string", "integer"]}),
]

Format: TypeAlias = Annotated[Written, Described({"type": "string", "enum": formats.names()})]

SampleRate: TypeAlias = Annotated[
    Written | StrictInt | StrictFloat,  # `audio` checks whether the format can have it
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
            "additionalProperties": {"type": "string", "maxLength": MAX_READING_CHARS},
            "propertyNames": {"pattern": r"[^\W_]", "maxLength": MAX_WORD_CHARS},
            "maxProperties": MAX_WORDS,
            JSON_ONLY: True,
        }
    ),
]

Input: TypeAlias = Annotated[
    InputKind | None,
    BeforeValidator(lambda value: value or None if isinstance(value, str) else value),
    Described(_INPUT),
]

Turns: TypeAlias = Annotated[
    tuple[Turn, ...] | None,
    PlainValidator(checked_turns),
    Described(
        {
            "anyOf": [
                {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_TURNS,
                    "items": {
                        "type": "object",
                        "required": ["text"],
                        "properties": {
                            "text": _TEXT | {"minLength": 1},
                            "voice": _nullable({"type": "string", ONE_OF: "voices"}),
                            "speaker": {"type": ["string", "integer", "null"]},
                            "speed": _nullable(_SPEED),
                            "pause": _nullable(_PAUSE),
                            "input": _INPUT,
                        },
                        "additionalProperties": False,
                    },
                },
                {"type": "null"},
            ],
            JSON_ONLY: True,
        }
    ),
]

Pause: TypeAlias = Annotated[
    StrictInt | StrictFloat,
    BeforeValidator(as_number),
    AfterValidator(_pause),
    Described(_PAUSE),
]


class _TurnFields(BaseModel):
    """The fields of a turn, as JSON has them."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Written, Field(min_length=1)]
    voice: Written | None = None
    speaker: Speaker | None = None
    speed: Speed | None = None
    pause: Pause | None = None
    input: Input = None


NoReadings: TypeAlias = Annotated[
    Lexicon | None, PlainValidator(_no_readings), Described({"type": "null", JSON_ONLY: True})
]

NoTurns: TypeAlias = Annotated[
    tuple[Turn, ...] | None,
    PlainValidator(_no_turns),
    Described({"type": "null", JSON_ONLY: True}),
]

Timestamps: TypeAlias = Annotated[
    str | None,
    BeforeValidator(_times),
    Described(
        {
            "anyOf": [
                {"enum": [True, False, "true", "false", ""]},
                {"type": "string", "pattern": f"^({_TIMES.pattern})$"},
                {"type": "null"},
            ]
        }
    ),
]

JsonTimestamps: TypeAlias = Annotated[
    str | None,
    BeforeValidator(_json_times),
    Described(
        {
            "anyOf": [
                {"enum": [True, False, "true", "false", ""]},
                {"type": "string", "pattern": f"^({_JSON_TIMES.pattern})$"},
                {"type": "null"},
            ]
        }
    ),
]
"""Times as jobs have them: as JSON only."""
