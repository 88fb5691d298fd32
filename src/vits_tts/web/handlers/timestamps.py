"""Streams with times: lines of JSON objects (https://jsonlines.org).

The ``data`` of all lines of type ``audio``, decoded and joined, are the stream without times.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final

from tornado.iostream import StreamClosedError

from vits_tts.audio.formats import Encoding
from vits_tts.errors import VitsTtsError
from vits_tts.speech.speech_marks import SpeechMarks
from vits_tts.speech.subtitles import Subtitles
from vits_tts.speech.timeline import Timeline
from vits_tts.types import SpeechRequest
from vits_tts.web.base import Handler
from vits_tts.web.failures import as_ours
from vits_tts.web.handlers import streaming
from vits_tts.web.schema.responses import Problem

MEDIA_TYPE: Final = "application/x-ndjson"
_AUDIO_BYTES: Final = 32 * 1024
"""The maximum bytes of audio in one line; programs that read lines often limit them to 64 KiB."""


async def send(
    handler: Handler,
    request: SpeechRequest,
    encoding: Encoding,
    timeline: Timeline,
    writer: Subtitles | SpeechMarks | None,
) -> None:
    """Send the times of each sentence, then its audio, and at the end a line ``end``.

    ``writer`` writes sentences in its form; without one they are JSON objects.

    An error before the first window gets a JSON answer. A later error is sent as the last line, and
    the connection is closed, so that clients that ignore the line notice it too.
    """
    lines = _Lines(timeline, writer)
    stream = handler.speech.encoded(request, encoding, handler.tally)
    async with aclosing(stream):
        first = await anext(stream)
        streaming.set_headers(handler, MEDIA_TYPE)
        await handler.send(lines.opening(request.voice, encoding) + lines.sound(first))
        try:
            async for data in stream:
                await handler.send(lines.sound(data))
        except StreamClosedError:
            raise
        except Exception as problem:
            error = as_ours(HTTPStatus.INTERNAL_SERVER_ERROR, problem)
            await handler.send(lines.error(error, handler.request_id))
            raise
    await handler.send(lines.end())


class _Lines:
    """Writes the lines of one stream."""

    def __init__(self, timeline: Timeline, writer: Subtitles | SpeechMarks | None) -> None:
        """Write sentences as JSON objects, or in the form of ``writer``."""
        self._timeline = timeline
        self._writer = writer

    def opening(self, voice: str, encoding: Encoding) -> bytes:
        """Return the first lines: the voice, the format, and the head of subtitles."""
        media_type, rate = encoding.media_type, encoding.sample_rate
        start = _line("start", voice=voice, media_type=media_type, sample_rate=rate)
        if self._writer and self._writer.opening:
            start += _line(self._writer.kind, data=self._writer.opening)
        return start

    def sound(self, data: bytes) -> bytes:
        """Return the lines of some audio, after those of the sentences that begin in it."""
        return b"".join([*self._news(), *self._audio(data)])

    def end(self) -> bytes:
        """Return the last lines of a complete stream: remaining sentences, and the duration."""
        last = _line("end", seconds=round(self._timeline.seconds, 3))
        return b"".join([*self._news(), last])

    def error(self, error: VitsTtsError, request_id: str) -> bytes:
        """Return the last line of a stream that failed."""
        problem = Problem(
            code=error.code, message=error.message, field=error.field, request_id=request_id
        )
        return _line("error", error=problem)

    def _news(self) -> Iterator[bytes]:
        for sentence in self._timeline.news():
            if not self._writer:
                yield _line("sentence", **sentence.described())
            elif written := self._writer.sentence(sentence):
                yield _line(self._writer.kind, data=written)

    def _audio(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _AUDIO_BYTES):
            part = data[start : start + _AUDIO_BYTES]
            yield _line("audio", data=base64.b64encode(part).decode())


def _line(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False).encode() + b"\n"
