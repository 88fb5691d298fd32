"""Cartesia's WebSocket `/tts/websocket`: several transcripts at a time, each with a context id.

Reference: https://docs.cartesia.ai/api-reference/tts/websocket
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field
from tornado.iostream import StreamClosedError

from vits_tts.errors import EncodingInvalid, FieldInvalid, Unavailable, VitsTtsError
from vits_tts.speech import SpeechOptions, TextPace
from vits_tts.web import failures
from vits_tts.web.handlers import dictionaries
from vits_tts.web.handlers.cartesia import (
    ERROR,
    CartesiaHandler,
    CartesiaOptions,
    Events,
    described,
)
from vits_tts.web.schema.fields import Written, can_be_encoded
from vits_tts.web.schema.requests import checked
from vits_tts.web.sockets.context import Sound, SpokenContext
from vits_tts.web.sockets.contexts import NAME_CHARS, ContextSocketHandler

_LONGEST_DELAY: Final = 60_000


class CartesiaMessage(CartesiaOptions):
    """A message of a client; the options are those of the first message of a context."""

    context_id: Annotated[Written, Field(min_length=1, max_length=NAME_CHARS)]
    transcript: str | None = None
    continue_: bool | None = Field(None, alias="continue")
    flush: bool | None = None
    cancel: bool | None = None
    max_buffer_delay_ms: float | None = Field(None, ge=0, le=_LONGEST_DELAY)
    played_ms: float | None = Field(None, ge=0, allow_inf_nan=False)


class CartesiaSocketHandler(ContextSocketHandler, CartesiaHandler):
    """`/tts/websocket`: contexts, their sound and the times of words and phonemes."""

    key_parameters = ("api_key", "access_token")
    name = "websocket"
    route_name = "cartesia_websocket"

    def initialize(self, **collaborators: Any) -> None:  # type: ignore[override]
        """Take the collaborators of a handler."""
        super().initialize(**collaborators)
        self._events: dict[str, Events] = {}

    # --- messages --------------------------------------------------------------------------------

    async def receive(self, message: Mapping[str, Any]) -> None:
        """Handle one message; an error ends only the context that it names."""
        await self.admit(message.get("token") or message.get("api_key"))
        name = message.get("context_id")
        if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARS:
            told = f"context_id must be a text of 1 to {NAME_CHARS} characters"
            raise FieldInvalid(told, field="context_id")
        if not can_be_encoded(name):
            told = "context_id is not valid Unicode: it has a lone surrogate"
            raise EncodingInvalid(told, field="context_id")
        try:
            await self._handle(name, checked(CartesiaMessage, message))
        except VitsTtsError as error:
            await self.context_failed(name, error)

    async def _handle(self, name: str, asked: CartesiaMessage) -> None:
        if asked.cancel or asked.played_ms is not None:
            await self._interrupt(name, asked)
            return
        context = await self.under_way(name)
        ends = not asked.continue_
        if context is None and not (asked.transcript or asked.continue_):
            await self.send_json(Events(asked).done())
            return
        if context is None:
            context = await self._begin(name, asked)
        await self.add(name, context, asked.transcript or "")
        if asked.flush or (asked.max_buffer_delay_ms == 0 and asked.transcript and not ends):
            context.flush()
        if ends:
            context.finish()

    async def _begin(self, name: str, asked: CartesiaMessage) -> SpokenContext:
        voice = self.mapped(asked.voice)
        delay = asked.max_buffer_delay_ms
        wait = self.config.agents.max_buffer_delay if delay is None else delay / 1000
        options = SpeechOptions(
            speed=asked.rate,
            volume=asked.volume,
            voice=voice.voice,
            speaker=voice.speaker,
            dictionaries=await dictionaries.rules(self, asked.dictionaries),
        )
        options = await self.speech.with_dictionaries(options)
        context = self.begin(name, options, self.encoding_of(asked, voice), TextPace(wait))
        context.add_details(asked.details)
        self._events[name] = Events(asked)
        return context

    async def _interrupt(self, name: str, asked: CartesiaMessage) -> None:
        """Cancel a context, or report how much of it was heard."""
        played = None if asked.played_ms is None else asked.played_ms / 1000
        if asked.cancel and (self.cancel(name, played) or played is None):
            return  # the last message of the context reports it
        heard = self.heard(name)
        told: dict[str, object] = {"sent": heard.sent, "heard": heard.played(played or 0.0)}
        fields = {"type": "heard", "done": name not in self.contexts, "status_code": 200}
        await self.send_json({**fields, **told, "context_id": name})

    # --- sound -----------------------------------------------------------------------------------

    def sound_messages(
        self, name: str, context: SpokenContext, sound: Sound
    ) -> Sequence[Mapping[str, object]]:
        """Return the messages for a sound, for the words that begin in it, and for a flush."""
        events = self._events[name]
        found = events.of(sound.data, context.text, sound.sentences)
        if sound.flushed and context.flushing:
            found.append(events.flush_done())
        return found

    def end_message(self, name: str, *, cancelled: bool = False) -> Mapping[str, object]:
        """Return the last message of a context.

        The last message of a cancelled context is not ``done``, because Cartesia's client would
        take it for the end of the context that it is reading.
        """
        self._events.pop(name, None)  # an error of a later message may have removed them
        message = Events(CartesiaOptions(context_id=name)).done()
        return {**message, "type": "cancelled"} if cancelled else message

    async def context_failed(self, name: str, error: Exception) -> None:
        """Report an error of one context, which ends; the other contexts continue."""
        running = self.contexts.get(name)
        if running and not running.cancelled:
            running.failed = True
            running.stop()
        self._events.pop(name, None)
        self.context.log_error(type(error), error, error.__traceback__)
        ours = failures.as_ours(500, error)
        told = {**described(ours, self.request_id), **ERROR, "context_id": name}
        if isinstance(ours, Unavailable):
            told["retry_after"] = ours.retry_after
        try:
            await self.send_json(told)
        except StreamClosedError:
            return

    def error_message(self, error: VitsTtsError, code: int) -> Mapping[str, object]:
        """Return the message about an error, which is sent before the socket is closed."""
        del code
        return {**described(error, self.request_id), **ERROR, "context_id": None}

    def timeout_message(self, told: str) -> Mapping[str, object]:
        """Return the message for a socket that was idle for too long."""
        problem = {"title": "Idle", "message": told, "error_code": "input_timeout_exceeded"}
        return {**problem, "status_code": 408, **ERROR, "context_id": None}
