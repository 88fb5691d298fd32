"""One Wyoming connection: it reads events in order and answers requests for speech one at a time.

A connection has two tasks. ``_read`` reads events and queues requests, ``_speak`` answers them. So
text can arrive while earlier sentences are spoken, and a client that leaves is noticed at once.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

from vits_tts.errors import EventInvalid, FieldInvalid, TextTooLong, VitsTtsError
from vits_tts.web.context import Services
from vits_tts.web.failures import as_ours
from vits_tts.web.http.room import Room
from vits_tts.wyoming import description
from vits_tts.wyoming.events import Event, encoded, read_event
from vits_tts.wyoming.sending import Sender
from vits_tts.wyoming.sentences import SentenceBuffer
from vits_tts.wyoming.utterance import Utterance, WantedVoice

_CLOSE_SECONDS: Final = 0.25
_REQUESTS_AHEAD: Final = 2
"""The maximum number of requests that wait behind the current one; then no events are read."""
_TEXT_WAIT_SECONDS: Final = 300.0
"""The maximum seconds that one request waits for parts of its text, all waits together."""


class _Request:
    """A request for speech, whose text may arrive in parts."""

    def __init__(self, voice: WantedVoice, max_chars: int, gap_seconds: float) -> None:
        self.voice = voice
        self.streamed = False
        self._buffer = SentenceBuffer()
        self._max_chars = max_chars
        self._gap_seconds = gap_seconds
        self._chars = 0
        self._news = asyncio.Event()
        self._ended = False

    def add(self, text: str) -> None:
        """Append to the text.

        Raises:
            TextTooLong: the text is longer than ``server.max_text_chars``.

        """
        self._chars += len(text)
        if self._chars > self._max_chars:
            message = f"the text has more than {self._max_chars} characters"
            raise TextTooLong(message, field="text")
        self._buffer.add(text)
        self._news.set()

    def end(self) -> None:
        """Mark the text as complete."""
        self._ended = True
        self._news.set()

    async def texts(self) -> AsyncIterator[str]:
        """Yield complete sentences as they arrive, and the rest when the text has ended.

        Raises:
            EventInvalid: the next part of the text, or all of it, took too long to arrive.

        """
        waited = 0.0
        while not self._ended:
            if text := self._buffer.complete():
                yield text
            elif not self._ended:
                before = time.monotonic()
                self._news.clear()
                try:
                    # Not `wait_for`: in Python 3.11 it may lose a cancellation.
                    async with asyncio.timeout(self._gap_seconds):
                        await self._news.wait()
                except TimeoutError:
                    raise EventInvalid("the next part of the text took too long") from None
                waited += time.monotonic() - before
                if waited > _TEXT_WAIT_SECONDS:
                    raise EventInvalid("the text took too long to arrive")
        if rest := self._buffer.rest():
            yield rest


class Session:
    """A client's connection, from its first byte to its last."""

    def __init__(
        self,
        services: Services,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: str,
        counted: str | None,
        room: Room,
    ) -> None:
        """Prepare to serve a client.

        ``address`` is its IP address, ``counted`` the address or network to which ``room`` counts
        the connection.
        """
        self._services = services
        self._config = services.config
        self._reader = reader
        self._writer = writer
        self._room = room
        self.address = counted
        self._peer = address
        self._sender = Sender(writer, services.config.limits.slow_client_seconds)
        self._requests: asyncio.Queue[_Request] = asyncio.Queue(_REQUESTS_AHEAD)
        self._streamed: _Request | None = None
        self._utterance: Utterance | None = None
        self._task: asyncio.Task[None] | None = None
        self._ends = False

    # --- the interface for the room (``web/http/room.py``) ---------------------------------------

    def overdue(self, now: float) -> str | None:  # noqa: ARG002  # idle clients may stay
        """Return None: an idle client may stay until its place is needed for another."""
        return None

    def drop(self, reason: str) -> None:  # noqa: ARG002
        """Close the connection."""
        self._writer.transport.abort()

    # --- the life of the process -----------------------------------------------------------------

    def finish(self) -> None:
        """Close the connection as soon as no request is under way."""
        self._ends = True
        if not self._busy and self._task:
            self._task.cancel()

    @property
    def _busy(self) -> bool:
        return self._utterance is not None or self._streamed is not None or bool(self._waiting)

    @property
    def _waiting(self) -> int:
        return self._requests.qsize()

    async def run(self) -> None:
        """Serve until the client disconnects, a request fails, or the process ends."""
        self._task = asyncio.current_task()
        self._room.enter(self)
        reading = asyncio.create_task(self._read())
        speaking = asyncio.create_task(self._speak())
        try:
            await asyncio.wait({speaking, reading}, return_when=asyncio.FIRST_COMPLETED)
            for task in (speaking, reading):
                if task.done():
                    task.result()
        except ConnectionError:
            pass
        except VitsTtsError as error:
            await self._tell(error)
        finally:
            reading.cancel()
            speaking.cancel()
            await asyncio.wait({reading, speaking})
            for task in (reading, speaking):
                if not task.cancelled():
                    task.exception()  # handled above; retrieved so that asyncio does not log it
            self._room.leave(self)
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._writer.wait_closed()
            self._writer.transport.abort()

    async def _tell(self, error: VitsTtsError) -> None:
        """Send an ``error`` event to the client, before the connection is closed."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                data = {"text": error.message, "code": error.code}
                await self._sender.send(encoded("error", data))

    # --- events ----------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Read and process events until the client closes the connection."""
        settings = self._config.server
        while event := await read_event(
            self._reader, int(settings.max_body_bytes), settings.request_seconds
        ):
            await self._take(event)

    async def _take(self, event: Event) -> None:
        """Process an event; ignore events of unknown types."""
        if event.type == "describe":
            guard = self._services.guard
            await guard.request(guard.caller(self._peer, None))
            voices = self._services.speech.voices
            aliases = {name: voices.find(name) for name in self._services.config.voice.aliases}
            told = description.info(voices.manifests.values(), aliases)
            await self._sender.send(encoded("info", told))
        elif event.type == "ping":
            await self._sender.send(encoded("pong", {"text": event.data.get("text")}))
        elif event.type == "synthesize" and self._streamed is None:
            request = self._request(event)
            request.add(_text(event))
            request.end()
            await self._requests.put(request)
        elif event.type == "synthesize-start":
            self._end_streamed()
            self._streamed = self._request(event)
            self._streamed.streamed = True
            await self._requests.put(self._streamed)
        elif event.type == "synthesize-chunk" and self._streamed:
            self._streamed.add(_text(event))
        elif event.type == "synthesize-stop":
            self._end_streamed()

    def _request(self, event: Event) -> _Request:
        """Return a request with the voice of ``event`` and without text."""
        settings = self._config.server
        voice = WantedVoice.read(event.data)
        return _Request(voice, settings.max_text_chars, settings.keep_alive_seconds)

    def _end_streamed(self) -> None:
        """Mark the text that arrives in parts as complete, if there is one."""
        if self._streamed:
            self._streamed.end()
            self._streamed = None

    # --- requests for speech ---------------------------------------------------------------------

    async def _speak(self) -> None:
        """Answer the queued requests one at a time, until :meth:`finish` was called."""
        while True:
            request = await self._requests.get()
            self._room.busy(self)
            try:
                await self._answer(request)
            finally:
                self._room.waits(self)
            if self._ends and not self._busy:
                return

    async def _spoken(self, utterance: Utterance, request: _Request) -> None:
        await utterance.speak(request.voice, request.texts())
        if request.streamed:
            await self._sender.send(encoded("synthesize-stopped"))

    async def _answer(self, request: _Request) -> None:
        utterance = self._utterance = Utterance(self._services, self._sender, self._peer)
        context = utterance.context
        context.begin({})
        status = int(HTTPStatus.OK)
        try:
            await context.while_connected(self._spoken(utterance, request))
        except (ConnectionError, asyncio.CancelledError):
            context.client.gone = True
            raise
        except Exception as problem:  # noqa: BLE001  # any error is reported to the client
            error = as_ours(HTTPStatus.INTERNAL_SERVER_ERROR, problem)
            context.log_error(type(problem), problem, problem.__traceback__)
            context.error_code, status = error.code, int(error.status)
            raise error from None
        finally:
            self._utterance = None
            context.finished()
            context.log_request(status)
        if context.client.gone:
            raise ConnectionAbortedError("the client has left")


def _text(event: Event) -> str:
    """Return the text of an event.

    Raises:
        FieldInvalid: the event has no text.

    """
    text = event.data.get("text")
    if not isinstance(text, str):
        raise FieldInvalid("text must be a string", field="text")
    return text
