"""Common parts of the interfaces of other speech services, such as ElevenLabs and FPT.AI.

Each interface has a module of its own. Common are the headers that contain the API key, the names
of voices, and answers that name a file which is still being created.
"""

import json
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

import numpy as np

from vits_tts.audio.formats import Encoding
from vits_tts.dictionaries.rules import Rules
from vits_tts.errors import TextUnspeakable, VoiceUnknown
from vits_tts.markup.dialogue import Turn
from vits_tts.speech import SpeechOptions, length_scale
from vits_tts.speech.keyed_request import keyed_request
from vits_tts.types import Pcm, SpeechRequest
from vits_tts.web.background import BackgroundFile, Callback
from vits_tts.web.base import Handler
from vits_tts.web.callbacks import Callbacks
from vits_tts.web.handlers import links, streaming
from vits_tts.web.request_log import Delivery

_WHOLE_CHARS: Final = 2000
"""An answer up to this many spoken characters, at the usual speed, is collected in memory (about
7 MB) and sent with its length."""


@dataclass(frozen=True, slots=True)
class MappedVoice:
    """The server's voice for the name of another service, and its speaker if it has several."""

    voice: str | None
    speaker: str | None = None

    @classmethod
    def of(cls, name: str, voices: Mapping[str, str]) -> "MappedVoice":
        """Return the voice for ``name``; values of ``voices`` are ``voice`` or ``voice/speaker``.

        Raises:
            VoiceUnknown: ``voices`` does not have the name.

        """
        mapped = voices.get(name)
        if mapped is None:
            known = ", ".join(voices)
            raise VoiceUnknown(f"there is no voice {name!r:.60}; there is {known}", field="voice")
        voice, _, speaker = mapped.partition("/")
        return cls(voice, speaker or None)


