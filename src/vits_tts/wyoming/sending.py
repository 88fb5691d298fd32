"""Sending events to one client, no faster than the client reads them."""

import asyncio
import time
from typing import Final

from loguru import logger

from vits_tts.telemetry.metrics import CONNECTIONS_DROPPED, series
from vits_tts.web.http.minimum_rate import GRAIN_BYTES, MinimumRate
from vits_tts.web.http.sockets import hung_up, unsent

_BUFFER_BYTES: Final = 64 * 1024
_LOOK_SECONDS: Final = 1.0
"""The longest interval between two checks of a client that reads slowly."""


class Sender:
    """Writes to a connection, and drops a client that reads too slowly (``MinimumRate``)."""

    def __init__(self, writer: asyncio.StreamWriter, patience: float) -> None:
        """Send through ``writer``.

        ``patience`` is ``limits.slow_client_seconds``: how far a client may fall behind the minimum
        rate.
        """
        self._writer = writer
        self._patience = patience
        self._rate: MinimumRate | None = None
        self._bytes = 0
        self._seconds = 0.0
        writer.transport.set_write_buffer_limits(high=_BUFFER_BYTES)

    async def send(self, data: bytes, seconds: float = 0.0) -> None:
        """Send ``data``, which holds ``seconds`` of speech, and wait while the buffer is full.

        Raises:
            ConnectionError: the client has disconnected, or reads too slowly.

        """
        self._bytes += len(data)
        self._seconds += seconds
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() <= _BUFFER_BYTES:
            await self._writer.drain()
            return
        draining = asyncio.ensure_future(self._writer.drain())
        try:
            await self._taken_in_time(draining)
        finally:
            draining.cancel()

    def hung_up(self) -> bool:
        """Return whether the client has closed its end."""
        number = self._writer.get_extra_info("socket").fileno()
        return number < 0 or hung_up(number)

    def abort(self) -> None:
        """Close the connection, and discard all unsent bytes."""
        self._writer.transport.abort()

    async def _taken_in_time(self, draining: "asyncio.Future[None]") -> None:
        """Wait until the buffer has been drained.

        Raises:
            ConnectionAbortedError: the client reads too slowly.

        """
        if self._rate is None:
            self._rate = MinimumRate(self._patience, time.monotonic())
        self._rate.resume(time.monotonic())
        look = min(_LOOK_SECONDS, self._patience / 4)
        while not (await asyncio.wait([draining], timeout=look))[0]:
            taken, grain = self._seconds_of(self._taken()), self._seconds_of(GRAIN_BYTES)
            if self._rate.too_slow(time.monotonic(), taken, grain):
                logger.warning("caller reads too slowly, dropped")
                series(CONNECTIONS_DROPPED, "slow").inc()
                raise ConnectionAbortedError("the client reads too slowly")
        await draining

    def _taken(self) -> int:
        """Return how many bytes have reached the client: all but those in buffers here."""
        connection = self._writer.get_extra_info("socket")
        held = unsent(connection.fileno()) if connection.fileno() >= 0 else 0
        return max(0, self._bytes - self._writer.transport.get_write_buffer_size() - held)

    def _seconds_of(self, size: int) -> float:
        """Return the seconds of speech in ``size`` bytes, on average so far."""
        return size * self._seconds / max(self._bytes, 1)
