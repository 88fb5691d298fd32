"""Tornado's HTTP server with limits on connections and on the time of each step."""

import asyncio
import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final

from loguru import logger
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, SSLIOStream
from tornado.web import Application

from vits_tts.config import Server
from vits_tts.errors import Busy
from vits_tts.server.tls import tls_context
from vits_tts.telemetry.metrics import CONNECTIONS_DROPPED, series
from vits_tts.web.http.exchange import Connection, Peer, Times, refusal
from vits_tts.web.http.forwarded import Proxies, network
from vits_tts.web.http.http1 import READ_BYTES
from vits_tts.web.http.room import Room
from vits_tts.web.http.turns import Turns

_SEND_BUFFER_BYTES: Final = 128 * 1024
"""The kernel's send buffer for each connection; accepted sockets inherit it.

The default takes megabytes, which is minutes of speech, and reports progress only after a third was
read. A client that plays in real time would look as if it had stopped reading.
"""
_ACCEPT_AT_ONCE: Final = 32
_PAUSE_SECONDS: Final = 0.5
_SWEEP_SECONDS: Final = 0.5
_OPERATIONS_CONNECTIONS: Final = 64
"""Connections reserved for `server.operations_port`."""
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_FILES_KEPT: Final = 128
"""File descriptors reserved for files, Redis and logs; a quarter of all, if that is less."""
_SLOW_SECONDS: Final = 30.0


