"""The HTTP server: tornado's, with limits on connections and on the time to send a request."""

import asyncio
import errno
import select
import socket
import ssl
import sys
from array import array
from collections.abc import Callable, Iterable
from typing import Any, Final

from loguru import logger
from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.web import Application

from vits_tts.config import Server
from vits_tts.errors import ConfigError

_SEND_BUFFER_BYTES: Final = 128 * 1024
"""What the kernel holds for a caller (accepted sockets inherit it). It would take megabytes,
minutes of speech, and wake us only when a third is read: who listens in real time looks stalled."""
_ACCEPT_AT_ONCE: Final = 128
_PAUSE_SECONDS: Final = 0.5
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def tls_context(settings: Server) -> ssl.SSLContext | None:
    """Return what TLS needs, or None for plain HTTP.

    Raises:
        ConfigError: the certificate or its key cannot be used.

    """
    if settings.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without `password`, a protected key would make OpenSSL ask at the terminal.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=lambda: "")
    except (OSError, ValueError) as error:
        files = f"{settings.tls_certificate}, {settings.tls_key or 'with its key'}"
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise ConfigError(f"server.tls_certificate: {files}: cannot be used: {reason}") from None
    return context


def hung_up(fd: int | Any) -> bool:
    """Return whether the other end of a socket is closed, whatever is still to be read from it."""
    if not hasattr(select, "poll"):  # Windows
        return False
    poll = select.poll()
    poll.register(fd, getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(0))


def unsent(fd: int | Any) -> int:
    """Return how many bytes the kernel still holds for the other end; 0 where it does not say."""
    if sys.platform != "linux":
        return 0
    import fcntl  # noqa: PLC0415  # these two are not on Windows
    import termios  # noqa: PLC0415

    held = array("i", [0])
    fcntl.ioctl(fd, termios.TIOCOUTQ, held)  # SIOCOUTQ, see tcp(7)
    return held[0]


class Listener(HTTPServer):
    """Takes connections while there is room for them; the others wait in the kernel's queue."""

    def initialize(  # type: ignore[override]  # tornado's own name for its constructor
        self, application: Application, settings: Server
    ) -> None:
        """Translate our settings into tornado's."""
        super().initialize(
            application,
            max_header_size=int(settings.max_header_bytes),
            idle_connection_timeout=settings.keep_alive_seconds,
            body_timeout=settings.request_seconds,
            ssl_options=tls_context(settings),
        )
        self._room = settings.max_connections
        self._request_seconds = settings.request_seconds
        self._doors: list[_Door] = []
        self._timed: dict[object, _Timed] = {}

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept on bound sockets."""
        for listener in sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listener.setblocking(False)
            door = _Door(listener, self._has_room, self._handle_connection)
            self._doors.append(door)
            self._sockets[listener.fileno()] = listener
            self._handlers[listener.fileno()] = door.lock

    def on_close(self, server_conn: object) -> None:
        """Forget a connection; one that waits may come in."""
        super().on_close(server_conn)
        if timed := self._timed.pop(server_conn, None):
            timed.stop()
        for door in self._doors:
            door.open()

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request, for as long as it may take."""
        delegate = super().start_request(server_conn, request_conn)
        if not isinstance(request_conn, HTTP1Connection):
            return delegate
        fresh = server_conn not in self._timed
        timed = _Timed(delegate, request_conn, self._request_seconds, fresh)
        self._timed[server_conn] = timed
        return timed

    def _has_room(self) -> bool:
        return len(self._connections) < self._room


class _Door:
    """Accepts from one socket, while there is room and there are file descriptors."""

    def __init__(
        self,
        listener: socket.socket,
        has_room: Callable[[], bool],
        take: Callable[[socket.socket, Any], None],
    ) -> None:
        self._listener = listener
        self._has_room = has_room
        self._take = take
        self._open = self._locked = False
        self._warned = -_PAUSE_SECONDS
        self.open()

    def open(self) -> None:
        """Accept, unless it is locked."""
        if not self._open and not self._locked:
            self._open = True
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def lock(self) -> None:
        """Accept no more, ever."""
        self._shut()
        self._locked = True

    def _shut(self) -> None:
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            if not self._has_room():
                self._shut()
                return
            try:
                connection, address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                # The socket stays readable: without a pause the loop would turn on nothing else.
                self._warn(error.strerror)
                self._shut()
                asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self.open)
                return
            self._take(connection, address)

    def _warn(self, reason: str | None) -> None:
        """Log it once in a pause: every caller who leaves opens the door for a moment."""
        now = asyncio.get_running_loop().time()
        if now - self._warned >= _PAUSE_SECONDS:
            self._warned = now
            logger.warning("cannot take connections", reason=reason)


class _Timed(HTTPMessageDelegate):
    """Passes a request on; closes its connection if the head takes too long to come."""

    def __init__(
        self, inner: HTTPMessageDelegate, connection: HTTP1Connection, seconds: float, fresh: bool
    ) -> None:
        self._inner = inner
        self._stream = connection.stream
        self._seconds = seconds
        self._begun = fresh  # who connects wants something; who stays may be idle
        self._watch()

    def stop(self) -> None:
        """Watch no longer: tornado tells nobody of who leaves between requests."""
        self._timer.cancel()

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Any:
        """Pass it on: the head is complete."""
        self.stop()
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Any:
        """Pass it on."""
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        """Pass it on."""
        self._inner.finish()

    def on_connection_close(self) -> None:
        """Pass it on."""
        self.stop()
        self._inner.on_connection_close()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, self._check)

    def _check(self) -> None:
        if self._stream.closed():
            return
        if self._begun:
            self._stream.close()
        else:
            self._begun = self._stream._read_buffer_size > 0  # noqa: SLF001  # part of a head
            self._watch()
