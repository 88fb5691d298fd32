"""ElevenLabs' dialogues: `/v1/text-to-dialogue`, several voices in one speech.

Reference: https://elevenlabs.io/docs/api-reference/text-to-dialogue. Each input is a turn, as in
`/tts`. Parameters without a meaning here (models, seeds, settings) are accepted and ignored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from vits_tts.audio.formats import Encoding
from vits_tts.errors import FieldInvalid, RequestError, VoiceUnknown
from vits_tts.markup.dialogue import MAX_TURNS, Turn, text_of
from vits_tts.types import SpeechRequest
from vits_tts.web.handlers import dictionaries, streaming
from vits_tts.web.handlers.elevenlabs import (
    DEFAULT_FORMAT,
    ElevenLabsHandler,
    Located,
    encoding_of,
)
from vits_tts.web.handlers.foreign import MappedVoice
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import Written
from vits_tts.web.schema.requests import checked

_MAX_VOICES: Final = 10
"""ElevenLabs' limit of voices in one dialogue."""


class DialogueInput(BaseModel):
    """An entry of ``inputs``: a text and its voice."""

    model_config = ConfigDict(frozen=True)

    text: Annotated[Written, Field(min_length=1)]
    voice_id: Written


def _inputs(value: Any) -> tuple[DialogueInput, ...]:
    """Return the inputs of a dialogue.

    Raises:
        FieldInvalid: it is not a list, or an input is invalid; the message names the input.

    """
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_TURNS:
        raise FieldInvalid(f"inputs must be a list of 1 to {MAX_TURNS} objects", field="inputs")
    found = []
    for number, given in enumerate(value):
        try:
            found.append(DialogueInput.model_validate(given))
        except ValidationError as problem:
            detail = problem.errors(include_url=False)[0]
            at = ".".join([f"inputs[{number}]", *map(str, detail["loc"])])
            raise FieldInvalid(f"{at}: {detail['msg'].lower()}", field="inputs") from None
    return tuple(found)


class Dialogue(Located):
    """The parameters of these paths."""

    model_config = ConfigDict(frozen=True)

    inputs: Annotated[tuple[DialogueInput, ...], PlainValidator(_inputs)]
    output_format: Written | None = None


@dataclass(frozen=True, slots=True)
class _Cast:
    """The turns of a dialogue, and the voice of the first one, which gives the sample rate."""

    turns: tuple[Turn, ...]
    first: MappedVoice


class ElevenLabsDialogueHandler(ElevenLabsHandler):
    """`/v1/text-to-dialogue`: returns a dialogue as one file."""

    async def post(self) -> None:
        """Synthesise the dialogue of the JSON body, and send the speech."""
        given = {**parameters.from_json(self.body)}
        if output := parameters.from_query(self.request).get("output_format"):
            given["output_format"] = output
        asked = checked(Dialogue, given)
        with self.place(heard=True):
            await self.while_connected(self._speak(asked, self._cast(asked.inputs)))

    async def _speak(self, asked: Dialogue, cast: _Cast) -> None:
        manifest = self.speech.voices.find(cast.first.voice)
        encoding = encoding_of(asked.output_format or DEFAULT_FORMAT, manifest.sample_rate)
        await self.speak_or_silence(self.answer(asked, cast, encoding), cast.first, encoding)

    async def answer(self, asked: Dialogue, cast: _Cast, encoding: Encoding) -> None:
        """Send the speech."""
        await self.send_speech(await self.requested(asked, cast), encoding)

    async def requested(self, asked: Dialogue, cast: _Cast) -> SpeechRequest:
        """Return the speech request for the parameters.

        Raises:
            RequestError: a text cannot be spoken; the message names its input.

        """
        rules = await dictionaries.rules(self, asked.dictionaries)
        text = text_of(cast.turns)
        try:
            return await self.read(text, cast.first, dictionaries=rules, turns=cast.turns)
        except RequestError as error:
            if error.field != "turns":
                raise
            message = error.message.replace("turns[", "inputs[", 1)
            raise type(error)(message, field="inputs") from None

    def _cast(self, inputs: Sequence[DialogueInput]) -> _Cast:
        """Return the turns, each with its voice.

        Raises:
            VoiceUnknown: there is no such voice; the message names the input.
            FieldInvalid: there are too many voices.

        """
        if len({each.voice_id for each in inputs}) > _MAX_VOICES:
            raise FieldInvalid(f"inputs has up to {_MAX_VOICES} voices", field="inputs")
        known = self.voices
        voices = []
        for number, each in enumerate(inputs):
            try:
                voices.append(MappedVoice.of(each.voice_id, known))
            except VoiceUnknown as error:
                message = f"inputs[{number}].voice_id: {error.message}"
                raise VoiceUnknown(message, field="inputs") from None
        turns = tuple(
            Turn(each.text, voice.voice, voice.speaker)
            for each, voice in zip(inputs, voices, strict=True)
        )
        return _Cast(turns, voices[0])


class ElevenLabsDialogueStreamHandler(ElevenLabsDialogueHandler):
    """`…/stream`: the same, but streamed."""

    route_name = "elevenlabs_stream"
    delivery = "stream"

    async def answer(self, asked: Dialogue, cast: _Cast, encoding: Encoding) -> None:
        """Send the speech while it is synthesised."""
        await streaming.audio(self, await self.requested(asked, cast), encoding)
