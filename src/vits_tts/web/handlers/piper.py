"""The HTTP interface of Piper's own server: `POST /synthesize`, and `POST /` of older versions.

Source: `piper/http_server.py` of OHF-Voice/piper1-gpl. An unknown voice or speaker is refused here,
while Piper would use another one. `GET /voices` has our own form.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vits_tts.audio import formats
from vits_tts.audio.formats import Encoding
from vits_tts.errors import SpeakerUnknown
from vits_tts.speech.keyed_request import keyed_request
from vits_tts.types import Prosody, Sentence, SpeechRequest
from vits_tts.web.handlers.foreign import ForeignHandler, MappedVoice
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import Speaker, Spoken, VoiceName, as_number
from vits_tts.web.schema.requests import checked

if TYPE_CHECKING:
    from vits_tts.voice.manifest import Manifest


Scale = Annotated[
    float, Field(strict=True, ge=0, le=2, allow_inf_nan=False), BeforeValidator(as_number)
]
LengthScale = Annotated[
    float, Field(strict=True, ge=0.25, le=4, allow_inf_nan=False), BeforeValidator(as_number)
]


class PiperParameters(BaseModel):
    """The parameters of Piper's paths."""

    model_config = ConfigDict(frozen=True)

    text: Spoken = Field(description="The text to speak.", examples=["Xin chào các bạn."])
    voice: VoiceName | None = Field(None, description="A name from `/voices`.")
    speaker: Speaker | None = Field(None, description="The name of a speaker.")
    speaker_id: Speaker | None = Field(
        None, description="The number of a speaker; takes precedence over `speaker`."
    )
    length_scale: LengthScale | None = Field(
        None, description="Factor of the duration: 2 is half as fast."
    )
    noise_scale: Scale | None = Field(None, description="The variation of the timbre.")
    noise_w_scale: Scale | None = Field(None, description="The variation of durations.")


class PiperHandler(ForeignHandler):
    """`POST /synthesize` and `POST /`: return the speech of a text as a WAV file."""

    model = PiperParameters
    route_name = "piper"

    async def post(self) -> None:
        """Synthesise the text of the JSON body, and send the speech; ignore the content type."""
        asked = checked(PiperParameters, parameters.from_json(self.body))
        with self.place(heard=True):
            await self.while_connected(self._speak(asked))

    async def _speak(self, asked: PiperParameters) -> None:
        voice = MappedVoice(asked.voice or None, asked.speaker_id or asked.speaker or None)
        rate = self.speech.voices.find(voice.voice).sample_rate
        encoding = formats.encoding("wav", None, None, rate)
        await self.speak_or_silence(self._answer(asked, voice, encoding), voice, encoding)

    async def _answer(self, asked: PiperParameters, voice: MappedVoice, encoding: Encoding) -> None:
        try:
            request = await self.read(asked.text, voice)
        except SpeakerUnknown as error:
            sent = "speaker_id" if asked.speaker_id else error.field
            raise SpeakerUnknown(error.message, field=sent) from None
        await self.send_speech(self._scaled(request, asked), encoding)

    def _scaled(self, request: SpeechRequest, asked: PiperParameters) -> SpeechRequest:
        """Return the request with the scales of the parameters."""
        own = request.prosody
        prosody = replace(
            own,
            length_scale=_given(asked.length_scale, own.length_scale),
            noise_scale=_given(asked.noise_scale, own.noise_scale),
            noise_w=_given(asked.noise_w_scale, own.noise_w),
        )
        find = self.speech.voices.find
        sentences: list[Sentence] = []
        voices: dict[str | None, tuple[Manifest, Prosody]] = {}
        for number, sentence in enumerate(request.sentences):
            if way := sentence.prosody:  # markup gives the sentence a voice or a rate of its own
                scale = prosody.length_scale * way.length_scale / own.length_scale
                way = replace(prosody, length_scale=scale, speaker_id=way.speaker_id)
                voices[str(number)] = find(sentence.voice or request.voice), way
            sentences.append(replace(sentence, voice=str(number) if way else None))
        level = self.config.level
        return keyed_request(find(request.voice), sentences, prosody, level, voices, request.lead)


def _given(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
