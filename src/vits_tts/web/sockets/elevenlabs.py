"""ElevenLabs' WebSockets: `stream-input`, with one text, and `multi-stream-input`, with several.

Reference: https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-stream-input
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic import WithJsonSchema as Described
from tornado.iostream import StreamClosedError

from vits_tts.errors import RequestError, VitsTtsError
from vits_tts.speech import SpeechOptions, TextPace
from vits_tts.web import failures
from vits_tts.web.handlers import dictionaries
from vits_tts.web.handlers.characters import Alignment
from vits_tts.web.handlers.elevenlabs import (
    DEFAULT_FORMAT,
    OUTPUT_FORMAT,
    ElevenLabsHandler,
    Located,
    VoiceSettings,
    encoding_of,
)
from vits_tts.web.handlers.foreign import MappedVoice
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import can_be_encoded
from vits_tts.web.schema.requests import checked
from vits_tts.web.sockets.context import Sound, SpokenContext
from vits_tts.web.sockets.contexts import NAME_CHARS, ContextSocketHandler, touch
from vits_tts.web.sockets.socket import NORMAL

_IDLE_SECONDS: Final = 20
_DEFAULT_CONTEXT: Final = "default"


class ElevenLabsSocketParameters(BaseModel):
    """The parameters of the URL. Those that have no meaning here are accepted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    output_format: Annotated[
        str, Described({"type": "string", "pattern": f"^{OUTPUT_FORMAT}$"})
    ] = DEFAULT_FORMAT
    inactivity_timeout: float = Field(_IDLE_SECONDS, gt=0, le=180)
    auto_mode: bool = False
    sync_alignment: bool = False
    enable_ssml_parsing: bool = False
    max_buffer_delay_ms: float | None = Field(None, ge=0, le=60_000)


class ElevenLabsGenerationConfig(BaseModel):
    """The number of characters that must arrive before the first sound, the second, and so on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    chunk_length_schedule: list[int] | None = Field(None, max_length=50)


class ElevenLabsMessage(Located):
    """A message of a client."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str | None = None
    context_id: str | None = Field(None, min_length=1, max_length=NAME_CHARS)
    voice_settings: VoiceSettings | None = None
    generation_config: ElevenLabsGenerationConfig | None = None
    try_trigger_generation: bool = False
    flush: bool | None = None
    close_context: bool = False
    close_socket: bool = False
    cancel: bool = False
    played_ms: float | None = Field(None, ge=0, allow_inf_nan=False)
    xi_api_key: str | None = None
    authorization: str | None = None
    token: str | None = None


