"""OpenAI's speech API (`/v1`), so that its clients can be pointed here.

What they send and get is OpenAI's: `POST /v1/audio/speech`, `GET /v1/models`, and their shape of
errors on all of these paths. OpenAI has no `GET /v1/audio/voices`; other servers like this do.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic import WithJsonSchema as Described

from vits_tts.audio import formats
from vits_tts.config import OpenAI
from vits_tts.errors import (
    KeyInvalid,
    ModelUnknown,
    RateLimited,
    VitsTtsError,
    VoiceInvalid,
)
from vits_tts.speech import MAX_RATE, MIN_RATE
from vits_tts.types import SpeechRequest
from vits_tts.voice.manifest import Manifest
from vits_tts.web import parameters, sending
from vits_tts.web.answers import (
    OpenAIErrorAnswer,
    OpenAIModel,
    OpenAIModelList,
    OpenAIProblem,
    OpenAIVoice,
    OpenAIVoiceList,
)
from vits_tts.web.base import Handler, NotFoundHandler
from vits_tts.web.fields import ONE_OF, Format, Rate, Spoken, Written
from vits_tts.web.models import checked

_FORMAT: Final = "mp3"
_PCM_RATE: Final = 24000
"""OpenAI's `pcm` has no header and always this sample rate."""
_TOKENS_A_SECOND: Final = 50
_OURS: Final = "vits-tts"
_PARAMETERS: Final[Mapping[str, str]] = {
    "text": "input",
    "speaker": "voice",
    "format": "response_format",
}
_CODES: Final[Mapping[type[VitsTtsError], str]] = {
    KeyInvalid: "invalid_api_key",
    RateLimited: "rate_limit_exceeded",
}


ModelName: TypeAlias = Annotated[Written, Described({"type": "string", ONE_OF: "models"})]
OpenAIVoiceName: TypeAlias = Annotated[
    Written, Described({"type": "string", ONE_OF: "openai_voices"})
]


class VoiceId(BaseModel):
    """A voice as an object, which OpenAI also takes."""

    model_config = ConfigDict(frozen=True)

    id: OpenAIVoiceName


class SpeechCreation(BaseModel):
    """What is asked of `/v1/audio/speech`."""

    model_config = ConfigDict(frozen=True)

    model: ModelName = Field(description="A name from `/v1/models`.")
    input: Spoken = Field(
        description="What to say.",
        examples=["Xin chào các bạn."],
    )
    voice: OpenAIVoiceName | VoiceId | None = Field(
        None,
        description="A name from `/v1/audio/voices`; else the voice that `model` names, or the "
        "default one.",
    )
    response_format: Format | None = Field(
        _FORMAT, description="What the sound comes as; `pcm` has 24000 samples a second."
    )
    speed: Rate | None = Field(
        None,
        description=f"A rate from {MIN_RATE:g} to {MAX_RATE:g}: 2 is twice as fast.",
        examples=[1.25],
    )
    stream_format: Literal["audio", "sse"] | None = Field(
        "audio", description="The sound itself as it is made, or events that carry it."
    )
    instructions: Written | None = Field(None, description="Accepted, and of no effect.")


class OpenAIHandler(Handler):
    """Base of these paths: OpenAI's shape of errors."""

    error_shape = OpenAIErrorAnswer

    def described(self, error: VitsTtsError) -> OpenAIProblem:
        """Return OpenAI's four fields."""
        return OpenAIProblem(
            message=error.message,
            type=_type(error),
            param=_PARAMETERS.get(error.field, error.field) if error.field else None,
            code=self.code(type(error)),
        )

    @classmethod
    def code(cls, error: type[VitsTtsError]) -> str:
        """Return OpenAI's code, where clients look for it, else ours."""
        return _CODES.get(error, error.code)

    @property
    def model_names(self) -> list[str]:
        """Every model that may be named."""
        return model_names(self.config.openai, self.speech.voices.manifests)

    def check_model(self, name: str) -> None:
        """Refuse a model that there is not.

        Raises:
            ModelUnknown: it is none of ours.

        """
        if name not in self.model_names:
            known = ", ".join(self.model_names)
            raise ModelUnknown(f"there is no model {name!r:.60}; there is {known}", field="model")


