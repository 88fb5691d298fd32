"""ElevenLabs' speech API over HTTP, so that its clients can use this server.

Reference: https://elevenlabs.io/docs/api-reference. OpenAI's API has some of the paths too; the
header ``xi-api-key`` distinguishes them. Parameters without a meaning here (stability, seeds, texts
before and after) are accepted and ignored.
"""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from vits_tts.audio import formats
from vits_tts.audio.formats import Encoding
from vits_tts.errors import (
    FormatInvalid,
    KeyInvalid,
    KeyMissing,
    RateLimited,
    VitsTtsError,
    VoiceUnknown,
)
from vits_tts.speech.timeline import Timeline
from vits_tts.types import SpeechRequest
from vits_tts.web.handlers import dictionaries, streaming
from vits_tts.web.handlers.characters import CharacterTimes, spoken
from vits_tts.web.handlers.foreign import ForeignHandler, MappedVoice
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import MAX_DICTIONARIES, Rate, Spoken, Written
from vits_tts.web.schema.messages import ElevenLabsErrorAnswer
from vits_tts.web.schema.requests import checked

DEFAULT_FORMAT: Final = "mp3_44100_128"
OUTPUT_FORMAT: Final = "(mp3|pcm|wav|opus|ulaw|alaw)_([0-9]{4,6})(?:_([0-9]{1,3}))?"
"""Pattern of ``output_format``: a format, its sample rate in hertz and its bit rate in kbit/s."""
_OUTPUT: Final = re.compile(OUTPUT_FORMAT)
_FORMATS: Final[Mapping[str, str]] = {"ulaw": "mulaw"}
"""ElevenLabs' names of formats that have another name here, with ours."""
_MODELS: Final = ("eleven_multilingual_v2", "eleven_turbo_v2_5", "eleven_flash_v2_5", "eleven_v3")
_CODES: Final[Mapping[type[VitsTtsError], str]] = {
    KeyInvalid: "invalid_api_key",
    KeyMissing: "needs_authorization",
    VoiceUnknown: "voice_not_found",
    RateLimited: "too_many_requests",
}


class VoiceSettings(BaseModel):
    """The parameter ``voice_settings``."""

    model_config = ConfigDict(frozen=True)

    speed: Rate | None = None


class DictionaryLocator(BaseModel):
    """An entry of ``pronunciation_dictionary_locators``."""

    model_config = ConfigDict(frozen=True)

    pronunciation_dictionary_id: Written
    version_id: Written | None = None

    @property
    def name(self) -> str:
        """The dictionary and its version, in the form ``ID@VERSION`` of this server."""
        version = f"@{self.version_id}" if self.version_id else ""
        return self.pronunciation_dictionary_id + version


class Located(BaseModel):
    """The parameter that names dictionaries, over HTTP and in the first message of a socket."""

    model_config = ConfigDict(frozen=True)

    pronunciation_dictionary_locators: (
        Annotated[tuple[DictionaryLocator, ...], Field(max_length=MAX_DICTIONARIES)] | None
    ) = None

    @property
    def dictionaries(self) -> list[str] | None:
        """The names of dictionaries, in the form of this server."""
        if self.pronunciation_dictionary_locators is None:
            return None
        return [locator.name for locator in self.pronunciation_dictionary_locators]


class Creation(Located):
    """The parameters of the paths that return speech."""

    model_config = ConfigDict(frozen=True)

    text: Spoken
    model_id: Written | None = None
    voice_settings: VoiceSettings | None = None
    output_format: Written | None = Field(None, description="Usually in the query.")


class ElevenLabsHandler(ForeignHandler):
    """Base of the handlers of ElevenLabs' API: keys in `xi-api-key`, and their form of errors."""

    route_name = "elevenlabs"
    key_headers = ("xi-api-key",)
    error_shape = ElevenLabsErrorAnswer
    code_place = ("detail", "code")

    @classmethod
    def code(cls, error: type[VitsTtsError]) -> str:
        """Return ElevenLabs' code for the errors that clients distinguish, else our own code."""
        return _CODES.get(error, error.code)

    def error_body(self, error: VitsTtsError) -> dict[str, object]:
        """Return the JSON of an error in ElevenLabs' form."""
        code = self.code(type(error))
        told = {"status": code, "code": code, "message": error.message, "param": error.field}
        return {"detail": {**told, "request_id": self.request_id}}

    @property
    def voices(self) -> Mapping[str, str]:
        """The server's voice for each name: names from the settings, then the voices' own names."""
        return {**self.config.elevenlabs.voices, **self.own_voices}


