"""The parameters of requests, as models that check and describe them.

Each parameter is a field, with its type, description and example. The same models check the query,
forms and JSON, and give the description at ``/openapi.json``.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from vits_tts.audio.gain import MAX_VOLUME
from vits_tts.errors import EncodingInvalid, FieldInvalid, RequestError, TextMissing
from vits_tts.markup.dialogue import text_of
from vits_tts.speech import MAX_RATE, MIN_RATE
from vits_tts.speech.subtitles import SubtitleFormat
from vits_tts.speech.timeline import DETAILS, Detail
from vits_tts.web.http.parameters import Parameters, kind
from vits_tts.web.schema.fields import (
    INSTEAD,
    BitRate,
    DictionaryNames,
    Format,
    Input,
    NoReadings,
    NoTurns,
    Pause,
    Readings,
    SampleRate,
    Speaker,
    Speed,
    Spoken,
    Timestamps,
    Turns,
    VoiceName,
    Volume,
    checked_turns,
)

Model = TypeVar("Model", bound=BaseModel)

_SHOWN_CHARS: Final = 60
_TEXTS: Final = ("text", "transcript")
_KINDS: Final = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "an object",
    "list_type": "a list",
    "tuple_type": "a list",
}
"""The expected type of a value, in words, for pydantic's errors about types."""


class TextParameters(BaseModel):
    """The parameters of `/normalize`."""

    model_config = ConfigDict(frozen=True, json_schema_extra={INSTEAD: ["text", "turns"]})

    text: Spoken = Field(
        description="The text to speak. An empty line begins a new paragraph.",
        examples=["Xin chào các bạn. Hôm nay trời đẹp quá!"],
    )
    input: Input = Field(
        None,
        description="Whether `text` is plain or SSML; if it is left out, a text that begins with "
        "`<speak` is SSML.",
        examples=["ssml"],
    )
    lexicon: Readings = Field(
        None,
        description="Words and their readings, for this request.",
        examples=[{"Zalo": "da lô"}],
    )
    dictionaries: DictionaryNames = Field(
        None,
        description="Names or ids of pronunciation dictionaries, of which the first takes "
        "precedence; `NAME@VERSION` is a version. If it is left out, those of "
        "`text.dictionaries`.",
    )
    turns: Turns = Field(
        None,
        description="The turns of a dialogue, in place of `text`: each has its text and may have a "
        "voice, speaker, speed, pause after it in seconds, and input.",
        examples=[[{"text": "Chào chị!"}, {"text": "Chào em.", "speed": "slow"}]],
    )
    turn_pause: Pause | None = Field(
        None, description="Seconds of silence between two turns.", examples=[0.5]
    )

    @model_validator(mode="before")
    @classmethod
    def _with_text(cls, given: Any) -> Any:
        """Return the parameters with the text of all turns."""
        if not isinstance(given, Mapping) or given.get("turns") is None:
            return given
        if isinstance(given["turns"], str):
            message = "turns must be a list of objects, and the request JSON"
            raise FieldInvalid(message, field="turns")
        if "text" in given:
            raise FieldInvalid("give text or turns, one of them", field="turns")
        found = checked_turns(given["turns"]) or ()
        return {**given, "turns": found, "text": text_of(found)}


class SpeechParameters(TextParameters):
    """The parameters of `/tts` and `/tts/stream`."""

    speed: Speed | None = Field(
        None,
        description=f"A name, or a rate from {MIN_RATE:g} to {MAX_RATE:g}: 2 is twice as fast.",
        examples=["slow", 1.25],
    )
    volume: Volume = Field(
        1.0,
        description=f"Factor of the amplitude, from 0 to {MAX_VOLUME:g}. No peak comes out above "
        "-1 dB.",
        examples=[0.5],
    )
    voice: VoiceName | None = Field(
        None,
        description="A name from `/voices`; the default voice if omitted or empty.",
    )
    speaker: Speaker | None = Field(
        None,
        description="For voices with several speakers: a name from `/voices`, or a number; the "
        "first speaker if omitted or empty.",
        examples=["0"],
    )
    format: Format | None = Field(
        None,
        description="The audio format; if omitted, the one that `Accept` prefers, or WAV.",
        examples=["mp3"],
    )
    sample_rate: SampleRate | None = Field(
        None,
        description="The sample rate in hertz; if omitted, that of the voice, or the next higher "
        "one that the format can have.",
        examples=[24000],
    )
    bit_rate: BitRate | None = Field(
        None,
        description="Bits per second, for `mp3`, `opus` and `aac`.",
        examples=[48000],
    )
    timestamps: Timestamps = Field(
        None,
        description="Request times: `true`, `json` or `words` for those of sentences and words as "
        "JSON, `phonemes`, `visemes` or both for more of them; `srt` or `vtt` for subtitles; "
        "`marks` or `marks,visemes` for speech marks as Polly has them.",
        examples=[True, "vtt", "phonemes,visemes"],
    )

    @property
    def subtitles(self) -> SubtitleFormat | None:
        """The format of the requested subtitles; None if none are requested."""
        forms: tuple[SubtitleFormat, ...] = get_args(SubtitleFormat)
        return next((form for form in forms if form == self.timestamps), None)

    @property
    def marks(self) -> bool:
        """True if speech marks are requested."""
        return "marks" in (self.timestamps or "")

    @property
    def details(self) -> tuple[Detail, ...]:
        """The requested times, besides those of words."""
        asked = self.timestamps or ""
        return tuple(name for name in DETAILS if name in asked)


