"""Ranges of a stream, which players request with ``Range``, with the true length of the stream.

The length of a plain WAV is known before its samples, so a range from its start is sent while it is
synthesised. Other ranges and formats are read from a file, which is created as `/tts` creates one.
"""

from contextlib import aclosing, closing
from http import HTTPStatus
from typing import Final

from loguru import logger

from vits_tts.audio import formats, wav
from vits_tts.audio.formats import Encoding
from vits_tts.errors import AudioNotFound, SpeechTooLong, StorageError
from vits_tts.speech.file_store import OpenFile
from vits_tts.types import SpeechRequest
from vits_tts.web.base import Handler
from vits_tts.web.handlers import files, streaming
from vits_tts.web.http import byte_range

_BYTES_A_SAMPLE: Final = 2
_MOST_CHARS_AWAITED: Final = 1000
"""The maximum spoken characters of a text for which ``bytes=0-`` waits for the complete file. For a
longer one the client gets a stream instead, so that it hears the beginning early."""


async def send(handler: Handler, request: SpeechRequest, encoding: Encoding) -> bool:
    """Send the requested range of a stream; return False if nothing was sent.

    Nothing is sent if no file can be stored, or if all bytes of a long text are requested in a
    format whose length is unknown. Then the caller sends the whole stream.

    Raises:
        RangeNotSatisfiable: the stream has none of these bytes.

    """
    asked = handler.request.headers["Range"]
    try:
        name = await handler.speech.file_hash(request, encoding, handler.context.key)
        if encoding == handler.speech.plain(request) and byte_range.from_start(asked):
            return await _send_beginning(handler, request, name)
        audio = await _file(handler, request, encoding, name)
    except (StorageError, SpeechTooLong, AudioNotFound) as error:
        logger.debug("range ignored: {}", error.message, request_id=handler.request_id)
        return False
    if audio is None:
        return False
    with closing(audio):
        streaming.set_headers(handler, encoding.media_type)
        handler.client.bytes_per_second = formats.least_bytes_a_second(encoding.format)
        await files.send(handler, audio)
    return True


async def _file(
    handler: Handler, request: SpeechRequest, encoding: Encoding, name: str
) -> OpenFile | None:
    """Return the file of a speech; create it if needed, or return None if that takes too long."""
    try:
        return await handler.speech.open_file(name, encoding.format, handler.tally)
    except AudioNotFound:
        chars = sum(len(sentence.text) for sentence in request.sentences)
        if chars > _MOST_CHARS_AWAITED and byte_range.is_all(handler.request.headers["Range"]):
            return None
    saved = await handler.speech.save(request, handler.tally, encoding, handler.context.key)
    return await handler.speech.open_file(saved.audio_hash, encoding.format, handler.tally)


async def _send_beginning(handler: Handler, request: SpeechRequest, name: str) -> bool:
    """Send a range from the start of a plain WAV while it is synthesised.

    Returns False, and sends nothing, if the speech is empty or ``If-Range`` names another version.
    """
    etag = f'"{name}"'
    headers = handler.request.headers
    samples = await handler.speech.length(request, handler.tally)
    if not samples or headers.get("If-Range", etag) != etag:
        return False
    size = wav.HEADER_BYTES + _BYTES_A_SAMPLE * samples
    part = byte_range.parse(headers["Range"], size) or range(size)
    rate = handler.speech.plain(request).sample_rate
    ready = wav.header(rate, _BYTES_A_SAMPLE * samples)
    if len(part) <= len(ready):
        _describe(handler, part, size, etag)
        await handler.send(ready[: len(part)])
        return True
    left = len(part)
    async with aclosing(handler.speech.stream(request, handler.tally)) as stream:
        async for pcm in stream:  # an error before the first window gets a JSON answer
            if left == len(part):
                _describe(handler, part, size, etag)
            data = (ready + pcm.samples.tobytes())[:left]
            ready = b""
            left -= len(data)
            await handler.send(data)
            if not left:
                break
    return True


def _describe(handler: Handler, part: range, size: int, etag: str) -> None:
    """Set the status and the headers of an answer with a range."""
    streaming.set_headers(handler, "audio/wav", len(part))
    handler.set_status(HTTPStatus.PARTIAL_CONTENT)
    handler.set_header("Accept-Ranges", "bytes")
    handler.set_header("ETag", etag)
    handler.set_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{size}")
