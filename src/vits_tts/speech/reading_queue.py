"""The queue of texts that wait to be read: fair between callers, and of limited length.

Reading holds Python's interpreter lock, so one thread reads all texts, one at a time. Callers take
turns: a caller with many long texts delays another by one text at most. Everything but the reading
itself happens on the event loop.
"""

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Final, TypeAlias, TypeVar

from vits_tts.errors import Busy, RequestTooCostly
from vits_tts.speech.worker_pool import WorkerPool
from vits_tts.telemetry.metrics import REFUSALS

T = TypeVar("T")

Check: TypeAlias = Callable[[], None]
"""A function that a reading calls between its steps; it raises an exception to end the reading."""

_SECONDS_PER_CHARACTER: Final = 10e-6
"""Estimate before any text has been read."""
_MEMORY: Final = 0.9
"""Weight of the old estimate when a text has been read."""
_LEAST_CHARACTERS: Final = 200
"""A text shorter than this costs as much as one of this length."""


class QueuedText:
    """A text that is read once for all callers that request it.

    It waits in the queue of each of them, and is read when the first of these turns comes.
    """

    def __init__(self, characters: int, caller: str) -> None:
        """Keep the first caller; a short text costs as much as one of 200 characters."""
        self.characters = max(characters, _LEAST_CHARACTERS)
        self.callers = Counter([caller])
        """The number of waiting requests of each caller."""
        self.turn: asyncio.Future[None] | None = None
        """Done when it is its turn; None before and after it waits."""
        self.due = 0.0
        """The estimated moment (monotonic) of its turn."""


class Allowance:
    """The limit of processor time of one reading.

    The reading checks it between its steps, because a thread cannot be ended from outside.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        """Allow this many seconds of processor time."""
        self._seconds = seconds
        self._stopped = False
        self._start = 0.0
        self.used = 0.0
        """Seconds of processor time that the reading has taken; complete when it has ended."""

    def stop(self) -> None:
        """End the reading at its next step; callable from any thread."""
        self._stopped = True

    def spend(self, read: Callable[[Check], T]) -> T:
        """Return the result of ``read``, in the thread that calls this.

        Raises:
            RequestTooCostly: the seconds were used up.
            CancelledError: it was stopped.

        """
        self._start = time.thread_time()
        try:
            return read(self._check)
        finally:
            self.used = time.thread_time() - self._start

    def _check(self) -> None:
        if self._stopped:
            raise CancelledError
        if time.thread_time() - self._start > self._seconds:
            raise RequestTooCostly(self._seconds, "reading")


class ReadingQueue:
    """Reads texts one at a time in a thread, for callers in turn."""

    def __init__(self, reader: WorkerPool) -> None:
        """Read in the threads of ``reader``."""
        self._reader = reader
        self._waiting: OrderedDict[str, dict[QueuedText, None]] = OrderedDict()
        """The texts of each caller, in their order; callers in the order of their turns."""
        self._reading = 0
        """Characters of the text that is being read; 0 when none is."""
        self._pace = _SECONDS_PER_CHARACTER

    async def run(
        self,
        read: Callable[[Check], T],
        text: QueuedText,
        max_wait: float,
        allowance: Allowance,
    ) -> T:
        """Return the result of ``read`` for a text.

        A cancelled request leaves the queue at once. If its text is being read, the reading ends at
        the next step.

        Raises:
            Busy: the text would wait for more than ``max_wait`` seconds.
            RequestTooCostly: the seconds of ``allowance`` were used up.

        """
        if self._reading:
            wait = min(self._wait(text, caller) for caller in text.callers)
            self._check(wait, max_wait)
            text.due = time.monotonic() + wait
            await self._take_turn(text)
        self._reading = text.characters
        try:
            result = await self._reader.run(allowance.spend, read)
            self._pace = _MEMORY * self._pace + (1 - _MEMORY) * allowance.used / text.characters
        finally:
            allowance.stop()
            self._reading = 0
            self._pass_turn()
        return result

    def join(self, text: QueuedText, caller: str, max_wait: float) -> None:
        """Let a further request wait for a text that is queued already, in its caller's queue.

        Raises:
            Busy: it would wait for more than ``max_wait`` seconds.

        """
        if text.turn is not None and not text.turn.done():
            wait = max(0.0, min(text.due - time.monotonic(), self._wait(text, caller)))
            self._check(wait, max_wait)
            text.due = time.monotonic() + wait
            self._waiting.setdefault(caller, {})[text] = None
        text.callers[caller] += 1

    def leave(self, text: QueuedText, caller: str) -> None:
        """Remove a request of ``caller``; the last one also takes the text out of this queue."""
        text.callers[caller] -= 1
        if not text.callers[caller]:
            del text.callers[caller]
            self._drop(text, caller)

    def later(self, read: Callable[[], object]) -> None:
        """Call ``read`` in the thread as soon as that is free, without waiting for it."""
        self._reader.later(read)

    def start(self) -> None:
        """Start the thread that reads."""
        self._reader.start()

    def close(self) -> None:
        """Read no more texts."""
        self._reader.close()

    def _check(self, wait: float, max_wait: float) -> None:
        if wait > max_wait:
            REFUSALS.labels("unread").inc()
            raise Busy("too many texts wait to be read", retry_after=math.ceil(wait))

    def _wait(self, text: QueuedText, caller: str) -> float:
        """Return the seconds that a text of ``caller`` would wait, with callers taking turns."""
        own = self._waiting.get(caller, {})
        counted = {text, *own}
        own_characters = sum(other.characters for other in own if other is not text)
        before = self._reading + own_characters
        for other_caller, texts in self._waiting.items():
            if other_caller != caller:
                new = texts.keys() - counted  # several callers may wait for one text
                counted |= new
                waiting = sum(other.characters for other in new)
                before += min(waiting, own_characters + text.characters)
        return before * self._pace

    async def _take_turn(self, text: QueuedText) -> None:
        turn = text.turn = asyncio.get_running_loop().create_future()
        for caller in text.callers:
            self._waiting.setdefault(caller, {})[text] = None
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn had come just before the caller left
                self._reading = 0
                self._pass_turn()
            raise
        finally:
            text.turn = None
            self._drop(text, *text.callers)

    def _drop(self, text: QueuedText, *callers: str) -> None:
        """Remove a text from the queues of some callers."""
        for caller in callers:
            texts = self._waiting.get(caller, {})
            texts.pop(text, None)
            if not texts:
                self._waiting.pop(caller, None)

    def _pass_turn(self) -> None:
        """Give the turn to the first text of the caller who has waited longest for one."""
        while self._waiting:
            caller = next(iter(self._waiting))
            first = next(iter(self._waiting[caller]))
            self._drop(first, *first.callers)
            if caller in self._waiting:
                self._waiting.move_to_end(caller)
            if first.turn and not first.turn.done():
                # Set now, so that no text that arrives meanwhile is read first.
                self._reading = first.characters
                first.turn.set_result(None)
                return
