"""One request for speech over Wyoming: its limits, its audio events and its log line."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from vits_tts.errors import FieldInvalid, TextEmpty, TextUnspeakable, VoiceUnknown
from vits_tts.speech import RequestStats, SpeechOptions
from vits_tts.types import Pcm, silence
from vits_tts.web.context import RequestContext, Services
from vits_tts.web.http.exchange import new_request_id
from vits_tts.wyoming.events import encoded
from vits_tts.wyoming.sending import Sender

ROUTE: Final = "wyoming"
_METHOD: Final = "SYNTHESIZE"
_VOICE_FIELDS: Final = ("name", "language", "speaker")
_CHUNK_BYTES: Final = 8 * 1024
_NOTHING_SECONDS: Final = 0.1
"""Seconds of silence that answer a text without words."""


@dataclass(frozen=True, slots=True)
class WantedVoice:
    """The voice that a client asks for: by name, else by language, else the default voice."""

    name: str | None = None
    language: str | None = None
    speaker: str | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "WantedVoice":
        """Return the voice that an event's data name.

        Raises:
            FieldInvalid: the field has another type, or the text is SSML.

        """
        if data.get("text_format", "text") not in {"text", None}:
            raise FieldInvalid(
                "text_format must be text; SSML is not supported here", field="text_format"
            )
        voice = data.get("voice") or {}
        if not isinstance(voice, dict):
            raise FieldInvalid("voice must be an object", field="voice")
        name, language, speaker = (voice.get(key) or None for key in _VOICE_FIELDS)
        if not all(isinstance(value, str | None) for value in (name, language, speaker)):
            raise FieldInvalid(
                "name, language and speaker of a voice must be strings", field="voice"
            )
        return cls(name, language, speaker)


class Listener:
    """The client, as the context of one of its requests sees it."""

    context: RequestContext

    def __init__(self, sender: Sender) -> None:
        """Answer through ``sender``."""
        self.gone = False
        self.sent_bytes = 0
        self.first_byte: float | None = None
        self._sender = sender

    async def send(self, event: bytes, seconds: float = 0.0) -> None:
        """Send an event that carries ``seconds`` of sound."""
        if self.first_byte is None:
            self.first_byte = time.perf_counter()
        self.sent_bytes += len(event)
        await self._sender.send(event, seconds)

    def hung_up(self) -> bool:
        """Return whether the client has closed its end."""
        return self._sender.hung_up()

    def abort(self) -> None:
        """Close the connection."""
        self.gone = True
        self._sender.abort()

    def closed(self) -> None:
        """Stop the request."""
        self.context.disconnected()

    def seconds_left(self) -> float | None:
        """Return None: more text may still come."""
        return None


class Utterance:
    """One request from its first event to its last."""

    def __init__(self, services: Services, sender: Sender, address: str) -> None:
        """Make the context of a request; ``address`` is the client's IP address."""
        self._services = services
        self._speech = services.speech
        self._stats = RequestStats()
        self._rate = 0
        self._listener = Listener(sender)
        self.context = self._listener.context = RequestContext(
            services,
            self._listener,
            self._stats,
            request_id=new_request_id(),
            route=ROUTE,
            method=_METHOD,
            address=address,
        )
        self.context.delivery = "stream"

    async def speak(self, wanted: WantedVoice, texts: AsyncIterator[str]) -> None:
        """Synthesise ``texts`` as they arrive, and send their audio as events.

        Raises:
            ConnectionError: the client has disconnected, or reads too slowly.
            VitsTtsError: the request is invalid or cannot be served.

        """
        voice = self._voice(wanted)
        await self._services.guard.request(self.context.caller)
        with self.context.place(heard=True):
            async for text in texts:
                await self._say(text, voice, wanted.speaker)
        if not self._rate:
            sample_rate = self._speech.voices.find(voice).sample_rate
            await self._sound(silence(_NOTHING_SECONDS, sample_rate))
        milliseconds = round(self._stats.audio_seconds * 1000)
        await self._listener.send(encoded("audio-stop", {"timestamp": milliseconds}))

    async def _say(self, text: str, voice: str, speaker: str | None) -> None:
        """Synthesise and send one part of the text; send nothing if it has no words."""
        await self.context.count_written(text)
        options = SpeechOptions(voice=voice, speaker=speaker)
        try:
            reader = self.context.reader(heard=True)
            request = await self._speech.request(text, options, reader=reader)
        except (TextEmpty, TextUnspeakable):
            return
        await self.context.count_spoken(text, request)
        if self._rate:  # the pause between the last sentence and this one
            pause = silence(self._services.config.voice.sentence_pause, self._rate)
            self._stats.audio_seconds += pause.seconds
            await self._sound(pause)
        try:
            async with aclosing(self._speech.stream(request, self._stats)) as stream:
                async for pcm in stream:
                    await self._sound(pcm)
        except TextUnspeakable:
            return

    async def _sound(self, pcm: Pcm) -> None:
        """Send a window as ``audio-chunk`` events; before the first one, send ``audio-start``."""
        shape = {"rate": pcm.sample_rate, "width": 2, "channels": 1}
        if not self._rate:
            self._rate = pcm.sample_rate
            await self._listener.send(encoded("audio-start", {**shape, "timestamp": 0}))
        data = pcm.samples.tobytes()
        for start in range(0, len(data), _CHUNK_BYTES):
            part = data[start : start + _CHUNK_BYTES]
            seconds = len(part) / 2 / pcm.sample_rate
            await self._listener.send(encoded("audio-chunk", shape, part), seconds)

    def _voice(self, wanted: WantedVoice) -> str:
        """Return the name of the voice that the client asks for.

        Raises:
            VoiceUnknown: no voice has this name or speaks this language.

        """
        voices = self._speech.voices
        if wanted.name or not wanted.language:
            voices.find(wanted.name)
            return wanted.name or voices.default  # an alias may name a speaker
        for name in [voices.default, *voices.manifests]:
            if voices.find(name).speaks(wanted.language):
                return name
        raise VoiceUnknown(f"no voice speaks {wanted.language!r:.40}", field="voice")
