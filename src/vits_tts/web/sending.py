"""Sending speech while it is made, as audio of any format or as events that carry it."""

import base64
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from vits_tts.audio.formats import Encoding
from vits_tts.types import SpeechRequest
from vits_tts.web.base import Handler


def set_headers(handler: Handler, media_type: str, length: int | None = None) -> None:
    """Say what comes: so many bytes, or bit by bit."""
    headers = handler._headers  # noqa: SLF001  # ours need no check, and every caller waits
    headers["Content-Type"] = media_type
    headers["Cache-Control"] = "no-store"
    if length is None:
        headers["X-Accel-Buffering"] = "no"  # nginx passes it on as it comes
    else:
        headers["Content-Length"] = str(length)


async def audio(handler: Handler, request: SpeechRequest, encoding: Encoding) -> None:
    """Send a speech: whole if it is at hand, else window by window.

    What goes wrong before any sound is a proper error; a fault in the middle cuts the connection.
    """
    if speech := handler.speech.at_hand(request, handler.tally):
        body = await handler.speech.whole(speech, encoding)
        set_headers(handler, encoding.media_type, len(body))
        await handler.send(body)
        return
    async with aclosing(handler.speech.encoded(request, encoding, handler.tally)) as stream:
        first = await anext(stream)
        set_headers(handler, encoding.media_type)
        await handler.send(first)
        async for data in stream:
            await handler.send(data)


async def events(
    handler: Handler,
    request: SpeechRequest,
    encoding: Encoding,
    event: Callable[[str], dict[str, Any]],
    last: Callable[[], dict[str, Any]],
) -> None:
    """Send a speech as server-sent events: one for each stretch of its bytes, and a last one.

    ``event`` makes one of the bytes in base64. The stretches in a row are the file.
    """
    async with aclosing(handler.speech.encoded(request, encoding, handler.tally)) as stream:
        first = await anext(stream)
        set_headers(handler, "text/event-stream")
        await handler.send(_line(event(base64.b64encode(first).decode())))
        async for data in stream:
            await handler.send(_line(event(base64.b64encode(data).decode())))
    await handler.send(_line(last()))


def _line(data: dict[str, Any]) -> bytes:
    """Return an event of the HTML standard, section 9.2."""
    return f"data: {json.dumps(data)}\n\n".encode()
