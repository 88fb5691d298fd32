"""The JSON of the WebSockets' messages to their clients, and of errors before a WebSocket is open.

Fields that are not required depend on the path, or on the parameters of a context.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

_Base64 = Annotated[str, Field(description="Bytes of the sound in base64.")]
_Name = Annotated[str, Field(description="The name of the context.")]
_Wait = Annotated[int, Field(description="Seconds after which to try again.", ge=1)]


class Reached(TypedDict):
    """A place in a context: complete characters of its text, and milliseconds of its sound."""

    characters: Annotated[int, Field(ge=0)]
    ms: Annotated[int, Field(ge=0)]


# --- ElevenLabs ----------------------------------------------------------------------------------


class ElevenLabsProblem(TypedDict):
    """An error in ElevenLabs' form; ``status`` has the code too."""

    status: str
    code: Annotated[str, Field(description="A stable code, for programs.")]
    message: Annotated[str, Field(description="A message for people; may change.")]
    param: Annotated[str | None, Field(description="The parameter that caused the error, if any.")]
    request_id: str


class ElevenLabsErrorAnswer(TypedDict):
    """The JSON of errors before a WebSocket of ElevenLabs' interface is open."""

    detail: ElevenLabsProblem


class ElevenLabsAlignment(TypedDict):
    """The times of characters in milliseconds, from the end of the previous alignment."""

    chars: list[str]
    charStartTimesMs: list[Annotated[int, Field(ge=0)]]
    charDurationsMs: list[Annotated[int, Field(ge=0)]]


class ElevenLabsSound(TypedDict):
    """A part of the sound, with the characters of the sentences that begin in it."""

    audio: _Base64 | None
    isFinal: None
    alignment: ElevenLabsAlignment | None
    normalizedAlignment: ElevenLabsAlignment | None
    contextId: NotRequired[_Name]


class ElevenLabsEnd(TypedDict):
    """The last message of a context; a cancelled one says how much of its sound was sent."""

    audio: None
    isFinal: Literal[True]
    contextId: NotRequired[_Name]
    sent: NotRequired[Reached]
    heard: NotRequired[Reached]


class ElevenLabsHeard(TypedDict):
    """The answer to ``played_ms``: the places up to which sound was sent and played."""

    sent: Reached
    heard: Reached
    contextId: NotRequired[_Name]


class ElevenLabsError(TypedDict):
    """An error of a context, or the last message before the socket is closed with ``code``."""

    error: Annotated[str, Field(description="A stable code, for programs.")]
    message: Annotated[str, Field(description="A message for people; may change.")]
    code: NotRequired[Annotated[int, Field(description="The code of the closing frame.")]]
    contextId: NotRequired[_Name]
    retry_after: NotRequired[_Wait]


# --- Cartesia ------------------------------------------------------------------------------------


class CartesiaProblem(TypedDict):
    """An error in Cartesia's form."""

    title: Annotated[str, Field(description="The reason phrase of the status.")]
    message: Annotated[str, Field(description="A message for people; may change.")]
    error_code: Annotated[str, Field(description="A stable code, for programs.")]
    status_code: Annotated[int, Field(description="The status.")]
    request_id: str


class CartesiaChunk(TypedDict):
    """A part of the sound."""

    type: Literal["chunk"]
    done: Literal[False]
    status_code: Literal[200]
    data: _Base64
    step_time: Annotated[float, Field(description="Milliseconds that its synthesis took.", ge=0)]
    context_id: NotRequired[_Name]


class CartesiaWords(TypedDict):
    """Words, with the begin and end of each in seconds from the beginning of the context."""

    words: list[str]
    start: list[Annotated[float, Field(ge=0)]]
    end: list[Annotated[float, Field(ge=0)]]


class CartesiaTimestamps(TypedDict):
    """The times of the words of the sentences that begin in the previous part of the sound."""

    type: Literal["timestamps"]
    done: Literal[False]
    status_code: Literal[200]
    word_timestamps: CartesiaWords
    context_id: NotRequired[_Name]


class CartesiaPhonemes(TypedDict):
    """Phonemes in IPA, with the begin and end of each in seconds from the begin of the context."""

    phonemes: list[str]
    start: list[Annotated[float, Field(ge=0)]]
    end: list[Annotated[float, Field(ge=0)]]


class CartesiaPhonemeTimestamps(TypedDict):
    """The times of the phonemes of the sentences that begin in the previous part of the sound."""

    type: Literal["phoneme_timestamps"]
    done: Literal[False]
    status_code: Literal[200]
    phoneme_timestamps: CartesiaPhonemes
    context_id: NotRequired[_Name]


class CartesiaFlushDone(TypedDict):
    """The end of a flush: all text before it has been sent as sound."""

    type: Literal["flush_done"]
    done: Literal[False]
    status_code: Literal[200]
    flush_done: Literal[True]
    flush_id: Annotated[int, Field(description="The number of the flush, from 1.", ge=1)]
    context_id: NotRequired[_Name]


class CartesiaDone(TypedDict):
    """The last message of a context."""

    type: Literal["done"]
    done: Literal[True]
    status_code: Literal[200]
    context_id: NotRequired[_Name]


class CartesiaCancelled(TypedDict):
    """The last message of a cancelled context, which says how much of its sound was sent."""

    type: Literal["cancelled"]
    done: Literal[True]
    status_code: Literal[200]
    sent: Reached
    heard: NotRequired[Reached]
    context_id: NotRequired[_Name]


class CartesiaHeard(TypedDict):
    """The answer to ``played_ms``: the places up to which sound was sent and played."""

    type: Literal["heard"]
    done: Annotated[bool, Field(description="Whether the context has ended.")]
    status_code: Literal[200]
    sent: Reached
    heard: Reached
    context_id: _Name


class CartesiaError(TypedDict):
    """An error of a context; ``context_id`` is null if the socket is closed after it."""

    type: Literal["error"]
    done: Literal[True]
    title: str
    message: Annotated[str, Field(description="A message for people; may change.")]
    error_code: Annotated[str, Field(description="A stable code, for programs.")]
    status_code: int
    request_id: NotRequired[str]
    retry_after: NotRequired[_Wait]
    context_id: NotRequired[_Name | None]
