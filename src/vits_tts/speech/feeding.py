"""A text from an iterator, spoken while the iterator yields it.

An iterator may wait for its next piece, for a pipe for example. So a synchronous one runs in a
thread of its own: a daemon, because nothing can end a thread that waits for a pipe.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing, suppress
from typing import Final

from vits_tts.errors import TextUnspeakable
from vits_tts.speech.text_stream import TextStream
from vits_tts.types import Window

_MOST_PIECES: Final = 64
"""Pieces that may wait between the iterator's thread and the event loop."""
_MOST_CHARS_AHEAD: Final = 5000
_MOST_SENTENCES_AHEAD: Final = 32
"""The iterator is asked for more only while fewer characters and sentences than this wait."""
_LOOK_SECONDS: Final = 0.1


async def spoken(
    stream: TextStream, text: Iterable[str] | AsyncIterable[str]
) -> AsyncGenerator[Window, None]:
    """Yield the speech of a text while the iterator yields it.

    Closing the generator stops the synthesis. An error of the iterator is raised after the speech
    of the text before it.

    Raises:
        TextUnspeakable: the text had nothing to say.
        RequestError: the text has control characters or other invalid characters.

    """
    feeder = _Feeder(stream)
    task = asyncio.create_task(feeder.feed(text))
    silent = True
    try:
        async with aclosing(stream.windows()) as windows:
            async for pcm in windows:
                if pcm is not None:
                    silent = False
                    yield Window(pcm.samples, pcm.sample_rate, feeder.heard / stream.received)
                    feeder.look()
        await task
    finally:
        task.cancel()
        await asyncio.wait({task})
    if silent:
        raise TextUnspeakable("the text has nothing to say", field="text")


class _Feeder:
    """Adds the pieces of a text to its stream, but not too far ahead of the listener."""

    def __init__(self, stream: TextStream) -> None:
        self._stream = stream
        self._progress = asyncio.Event()

    @property
    def heard(self) -> int:
        """The place in the text up to which it was synthesised."""
        sentences = self._stream.timeline.sentences
        return sentences[-1].end if sentences else 0

    def look(self) -> None:
        """Note that the caller has taken some sound."""
        self._progress.set()

    async def feed(self, text: Iterable[str] | AsyncIterable[str]) -> None:
        """Add all pieces, and end the stream; an error of the iterator ends it too."""
        try:
            async with aclosing(_pieces(text)) as pieces:
                async for piece in pieces:
                    self._stream.add(piece)
                    await self._room()
        finally:
            self._stream.finish()

    async def _room(self) -> None:
        stream = self._stream
        while stream.unread > _MOST_CHARS_AHEAD or stream.waiting > _MOST_SENTENCES_AHEAD:
            self._progress.clear()
            with suppress(TimeoutError):  # progress is possible without sound
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._progress.wait()


async def _pieces(text: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[str, None]:
    """Yield the items of an iterator of either kind; a synchronous one runs in a thread."""
    if isinstance(text, AsyncIterable):
        async for piece in text:
            yield piece
        return
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | BaseException | None] = asyncio.Queue()
    room, left = threading.Semaphore(_MOST_PIECES), threading.Event()

    def put(item: str | BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def iterate() -> None:
        try:
            for piece in text:
                room.acquire()
                if left.is_set():
                    return
                put(piece)
            put(None)
        except BaseException as error:  # noqa: BLE001  # raised in the loop
            put(error)

    threading.Thread(target=iterate, name="text", daemon=True).start()
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
            room.release()
    finally:
        left.set()
        room.release()
