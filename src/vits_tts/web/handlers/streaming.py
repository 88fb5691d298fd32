"""Sending speech while it is synthesised, as audio of any format or as server-sent events."""

import base64
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final

from vits_tts import types
from vits_tts.audio.formats import Encoding
from vits_tts.types import SpeechRequest
from vits_tts.web.base import Handler

SILENCE_SECONDS: Final = 0.2
"""The length of the answer to a text without words."""


def set_headers(handler: Handler, media_type: str, length: int | None = None) -> None:
    """Set the headers of audio with ``length`` bytes, or of a stream if that is unknown."""
    headers = handler._headers  # noqa: SLF001  # skips checks that our values do not need
    headers["Content-Type"] = media_type
    headers["Cache-Control"] = "no-store"
    if length is None:
        headers["X-Accel-Buffering"] = "no"  # nginx then forwards each part at once
    else:
        headers["Content-Length"] = str(length)


async def audio(handler: Handler, request: SpeechRequest, encoding: Encoding) -> None:
    """Send a speech: at once if all of it is cached, else window by window.

    An error before the first window gets a JSON answer; a later one closes the connection.
    """
    if speech := handler.speech.at_hand(request, handler.tally):
        body = await handler.speech.whole(speech, encoding)
        await whole(handler, body, encoding.media_type)
        return
    async with aclosing(handler.speech.encoded(request, encoding, handler.tally)) as stream:
        first = await anext(stream)
        set_headers(handler, encoding.media_type)
        await handler.send(first)
        async for data in stream:
            await handler.send(data)


async def silence(handler: Handler, encoding: Encoding, sample_rate: int) -> bytes:
    """Return a short silence as bytes, the answer to a text without words.

    ``sample_rate`` is the voice's, in hertz. Programs that split texts themselves send such parts,
    and would stop at an error.
    """
    pause = types.silence(SILENCE_SECONDS, sample_rate)
    handler.tally.audio_seconds = pause.seconds
    return await handler.speech.whole(pause, encoding)


async def whole(handler: Handler, body: bytes, media_type: str) -> None:
    """Send complete audio with its length."""
    set_headers(handler, media_type, len(body))
    handler.tell_seconds(handler.tally.audio_seconds)
    await handler.send(body)


async def whole_events(
    handler: Handler,
    body: bytes,
    event: Callable[[str], dict[str, Any]],
    last: Callable[[], dict[str, Any]],
) -> None:
    """Send complete audio as events, in the form of :func:`events`."""
    set_headers(handler, "text/event-stream")
    handler.tell_seconds(handler.tally.audio_seconds)
    await handler.send(_line(event(base64.b64encode(body).decode())) + _line(last()))


async def events(
    handler: Handler,
    request: SpeechRequest,
    encoding: Encoding,
    event: Callable[[str], dict[str, Any]],
    last: Callable[[], dict[str, Any]],
) -> None:
    """Send a speech as server-sent events: one for each part of its bytes, and a last one.

    ``event`` returns the event for a part in base64, ``last`` the last event. All parts joined are
    the audio file.
    """
    async with aclosing(handler.speech.encoded(request, encoding, handler.tally)) as stream:
        first = await anext(stream)
        set_headers(handler, "text/event-stream")
        await handler.send(_line(event(base64.b64encode(first).decode())))
        async for data in stream:
            await handler.send(_line(event(base64.b64encode(data).decode())))
    await handler.send(_line(last()))


def _line(data: dict[str, Any]) -> bytes:
    """Return a server-sent event (HTML standard, section 9.2) with ``data`` as JSON."""
    return f"data: {json.dumps(data)}\n\n".encode()