class ForeignHandler(Handler):
    """Base of the handlers of all foreign interfaces."""

    linkable = False
    delivery: ClassVar[Delivery] = "file"
    route_name: ClassVar[str]
    """The value of ``route`` in logs and metrics."""
    key_headers: ClassVar[tuple[str, ...]] = ()
    """Headers in which clients of this interface send their API key, besides our own."""

    def initialize(  # type: ignore[override]  # tornado's name for its constructor
        self, callbacks: Callbacks, **collaborators: Any
    ) -> None:
        """Store the collaborators."""
        super().initialize(**collaborators)
        self.callbacks = callbacks

    @property
    def own_voices(self) -> Mapping[str, str]:
        """The server's voices by their own names, and by those of ``voice.aliases``."""
        own = {name: name for name in self.speech.voices.manifests}
        return {**own, **self.config.voice.aliases}

    def foreign_voice(self, name: str, voices: Mapping[str, str]) -> MappedVoice:
        """Return the voice for a name of another service, in ``voices`` or ``voice.aliases``.

        Raises:
            VoiceUnknown: neither has the name.

        """
        return MappedVoice.of(name, {**self.config.voice.aliases, **voices})

    async def prepare(self) -> None:
        """Read the API key from the headers of this interface, then admit the request."""
        for name in self.key_headers:
            if given := self.request.headers.get(name):
                self.take_key(given)
        await super().prepare()

    def take_key(self, key: str) -> None:
        """Use ``key`` as the API key of the request, in place of the one in its headers."""
        self.request.headers["X-API-Key"] = key
        self.request.headers.pop("Authorization", None)

    async def read(  # noqa: PLR0913  # all but two are given by name
        self,
        text: str,
        wanted: MappedVoice,
        speed: float | str | None = None,
        *,
        volume: float = 1.0,
        heard: bool = True,
        timed: bool = False,
        opening: bool = False,
        dictionaries: tuple[Rules, ...] | None = None,
        turns: tuple[Turn, ...] = (),
    ) -> SpeechRequest:
        """Return the speech request for a text, and count the text towards the caller's limits.

        ``heard`` says that the client plays the speech as it arrives. If ``timed``, the statistics
        get a timeline. With ``opening``, the rest of a long text is read while its beginning is
        heard. ``turns`` are those of a dialogue, whose texts are ``text``.

        Raises:
            TextUnspeakable: the text has no words.
            RequestError: the text, voice or speed is invalid.
            RateLimited: the caller has sent too many characters.

        """
        await self.count_written(text)
        if text.isspace():
            raise TextUnspeakable("the text has nothing to say", field="text")
        options = SpeechOptions(
            speed,
            wanted.voice,
            wanted.speaker,
            turns=turns,
            volume=volume,
            dictionaries=dictionaries,
        )
        reader = self.reader(heard=heard)
        if opening:
            complete = partial(self.count_spoken, text)
            request, self.tally.timeline = await self.speech.opening(
                text, options, reader, timed=timed, complete=complete
            )
            return request
        if timed:
            request, self.tally.timeline = await self.speech.timed(text, options, reader=reader)
        else:
            request = await self.speech.request(text, options, reader=reader)
        await self.count_spoken(text, request)
        return request

    async def read_or_silence(
        self, text: str, wanted: MappedVoice, speed: float | None = None
    ) -> SpeechRequest:
        """Return the request for a file, as :meth:`read` does; without words, one of silence.

        Raises:
            RequestError: the text, voice or speed is invalid.
            RateLimited: the caller has sent too many characters.

        """
        try:
            return await self.read(text, wanted, speed, heard=False)
        except TextUnspeakable:
            manifest = self.speech.voices.find(wanted.voice)
            scale = length_scale(speed, self.config.voice.speeds)
            prosody = manifest.prosody(scale, wanted.speaker)
            lead = streaming.SILENCE_SECONDS
            return keyed_request(manifest, (), prosody, self.config.level, lead=lead)

    async def start_file(
        self,
        request: SpeechRequest,
        encoding: Encoding,
        promise_id: str,
        callback: Callback | None = None,
    ) -> None:
        """Start to create a file in the background.

        Other processes notice by ``promise_id`` if this one ends before the file is complete. Then
        one that shares the folder posts the result to ``callback``.

        Raises:
            Busy: too many requests are being served.

        """
        audio_hash = await self.speech.file_hash(request, encoding, self.context.key)
        with ExitStack() as place:
            place.enter_context(self.place(heard=False))
            await self.speech.failed_files.discard(audio_hash, encoding.format)
            content = callback.stored() if callback else b""
            await self.speech.promised_files.make(audio_hash, encoding.format, promise_id, content)
            file = BackgroundFile(
                self.services, self.context, place.pop_all(), self.callbacks, callback, promise_id
            )
        file.start(request, encoding, audio_hash)

    async def link(self, audio_hash: str, name: str) -> str:
        """Return the URL of a file, which may not exist yet; signed if `audio.links` says so."""
        path = self.reverse_url("audio", audio_hash, name)
        url, _ = await links.address(self, path, {}, absolute=True)
        return url

    def write_array(self, items: Sequence[Mapping[str, object]]) -> None:
        """Write a JSON array."""
        self.write_json(json.dumps(items, ensure_ascii=False))

    async def send_speech(self, request: SpeechRequest, encoding: Encoding) -> None:
        """Send a speech: a short one as a file with its length, a long one as a stream."""
        spoken = sum(len(sentence.text) for sentence in request.sentences)
        if spoken * request.prosody.length_scale > _WHOLE_CHARS:
            await streaming.audio(self, request, encoding)
            return
        body = await self.whole(request, encoding)
        streaming.set_headers(self, encoding.media_type, len(body))
        self.tell_seconds(self.tally.audio_seconds)
        await self.send(body)

    async def speak_or_silence(
        self, speech: Awaitable[None], voice: MappedVoice, encoding: Encoding
    ) -> None:
        """Await ``speech``, which sends the answer; if the text has no words, send a silence."""
        try:
            await speech
        except TextUnspeakable:  # raised before any audio is sent
            manifest = self.speech.voices.find(voice.voice)
            manifest.speaker_id(voice.speaker)
            body = await streaming.silence(self, encoding, manifest.sample_rate)
            await self.send_silence(body, encoding)

    async def send_silence(self, body: bytes, encoding: Encoding) -> None:
        """Send the short silence that answers a text without words."""
        await streaming.whole(self, body, encoding.media_type)

    async def whole(self, request: SpeechRequest, encoding: Encoding) -> bytes:
        """Return a speech as the bytes of one file."""
        # WAV needs its length in the header, so it is encoded at once.
        if not encoding.format.startswith("wav"):
            stream = self.speech.encoded(request, encoding, self.tally)
            return b"".join([data async for data in stream])
        parts = [pcm async for pcm in self.speech.stream(request, self.tally)]
        samples = np.concatenate([pcm.samples for pcm in parts])
        return await self.speech.whole(Pcm(samples, parts[0].sample_rate), encoding)