class LinkParameters(SpeechParameters):
    """The parameters of `/tts/link`."""

    lexicon: NoReadings = Field(None, description="Must be null: a link cannot contain a lexicon.")
    turns: NoTurns = Field(None, description="Must be null: a link cannot contain turns.")


def checked(model: type[Model], given: Parameters) -> Model:
    """Return the parameters as a model, which may ignore those that it does not have.

    Raises:
        TextMissing: there is no ``text``.
        EncodingInvalid: a text has a lone surrogate.
        FieldInvalid: a parameter is missing or of the wrong type.

    """
    try:
        return model.model_validate(given)
    except ValidationError as problem:
        details = problem.errors(include_url=False)
    if not details[0]["loc"]:  # a place cannot be named if the name is not Unicode
        raise EncodingInvalid("the name of a field is not valid Unicode: it has a lone surrogate")
    name, path = str(details[0]["loc"][0]), _path(details[0], given)
    if path not in {"", name} and details[0]["type"] != "string_unicode":
        inner = [detail for detail in details if _path(detail, given) == path]
        raise FieldInvalid(_inner_message(path, inner), field=name)
    raise _refusal(details)


def _refusal(details: list[ErrorDetails]) -> RequestError:
    """Return an error about the first invalid parameter.

    If the parameter may have several types, ``details`` has an entry for each of them.
    """
    detail = details[0]
    name, given, reason = str(detail["loc"][0]), detail["input"], detail["type"]
    if reason == "extra_forbidden":
        shown = f"{name:.{_SHOWN_CHARS}}"
        return FieldInvalid(f"there is no field {shown!r} here", field=shown)
    if reason == "missing" or given is None:
        missing = TextMissing if name in _TEXTS else FieldInvalid
        return missing(f"{name} is missing", field=name)
    if reason == "string_unicode":
        return EncodingInvalid(f"{name} is not valid Unicode: it has a lone surrogate", field=name)
    if reason in _KINDS:
        wanted = dict.fromkeys(_wanted(other) for other in details if other["loc"][0] == name)
        if "a number" in wanted:  # an integer is a number as well
            wanted.pop(_KINDS["int_type"], None)
        return FieldInvalid(f"{name} must be {' or '.join(wanted)}, not {kind(given)}", field=name)
    if reason in {"literal_error", "enum"}:
        return FieldInvalid(f"{name} must be {detail['ctx']['expected']}", field=name)
    return FieldInvalid(_message(name, detail), field=name)


def _message(name: str, detail: ErrorDetails) -> str:
    """Return the message about a value of the right type."""
    given, reason, told = detail["input"], detail["type"], detail["msg"]
    if reason == "too_long" and isinstance(given, str):
        return f"{name} has {len(given)} characters; {detail['ctx']['max_length']} are allowed"
    if reason == "too_short" and given == "":
        return f"{name} is empty"
    return f"{name}: {told[:1].lower()}{told[1:]}"


def _path(detail: ErrorDetails, parameters: Parameters) -> str:
    """Return the place of an invalid value in the parameters: ``name.field`` or ``name[0].field``.

    Pydantic's own place also has the names of the types that were tried.
    """
    value: Any = parameters
    path = ""
    for part in detail["loc"]:
        if isinstance(value, Mapping) and (
            str(part) in value or (detail["type"] == "missing" and part == detail["loc"][-1])
        ):
            path += f".{str(part)[:_SHOWN_CHARS]}" if path else str(part)
            value = value.get(str(part))
        elif isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
            path += f"[{part}]"
            value = value[part]
    return path


def _inner_message(path: str, details: list[ErrorDetails]) -> str:
    """Return the message about an invalid value inside a parameter."""
    detail = details[0]
    if detail["type"] == "missing":
        return f"{path} is missing"
    if detail["type"] == "extra_forbidden":
        return f"there is no field {path!r} here"
    if detail["type"] in _KINDS:
        wanted = dict.fromkeys(_KINDS.get(other["type"], "an object") for other in details)
        if "a number" in wanted:
            wanted.pop(_KINDS["int_type"], None)
        return f"{path} must be {' or '.join(wanted)}, not {kind(detail['input'])}"
    message = detail["msg"]
    return f"{path}: {message[:1].lower()}{message[1:]}"


def _wanted(detail: ErrorDetails) -> str:
    """Return the expected type of a value, in words."""
    _, *inner = detail["loc"]
    if len(inner) > 1:  # an object is allowed here, and the error is about a field of it
        return f"an object with {inner[-1]}"
    return _KINDS.get(detail["type"], "an object")
