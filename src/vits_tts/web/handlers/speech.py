"""The paths for callers: `/tts`, `/tts/stream`, `/tts/link`, `/normalize`, `/voices`."""

import asyncio
from abc import abstractmethod
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from tornado.iostream import StreamClosedError

from vits_tts.audio import formats, wav
from vits_tts.audio.formats import Encoding
from vits_tts.speech import SpeechOptions
from vits_tts.speech.options import length_scale
from vits_tts.speech.speech_marks import MEDIA_TYPE as MARKS_TYPE
from vits_tts.speech.speech_marks import SpeechMarks
from vits_tts.speech.subtitles import MEDIA_TYPES, Subtitles
from vits_tts.text.normalizer.pipeline import check
from vits_tts.types import SpeechRequest
from vits_tts.web.base import Handler, as_json
from vits_tts.web.handlers import dictionaries, links, stream_parts, streaming, timestamps
from vits_tts.web.handlers.links import LinkedHandler
from vits_tts.web.http import accept, byte_range, parameters
from vits_tts.web.schema.requests import LinkParameters, SpeechParameters, TextParameters, checked
from vits_tts.web.schema.responses import SavedSpeech, StreamLink, VoicesAnswer

Asked = TypeVar("Asked", bound=TextParameters)


class TextHandler(Handler, Generic[Asked]):
    """Base of the handlers with a text: reads the parameters and limits concurrent requests."""

    model: ClassVar[type[Any]]
    linkable = False  # GET synthesises and writes files, so foreign pages must not trigger it
    heard: ClassVar[bool] = True
    """True if the client plays the answer as it arrives, so that its work has deadlines."""

    async def get(self) -> None:
        """Answer a request with its parameters in the query."""
        await self._answer(parameters.from_query(self.request))

    async def post(self) -> None:
        """Answer a request with its parameters in the body (JSON or a form), then in the query."""
        body = parameters.from_body(self.request, self.body)
        await self._answer({**parameters.from_query(self.request), **body})

    async def head(self) -> None:
        """Send those headers of :meth:`get` that are known without synthesis."""
        asked = checked(self.model, parameters.from_query(self.request))
        check(asked.text, self.config.server.max_text_chars)
        self.describe(asked)
        await self.flush()  # now, before tornado adds Content-Length: 0, which would be wrong

    def describe(self, asked: Asked) -> None:
        """Set the headers that describe the answer of :meth:`get`."""
        del asked
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")

    async def _answer(self, given: parameters.Parameters) -> None:
        with self.place(heard=self.heard):
            await self.respond(checked(self.model, given))

    @abstractmethod
    async def respond(self, asked: Asked) -> None:
        """Answer a request whose parameters are valid."""