class ElevenLabsSocketHandler(ContextSocketHandler, ElevenLabsHandler):
    """Base of both handlers: parameters, messages and alignments."""

    key_headers = ElevenLabsHandler.key_headers
    key_parameters = ("xi-api-key", "xi_api_key", "authorization", "single_use_token")
    query_model = ElevenLabsSocketParameters
    name: ClassVar[str]

    def initialize(self, **collaborators: Any) -> None:  # type: ignore[override]
        """Take the collaborators of a handler."""
        super().initialize(**collaborators)
        self._query = ElevenLabsSocketParameters()

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Check the URL, then upgrade the connection."""
        given = parameters.from_query(self.request)
        self._query = checked(ElevenLabsSocketParameters, given)
        self._voice = MappedVoice.of(args[0], self.voices)
        manifest = self.speech.voices.find(self._voice.voice)
        self._encoding = encoding_of(self._query.output_format, manifest.sample_rate)
        await super().get(*args, **kwargs)

    @property
    def patience(self) -> float:
        """The seconds of ``inactivity_timeout``, at most those of the settings."""
        return min(self._query.inactivity_timeout, self.config.agents.idle_seconds)

    # --- messages --------------------------------------------------------------------------------

    async def receive(self, message: Mapping[str, Any]) -> None:
        """Handle one message."""
        asked = checked(ElevenLabsMessage, message)
        await self.admit(asked.token or asked.xi_api_key or asked.authorization)
        await self.handle(asked)

    async def handle(self, asked: ElevenLabsMessage) -> None:
        """Handle one message of an admitted client."""

    async def speak(self, name: str, asked: ElevenLabsMessage) -> SpokenContext:
        """Add the text of a message to its context, which the first message creates."""
        context = await self.under_way(name) or await self._begin(name, asked)
        await self.add(name, context, asked.text or "")
        if asked.flush:
            context.flush()
        elif asked.try_trigger_generation:
            context.trigger()
        return context

    async def _begin(self, name: str, asked: ElevenLabsMessage) -> SpokenContext:
        lengths = asked.generation_config and asked.generation_config.chunk_length_schedule
        delay = self._query.max_buffer_delay_ms
        wait = self.config.agents.max_buffer_delay if delay is None else delay / 1000
        options = SpeechOptions(
            speed=asked.voice_settings.speed if asked.voice_settings else None,
            voice=self._voice.voice,
            speaker=self._voice.speaker,
            input="ssml" if self._query.enable_ssml_parsing else None,
            dictionaries=await dictionaries.rules(self, asked.dictionaries),
        )
        options = await self.speech.with_dictionaries(options)
        pace = TextPace(wait, () if self._query.auto_mode or not lengths else tuple(lengths))
        return self.begin(name, options, self._encoding, pace)

    async def interrupt(self, name: str, asked: ElevenLabsMessage) -> None:
        """Cancel a context, or report how much of it was heard."""
        played = None if asked.played_ms is None else asked.played_ms / 1000
        if asked.cancel and self.cancel(name, played):
            return  # its last message reports it
        if played is None and asked.cancel:
            return
        heard = self.heard(name)
        told: dict[str, object] = {"sent": heard.sent, "heard": heard.played(played or 0.0)}
        await self.send_json({**told, **self.named(name)})

    # --- sound -----------------------------------------------------------------------------------

    def sound_messages(
        self, name: str, context: SpokenContext, sound: Sound
    ) -> Sequence[Mapping[str, object]]:
        """Return the message for a sound, with the times of its characters."""
        del context
        if not sound.data and not sound.alignment:
            return []
        message = {
            "audio": base64.b64encode(sound.data).decode() if sound.data else None,
            "isFinal": None,
            "alignment": _milliseconds(sound.alignment, sound.base),
            "normalizedAlignment": _milliseconds(sound.normalized, sound.base),
        }
        return [{**message, **self.named(name)}]

    def end_message(self, name: str, *, cancelled: bool = False) -> Mapping[str, object]:
        """Return the last message of a context."""
        del cancelled
        return {"audio": None, "isFinal": True, **self.named(name)}

    def context_ended(self) -> None:
        """Close the socket after its last context, if the client has requested that."""
        if self.ending and not self.contexts:
            self.close(NORMAL)

    def named(self, name: str) -> Mapping[str, object]:
        """Return the fields that name a context in messages."""
        del name
        return {}


class StreamInputHandler(ElevenLabsSocketHandler):
    """`…/stream-input`: one text."""

    name = "stream-input"
    route_name = "stream_input"
    max_contexts = 1

    async def handle(self, asked: ElevenLabsMessage) -> None:
        """Speak the text of a message; an empty text ends the speech."""
        if asked.cancel or asked.played_ms is not None:
            self.ending = self.ending or asked.cancel
            await self.interrupt(_DEFAULT_CONTEXT, asked)
            self.context_ended()
            return
        if asked.text is None and not asked.flush:
            return
        ends = asked.text == "" and not asked.flush
        if ends and _DEFAULT_CONTEXT not in self.contexts:
            await self.send_json(self.end_message(_DEFAULT_CONTEXT))
            self.close(NORMAL)
            return
        context = await self.speak(_DEFAULT_CONTEXT, asked)
        if ends:
            self.ending = True
            context.finish()


class MultiStreamInputHandler(ElevenLabsSocketHandler):
    """`…/multi-stream-input`: several texts, each with a name."""

    name = "multi-stream-input"
    route_name = "multi_stream_input"

    async def receive(self, message: Mapping[str, Any]) -> None:
        """Handle one message; a wrong field ends only the context that the message names."""
        name = message.get("context_id")
        if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARS or not self._admitted:
            await super().receive(message)
            return
        try:
            asked = checked(ElevenLabsMessage, message)
        except RequestError as error:
            if not can_be_encoded(name):
                raise
            await self.context_failed(name, error)
            return
        await self.handle(asked)

    async def handle(self, asked: ElevenLabsMessage) -> None:
        """Speak, flush, close or cancel one context, or close the socket."""
        if asked.close_socket:
            self.ending = True
            for open_one in self.contexts.values():
                open_one.context.finish()
            self.context_ended()
            return
        name = asked.context_id or _DEFAULT_CONTEXT
        running = self.contexts.get(name)
        try:
            if asked.cancel or asked.played_ms is not None:
                await self.interrupt(name, asked)
            elif asked.close_context and running and (asked.flush or running.context.flushing):
                running.context.finish()
            elif asked.close_context:
                self.cancel(name)
            elif asked.text or asked.flush:
                await self.speak(name, asked)
            else:
                touch(running)
        except VitsTtsError as error:
            await self.context_failed(name, error)

    async def context_failed(self, name: str, error: Exception) -> None:
        """Report an error of one context, which ends; the other contexts continue."""
        self.cancel(name)
        self.context.log_error(type(error), error, error.__traceback__)
        ours = failures.as_ours(500, error)
        told: dict[str, object] = {"error": ours.code, "message": ours.message}
        if wait := failures.headers(ours).get("Retry-After"):
            told["retry_after"] = int(wait)
        try:
            await self.send_json({**told, **self.named(name)})
        except StreamClosedError:
            return

    def named(self, name: str) -> Mapping[str, object]:
        """Return the field that names a context."""
        return {"contextId": name}


def _milliseconds(
    times: Alignment | None, base: float
) -> Mapping[Literal["chars", "charStartTimesMs", "charDurationsMs"], object] | None:
    """Return the times of characters in milliseconds from ``base`` seconds on."""
    if times is None:
        return None
    starts = [max(0, round((at - base) * 1000)) for at in times["character_start_times_seconds"]]
    ends = [max(0, round((at - base) * 1000)) for at in times["character_end_times_seconds"]]
    return {
        "chars": times["characters"],
        "charStartTimesMs": starts,
        "charDurationsMs": [end - start for start, end in zip(starts, ends, strict=True)],
    }