class ElevenLabsSpeechHandler(ElevenLabsHandler):
    """`/v1/text-to-speech/{voice_id}`: returns speech as one file."""

    async def post(self, voice_id: str) -> None:
        """Synthesise the text of the JSON body with a voice, and send the speech."""
        given = {**parameters.from_json(self.body)}
        given |= {
            name: value
            for name, value in parameters.from_query(self.request).items()
            if name == "output_format"
        }
        asked = checked(Creation, given)
        with self.place(heard=True):
            await self.while_connected(self._speak(asked, MappedVoice.of(voice_id, self.voices)))

    async def _speak(self, asked: Creation, voice: MappedVoice) -> None:
        manifest = self.speech.voices.find(voice.voice)
        encoding = encoding_of(asked.output_format or DEFAULT_FORMAT, manifest.sample_rate)
        await self.speak_or_silence(self.answer(asked, voice, encoding), voice, encoding)

    async def answer(self, asked: Creation, voice: MappedVoice, encoding: Encoding) -> None:
        """Send the speech."""
        await self.send_speech(await self.requested(asked, voice), encoding)

    async def requested(
        self,
        asked: Creation,
        voice: MappedVoice,
        *,
        timed: bool = False,
        opening: bool = False,
    ) -> SpeechRequest:
        """Return the speech request for the parameters; see :meth:`ForeignHandler.read`."""
        rules = await dictionaries.rules(self, asked.dictionaries)
        return await self.read(
            asked.text,
            voice,
            self._speed(asked),
            timed=timed,
            opening=opening,
            dictionaries=rules,
        )

    @staticmethod
    def _speed(asked: Creation) -> float | None:
        return asked.voice_settings.speed if asked.voice_settings else None

    async def timed(
        self, asked: Creation, voice: MappedVoice, *, opening: bool = False
    ) -> tuple[SpeechRequest, Timeline]:
        """Return the request, and its timeline, which grows during synthesis."""
        request = await self.requested(asked, voice, timed=True, opening=opening)
        timeline = self.tally.timeline
        assert timeline is not None  # noqa: S101  # `read` has set it
        return request, timeline


class ElevenLabsStreamHandler(ElevenLabsSpeechHandler):
    """`…/stream`: the same, but streamed."""

    route_name = "elevenlabs_stream"
    delivery = "stream"

    async def answer(self, asked: Creation, voice: MappedVoice, encoding: Encoding) -> None:
        """Send the speech while it is synthesised."""
        request = await self.requested(asked, voice, opening=True)
        await streaming.audio(self, request, encoding)


class ElevenLabsTimedHandler(ElevenLabsSpeechHandler):
    """`…/with-timestamps`: returns the file in base64, and the times of the characters."""

    async def answer(self, asked: Creation, voice: MappedVoice, encoding: Encoding) -> None:
        """Send the JSON when the speech is complete."""
        request, timeline = await self.timed(asked, voice)
        body = await self.whole(request, encoding)
        self.write_json(await asyncio.to_thread(_timed, asked.text, timeline, body))

    async def send_silence(self, body: bytes, encoding: Encoding) -> None:
        """Send the silence without any times."""
        del encoding
        self.write_json(_chunk(body))


class ElevenLabsTimedStreamHandler(ElevenLabsSpeechHandler):
    """`…/stream/with-timestamps`: streams lines of JSON with audio and the times of characters."""

    route_name = "elevenlabs_stream"
    delivery = "stream"

    async def answer(self, asked: Creation, voice: MappedVoice, encoding: Encoding) -> None:
        """Send a line for each part of the audio while it is synthesised."""
        request, timeline = await self.timed(asked, voice, opening=True)
        times = CharacterTimes(asked.text)
        async with aclosing(self.speech.encoded(request, encoding, self.tally)) as stream:
            first = await anext(stream)
            streaming.set_headers(self, "application/json")
            await self._send_line(first, request, times, timeline)
            async for data in stream:
                await self._send_line(data, request, times, timeline)

    async def _send_line(
        self, data: bytes, request: SpeechRequest, times: CharacterTimes, timeline: Timeline
    ) -> None:
        alignments = {}
        if news := timeline.news():
            last = request.unread is None and len(timeline.sentences) == len(request.sentences)
            alignments = {
                "alignment": times.written(news, last=last),
                "normalized_alignment": spoken(news, news[0].start_seconds),
            }
        await self.send(json.dumps(_chunk(data) | alignments).encode() + b"\n")

    async def send_silence(self, body: bytes, encoding: Encoding) -> None:
        """Send the silence without any times."""
        del encoding
        streaming.set_headers(self, "application/json")
        await self.send(json.dumps(_chunk(body)).encode() + b"\n")


