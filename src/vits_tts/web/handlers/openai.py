"""OpenAI's speech API (`/v1`), so that its clients can use this server.

Requests, responses and errors have OpenAI's form: `POST /v1/audio/speech` and `GET /v1/models`.
OpenAI has no `GET /v1/audio/voices` and `GET /v1/audio/models`, but similar servers have, and Open
WebUI requests them.
"""

import math
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic import WithJsonSchema as Described

from vits_tts.audio import formats
from vits_tts.audio.formats import Encoding
from vits_tts.config import Config, OpenAI
from vits_tts.errors import (
    KeyInvalid,
    ModelUnknown,
    RateLimited,
    TextUnspeakable,
    VitsTtsError,
    VoiceInvalid,
)
from vits_tts.speech import MAX_RATE, MIN_RATE, SpeechOptions
from vits_tts.types import SpeechRequest
from vits_tts.voice.manifest import Manifest
from vits_tts.web import failures
from vits_tts.web.base import Handler, NotFoundHandler
from vits_tts.web.handlers import dictionaries, streaming
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import (
    ONE_OF,
    DictionaryNames,
    Format,
    Rate,
    Spoken,
    Volume,
    Written,
)
from vits_tts.web.schema.requests import checked
from vits_tts.web.schema.responses import (
    OpenAIErrorAnswer,
    OpenAIModel,
    OpenAIModelList,
    OpenAIModelName,
    OpenAIModelNames,
    OpenAIProblem,
    OpenAIVoice,
    OpenAIVoiceList,
)
from vits_tts.web.schema.responses import OpenAIVoiceName as ListedVoice

_FORMAT: Final = "mp3"
_PCM_RATE: Final = 24000
"""OpenAI's `pcm` has no header and always this sample rate."""
OPENAI_VOICES: Final = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)
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
    """A voice as an object, which OpenAI also accepts."""

    model_config = ConfigDict(frozen=True)

    id: OpenAIVoiceName


class SpeechCreation(BaseModel):
    """The parameters of `/v1/audio/speech`."""

    model_config = ConfigDict(frozen=True)

    model: ModelName = Field(
        description="A name from `/v1/models`; others are accepted too, unless "
        "`openai.strict_voices` is set."
    )
    input: Spoken = Field(
        description="The text to speak.",
        examples=["Xin chào các bạn."],
    )
    voice: OpenAIVoiceName | VoiceId | None = Field(
        None,
        description="A name from `/v1/audio/voices`; if omitted, the voice that `model` names, or "
        "the default voice.",
    )
    response_format: Format | None = Field(
        _FORMAT, description="The audio format; `pcm` has 24000 samples per second."
    )
    speed: Rate | None = Field(
        None,
        description=f"A rate from {MIN_RATE:g} to {MAX_RATE:g}: 2 is twice as fast.",
        examples=[1.25],
    )
    stream_format: Literal["audio", "sse"] | None = Field(
        "audio", description="The audio itself, or server-sent events that contain it."
    )
    dictionaries: DictionaryNames = Field(
        None, description="Pronunciation dictionaries, as in `/tts`; OpenAI has no such parameter."
    )
    volume: Volume = Field(
        1.0, description="Factor of the amplitude, as in `/tts`; OpenAI has no such parameter."
    )
    instructions: Written | None = Field(None, description="Accepted and ignored.")


class OpenAIHandler(Handler):
    """Base of the handlers of OpenAI's API, with its form of errors."""

    error_shape = OpenAIErrorAnswer

    def described(self, error: VitsTtsError) -> OpenAIProblem:
        """Return the four fields of an error in OpenAI's form, with OpenAI's parameter names."""
        message, param = failures.told(error, _PARAMETERS)
        return OpenAIProblem(
            message=message, type=_type(error), param=param, code=self.code(type(error))
        )

    @classmethod
    def code(cls, error: type[VitsTtsError]) -> str:
        """Return OpenAI's code for the errors that clients distinguish, else our own code."""
        return _CODES.get(error, error.code)

    @property
    def model_names(self) -> list[str]:
        """The names of all models."""
        return model_names(self.config.openai, self.speech.voices.manifests)

    def check_model(self, name: str) -> None:
        """Check that a model is listed.

        Raises:
            ModelUnknown: the model is not listed.

        """
        if name not in self.model_names:
            known = ", ".join(self.model_names)
            raise ModelUnknown(f"there is no model {name!r:.60}; there is {known}", field="model")


