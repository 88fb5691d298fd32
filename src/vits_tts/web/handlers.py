"""The requests of callers: `/tts`, `/tts/stream`, `/normalize`, `/audio/…`, `/voices`."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import Any, ClassVar, Generic, TypeVar

from tornado.iostream import StreamClosedError

from vits_tts.audio import formats, wav
from vits_tts.audio.files import AudioFile
from vits_tts.audio.formats import Encoding
from vits_tts.speech.subtitles import MEDIA_TYPES, subtitles
from vits_tts.types import SpeechRequest
from vits_tts.web import accept, parameters, ranges, sending, timed
from vits_tts.web.answers import SavedSpeech, VoicesAnswer
from vits_tts.web.base import Handler
from vits_tts.web.models import SpeechParameters, TextParameters, checked

_FILE_CHUNK_BYTES = 64 * 1024
_IMMUTABLE = "public, max-age=31536000, immutable"

Asked = TypeVar("Asked", bound=TextParameters)


class TextHandler(Handler, Generic[Asked]):
    """What all that take a text share: the parameters, the limit of requests, leaving early."""

    model: ClassVar[type[Any]]
    heard: ClassVar[bool] = True
    """Whether somebody listens to the answer as it comes."""

    async def get(self) -> None:
        """Speak what the query asks for."""
        await self._answer(parameters.from_query(self.request))

    async def post(self) -> None:
        """Speak what the body (JSON or a form) asks for; what it leaves open, the query may say."""
        body = parameters.from_body(self.request, self.body)
        await self._answer({**parameters.from_query(self.request), **body})

    async def _answer(self, given: parameters.Parameters) -> None:
        with self.speech.slot(heard=self.heard):
            await self.respond(checked(self.model, given))

    @abstractmethod
    async def respond(self, asked: Asked) -> None:
        """Answer what is asked for."""


class SpeechHandler(TextHandler[SpeechParameters]):
    """What `/tts` and `/tts/stream` share: the limits, and how a request is made."""

    model = SpeechParameters
    accepted = staticmethod(accept.wanted)
    """Which format an ``Accept`` asks for."""

    async def request_for(self, asked: SpeechParameters) -> SpeechRequest:
        """Return the request that the parameters make; the tally keeps times if they ask."""
        self.log_text = asked.text
        self.say(await self.guard.text(self.request, self.key, asked.text))
        options: dict[str, Any] = {
            "speed": asked.speed,
            "voice": asked.voice or None,
            "speaker": asked.speaker or None,
            "lexicon": asked.lexicon,
        }
        if asked.timestamps:
            request, self.tally.timeline = await self.speech.timed(asked.text, **options)
            return request
        return await self.speech.request(asked.text, **options)

    def encoding(self, asked: SpeechParameters, request: SpeechRequest) -> Encoding:
        """Return the encoding that is asked for; of what is not, the voice's or the usual."""
        name = asked.format
        if name is None:
            accepted = accept.named if asked.timestamps else self.accepted  # the answer is text
            name = accepted(self.request.headers.get("Accept"))
        plain = self.speech.plain(request)
        return formats.encoding(name, asked.sample_rate, asked.bit_rate, plain.sample_rate)


class TtsHandler(SpeechHandler):
    """`/tts`: makes a file and says where it is."""

    heard = False
    accepted = staticmethod(accept.named)  # the answer itself is JSON

    async def respond(self, asked: SpeechParameters) -> None:
        """Answer when the file is complete."""
        await self.while_connected(self._save(asked))

    async def _save(self, asked: SpeechParameters) -> None:
        request = await self.request_for(asked)
        encoding = self.encoding(asked, request)
        saved = await self.speech.save(request, self.tally, encoding)
        timeline = self.tally.timeline
        manifest = self.speech.voices.find(request.voice)
        path = self.reverse_url("audio", saved.audio_hash, encoding.format)
        url = f"{self.proxies.base_url(self.request)}{path}"
        if timeline and asked.subtitles:
            written = await asyncio.to_thread(subtitles, timeline.sentences, asked.subtitles)
            self.write_subtitles(written, MEDIA_TYPES[asked.subtitles], url)
            return
        answer = SavedSpeech(
            hash=saved.audio_hash,
            text=asked.text,
            speed=asked.speed or "normal",
            audio_url=url,
            voice=request.voice,
            seconds=round(saved.seconds, 3),
            format=encoding.format,
            sample_rate=encoding.sample_rate,
            licence=manifest.licence.name,
        )
        if encoding.bit_rate:
            answer["bit_rate"] = encoding.bit_rate
        if timeline:
            answer["timestamps"] = await asyncio.to_thread(timeline.described)
        self.write_json(answer)

    def write_subtitles(self, written: str, media_type: str, audio_url: str) -> None:
        """Write a file of subtitles, and in the headers where the sound is."""
        self.set_header("Content-Type", f"{media_type}; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Link", f'<{audio_url}>; rel="describes"')
        self.write(written)