class ElevenLabsVoicesHandler(ElevenLabsHandler):
    """`/v1/voices` and `/v2/voices`: lists the names of voices."""

    linkable = True

    def get(self) -> None:
        """List the names, those of the settings first."""
        voices = [self.described_voice(name) for name in self.voices]
        self.write_json({"voices": voices, "has_more": False, "total_count": len(voices)})

    head = get

    def described_voice(self, name: str) -> dict[str, object]:
        """Return the entry of the voice ``name``."""
        mapped = MappedVoice.of(name, self.voices)
        manifest = self.speech.voices.find(mapped.voice)
        own = manifest.name + (f"/{mapped.speaker}" if mapped.speaker else "")
        return {
            "voice_id": name,
            "name": own,
            "category": "premade",
            "labels": {"language": manifest.language_code.partition("_")[0]},
            "description": manifest.licence.name,
            "preview_url": None,
            "settings": None,
        }


class ElevenLabsVoiceHandler(ElevenLabsVoicesHandler):
    """`/v1/voices/{voice_id}`: returns the entry of one voice."""

    def get(self, voice_id: str) -> None:  # type: ignore[override]  # a part of the path
        """Send the entry of the voice."""
        self.write_json(self.described_voice(voice_id))

    head = get  # type: ignore[assignment]


class ElevenLabsModelsHandler(ElevenLabsHandler):
    """`/v1/models`: lists names of models; the name makes no difference here."""

    linkable = True

    def get(self) -> None:
        """List the models."""
        most = self.config.server.max_text_chars
        languages = [{"language_id": "vi", "name": "Vietnamese"}]
        models = [
            {
                "model_id": name,
                "name": name,
                "description": "Accepted, and without effect: the voice decides.",
                "can_do_text_to_speech": True,
                "can_do_voice_conversion": False,
                "can_be_finetuned": False,
                "can_use_style": False,
                "can_use_speaker_boost": False,
                "serves_pro_voices": False,
                "requires_alpha_access": False,
                "token_cost_factor": 0,
                "max_characters_request_free_user": most,
                "max_characters_request_subscribed_user": most,
                "maximum_text_length_per_request": most,
                "languages": languages,
            }
            for name in _MODELS
        ]
        self.write_array(models)

    head = get


class ElevenLabsSubscriptionHandler(ElevenLabsHandler):
    """`/v1/user/subscription`: some clients request it first, to see how much is left."""

    linkable = True

    def get(self) -> None:
        """Send a subscription without limits."""
        self.write_json(
            {
                "tier": "self_hosted",
                "status": "active",
                "character_count": 0,
                "character_limit": 2**31 - 1,
                "can_extend_character_limit": False,
                "allowed_to_extend_character_limit": False,
                "max_credit_limit_extension": 0,
                "voice_slots_used": 0,
                "professional_voice_slots_used": 0,
                "professional_voice_slots_used_in_workspace": 0,
                "voice_limit": 0,
                "voice_add_edit_counter": 0,
                "professional_voice_limit": 0,
                "can_extend_voice_limit": False,
                "can_use_instant_voice_cloning": False,
                "can_use_professional_voice_cloning": False,
            }
        )

    head = get


def encoding_of(output: str, voice_rate: int) -> Encoding:
    """Return the encoding for an ``output_format`` such as ``mp3_44100_128``.

    Raises:
        FormatInvalid: ``output`` is not of that form.
        RequestError: the format is not available, or cannot have such rates.

    """
    match = _OUTPUT.fullmatch(output)
    if match is None:
        message = "output_format must be like mp3_44100_128, pcm_24000, opus_48000_64 or ulaw_8000"
        raise FormatInvalid(message, field="output_format")
    name, rate, kilobits = match.groups()
    bits = int(kilobits) * 1000 if kilobits else None
    return formats.encoding(_FORMATS.get(name, name), int(rate), bits, voice_rate)


def _timed(text: str, timeline: Timeline, body: bytes) -> str:
    """Return the JSON of a complete answer; it may be large, so call this in a thread."""
    alignments = {
        "alignment": CharacterTimes(text).written(timeline.sentences, last=True),
        "normalized_alignment": spoken(timeline.sentences),
    }
    return json.dumps(_chunk(body) | alignments, ensure_ascii=False)


def _chunk(data: bytes) -> dict[str, Any]:
    encoded = base64.b64encode(data).decode()
    return {"audio_base64": encoded, "alignment": None, "normalized_alignment": None}
