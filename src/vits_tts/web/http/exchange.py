"""A client's connection: requests and answers one after the other, each step with a time limit.

``http1`` reads the requests, tornado writes the answers. A connection that waits for its client may
be closed to make room for another (``room``), and is closed when the step takes too long.

A connection passes through these steps for each request. The one in parentheses is skipped if there
is nothing to wait for:

1. ``waits_for_request``: nothing has arrived; the limit is ``Times.idle``;
2. ``head_begun``: a part of the head has arrived; ``Times.request``;
3. (``waits_for_body``): the head is complete; ``Times.request``, once for the whole body;
4. ``answers``: the request is complete; the connection is busy and has no limit here;
5. (``waits_for_reader``): the answer is complete, but not all of it has been sent; the client must
   read at the minimum rate;
6. (``lingers``): the request was refused, or answered before its end; the rest is discarded.
"""

import asyncio
import contextlib
import json
import math
import random
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from loguru import logger
from tornado.http1connection import (
    HTTP1Connection,
    HTTP1ConnectionParameters,
    HTTP1ServerConnection,
)
from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError

from vits_tts.errors import RequestError, VitsTtsError
from vits_tts.telemetry.metrics import CONNECTIONS_DROPPED, REQUESTS, series
from vits_tts.web import failures
from vits_tts.web.auth.gate import SECURITY_HEADERS
from vits_tts.web.http.http1 import Incoming, body_length, parsed
from vits_tts.web.http.minimum_rate import GRAIN_BYTES, MinimumRate
from vits_tts.web.http.room import Room
from vits_tts.web.http.sockets import forget_unsent, unsent
from vits_tts.web.http.turns import Turns
from vits_tts.web.schema.responses import Problem

_LINGER_SECONDS: Final = 2.0
"""Seconds for which the rest of a refused request is read and discarded before closing. Closing a
socket with unread bytes resets the connection, so that the client may lose the answer."""
_FEW: Final = 32
"""With at most this many connections, requests need not take turns."""
_TAIL_BYTES_A_SECOND: Final = 16 * 1024
"""The bytes that count as a second of speech at the end of any answer. The minimum rate requires a
quarter of them in each second."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection; tornado looks for these two attributes."""

    address: Any
    """The address as the socket gives it: a tuple that begins with the IP address, or a path."""
    protocol: str

    @property
    def remote_ip(self) -> str:
        """The IP address; 0.0.0.0 for a Unix socket."""
        return str(self.address[0]) if isinstance(self.address, tuple) else "0.0.0.0"  # noqa: S104


@dataclass(frozen=True, slots=True)
class Times:
    """The time limits of a client for each step, in seconds."""

    request: float
    """For a head, and again for a body."""
    idle: float
    """Between two requests."""
    slow: float
    """How far the client may fall behind the minimum rate of reading an answer."""


