"""The requests of callers: `/tts`, `/tts/stream`, `/normalize`, `/audio/<hash>.wav`, `/voices`."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import ClassVar

from tornado.iostream import StreamClosedError

from vits_tts.audio import wav
from vits_tts.audio.files import AudioFile
from vits_tts.errors import TextMissing
from vits_tts.types import SpeechRequest
from vits_tts.web import parameters, ranges
from vits_tts.web.base import Handler

_FILE_CHUNK_BYTES = 64 * 1024
_IMMUTABLE = "public, max-age=31536000, immutable"


class SpeechHandler(Handler):
    """What `/tts` and `/tts/stream` share: the parameters, the limits, leaving early."""

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
            await self.respond(given)

    @abstractmethod
    async def respond(self, given: parameters.Parameters) -> None:
        """Check what is asked for and answer it."""

    async def checked(self, given: parameters.Parameters) -> SpeechRequest:
        """Return the request that the parameters make."""
        text = parameters.text(given, "text")
        if text is None:
            raise TextMissing("text is missing", field="text")
        self.log_text = text
        self.say(await self.guard.text(self.request, self.key, text))
        speaker = parameters.text_or_number(given, "speaker")
        return await self.speech.request(
            text,
            speed=parameters.text_or_number(given, "speed"),
            voice=parameters.text(given, "voice") or None,
            speaker=None if speaker in {None, ""} else str(speaker),
            lexicon=parameters.words(given, "lexicon"),
        )


class TtsHandler(SpeechHandler):
    """`/tts`: makes a file and says where it is."""

    heard = False

    async def respond(self, given: parameters.Parameters) -> None:
        """Answer when the file is complete."""
        await self.while_connected(self._save(given))

    async def _save(self, given: parameters.Parameters) -> None:
        request = await self.checked(given)
        saved = await self.speech.save(request, self.tally)
        manifest = self.speech.voices.find(request.voice)
        path = self.reverse_url("audio", saved.audio_hash)
        self.write_json(
            {
                "hash": saved.audio_hash,
                "text": given["text"],
                "speed": given.get("speed") or "normal",
                "audio_url": f"{self.proxies.base_url(self.request)}{path}",
                "voice": request.voice,
                "seconds": round(saved.seconds, 3),
                "sample_rate": manifest.sample_rate,
                "licence": manifest.licence.name,
            }
        )


class StreamHandler(SpeechHandler):
    """`/tts/stream`: sends WAV while it is made."""

    async def respond(self, given: parameters.Parameters) -> None:
        """Send what is at hand at once, and the rest as it comes."""
        request = await self.checked(given)
        if speech := self.speech.at_hand(request, self.tally):
            self._set_headers()
            body = wav.header(speech.sample_rate) + speech.samples.tobytes()
            self._headers["Content-Length"] = str(len(body))
            with suppress(StreamClosedError):
                await self.send(body)
        else:
            await self.while_connected(self._stream(request))

    async def _stream(self, request: SpeechRequest) -> None:
        """Send each window as soon as it is there; a fault in the middle cuts the connection."""
        async with aclosing(self.speech.stream(request, self.tally)) as stream:
            first = await anext(stream)  # what goes wrong before any sound is a proper error
            self._set_headers()
            await self.send(wav.header(first.sample_rate) + first.samples.tobytes())
            async for pcm in stream:
                await self.send(pcm.samples.tobytes())

    def _set_headers(self) -> None:
        self._headers["Content-Type"] = "audio/wav"
        self._headers["Cache-Control"] = "no-store"
        self._headers["X-Accel-Buffering"] = "no"  # nginx passes it on as it comes


class NormalizeHandler(SpeechHandler):
    """`/normalize`: shows what would be said, and from where in the text each word comes."""

    async def respond(self, given: parameters.Parameters) -> None:
        """Answer with the reading; nothing is synthesised."""
        await self.while_connected(self._read(given))

    async def _read(self, given: parameters.Parameters) -> None:
        text = parameters.text(given, "text")
        if text is None:
            raise TextMissing("text is missing", field="text")
        self.log_text = text
        reading = await self.speech.reading(text, parameters.words(given, "lexicon"))
        self.write_json(reading.described())


class AudioHandler(Handler):
    """`/audio/<hash>.wav`: a file of `/tts`, with ranges and caching for ever."""

    async def get(self, audio_hash: str) -> None:
        """Send the file, a part of it, or word that the caller's copy is still good."""
        await self.while_connected(self._respond(audio_hash))

    async def head(self, audio_hash: str) -> None:
        """Send the headers of ``get``."""
        await self.while_connected(self._respond(audio_hash))

    async def _respond(self, audio_hash: str) -> None:
        audio = await self.speech.open_file(audio_hash, self.tally)
        try:
            await self._send(audio)
        finally:
            await asyncio.to_thread(audio.close)

    async def _send(self, audio: AudioFile) -> None:
        self.set_header("Content-Type", "audio/wav")
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
        self.write_json(
            {
                "default": voices.default,
                "voices": [
                    manifest.described(default=name == voices.default)
                    | {"loaded": voices.loaded(name)}
                    for name, manifest in voices.manifests.items()
                ],
            }
        )

    head = get
