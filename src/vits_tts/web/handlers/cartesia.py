"""Cartesia's speech API over HTTP, so that its clients can use this server.

Reference: https://docs.cartesia.ai/api-reference/tts. Parameters without a meaning here (models,
languages, emotions) are accepted and ignored.
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt
from pydantic import WithJsonSchema as Described

from vits_tts.audio import formats
from vits_tts.audio.formats import Encoding
from vits_tts.errors import FormatInvalid, VitsTtsError, VoiceUnknown
from vits_tts.speech.timeline import Detail, TimedSentence, Timeline
from vits_tts.types import SpeechRequest
from vits_tts.web.handlers import dictionaries, streaming
from vits_tts.web.handlers.foreign import ForeignHandler, MappedVoice
from vits_tts.web.handlers.words import WordTimes, phoneme_timestamps
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import ONE_OF, Rate, SampleRate, Spoken, Volume, Written
from vits_tts.web.schema.messages import CartesiaProblem
from vits_tts.web.schema.requests import checked

_NAMES: Final[Mapping[tuple[str, str], str]] = {
    ("raw", "pcm_s16le"): "pcm",
    ("raw", "pcm_f32le"): "f32",
    ("raw", "pcm_mulaw"): "mulaw",
    ("raw", "pcm_alaw"): "alaw",
    ("wav", "pcm_s16le"): "wav",
    ("wav", "pcm_f32le"): "wav_f32",
    ("wav", "pcm_mulaw"): "wav_mulaw",
    ("wav", "pcm_alaw"): "wav_alaw",
}
"""Our format for a container and an encoding of its samples."""
_CONTAINERS: Final = ("raw", "wav", "mp3", "flac", "opus", "ogg", "aac")
_ENCODINGS: Final = ("pcm_s16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw")


class CartesiaOutputFormat(BaseModel):
    """The parameter ``output_format``: a container, and its encoding or bit rate."""

    model_config = ConfigDict(frozen=True)

    container: Annotated[Written, Described({"type": "string", "enum": [*_CONTAINERS]})] = "raw"
    encoding: Written | None = Field(
        None,
        description="Of `raw` and `wav`: `pcm_s16le`, `pcm_f32le`, `pcm_mulaw` or `pcm_alaw`.",
        examples=["pcm_s16le"],
    )
    sample_rate: SampleRate | None = Field(None, description="That of the voice if omitted.")
    bit_rate: StrictInt | None = Field(None, description="Bits per second, for `mp3` and `aac`.")

    def encoding_at(self, voice_rate: int) -> Encoding:
        """Return the encoding for a voice of this sample rate, in hertz.

        Raises:
            FormatInvalid: there is no such container or encoding.
            RequestError: the format is not available, or cannot have such rates.

        """
        if self.container not in _CONTAINERS:
            known = ", ".join(_CONTAINERS)
            raise FormatInvalid(f"container must be one of {known}", field="output_format")
        if self.container not in {"raw", "wav"}:
            return formats.encoding(self.container, self.sample_rate, self.bit_rate, voice_rate)
        name = _NAMES.get((self.container, self.encoding or _ENCODINGS[0]))
        if name is None:
            known = ", ".join(_ENCODINGS)
            raise FormatInvalid(f"encoding must be one of {known}", field="output_format")
        checked_rate = formats.encoding("pcm", self.sample_rate, None, voice_rate).sample_rate
        return Encoding(name, checked_rate)


class CartesiaGenerationConfig(BaseModel):
    """The parameter ``generation_config``."""

    model_config = ConfigDict(frozen=True)

    speed: Rate | None = None
    volume: Volume = 1.0


def _voice_name(value: Any) -> Any:
    """Return the name of a voice that is given as an object with ``id``.

    Raises:
        VoiceUnknown: it has none, as a voice of Cartesia's that is given as an embedding.

    """
    if isinstance(value, dict) and not value.get("id"):
        raise VoiceUnknown("voice needs an id, the name of a voice of /voices", field="voice")
    return value["id"] if isinstance(value, dict) else value


_NAME: Final = {"type": "string", ONE_OF: "cartesia_voices"}
VoiceName: TypeAlias = Annotated[
    Written,
    BeforeValidator(_voice_name),
    Described(
        {"anyOf": [_NAME, {"type": "object", "required": ["id"], "properties": {"id": _NAME}}]}
    ),
]


class CartesiaOptions(BaseModel):
    """The parameters of speech, which all paths have."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    voice: VoiceName | None = Field(
        None, description="A name, or an object with `id`; the default voice if omitted."
    )
    output_format: CartesiaOutputFormat = CartesiaOutputFormat()
    generation_config: CartesiaGenerationConfig | None = None
    speed: Literal["slow", "normal", "fast"] | Rate | None = None
    add_timestamps: StrictBool | None = Field(None, description="Request the times of words.")
    add_phoneme_timestamps: StrictBool | None = Field(
        None, description="Request the times of phonemes."
    )
    use_normalized_timestamps: StrictBool | None = Field(
        None, description="Return words in their spoken form, not as they were written."
    )
    pronunciation_dict_id: Written | None = Field(
        None, description="The name or id of a pronunciation dictionary."
    )
    context_id: Annotated[Written, Field(min_length=1, max_length=128)] | None = None

    @property
    def rate(self) -> float | str | None:
        """The speed, a name or a number; None for the usual one."""
        config = self.generation_config
        return config.speed if config and config.speed else self.speed

    @property
    def volume(self) -> float:
        """The factor of the amplitude."""
        return self.generation_config.volume if self.generation_config else 1.0

    @property
    def details(self) -> tuple[Detail, ...]:
        """The requested times, besides those of words."""
        return ("phonemes",) if self.add_phoneme_timestamps else ()

    @property
    def dictionaries(self) -> list[str] | None:
        """The name of the dictionary, as our own interface has it; None for those of the settings.

        Cartesia's clients send an empty one for none.
        """
        return [self.pronunciation_dict_id] if self.pronunciation_dict_id else None