class Listener(HTTPServer):
    """Accepts connections; at the limit, closes the one that has waited longest."""

    def initialize(  # type: ignore[override]  # tornado's own name for its constructor
        self,
        application: Application,
        settings: Server,
        slow_seconds: float = _SLOW_SECONDS,
    ) -> None:
        """Set tornado's parameters from the settings.

        ``slow_seconds`` is the time after which a client that does not read is dropped.
        """
        super().initialize(
            application,
            chunk_size=READ_BYTES,
            max_header_size=int(settings.max_header_bytes),
        )
        self._tls = tls_context(settings)
        self._settings = settings
        self._proxies = Proxies(settings)
        self._times = Times(settings.request_seconds, settings.keep_alive_seconds, slow_seconds)
        self._protocol = "https" if self._tls else "http"
        limit = _affordable(settings.max_connections)
        self._room = Room(limit, settings.connections_per_address)
        self._operations_room = Room(_OPERATIONS_CONNECTIONS)
        self._turns = Turns()
        self._doors: list[_Door] = []
        self._sweeping: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Start to accept connections on bound sockets."""
        for listener in sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listener.setblocking(False)
            room = self._operations_room if self._for_operations(listener) else self._room
            door = _Door(listener, room, partial(self._take, room))
            self._doors.append(door)
            self._sockets[listener.fileno()] = listener
            self._handlers[listener.fileno()] = door.lock
        if self._sweeping is None:
            self._sweep()

    def on_close(self, server_conn: object) -> None:
        """Remove a closed connection, and accept waiting ones again."""
        super().on_close(server_conn)
        for door in self._doors:
            door.open()

    async def close_all_connections(self) -> None:
        """Close all connections and wait until they are closed."""
        await super().close_all_connections()
        if self._sweeping:
            self._sweeping.cancel()

    def _for_operations(self, listener: socket.socket) -> bool:
        name = listener.getsockname()
        port = name[1] if isinstance(name, tuple) else None
        return port is not None and port == self._settings.operations_port

    def _take(self, room: Room, connection: socket.socket, address: Any) -> None:
        """Serve an accepted connection, or refuse it if its address has too many."""
        # The client may have reset it meanwhile. Any error then closes only this connection.
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            peer = Peer(address, self._protocol)
            counted = self._counted(peer)
            if not room.takes(counted):
                self._turn_away(connection)
                return
            stream = self._stream(connection)
            stack.pop_all()
        turns = self._turns if room is self._room else None
        served = Connection(stream, self.conn_params, peer, room, self._times, counted, turns)
        self._connections.add(served)
        served.start_serving(self)

    def _counted(self, peer: Peer) -> str | None:
        """Return the address whose connections are counted; None for trusted proxies."""
        address = peer.remote_ip if isinstance(peer.address, tuple) else ""
        return None if self._proxies.trusts(address) else network(address)

    def _stream(self, connection: socket.socket) -> IOStream:
        if self._tls is None:
            return IOStream(connection, read_chunk_size=READ_BYTES)
        secured = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return SSLIOStream(secured, read_chunk_size=READ_BYTES)

    def _turn_away(self, connection: socket.socket) -> None:
        """Close a connection; over plain HTTP, send a 503 first."""
        series(CONNECTIONS_DROPPED, "address").inc()
        if self._tls is None:
            error = Busy("one address has too many connections: server.max_connections_per_address")
            connection.setblocking(False)
            connection.send(refusal(error))
            connection.shutdown(socket.SHUT_WR)
            connection.recv(READ_BYTES)  # closing with unread bytes would discard the response

    def _sweep(self) -> None:
        for room in (self._room, self._operations_room):
            room.sweep()
        self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)


class _Door:
    """Accepts from one socket while there is room and file descriptors are left."""

    def __init__(
        self,
        listener: socket.socket,
        room: Room,
        take: Callable[[socket.socket, Any], None],
    ) -> None:
        self._listener = listener
        self._room = room
        self._take = take
        self._open = self._locked = False
        self._reopening: asyncio.TimerHandle | None = None
        self._warned = -_PAUSE_SECONDS
        self.open()

    def open(self) -> None:
        """Start to accept connections, unless :meth:`lock` was called."""
        if self._reopening:
            self._reopening.cancel()
            self._reopening = None
        if not self._open and not self._locked:
            self._open = True
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def lock(self) -> None:
        """Stop accepting connections, permanently."""
        self._shut()
        self._locked = True
        if self._reopening:
            self._reopening.cancel()

    def _shut(self, seconds: float | None = None) -> None:
        """Stop accepting connections until one is closed, or for ``seconds`` if given."""
        loop = asyncio.get_running_loop()
        if self._open:
            self._open = False
            loop.remove_reader(self._listener.fileno())
        if seconds is not None and not self._reopening:
            self._reopening = loop.call_later(seconds, self.open)

    def _accept(self) -> None:
        for number in range(_ACCEPT_AT_ONCE):
            if number and self._room.full:
                # Perhaps no more client waits, and then none is closed to make room. If one does,
                # the socket stays readable and this is called again.
                return
            if wait := self._room.full_for():
                self._shut(wait)
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
                self._warn(error.strerror)
                if self._room.make():
                    # The socket stays readable: without a pause the event loop would spin.
                    self._shut(_PAUSE_SECONDS)
                    return
                continue
            with contextlib.suppress(OSError, ValueError):  # the client reset it meanwhile
                self._take(connection, address)

    def _warn(self, reason: str | None) -> None:
        """Log at most one warning per pause; each closed connection would cause another."""
        now = asyncio.get_running_loop().time()
        if now - self._warned >= _PAUSE_SECONDS:
            self._warned = now
            logger.warning("cannot take connections", reason=reason)


def _affordable(wanted: int) -> int:
    """Raise the process's limit of file descriptors, and return the possible number of connections.

    That is ``wanted``, or fewer if the system allows fewer file descriptors.
    """
    if sys.platform == "win32":
        return wanted
    import resource  # noqa: PLC0415  # not on Windows

    files = Path("/proc/self/fd")
    used = sum(1 for _ in files.iterdir()) if files.exists() else _FILES_KEPT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = used + wanted + _OPERATIONS_CONNECTIONS + _FILES_KEPT
    unlimited = resource.RLIM_INFINITY
    if soft != unlimited and soft < needed:
        soft = needed if hard == unlimited else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    _make_table(min(needed, soft) if soft != unlimited else needed)
    if soft == unlimited or soft >= needed:
        return wanted
    room = max(soft - used - min(_FILES_KEPT, soft // 4), 1)
    if room < wanted:
        logger.warning("fewer connections than server.max_connections: file descriptors", room=room)
    return min(room, wanted)


def _make_table(size: int) -> None:
    """Make the process's table of file descriptors large enough for ``size`` of them.

    Linux doubles a full table. If the process has several threads, the thread that needs the larger
    table waits until every processor has seen the change. On a busy machine that takes seconds, for
    which the event loop would be blocked in ``accept``.
    """
    import fcntl  # noqa: PLC0415  # not on Windows

    with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("rb") as file:
        os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, size - 1))