class SpeechHandler(TextHandler[SpeechParameters]):
    """Base of the handlers of speech: turns parameters into a speech request and an encoding."""

    model = SpeechParameters
    accepted = staticmethod(accept.wanted)
    """Returns the name of the format that ``Accept`` prefers."""

    async def request_for(self, asked: SpeechParameters) -> SpeechRequest | None:
        """Return the speech request for the parameters; None if the client left meanwhile.

        If the parameters request times, the statistics get a timeline.

        Raises:
            RequestError: the text, voice, speaker or speed is invalid.
            RateLimited: the caller has sent too many characters.

        """
        await self.count_written(asked.text)
        rules = await dictionaries.rules(self, asked.dictionaries)
        options = SpeechOptions(
            asked.speed,
            asked.voice or None,
            asked.speaker or None,
            asked.lexicon,
            asked.input,
            asked.turns or (),
            asked.turn_pause,
            asked.volume,
            rules,
        )
        if not asked.timestamps and (known := self.speech.remembered(asked.text, options)):
            await self.count_spoken(asked.text, known)
            return known
        return await self.while_connected(self._read(asked, options))

    async def _read(self, asked: SpeechParameters, options: SpeechOptions) -> SpeechRequest:
        reader = self.reader(heard=self.heard)
        if self.may_open(asked):
            request, timeline = await self.speech.opening(
                asked.text,
                options,
                reader,
                timed=bool(asked.timestamps),
                complete=partial(self.count_spoken, asked.text),
            )
        else:
            timeline = None
            if asked.timestamps:
                request, timeline = await self.speech.timed(asked.text, options, reader)
            else:
                request = await self.speech.request(asked.text, options, reader)
            await self.count_spoken(asked.text, request)
        if timeline:
            timeline.details = asked.details
        self.tally.timeline = timeline
        return request

    def may_open(self, asked: SpeechParameters) -> bool:
        """Return whether the rest of a long text may be read while its beginning is heard."""
        del asked
        return False

    def encoding(self, asked: SpeechParameters) -> Encoding:
        """Return the requested encoding, with the defaults of the format and the voice."""
        voice = self.speech.voices.find(asked.voice or None)
        name = asked.format
        if name is None:
            accepted = accept.named if asked.timestamps else self.accepted  # the answer is text
            name = accepted(self.request.headers.get("Accept"))
        return formats.encoding(name, asked.sample_rate, asked.bit_rate, voice.sample_rate)

    def checked(self, asked: SpeechParameters) -> Encoding:
        """Return the encoding, and check all parameters except the text, without synthesis.

        Raises:
            RequestError: a parameter is invalid.

        """
        voice = self.speech.voices.find(asked.voice or None)
        voice.prosody(length_scale(asked.speed, self.config.voice.speeds), asked.speaker or None)
        return self.encoding(asked)

    def describe(self, asked: SpeechParameters) -> None:
        """Set the headers that describe the answer of :meth:`get`."""
        self.checked(asked)
        super().describe(asked)


class TtsHandler(SpeechHandler):
    """`/tts`: saves the speech of a text as a file, and returns its URL."""

    heard = False
    delivery = "file"
    accepted = staticmethod(accept.named)  # the answer itself is JSON

    async def respond(self, asked: SpeechParameters) -> None:
        """Answer when the file is complete."""
        await self.while_connected(self._save(asked))

    async def _save(self, asked: SpeechParameters) -> None:
        """Create the file, and send its description or, if requested, subtitles."""
        request = await self.request_for(asked)
        if request is None:
            return
        encoding = self.encoding(asked)
        saved = await self.speech.save(request, self.tally, encoding, self.context.key)
        self.tell_seconds(saved.seconds)
        timeline = self.tally.timeline
        manifest = self.speech.voices.find(request.voice)
        suffix = (asked.format or "").lower()
        if suffix not in formats.ALIASES:
            suffix = encoding.format
        path = self.reverse_url("audio", saved.audio_hash, suffix)
        url, _ = await links.address(self, path, {})
        if timeline and (writer := _writer(asked)):
            written = await asyncio.to_thread(
                lambda: "".join([writer.opening, *map(writer.sentence, timeline.sentences)])
            )
            form = asked.subtitles
            self.write_subtitles(written, MEDIA_TYPES[form] if form else MARKS_TYPE, url)
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
        """Write subtitles or marks, and put the URL of the audio into the header ``Link``."""
        self.set_header("Content-Type", f"{media_type}; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Link", f'<{audio_url}>; rel="describes"')
        self.write(written)


def _writer(asked: SpeechParameters) -> Subtitles | SpeechMarks | None:
    """Return the writer of the requested form of times; None for JSON."""
    if asked.marks:
        return SpeechMarks(asked.text)
    return Subtitles(asked.subtitles) if asked.subtitles else None


class LinkHandler(SpeechHandler):
    """`/tts/link`: returns the URL of a stream, for players that cannot send an API key."""

    model = LinkParameters

    async def respond(self, asked: SpeechParameters) -> None:
        """Answer with the URL, without synthesis."""
        await self.while_connected(self._link(asked))

    async def _link(self, asked: SpeechParameters) -> None:
        check(asked.text, self.config.server.max_text_chars)
        encoding = self.checked(asked)
        given = asked.model_dump(exclude_none=True) | {"format": asked.format or encoding.format}
        written = {name: str(value) for name, value in given.items()}
        url, expires = await links.address(self, self.reverse_url("stream"), written)
        self.write_json(StreamLink(audio_url=url, expires=expires, media_type=encoding.media_type))


