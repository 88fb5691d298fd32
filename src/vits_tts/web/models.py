"""What may be asked for: the parameters of requests, as models that check and describe them.

A parameter is a field; its type, what is said of it and an example stand here and nowhere else. The
same models check the query, forms and JSON, and make the description at ``/openapi.json``.
"""

from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from vits_tts.errors import EncodingInvalid, FieldInvalid, RequestError, TextMissing
from vits_tts.speech import MAX_RATE, MIN_RATE
from vits_tts.speech.subtitles import SubtitleFormat
from vits_tts.web.fields import (
    BitRate,
    Format,
    Readings,
    SampleRate,
    Speaker,
    Speed,
    Spoken,
    Timestamps,
    VoiceName,
)
from vits_tts.web.parameters import Parameters, kind

Model = TypeVar("Model", bound=BaseModel)

_KINDS: Final = {"string_type": "a text", "int_type": "a number", "float_type": "a number"}
"""What pydantic's errors of types ask for."""


class TextParameters(BaseModel):
    """What is asked of `/normalize`."""

    model_config = ConfigDict(frozen=True)

    text: Spoken = Field(
        description="What to say. An empty line begins a new paragraph.",
        examples=["Xin chào các bạn. Hôm nay trời đẹp quá!"],
    )
    lexicon: Readings = Field(
        None,
        description="Words and how they are said in this request.",
        examples=[{"Zalo": "da lô"}],
    )


class SpeechParameters(TextParameters):
    """What is asked of `/tts` and `/tts/stream`."""

    speed: Speed | None = Field(
        None,
        description=f"A name, or a rate from {MIN_RATE:g} to {MAX_RATE:g}: 2 is twice as fast.",
        examples=["slow", 1.25],
    )
    voice: VoiceName | None = Field(
        None,
        description="A name from `/voices`; the default voice if it is left out or empty.",
    )
    speaker: Speaker | None = Field(
        None,
        description="For voices with several speakers: a name from `/voices`, or a number; the "
        "first speaker if it is left out or empty.",
        examples=["0"],
    )
    format: Format | None = Field(
        None,
        description="What the sound comes as. If it is left out, what `Accept` likes best, or WAV.",
        examples=["mp3"],
    )
    sample_rate: SampleRate | None = Field(
        None,
        description="Samples a second; else the voice's, or the next that the format takes.",
        examples=[24000],
    )
    bit_rate: BitRate | None = Field(
        None,
        description="Bits a second, for `mp3`, `opus` and `aac`.",
        examples=[48000],
    )
    timestamps: Timestamps = Field(
        None,
        description="When sentences and words are heard: `true` or `json` for the times, `srt` or "
        "`vtt` for subtitles.",
        examples=[True, "vtt"],
    )

    @property
    def subtitles(self) -> SubtitleFormat | None:
        """The format of subtitles, if times are wanted as such."""
        return None if self.timestamps == "json" else self.timestamps


def checked(model: type[Model], given: Parameters) -> Model:
    """Return the parameters as a model; those that it does not know are left out.

    Raises:
        TextMissing: there is no ``text``.
        EncodingInvalid: a text holds half of a surrogate pair.
        FieldInvalid: a parameter is missing or of the wrong type.

    """
    try:
        return model.model_validate(given)
    except ValidationError as problem:
        raise _refusal(problem.errors(include_url=False)) from None


def _refusal(details: list[ErrorDetails]) -> RequestError:
    """Return an error about the first parameter that is wrong; of a union there is one each."""
    detail = details[0]
    name, given, reason = str(detail["loc"][0]), detail["input"], detail["type"]
    if reason == "missing" or given is None:
        missing = TextMissing if name == "text" else FieldInvalid
        return missing(f"{name} is missing", field=name)
    if reason == "string_unicode":
        return EncodingInvalid(f"{name} is not valid Unicode: it has a lone surrogate", field=name)
    if reason in _KINDS:
        wanted = dict.fromkeys(_wanted(other) for other in details if other["loc"][0] == name)
        return FieldInvalid(f"{name} is {' or '.join(wanted)}, not {kind(given)}", field=name)
    if reason in {"literal_error", "enum"}:
        return FieldInvalid(f"{name} is {detail['ctx']['expected']}", field=name)
    message = detail["msg"]
    return FieldInvalid(f"{name}: {message[:1].lower()}{message[1:]}", field=name)


def _wanted(detail: ErrorDetails) -> str:
    """Return what would do, in words for the person who sent something else."""
    _, *inner = detail["loc"]
    if len(inner) > 1:  # a field of an object that may stand here
        return f"an object with {inner[-1]}"
    return _KINDS.get(detail["type"], "an object")