class OpenAIListHandler(OpenAIHandler):
    """Base of the handlers of lists, which need no API key if ``openai.open_lists`` is set."""

    @property
    def _needs_no_key(self) -> bool:
        return self.config.openai.open_lists


class OpenAISpeechHandler(OpenAIHandler):
    """`/v1/audio/speech`: streams the speech of a text as audio or as events."""

    delivery = "stream"
    model = SpeechCreation

    async def post(self) -> None:
        """Synthesise the text of the body, and send the speech."""
        asked = checked(SpeechCreation, parameters.from_body(self.request, self.body))
        with self.place(heard=True):
            await self.while_connected(self._speak(asked))

    async def _speak(self, asked: SpeechCreation) -> None:
        """Send the speech of a request; a text without words gets a short silence.

        Clients split texts themselves, and would stop at an error about one part.
        """
        if self.config.openai.strict_voices:
            self.check_model(asked.model)
        voice, speaker = self._voice(asked)
        manifest = self.speech.voices.find(voice)
        name = (asked.response_format or _FORMAT).lower()
        sample_rate = _PCM_RATE if name == "pcm" else None
        encoding = formats.encoding(name, sample_rate, None, manifest.sample_rate)
        try:
            request = await self._request(asked, voice, speaker)
            await self._send(asked, request, encoding)
        except TextUnspeakable:  # raised before any audio is sent
            manifest.speaker_id(speaker)
            silence = await streaming.silence(self, encoding, manifest.sample_rate)
            await self._send_whole(asked, silence, encoding)

    async def _send(
        self, asked: SpeechCreation, request: SpeechRequest, encoding: Encoding
    ) -> None:
        if asked.stream_format != "sse":
            await streaming.audio(self, request, encoding)
            return
        await streaming.events(self, request, encoding, _delta, lambda: self._done(asked.input))

    async def _send_whole(self, asked: SpeechCreation, body: bytes, encoding: Encoding) -> None:
        if asked.stream_format != "sse":
            await streaming.whole(self, body, encoding.media_type)
            return
        await streaming.whole_events(self, body, _delta, lambda: self._done(asked.input))

    async def _request(
        self, asked: SpeechCreation, voice: str | None, speaker: str | None
    ) -> SpeechRequest:
        """Return the speech request for the text, and count the text towards the limits.

        Raises:
            TextUnspeakable: the text has no words, or is only white space.

        """
        await self.count_written(asked.input)
        if asked.input.isspace():
            raise TextUnspeakable("the text has nothing to say", field="text")
        rules = await dictionaries.rules(self, asked.dictionaries)
        options = SpeechOptions(
            asked.speed, voice, speaker, volume=asked.volume, dictionaries=rules
        )
        complete = partial(self.count_spoken, asked.input)
        reader = self.reader(heard=True)
        request, _ = await self.speech.opening(asked.input, options, reader, complete=complete)
        return request

    def _voice(self, asked: SpeechCreation) -> tuple[str | None, str | None]:
        """Return the requested voice and speaker; None stands for the default.

        Raises:
            VoiceInvalid: there is no such voice.

        """
        served = {*self.speech.voices.manifests, *self.config.voice.aliases}
        given = asked.voice.id if isinstance(asked.voice, VoiceId) else asked.voice
        if not given:
            return (asked.model if asked.model in served else None), None
        aliases = voice_aliases(self.config.openai, self.speech.voices.default)
        name, _, speaker = _named(given, aliases).partition("/")
        name = _named(name, {voice: voice for voice in served})
        if name not in served:
            known = ", ".join([*aliases, *self.speech.voices.manifests, *self.config.voice.aliases])
            raise VoiceInvalid(f"there is no voice {given!r:.60}; there is {known}", field="voice")
        return name, speaker or None

    def _done(self, text: str) -> dict[str, Any]:
        """Return the last event of a stream."""
        return {"type": "speech.audio.done", "usage": self._usage(text)}

    def _usage(self, text: str) -> dict[str, int]:
        """Return the usage: one token for a character of input, and for 1/50 second of output."""
        spoken = math.ceil(self.tally.audio_seconds * _TOKENS_A_SECOND)
        return {
            "input_tokens": len(text),
            "output_tokens": spoken,
            "total_tokens": len(text) + spoken,
        }


