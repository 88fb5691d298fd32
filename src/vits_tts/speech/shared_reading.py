"""A reading of one text that all requests with the same text and options wait for."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from vits_tts.speech.options import Reader
from vits_tts.speech.reading_queue import QueuedText, ReadingQueue
from vits_tts.text.split import Reading
from vits_tts.types import SpeechRequest


class SharedReading:
    """A text that is being read for all requests with the same text and options.

    When the last of these requests is cancelled, the reading ends.
    """

    def __init__(
        self,
        queue: ReadingQueue,
        text: QueuedText,
        work: Coroutine[Any, Any, tuple[SpeechRequest, Reading]],
    ) -> None:
        """Start ``work``, which reads ``text`` when its turn in ``queue`` comes."""
        self.task = asyncio.ensure_future(work)
        self._queue = queue
        self._text = text

    def join(self, reader: Reader, max_wait: float) -> None:
        """Add a request that waits for the result.

        Raises:
            Busy: it would wait for more than ``max_wait`` seconds.

        """
        self._queue.join(self._text, reader.caller, max_wait)

    async def result(self, reader: Reader) -> tuple[SpeechRequest, Reading]:
        """Return the result; if this caller is cancelled, the reading continues for the others."""
        try:
            return await asyncio.shield(self.task)
        finally:
            self._queue.leave(self._text, reader.caller)
            if not self._text.callers and not self.task.done():
                self.task.cancel()
                await asyncio.wait({self.task})
