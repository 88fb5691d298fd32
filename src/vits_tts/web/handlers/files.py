"""`/audio/…`: the files of `/tts`, and the function that sends a file or a range of it."""

from collections.abc import AsyncIterator
from contextlib import closing
from http import HTTPStatus
from typing import Final

from vits_tts.audio import formats
from vits_tts.errors import AudioNotFound
from vits_tts.speech.file_store import OpenFile
from vits_tts.web.base import Handler
from vits_tts.web.handlers.links import LinkedHandler
from vits_tts.web.http import byte_range

_CHUNK_BYTES: Final = 64 * 1024
_IMMUTABLE: Final = "max-age=31536000, immutable"


class AudioHandler(LinkedHandler):
    """`/audio/<hash>.<format>`: a file of `/tts`, which never changes and may be cached long."""

    is_file = True

    async def get(self, audio_hash: str, suffix: str) -> None:
        """Send the file, the range that ``Range`` names, or 304 if the client's copy is current."""
        await self.while_connected(self._respond(audio_hash, suffix))

    async def head(self, audio_hash: str, suffix: str) -> None:
        """Send only the headers of :meth:`get`."""
        await self.while_connected(self._respond(audio_hash, suffix))

    async def _respond(self, audio_hash: str, suffix: str) -> None:
        """Send a file, which is synthesised again if another replica has created it.

        Raises:
            AudioNotFound: there is no such file, and no replica has its recipe.
            RateLimited: the caller has requested too many files that do not exist.

        """
        self.guard.check_misses(self.context.caller)
        name = formats.format_of(suffix)
        try:
            audio = await self.speech.open_file(audio_hash, name, self.tally, self._charge)
        except AudioNotFound:
            await self.guard.missed(self.context.caller)
            raise
        with closing(audio):
            self._set_caching()
            self.client.bytes_per_second = formats.least_bytes_a_second(name)
            await send(self, audio)

    async def _charge(self, characters: int) -> None:
        """Count the ``characters`` that are synthesised again for the file, as `/tts` counts them.

        Raises:
            RateLimited: the caller has sent too many characters.

        """
        if self.guard.policy:
            caller = self.context.caller
            written = min(characters, self.config.server.max_text_chars)
            self.say(await self.guard.text(caller, written))
            self.say(await self.guard.spoken(caller, characters - written))

    def _set_caching(self) -> None:
        if not self.guard.keys_needed or self.is_open:
            self.set_header("Cache-Control", f"public, {_IMMUTABLE}")
        elif self.by_link:  # no longer than the link is valid
            self.set_header("Cache-Control", f"private, max-age={self.link_seconds_left}")
        else:  # private, because a shared cache would give the file to callers without a key
            self.set_header("Cache-Control", f"private, {_IMMUTABLE}")
            self.add_header("Vary", "Authorization, X-API-Key")


async def send(handler: Handler, audio: OpenFile) -> None:
    """Send a file, the range that ``Range`` names, or 304 if the client's copy is current.

    Raises:
        RangeNotSatisfiable: the file has none of these bytes.

    """
    handler.set_header("Content-Type", audio.media_type)
    handler.set_header("Accept-Ranges", "bytes")
    handler.set_header("ETag", audio.etag)
    headers = handler.request.headers
    if handler.check_etag_header():
        handler.set_status(HTTPStatus.NOT_MODIFIED)
        return
    condition = headers.get("If-Range", audio.etag)
    asked = headers.get("Range") if condition == audio.etag else None
    part = byte_range.parse(asked, audio.size)
    if part is None:
        part = range(audio.size)
    else:
        handler.set_status(HTTPStatus.PARTIAL_CONTENT)
        handler.set_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{audio.size}")
    handler.set_header("Content-Length", len(part))
    if handler.request.method != "HEAD":
        async for chunk in _chunks(audio, part):
            await handler.send(chunk)


async def _chunks(audio: OpenFile, part: range) -> AsyncIterator[bytes]:
    for start in range(part.start, part.stop, _CHUNK_BYTES):
        length = min(_CHUNK_BYTES, part.stop - start)
        yield await audio.read(start, length)