class OpenAISpeechHandler(OpenAIHandler):
    """`/v1/audio/speech`: text in, audio or events out, as they are made."""

    model = SpeechCreation

    async def post(self) -> None:
        """Speak what the JSON asks for."""
        asked = checked(SpeechCreation, parameters.from_body(self.request, self.body))
        with self.speech.slot(heard=True):
            await self.while_connected(self._speak(asked))

    async def _speak(self, asked: SpeechCreation) -> None:
        request = await self._request(asked)
        name = asked.response_format or _FORMAT
        sample_rate = _PCM_RATE if name == "pcm" else None
        plain = self.speech.plain(request)
        encoding = formats.encoding(name, sample_rate, None, plain.sample_rate)
        if asked.stream_format != "sse":
            await sending.audio(self, request, encoding)
            return
        await sending.events(
            self,
            request,
            encoding,
            lambda data: {"type": "speech.audio.delta", "audio": data},
            lambda: {"type": "speech.audio.done", "usage": self._usage(asked.input)},
        )

    async def _request(self, asked: SpeechCreation) -> SpeechRequest:
        self.check_model(asked.model)
        voice, speaker = self._voice(asked)
        self.log_text = asked.input
        self.say(await self.guard.text(self.request, self.key, asked.input))
        return await self.speech.request(
            asked.input, speed=asked.speed, voice=voice, speaker=speaker
        )

    def _voice(self, asked: SpeechCreation) -> tuple[str | None, str | None]:
        """Return the voice and speaker that are asked for.

        Raises:
            VoiceInvalid: there is no such voice.

        """
        served = self.speech.voices.manifests
        given = asked.voice.id if isinstance(asked.voice, VoiceId) else asked.voice
        if not given:
            return (asked.model if asked.model in served else None), None
        name, _, speaker = self.config.openai.voices.get(given, given).partition("/")
        if name not in served:
            known = ", ".join([*self.config.openai.voices, *served])
            raise VoiceInvalid(f"there is no voice {given!r:.60}; there is {known}", field="voice")
        return name, speaker or None

    def _usage(self, text: str) -> dict[str, int]:
        """Return what was used: characters in, fiftieths of a second out."""
        spoken = math.ceil(self.tally.audio_seconds * _TOKENS_A_SECOND)
        return {
            "input_tokens": len(text),
            "output_tokens": spoken,
            "total_tokens": len(text) + spoken,
        }


class OpenAIModelsHandler(OpenAIHandler):
    """`/v1/models`: the names that `model` may have."""

    def get(self) -> None:
        """List them."""
        data = [_model(name) for name in self.model_names]
        self.write_json(OpenAIModelList(object="list", data=data))

    head = get


class OpenAIModelHandler(OpenAIHandler):
    """`/v1/models/<name>`: one of them."""

    def get(self, name: str) -> None:
        """Show it."""
        self.check_model(name)
        self.write_json(_model(name))

    head = get


class OpenAIVoicesHandler(OpenAIHandler):
    """`/v1/audio/voices`: the names that `voice` may have."""

    def get(self) -> None:
        """List ours, each speaker of those who have several, and OpenAI's names that mean them."""
        names = voice_names(self.config.openai, self.speech.voices.manifests)
        data = [OpenAIVoice(id=name, object="audio.voice", name=name) for name in names]
        self.write_json(OpenAIVoiceList(object="list", data=data))

    head = get


class OpenAINotFoundHandler(OpenAIHandler, NotFoundHandler):
    """Every other path below `/v1`."""


def model_names(settings: OpenAI, manifests: Mapping[str, Manifest]) -> list[str]:
    """Return the names that `model` may have: those of the settings, then our voices."""
    return [*settings.models, *manifests]


def voice_names(settings: OpenAI, manifests: Mapping[str, Manifest]) -> list[str]:
    """Return the names that `voice` may have: OpenAI's that mean ours, ours, and their speakers."""
    names = list(settings.voices)
    for voice, manifest in manifests.items():
        names += [voice, *(f"{voice}/{speaker}" for speaker in manifest.speakers)]
    return names


def _model(name: str) -> OpenAIModel:
    """Return OpenAI's object; when a voice was made is not known."""
    return OpenAIModel(id=name, object="model", created=0, owned_by=_OURS)


def _type(
    error: VitsTtsError,
) -> Literal["invalid_request_error", "requests", "server_error"]:
    if isinstance(error, RateLimited):
        return "requests"
    internal = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return "server_error" if internal else "invalid_request_error"