class Connection(HTTP1ServerConnection):
    """A connection and its current step."""

    def __init__(
        self,
        stream: IOStream,
        parameters: HTTP1ConnectionParameters,
        peer: Peer,
        room: Room,
        times: Times,
        address: str | None,
        turns: Turns | None = None,
    ) -> None:
        """Wait for the first request.

        ``address`` is the address or network to whose limit the connection counts. With ``turns``
        requests take turns with those of other connections, if there are many.
        """
        super().__init__(stream, parameters, peer)
        self.incoming = Incoming(stream)
        self.address = address
        self._room = room
        self._times = times
        self._turns = turns
        self._now = time.monotonic
        self._deadline = self._now() + times.request  # a new client should send a request soon
        self._begun = True
        self._tail: MinimumRate | None = None
        self._tail_begins = 0
        self._detached = False
        room.enter(self)

    # --- steps -----------------------------------------------------------------------------------

    def waits_for_request(self) -> None:
        """Begin to wait for the next request."""
        self._begun = False
        self._wait(self._times.idle)

    def head_begun(self) -> None:
        """Begin to wait for the rest of a head, of which a part has arrived."""
        if not self._begun:
            self._begun = True
            self._deadline = self._now() + self._times.request

    def waits_for_body(self) -> None:
        """Begin to wait for the body of a request."""
        self._begun = True
        self._wait(self._times.request)

    def turn(self) -> "asyncio.Future[None] | None":
        """Return None if a request may begin now, as usual, else a future to wait for."""
        return self._turns.take() if self._turns and len(self._room) > _FEW else None

    def answers(self) -> None:
        """Mark the connection as busy: the request is complete."""
        self._begun = True
        self._room.busy(self)

    def waits_for_reader(self) -> None:
        """Begin to wait until the client has read the rest of a complete answer."""
        self._tail_begins = self._taken
        self._tail = MinimumRate(self._times.slow, self._now())
        self._wait(math.inf)

    def lingers(self) -> None:
        """Close the sending side, and wait a moment so that the client receives the answer."""
        if self.stream.socket is not None and not self.stream.writing():
            with contextlib.suppress(OSError):
                self.stream.socket.shutdown(socket.SHUT_WR)
        self._wait(_LINGER_SECONDS)

    def detach(self) -> bytes:
        """Release the stream to other code; return the bytes read beyond the request."""
        self._detached = True
        self._room.leave(self)
        return self.incoming.take()

    def _wait(self, seconds: float) -> None:
        self._deadline = self._now() + seconds
        self._room.waits(self)

    # --- the end ---------------------------------------------------------------------------------

    def overdue(self, now: float) -> str | None:
        """Return the reason to close the connection if a step took too long; else None."""
        if self._tail:
            taken = (self._taken - self._tail_begins) / _TAIL_BYTES_A_SECOND
            if self._tail.too_slow(now, taken, GRAIN_BYTES / _TAIL_BYTES_A_SECOND):
                return "slow"
        if now < self._deadline:
            return None
        return "late" if self._begun else "idle"

    def drop(self, reason: str) -> None:
        """Close the connection, and count the reason in the metrics."""
        series(CONNECTIONS_DROPPED, reason).inc()
        self._room.leave(self)
        if reason == "slow":
            forget_unsent(self)
        self.stream.close()

    @property
    def _taken(self) -> int:
        """The number of bytes that the client's kernel has acknowledged so far."""
        if self.stream.closed():
            return 0
        sent: int = self.stream._total_write_done_index  # noqa: SLF001  # no public attribute
        return sent - unsent(self.stream.fileno())

    # --- requests --------------------------------------------------------------------------------

    async def _server_request_loop(self, delegate: HTTPServerConnectionDelegate) -> None:
        """Serve requests one after the other; tornado calls it when a connection is accepted."""
        try:
            while True:
                exchange = Exchange(self)
                if not await exchange.serve(delegate.start_request(self, exchange)):
                    return
                self._tail = None
                self.waits_for_request()
                if self.incoming:  # the next request is here already; let other connections run
                    await asyncio.sleep(0)
        finally:
            self._room.leave(self)
            if not self._detached:
                self.stream.close()
            delegate.on_close(self)