class CartesiaCreation(CartesiaOptions):
    """The parameters of `/tts/bytes` and `/tts/sse`."""

    transcript: Spoken = Field(description="The text to speak.", examples=["Xin chào các bạn."])


class CartesiaHandler(ForeignHandler):
    """Base of the handlers of Cartesia's API, with its form of errors."""

    route_name = "cartesia"
    error_shape = CartesiaProblem
    code_place = ("error_code",)

    def error_body(self, error: VitsTtsError) -> dict[str, object]:
        """Return the JSON of an error in Cartesia's form."""
        return described(error, self.request_id)

    def mapped(self, name: str | None) -> MappedVoice:
        """Return the voice for a name of the settings or a voice; None is the default voice.

        Raises:
            VoiceUnknown: there is no such voice.

        """
        if name is None:
            return MappedVoice(None)
        return MappedVoice.of(name, {**self.config.cartesia.voices, **self.own_voices})

    def encoding_of(self, asked: CartesiaOptions, voice: MappedVoice) -> Encoding:
        """Return the requested encoding of a voice.

        Raises:
            RequestError: there is no such format, or it cannot have such rates.

        """
        return asked.output_format.encoding_at(self.speech.voices.find(voice.voice).sample_rate)


class CartesiaBytesHandler(CartesiaHandler):
    """`/tts/bytes`: returns speech as audio."""

    delivery = "stream"
    model = CartesiaCreation

    async def post(self) -> None:
        """Synthesise the transcript of the JSON body, and send the speech."""
        asked = checked(CartesiaCreation, parameters.from_json(self.body))
        voice = self.mapped(asked.voice)
        encoding = self.encoding_of(asked, voice)
        with self.place(heard=True):
            speech = self.answer(asked.transcript, asked, voice, encoding)
            await self.while_connected(self.speak_or_silence(speech, voice, encoding))

    async def answer(
        self, text: str, asked: CartesiaCreation, voice: MappedVoice, encoding: Encoding
    ) -> None:
        """Send the speech."""
        rules = await dictionaries.rules(self, asked.dictionaries)
        request = await self.read(text, voice, asked.rate, volume=asked.volume, dictionaries=rules)
        await self.send_speech(request, encoding)


