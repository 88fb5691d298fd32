"""The client of one HTTP request: is it still connected, and how fast does it read the answer?"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from loguru import logger
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from vits_tts.speech import RequestStats
from vits_tts.telemetry.metrics import CONNECTIONS_DROPPED, series
from vits_tts.web.http.minimum_rate import GRAIN_BYTES, MinimumRate
from vits_tts.web.http.sockets import forget_unsent, hung_up, unsent

_CHECK_SECONDS: Final = 1.0
"""Longest interval between two checks of how fast a client reads."""


class ClientConnection:
    """Follows how much of an answer its client has read, and drops clients that read too slowly."""

    def __init__(
        self,
        connection: Any,
        stats: RequestStats,
        patience: float,
        closed: Callable[[], None],
    ) -> None:
        """Follow the client of ``connection``, which is tornado's.

        A client may fall behind the minimum rate for ``patience`` seconds. ``closed`` is called
        when the client is found to have left.
        """
        self.closed = closed
        self.gone = False
        """True if the connection is closed, by the client or by :meth:`abort`."""
        self.sent_bytes = 0
        """Bytes of the body that were passed to the connection."""
        self.first_byte: float | None = None
        """Time of ``perf_counter`` at which the answer began; None before."""
        self.bytes_per_second: float | None = None
        """Bytes of a second of speech; None if ``stats`` count the seconds that were sent."""
        self._connection = connection
        self._stats = stats
        self._patience = patience
        self._began = time.perf_counter()
        self._rate: MinimumRate | None = None

    def forget_owner(self) -> None:
        """Drop the reference to the owner, so that both are freed without a garbage collection."""
        self.closed = _nothing

    def abort(self) -> None:
        """Close the connection, so that the client notices that the answer is incomplete."""
        self.gone = True
        if isinstance(self._connection, HTTP1Connection):
            self._connection.close()

    def hung_up(self) -> bool:
        """Return whether the client has closed its end.

        The kernel is asked, because tornado does not notice while it has unread bytes.
        """
        connection = self._connection
        stream = connection.stream if isinstance(connection, HTTP1Connection) else None
        return stream is None or stream.closed() or hung_up(stream.fileno())

    async def wait_until_taken(self, flushed: "asyncio.Future[None]", request_id: str) -> None:
        """Wait until the kernel has taken all that was written.

        Raises:
            StreamClosedError: the client read too slowly (``MinimumRate``) and was dropped.

        """
        if self._rate is None:
            self._rate = MinimumRate(self._patience, time.monotonic())
        self._rate.resume(time.monotonic())
        interval = min(_CHECK_SECONDS, self._patience / 4)
        while not (await asyncio.wait([flushed], timeout=interval))[0]:
            taken, grain = self._seconds_of(self._taken()), self._seconds_of(GRAIN_BYTES)
            if self._rate.too_slow(time.monotonic(), taken, grain):
                logger.warning("caller reads too slowly, dropped", request_id=request_id)
                series(CONNECTIONS_DROPPED, "slow").inc()
                forget_unsent(self._connection)
                self.abort()
                raise StreamClosedError

    def seconds_left(self) -> float | None:
        """Return the seconds until the answer is complete, at its speed so far.

        Returns None while that cannot be estimated.
        """
        stats = self._stats
        left = stats.seconds_left
        if not stats.audio_seconds or left is None:
            return None
        if self.first_byte is None:  # a file, which is sent when it is complete
            done, since = stats.audio_seconds, time.perf_counter() - self._began
        else:  # as fast as the client reads it
            done, since = self._seconds_of(self._taken()), time.perf_counter() - self.first_byte
        known = [left * since / done] if done else []
        if self._rate:
            dropped = self._rate.seconds_left(time.monotonic(), self._seconds_of(GRAIN_BYTES))
            known += [dropped] if dropped is not None else []
        return min(known, default=None)

    def _taken(self) -> int:
        """Return how many bytes of the answer the client has read so far.

        The kernel is asked for the bytes in its buffer. It reports a socket as writable only when a
        third of the buffer is free, so a slow client would seem to read nothing for a long time.
        """
        stream = getattr(self._connection, "stream", None)
        if stream is None or stream.closed():
            return 0
        # tornado has no public attribute for it
        unwritten: int = stream._total_write_index - stream._total_write_done_index  # noqa: SLF001
        return max(0, self.sent_bytes - unwritten - unsent(stream.fileno()))

    def _seconds_of(self, size: int) -> float:
        """Return the seconds of speech in ``size`` bytes of the answer, on average."""
        if self.bytes_per_second:
            return size / self.bytes_per_second
        return size * self._stats.audio_seconds / max(self.sent_bytes, 1)


def _nothing() -> None:
    """Do nothing."""
