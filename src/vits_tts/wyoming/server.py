"""The Wyoming port of one worker: it accepts connections within limits and closes them cleanly."""

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from loguru import logger

from vits_tts.telemetry.metrics import CONNECTIONS_DROPPED, series
from vits_tts.web.context import Services
from vits_tts.web.http.forwarded import network
from vits_tts.web.http.room import Room
from vits_tts.wyoming.discovery import Announcement
from vits_tts.wyoming.session import Session

_SEND_BUFFER_BYTES: Final = 128 * 1024
"""The kernel's buffer for data that a client has not read; HTTP connections have the same size."""


class WyomingServer:
    """Serves the Wyoming protocol on sockets that the workers share."""

    def __init__(self, services: Services) -> None:
        """Store the collaborators; :meth:`start` accepts connections."""
        self._config = config = services.config
        self._services = services
        self._draining = False
        server = config.server
        self._announcement = Announcement(config.wyoming)
        self._room = Room(server.max_connections, server.connections_per_address)
        self._announcing: asyncio.Task[None] | None = None
        self._servers: list[asyncio.Server] = []
        self._sessions: dict[Session, asyncio.Task[None]] = {}

    async def start(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections on ``sockets``, which are bound already, and announce the port."""
        limit = int(self._config.server.max_body_bytes)
        for listener in sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listener.setblocking(False)
            server = await asyncio.start_server(self._take, sock=listener, limit=limit)
            self._servers.append(server)
        if self._servers:
            self._announcing = asyncio.create_task(self._announcement.start())

    def stop(self) -> None:
        """Accept no more connections, and close each one when its requests are answered."""
        self._draining = True
        for server in self._servers:
            server.close()
        for session in list(self._sessions):
            session.finish()

    async def close(self) -> None:
        """Close all connections, and wait until they are closed."""
        self.stop()
        replaced = self._services.state.replaced  # then the new worker announces the same service
        if self._announcing and not replaced:
            await self._announcing
            await self._announcement.end()
        tasks = list(self._sessions.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve an accepted connection, or close it if it exceeds a limit."""
        peer: Any = writer.get_extra_info("peername")
        if self._draining or not isinstance(peer, tuple) or not self._welcome(peer[0]):
            writer.transport.abort()
            return
        address = network(peer[0])
        if self._room.full_for() or not self._room.takes(address):
            series(CONNECTIONS_DROPPED, "address").inc()
            writer.transport.abort()
            return
        connection = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        session = Session(self._services, reader, writer, peer[0], address, self._room)
        task = asyncio.current_task()
        if task is None:
            return
        self._sessions[session] = task
        try:
            await session.run()
        except Exception as error:  # noqa: BLE001  # an error ends only its own connection
            logger.opt(exception=error).error("unexpected error")
        except asyncio.CancelledError:  # by close(); the session has cleaned up
            pass
        finally:
            del self._sessions[session]

    def _welcome(self, text: str) -> bool:
        """Return whether the settings allow the IP address ``text`` to connect."""
        allowed = self._config.wyoming.networks
        if self._config.wyoming.uri is None:  # disabled by a reload, which leaves the socket open
            return False
        if not allowed:
            return True
        address = ip_address(text.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address in network for network in allowed):
            return True
        logger.warning("connection refused: its address is not in wyoming.networks", caller=text)
        series(CONNECTIONS_DROPPED, "address").inc()
        return False
