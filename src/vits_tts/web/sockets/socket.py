"""A WebSocket from its handshake to its log line, for messages of any kind.

The handshake is an HTTP request and is refused like any other. After it, the socket has the request
context of the handshake, so that it counts as one request under way until it is closed.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from loguru import logger
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from vits_tts.errors import (
    Busy,
    JsonInvalid,
    KeyMissing,
    RequestError,
    Unavailable,
    UpgradeRequired,
    VitsTtsError,
)
from vits_tts.telemetry.metrics import CONNECTIONS_DROPPED, SOCKETS, series
from vits_tts.web import failures
from vits_tts.web.auth import api_keys
from vits_tts.web.base import Handler
from vits_tts.web.sockets.places import Places

GOING_AWAY: Final = 1001
INVALID_DATA: Final = 1007
POLICY: Final = 1008
INTERNAL: Final = 1011
TRY_AGAIN: Final = 1013
NORMAL: Final = 1000
_SWITCHED: Final = 101
_VERSION: Final = "13"
_CHECK_SECONDS: Final = 0.25
_PING_SECONDS: Final = 20.0
_LONGEST_REASON: Final = 120
"""Bytes of the reason in a closing frame: 123 by the standard."""


class SocketClient:
    """The other end of a WebSocket, as its request context needs it."""

    def __init__(self, handler: "SocketHandler") -> None:
        """Start with nothing sent."""
        self._handler = handler
        self.gone = False
        self.sent_bytes = 0
        self.first_byte: float | None = None

    def hung_up(self) -> bool:
        """Return False: the socket itself notices when its client leaves."""
        return False

    def abort(self) -> None:
        """Close the socket because the process ends."""
        self._handler.close(GOING_AWAY, "the server ends")

    def closed(self) -> None:
        """Do nothing: the socket itself notices that its client has left."""

    def seconds_left(self) -> float | None:
        """Return None: the length is unknown while the text is being written."""
        return None


class SocketHandler(Handler, WebSocketHandler):
    """Base of the handlers of WebSockets."""

    linkable = False
    key_headers: ClassVar[tuple[str, ...]] = ()
    """Headers that may carry the key, beside the usual ones."""
    key_parameters: ClassVar[tuple[str, ...]] = ()
    """Parameters of the URL that may carry the key, beside ``token``."""
    _places: ClassVar[Places] = Places()

    def initialize(self, **collaborators: Any) -> None:  # type: ignore[override]
        """Take the collaborators of a handler."""
        super().initialize(**collaborators)
        self._client = SocketClient(self)
        self._key: Mapping[str, str] | None = None
        self._upgraded = False
        self._admitted = True
        self._leave: Callable[[], None] | None = None  # gives the socket's place back
        self._watching: asyncio.Task[None] | None = None
        self._close_status = _SWITCHED
        self.touched = time.monotonic()

    # --- the handshake ---------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Check the key; a client may send its key in the first message instead."""
        names = ("token", *self.key_parameters)
        given = next(filter(None, (self.get_query_argument(name, "") for name in names)), None)
        if given:  # a key from the URL: browsers cannot set headers of WebSockets
            self._key = {"X-API-Key": given}
        # A header without a key, such as that of a proxy's Basic authentication, does not count.
        sent = api_keys.given(self.credentials) or any(
            self.request.headers.get(name) for name in self.key_headers
        )
        self._admitted = not self.guard.keys_needed or bool(sent)
        await super().prepare()
        if self._admitted:
            self._places.check(self.config.agents.max_sockets)
        else:
            self._places.check_stranger(self.config.agents.max_sockets, self._stranger)
        if self.state.draining:
            raise Busy("this server is shutting down", retry_after=1)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Change the connection to a WebSocket.

        Raises:
            UpgradeRequired: the request is not the handshake of a WebSocket.

        """
        headers = self.request.headers
        wanted = [word.strip() for word in headers.get("Connection", "").lower().split(",")]
        if (
            headers.get("Upgrade", "").lower() != "websocket"
            or "upgrade" not in wanted
            or headers.get("Sec-WebSocket-Version") != _VERSION
            or not headers.get("Sec-WebSocket-Key")
        ):
            raise UpgradeRequired("this path is a WebSocket, of version 13 of its protocol")
        await super().get(*args, **kwargs)

    @property
    def credentials(self) -> Mapping[str, str]:
        """The headers that carry the key, or the key of the URL in place of them."""
        return self._key or self.request.headers

    @property
    def _stranger(self) -> str | None:
        """The name of a client without a key; None for a proxy that stands for many clients."""
        return self.guard.holder(self.context.address, None)

    @property
    def _needs_no_key(self) -> bool:
        return not self._admitted

    def check_origin(self, origin: str) -> bool:
        """Return True, because ``prepare`` has refused foreign pages already."""
        del origin
        return True

    @property
    def max_message_size(self) -> int:
        """The bytes of the largest message; tornado closes the socket with 1009 beyond."""
        return self.config.agents.max_message_bytes

    @property
    def ping_interval(self) -> float:
        """The seconds between two pings."""
        return _PING_SECONDS

    async def open(self, *args: str, **kwargs: str) -> None:
        """Begin to serve the socket."""
        del args, kwargs
        self._upgraded = True
        self._leave = (
            self._places.take() if self._admitted else self._places.take_as_stranger(self._stranger)
        )
        SOCKETS.inc()
        self.context.client = self._client
        self.set_nodelay(True)
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        begun = time.monotonic()
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            if not self._admitted and time.monotonic() - begun > self.config.agents.key_seconds:
                await self.fail(KeyMissing("no API key came in time"))
                return
            await self.check(time.monotonic())

    async def check(self, now: float) -> None:
        """Handle time-outs and the end of the process; ``now`` is in monotonic seconds."""

    # --- messages --------------------------------------------------------------------------------

    async def on_message(self, message: str | bytes) -> None:
        """Handle one message before the next one is read. An error closes the socket."""
        self.touched = time.monotonic()
        try:
            with logger.contextualize(request_id=self.request_id):
                await self.receive(parsed(message))
        except Exception as error:  # noqa: BLE001  # told to the client and logged
            await self.fail(error)

    async def receive(self, message: Mapping[str, Any]) -> None:
        """Handle one message, a JSON object."""

    async def admit(self, key: object) -> None:
        """Admit a client by the key of its first message, unless the handshake had one.

        Raises:
            KeyMissing, KeyInvalid, TokenExpired: the key is missing, unknown or expired.
            RateLimited: the client has made too many requests.
            Busy: all places for sockets with keys are taken.
            StreamClosedError: the client has left.

        """
        if self._admitted:
            return
        await self.context.admit({"X-API-Key": key} if isinstance(key, str) and key else {})
        if self._leave is None:
            raise StreamClosedError
        self._places.check(self.config.agents.max_sockets)
        self._leave()
        self._leave = self._places.take()
        self._admitted = True

    async def send_json(self, data: Mapping[str, object]) -> None:
        """Send a message and wait until the system has taken it.

        Raises:
            StreamClosedError: the client has left, or reads too slowly and was dropped.

        """
        text = json.dumps(data, ensure_ascii=False)
        self._client.sent_bytes += len(text)
        self._client.first_byte = self._client.first_byte or time.perf_counter()
        try:
            taken = asyncio.ensure_future(self.write_message(text))
            patience = self.config.limits.slow_client_seconds
            if (await asyncio.wait({taken}, timeout=patience))[0]:
                taken.result()
                return
            logger.warning("caller reads too slowly, dropped", request_id=self.request_id)
            series(CONNECTIONS_DROPPED, "slow").inc()
            taken.add_done_callback(lambda future: future.cancelled() or future.exception())
            self.drop()
        except WebSocketClosedError:
            raise StreamClosedError from None
        raise StreamClosedError

    def drop(self) -> None:
        """Close the connection without a closing frame, which the client would not read."""
        connection = self.ws_connection
        if connection is not None and connection.stream is not None:
            connection.stream.close()

    # --- the end ---------------------------------------------------------------------------------

    async def fail(self, error: BaseException) -> None:
        """Report an error to the client and close the socket."""
        if isinstance(error, StreamClosedError):
            return
        self.context.log_error(type(error), error, error.__traceback__)
        ours = failures.as_ours(500, error)
        self.context.error_code = ours.code
        self._close_status = ours.status
        code = close_code(ours)
        try:
            await self.send_json(self.error_message(ours, code))
        except StreamClosedError:
            return
        self.close(code, reason(ours))

    def error_message(self, error: VitsTtsError, code: int) -> Mapping[str, object]:
        """Return the message about an error, sent before the socket is closed with ``code``."""
        return {"error": error.code, "message": error.message, "code": code}

    def stop(self) -> None:
        """Stop all work of the socket."""

    def on_connection_close(self) -> None:
        """Stop the work of a client that has left, before or after the handshake."""
        if self._upgraded:
            WebSocketHandler.on_connection_close(self)
        else:
            super().on_connection_close()

    def on_close(self) -> None:
        """Stop all work and log the socket."""
        if not self._upgraded:
            return
        self._upgraded = False
        if self._leave:
            self._leave()
            self._leave = None
        SOCKETS.dec()
        if self._watching:
            self._watching.cancel()
        self.stop()
        self.context.finished()
        self.context.log_request(self._close_status)

    def on_finish(self) -> None:
        """Count a refused handshake as finished; a socket is finished when it is closed."""
        if self.get_status() != _SWITCHED:
            super().on_finish()

    def log_request(self) -> None:
        """Log a refused handshake; a socket is logged when it is closed."""
        if self.get_status() != _SWITCHED:
            super().log_request()


def parsed(message: str | bytes) -> Mapping[str, Any]:
    """Return the JSON object in a message.

    Raises:
        JsonInvalid: it is not a JSON object.

    """
    try:
        data = json.loads(message)
    except (ValueError, RecursionError):
        raise JsonInvalid("the message is not JSON") from None
    if not isinstance(data, dict):
        raise JsonInvalid("the message is not a JSON object")
    return data


def close_code(error: VitsTtsError) -> int:
    """Return the code of RFC 6455, section 7.4, with which an error closes a socket."""
    if isinstance(error, Unavailable):
        return TRY_AGAIN
    if isinstance(error, JsonInvalid):
        return INVALID_DATA
    return POLICY if isinstance(error, RequestError) else INTERNAL


def reason(error: VitsTtsError) -> str:
    """Return the reason of a closing frame: the error's code, and the seconds before a retry."""
    wait = failures.headers(error).get("Retry-After")
    text = f"{error.code}: {error.message}" if wait is None else f"{error.code}; retry in {wait} s"
    return text.encode()[:_LONGEST_REASON].decode(errors="ignore")