class Exchange(HTTP1Connection):
    """One request and its answer."""

    def __init__(self, caller: Connection) -> None:
        """Create the exchange for the next request of ``caller``."""
        super().__init__(caller.stream, False, caller.params, caller.context)
        self._caller = caller

    async def serve(self, delegate: HTTPMessageDelegate) -> bool:
        """Read a request, pass it to ``delegate`` and wait until the answer has been sent.

        Returns whether another request may follow on the connection.
        """
        # True while the delegate expects more of the request. It gets exactly one of finish() and
        # on_connection_close(), or it would wait forever.
        told = False
        caller = self._caller
        try:
            start_line, headers = parsed(await self._head())
            length = body_length(start_line, headers)
            self._request_start_line, self._request_headers = start_line, headers
            self._disconnect_on_finish = not self._can_keep_alive(start_line, headers)
            received = delegate.headers_received(start_line, headers)
            told = True
            if received is not None:
                await received
            if length != 0:
                await self._read(length, headers, delegate)
            self._read_finished = True
            if not self._write_finished:
                caller.answers()
                # The handler may have been told that the client left, if it did so with its last
                # byte.
                with contextlib.suppress(asyncio.InvalidStateError):
                    delegate.finish()
            told = False
            if not self._finish_future.done() and not self.stream.closed():
                self.stream.set_close_callback(self._on_connection_close)
                await self._finish_future
        except StreamClosedError:
            return False
        except (RequestError, HTTPInputError) as error:
            if told:
                told = False
                delegate.on_connection_close()
            await self._refuse(error)
            return False
        else:
            return self._kept
        finally:
            if told:
                delegate.on_connection_close()
            self._clear_callbacks()

    async def _head(self) -> bytes:
        """Return the head of the request once it has arrived and may be answered."""
        caller = self._caller
        head = await caller.incoming.head(self.params.max_header_size, caller.head_begun)
        if turn := caller.turn():
            await turn
        return head

    @property
    def _kept(self) -> bool:
        """True if the connection was not handed over, is open, and may have another request."""
        return not (self.stream is None or self.stream.closed() or self._disconnect_on_finish)

    async def _read(
        self, length: int | None, headers: HTTPHeaders, delegate: HTTPMessageDelegate
    ) -> None:
        """Read the body and pass it to ``delegate``, or discard it if the answer is complete."""

        async def deliver(data: bytes) -> None:
            if not self._write_finished:
                received = delegate.data_received(data)
                if received is not None:
                    await received

        if not self._write_finished:
            self._caller.waits_for_body()
            if headers.get("Expect", "").lower() == "100-continue":
                self.stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await self._caller.incoming.body(length, deliver)

    async def _refuse(self, error: Exception) -> None:
        """Answer an invalid request with an error, unless an answer has begun; then close."""
        with contextlib.suppress(StreamClosedError):
            if self._response_start_line is None:
                ours = failures.as_ours(HTTPStatus.BAD_REQUEST, error)
                series(REQUESTS, "none", "other", str(ours.status)).inc()
                self.stream.write(refusal(ours))
                self._caller.lingers()
                await self._caller.incoming.forget()
            elif self._write_finished:  # let the client receive that answer
                await self._caller.incoming.forget()
        self.stream.close()

    # --- overrides of tornado's HTTP1Connection --------------------------------------------------

    def write_headers(
        self,
        start_line: RequestStartLine | ResponseStartLine,
        headers: HTTPHeaders,
        chunk: bytes | None = None,
    ) -> "asyncio.Future[None]":
        """Write the head of the answer.

        HTTP/1.0 has no chunks, so the end of an answer without a length is marked by closing.
        """
        asked, told = self._request_start_line, self._request_headers
        headed = asked is not None and asked.method == "HEAD"
        if asked and told and asked.version == "HTTP/1.0" and "Content-Length" not in headers:
            self._disconnect_on_finish = True
            told.pop("Connection", None)  # otherwise tornado would answer "keep-alive"
        written = super().write_headers(start_line, headers, chunk)
        if headed:  # an answer to HEAD has no body, so it must not get a last chunk
            self._chunking_output = False
        return written

    def finish(self) -> None:
        """End the answer; if the client still has to read some of it, change to that step."""
        super().finish()
        if self._read_finished and not self._finish_future.done() and self.stream.writing():
            self._caller.waits_for_reader()

    def _finish_request(self, future: "asyncio.Future[None] | None") -> None:
        """End the exchange when the answer has been sent."""
        if self._read_finished or self.stream.closed():
            super()._finish_request(future)
            return
        # The answer is complete, but the request is still arriving. Closing now would reset the
        # connection, and the client could lose the answer.
        self._clear_callbacks()
        self._caller.lingers()
        if not self._finish_future.done():
            self._finish_future.set_result(None)

    def detach(self) -> IOStream:
        """Release and return the stream, with the bytes beyond the request put back into it."""
        stream = super().detach()
        held = self._caller.detach()
        stream._read_buffer[:0] = held  # noqa: SLF001  # tornado has no public way
        stream._read_buffer_size += len(held)  # noqa: SLF001
        return stream


def refusal(error: VitsTtsError) -> bytes:
    """Return the complete answer to an invalid request, as bytes; the connection closes after it.

    Nothing of the request is logged.
    """
    request_id = new_request_id()
    status = HTTPStatus(error.status)
    logger.debug("refused: {}", error.message, request_id=request_id, code=error.code)
    problem = Problem(
        code=error.code, message=error.message, field=error.field, request_id=request_id
    )
    body = json.dumps({"error": problem}).encode()
    headers = {
        "Server": "vits-tts",
        "Content-Type": "application/json; charset=UTF-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        "X-Request-ID": request_id,
        **SECURITY_HEADERS,
        **failures.headers(error),
    }
    lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def new_request_id() -> str:
    """Return a random request id of 32 hexadecimal digits, which is not a secret."""
    return f"{random.getrandbits(128):032x}"