class StreamHandler(SpeechHandler):
    """`/tts/stream`: sends audio while it is made."""

    async def respond(self, asked: SpeechParameters) -> None:
        """Send what is at hand at once, and the rest as it comes."""
        request = await self.request_for(asked)
        encoding = self.encoding(asked, request)
        if timeline := self.tally.timeline:
            await self.while_connected(
                timed.send(self, request, encoding, timeline, asked.subtitles)
            )
        elif encoding != self.speech.plain(request):
            await self.while_connected(sending.audio(self, request, encoding))
        elif speech := self.speech.at_hand(request, self.tally):
            body = wav.header(speech.sample_rate) + speech.samples.tobytes()
            sending.set_headers(self, "audio/wav", len(body))
            with suppress(StreamClosedError):
                await self.send(body)
        else:
            await self.while_connected(self._stream(request))

    async def _stream(self, request: SpeechRequest) -> None:
        """Send each window as soon as it is there; a fault in the middle cuts the connection."""
        async with aclosing(self.speech.stream(request, self.tally)) as stream:
            first = await anext(stream)  # what goes wrong before any sound is a proper error
            sending.set_headers(self, "audio/wav")
            await self.send(wav.header(first.sample_rate) + first.samples.tobytes())
            async for pcm in stream:
                await self.send(pcm.samples.tobytes())


class NormalizeHandler(TextHandler[TextParameters]):
    """`/normalize`: shows what would be said, and from where in the text each word comes."""

    model = TextParameters

    async def respond(self, asked: TextParameters) -> None:
        """Answer with the reading; nothing is synthesised."""
        await self.while_connected(self._read(asked))

    async def _read(self, asked: TextParameters) -> None:
        self.log_text = asked.text
        reading = await self.speech.reading(asked.text, asked.lexicon)
        self.write_json(reading.described())


class AudioHandler(Handler):
    """`/audio/<hash>.<format>`: a file of `/tts`, with ranges and caching for ever."""

    async def get(self, audio_hash: str, name: str) -> None:
        """Send the file, a part of it, or word that the caller's copy is still good."""
        await self.while_connected(self._respond(audio_hash, name))

    async def head(self, audio_hash: str, name: str) -> None:
        """Send the headers of ``get``."""
        await self.while_connected(self._respond(audio_hash, name))

    async def _respond(self, audio_hash: str, name: str) -> None:
        audio = await self.speech.open_file(audio_hash, name, self.tally)
        try:
            await self._send(audio, name)
        finally:
            await asyncio.to_thread(audio.close)

    async def _send(self, audio: AudioFile, name: str) -> None:
        self.set_header("Content-Type", formats.FORMATS[name].content_type)
        self.set_header("Cache-Control", _IMMUTABLE)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("ETag", audio.etag)
        headers = self.request.headers
        if ranges.matches(headers.get("If-None-Match"), audio.etag):
            self.set_status(HTTPStatus.NOT_MODIFIED)
            return
        condition = headers.get("If-Range", audio.etag)
        asked = headers.get("Range") if condition == audio.etag else None
        part = ranges.parse(asked, audio.size)
        if part is None:
            part = range(audio.size)
        else:
            self.set_status(HTTPStatus.PARTIAL_CONTENT)
            self.set_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{audio.size}")
        self.set_header("Content-Length", len(part))
        if self.request.method != "HEAD":
            async for chunk in _chunks(audio, part):
                await self.send(chunk)


async def _chunks(audio: AudioFile, part: range) -> AsyncIterator[bytes]:
    for start in range(part.start, part.stop, _FILE_CHUNK_BYTES):
        length = min(_FILE_CHUNK_BYTES, part.stop - start)
        yield await asyncio.to_thread(audio.read, start, length)


class VoicesHandler(Handler):
    """`/voices`: which voices are served, and under which terms."""

    def get(self) -> None:
        """List them, the default one first."""
        voices = self.speech.voices
        listed: list[Any] = [
            manifest.described(default=name == voices.default) | {"loaded": voices.loaded(name)}
            for name, manifest in voices.manifests.items()
        ]
        self.write_json(VoicesAnswer(default=voices.default, voices=listed))

    head = get