class CartesiaEventsHandler(CartesiaBytesHandler):
    """`/tts/sse`: streams events with audio in base64, and with the times that are requested."""

    route_name = "cartesia_sse"

    async def answer(
        self, text: str, asked: CartesiaCreation, voice: MappedVoice, encoding: Encoding
    ) -> None:
        """Send an event for each part of the audio while it is synthesised."""
        rules = await dictionaries.rules(self, asked.dictionaries)
        request = await self.read(
            text,
            voice,
            asked.rate,
            volume=asked.volume,
            timed=True,
            opening=True,
            dictionaries=rules,
        )
        timeline = self.tally.timeline
        assert timeline is not None  # noqa: S101  # `read` has set it
        timeline.details = asked.details
        events = Events(asked)
        begun = False
        try:
            async for data, news in self._parts(request, encoding, timeline):
                if not begun:
                    streaming.set_headers(self, "text/event-stream")
                    begun = True
                for event in events.of(data, text, news):
                    await self.send(_line(event))
        except VitsTtsError as error:
            if not begun:
                raise
            self.log_exception(type(error), error, error.__traceback__)
            await self.send(_line({**described(error, self.request_id), **ERROR}))
            return
        await self.send(_line(events.done()))

    async def _parts(self, request: SpeechRequest, encoding: Encoding, timeline: Timeline) -> Any:
        stream = self.speech.encoded(request, encoding, self.tally)
        async with aclosing(stream):
            async for data in stream:
                yield data, timeline.news()

    async def send_silence(self, body: bytes, encoding: Encoding) -> None:
        """Send the silence without any times."""
        del encoding
        events = Events(CartesiaOptions())
        streaming.set_headers(self, "text/event-stream")
        lines = [*events.of(body, "", []), events.done()]
        await self.send(b"".join(map(_line, lines)))


ERROR: Final[Mapping[str, object]] = {"type": "error", "done": True}


class Events:
    """The messages of one transcript, with the fields that all of them have."""

    def __init__(self, asked: CartesiaOptions) -> None:
        """Begin without sound."""
        self._named = {"context_id": asked.context_id} if asked.context_id else {}
        self._words = WordTimes(normalized=bool(asked.use_normalized_timestamps))
        self._timed = bool(asked.add_timestamps)
        self._phonemes_timed = bool(asked.add_phoneme_timestamps)
        self._flushes = 0
        self._since = time.perf_counter()

    def of(
        self, data: bytes, text: str, news: Sequence[TimedSentence]
    ) -> list[Mapping[str, object]]:
        """Return the messages of a part of the sound and of the sentences that begin in it."""
        found: list[Mapping[str, object]] = []
        now = time.perf_counter()
        if data:
            step = round((now - self._since) * 1000, 3)
            audio = base64.b64encode(data).decode()
            found.append(self._message("chunk", data=audio, step_time=step))
        self._since = now
        if news and self._timed:
            found.append(self._message("timestamps", word_timestamps=self._words.of(text, news)))
        if news and self._phonemes_timed:
            times = phoneme_timestamps(news)
            found.append(self._message("phoneme_timestamps", phoneme_timestamps=times))
        return found

    def flush_done(self) -> Mapping[str, object]:
        """Return the message that a flush is complete."""
        self._flushes += 1
        return self._message("flush_done", flush_done=True, flush_id=self._flushes)

    def done(self) -> Mapping[str, object]:
        """Return the last message."""
        return {**self._message("done"), "done": True}

    def _message(self, kind: str, **fields: object) -> Mapping[str, object]:
        return {"type": kind, "done": False, "status_code": 200, **fields, **self._named}


def described(error: VitsTtsError, request_id: str) -> dict[str, object]:
    """Return the fields of an error in Cartesia's form."""
    return {
        "title": HTTPStatus(error.status).phrase,
        "message": error.message,
        "error_code": error.code,
        "status_code": error.status,
        "request_id": request_id,
    }


def _line(event: Mapping[str, object]) -> bytes:
    """Return a server-sent event (HTML standard, section 9.2), named by its type."""
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