class StreamHandler(SpeechHandler, LinkedHandler):
    """`/tts/stream`: sends audio while it is synthesised."""

    delivery = "stream"

    def describe(self, asked: SpeechParameters) -> None:
        """Set the headers of the stream; they say that ranges may be requested."""
        encoding = self.checked(asked)
        if asked.timestamps:
            streaming.set_headers(self, timestamps.MEDIA_TYPE)
            return
        streaming.set_headers(self, encoding.media_type)
        self.set_header("Accept-Ranges", "bytes")

    def may_open(self, asked: SpeechParameters) -> bool:
        """Return True unless a range is requested, which needs the length of the whole speech."""
        return not self._asks_range(asked)

    def _asks_range(self, asked: SpeechParameters) -> bool:
        """Return whether the request asks for a part of a stream that has parts."""
        if self.request.method != "GET" or asked.timestamps:
            return False
        return byte_range.is_range(self.request.headers.get("Range"))

    async def respond(self, asked: SpeechParameters) -> None:
        """Send the stream: cached speech at once, the rest while it is synthesised."""
        request = await self.request_for(asked)
        if request is None:
            return
        encoding = self.encoding(asked)
        if self.request.method == "GET" and not asked.timestamps:
            self._headers["Accept-Ranges"] = "bytes"
            if self._asks_range(asked) and await self._parted(request, encoding):
                return
        if timeline := self.tally.timeline:
            await self.while_connected(
                timestamps.send(self, request, encoding, timeline, _writer(asked))
            )
        elif encoding != self.speech.plain(request):
            await self.while_connected(streaming.audio(self, request, encoding))
        elif speech := self.speech.at_hand(request, self.tally):
            body = wav.header(speech.sample_rate) + speech.samples.tobytes()
            self.tell_seconds(speech.seconds)
            streaming.set_headers(self, "audio/wav", len(body))
            with suppress(StreamClosedError):
                await self.send(body)
        else:
            await self.while_connected(self._stream(request))

    async def _parted(self, request: SpeechRequest, encoding: Encoding) -> bool:
        """Send the requested range; return False if the whole stream must be sent instead.

        A server may always ignore ``Range`` (RFC 9110, section 14.2). Returns True if the client
        has left.
        """
        answered = await self.while_connected(stream_parts.send(self, request, encoding))
        return answered is not False

    async def _stream(self, request: SpeechRequest) -> None:
        """Send each window as soon as it is synthesised; a later error closes the connection."""
        async with aclosing(self.speech.stream(request, self.tally)) as stream:
            first = await anext(stream)  # an error up to here gets a JSON answer
            streaming.set_headers(self, "audio/wav")
            await self.send(wav.header(first.sample_rate) + first.samples.tobytes())
            async for pcm in stream:
                await self.send(pcm.samples.tobytes())


class NormalizeHandler(TextHandler[TextParameters]):
    """`/normalize`: returns the spoken text, and the place of each word in the given text."""

    model = TextParameters

    async def respond(self, asked: TextParameters) -> None:
        """Answer with the spoken text, without synthesis."""
        await self.while_connected(self._read(asked))

    async def _read(self, asked: TextParameters) -> None:
        self.context.text = asked.text
        reader = self.reader(heard=True)
        rules = await dictionaries.rules(self, asked.dictionaries)
        reading = await self.speech.reading(
            asked.text,
            asked.lexicon,
            reader,
            asked.input,
            asked.turns or (),
            asked.turn_pause,
            rules,
        )
        self.write_json(await asyncio.to_thread(lambda: as_json(reading.described())))


class VoicesHandler(Handler):
    """`/voices`: lists the voices of the server with their licences."""

    def get(self) -> None:
        """List the voices, the default one first."""
        voices = self.speech.voices
        listed: list[Any] = [
            manifest.described(default=name == voices.default) | {"loaded": voices.loaded(name)}
            for name, manifest in voices.manifests.items()
        ]
        aliases = dict(self.config.voice.aliases)
        self.write_json(VoicesAnswer(default=voices.default, voices=listed, aliases=aliases))

    head = get