class OpenAIModelsHandler(OpenAIListHandler):
    """`/v1/models`: lists the values of `model`."""

    def get(self) -> None:
        """List the models."""
        data = [_model(name) for name in self.model_names]
        self.write_json(OpenAIModelList(object="list", data=data))

    head = get


class OpenAIAudioModelsHandler(OpenAIListHandler):
    """`/v1/audio/models`: lists the values of `model` in the form that Open WebUI reads."""

    def get(self) -> None:
        """List the names of the models."""
        models = [OpenAIModelName(id=name) for name in self.model_names]
        self.write_json(OpenAIModelNames(models=models))

    head = get


class OpenAIModelHandler(OpenAIListHandler):
    """`/v1/models/<name>`: describes one model."""

    def get(self, name: str) -> None:
        """Send the entry of the model ``name``."""
        self.check_model(name)
        self.write_json(_model(name))

    head = get


class OpenAIVoicesHandler(OpenAIListHandler):
    """`/v1/audio/voices`: lists the values of `voice`."""

    def get(self) -> None:
        """List OpenAI's names, our voices, and the speakers of voices that have several."""
        names = voice_names(self.config, self.speech.voices.manifests)
        data = [OpenAIVoice(id=name, object="audio.voice", name=name) for name in names]
        voices = [ListedVoice(id=name, name=name) for name in names]
        self.write_json(OpenAIVoiceList(object="list", data=data, voices=voices))

    head = get


class OpenAINotFoundHandler(OpenAIHandler, NotFoundHandler):
    """Answers 404 in OpenAI's form on all other paths below `/v1`."""


def model_names(settings: OpenAI, manifests: Mapping[str, Manifest]) -> list[str]:
    """Return the values of `model`: names of the settings, then our voices."""
    return [*settings.models, *manifests]


def voice_aliases(settings: OpenAI, default: str) -> Mapping[str, str]:
    """Return the voice for each foreign name: names of the settings, else those of OpenAI."""
    if settings.voices or settings.strict_voices:
        return settings.voices
    return dict.fromkeys(OPENAI_VOICES, default)


def voice_names(config: Config, manifests: Mapping[str, Manifest]) -> list[str]:
    """Return the values of `voice`: foreign names, then our voices, each with its speakers.

    The last ones are other names of our voices.
    """
    names = list(voice_aliases(config.openai, ""))
    for voice, manifest in manifests.items():
        names += [voice, *(f"{voice}/{speaker}" for speaker in manifest.speakers)]
    return list(dict.fromkeys([*names, *config.voice.aliases]))


def _named(name: str, known: Mapping[str, str]) -> str:
    """Return the value of ``name`` in ``known``, ignoring case; if it is unknown, ``name``."""
    if name in known:
        return known[name]
    return {other.lower(): meant for other, meant in known.items()}.get(name.lower(), name)


def _delta(data: str) -> dict[str, Any]:
    return {"type": "speech.audio.delta", "audio": data}


def _model(name: str) -> OpenAIModel:
    """Return the entry of a model; the time of its creation is unknown, so it is 0."""
    return OpenAIModel(id=name, object="model", created=0, owned_by=_OURS)


def _type(
    error: VitsTtsError,
) -> Literal["invalid_request_error", "requests", "server_error"]:
    if isinstance(error, RateLimited):
        return "requests"
    internal = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return "server_error" if internal else "invalid_request_error"
