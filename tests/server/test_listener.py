"""The listener alone: no state of closed connections remains."""

import asyncio
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body

from vits_tts.config import Server
from vits_tts.server.listener import Listener
from vits_tts.web.http.exchange import Connection, Exchange
from vits_tts.web.http.http1 import Incoming

_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Hello(RequestHandler):
    """Answers with a short text."""

    def get(self) -> None:
        """Send the text."""
        self.write("hello")


def waiting(loop: asyncio.AbstractEventLoop) -> list[Any]:
    """Return the callbacks that a loop will call later."""
    scheduled: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
    return [timer for timer in scheduled if not timer.cancelled()]


async def until(condition: Callable[[], bool]) -> None:
    """Run the loop until a condition is true."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("timed out")


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", _GET[:9], _GET, _GET * 2])
async def test_nothing_is_kept_of_who_left(sent: bytes) -> None:
    """No timer waits for a closed connection, however much of a request it had sent."""
    (door,) = bind_sockets(0, "127.0.0.1")
    listener = Listener(Application([("/", Hello)]), Server(request_seconds=600))
    listener.add_sockets([door])
    loop = asyncio.get_running_loop()
    before = len(waiting(loop))
    for _ in range(10):
        reader, writer = await asyncio.open_connection(*door.getsockname())
        writer.write(sent)
        for _ in range(sent.count(_GET)):
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        await until(lambda: listener.connections == 1)
        writer.close()
        await writer.wait_closed()
        await until(lambda: listener.connections == 0)
    assert len(waiting(loop)) <= before
    gc.collect()
    kept = [one for one in gc.get_objects() if isinstance(one, Connection | Exchange | Incoming)]
    assert kept == []
    listener.stop()


async def test_the_last_place_is_given_without_closing_another() -> None:
    """A client that takes the last free place ends no older connection: no other client waits."""
    (door,) = bind_sockets(0, "127.0.0.1")
    listener = Listener(Application([("/", Hello)]), Server(max_connections=2))
    listener.add_sockets([door])
    old, writer = await asyncio.open_connection(*door.getsockname())
    await until(lambda: listener.connections == 1)
    await asyncio.sleep(1.2)  # older than the second for which no connection is closed
    new, other = await asyncio.open_connection(*door.getsockname())
    await until(lambda: listener.connections == 2)
    for reader, sender in ((new, other), (old, writer)):
        sender.write(_GET)
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        sender.close()
    await until(lambda: listener.connections == 0)
    listener.stop()


class Taken(RequestHandler):
    """Takes the connection over and returns the bytes after the request."""

    async def get(self) -> None:
        """Send four bytes back."""
        stream = self.detach()
        await stream.write(b"taken: " + await stream.read_bytes(4))
        stream.close()


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_connection_that_is_taken_over(at_once: bool) -> None:
    """No byte is lost when a connection is taken over, and only the new owner reads it."""
    (door,) = bind_sockets(0, "127.0.0.1")
    listener = Listener(Application([("/", Taken)]), Server())
    listener.add_sockets([door])
    reader, writer = await asyncio.open_connection(*door.getsockname())
    writer.write(_GET + b"tail" if at_once else _GET)
    if not at_once:
        await until(lambda: listener.connections == 1)
        writer.write(b"tail")
    assert await reader.read() == b"taken: tail"
    await until(lambda: listener.connections == 0)
    writer.close()
    listener.stop()


@stream_request_body
class Leaving(RequestHandler):
    """Loses its client while it takes the last bytes of the body."""

    def data_received(self, chunk: bytes) -> None:
        """Close the connection, as a reset by the client does."""
        del chunk
        connection = self.request.connection
        assert isinstance(connection, Exchange)
        connection.stream.close()
        self.on_connection_close()

    def post(self) -> None:
        """Answer."""


async def test_a_client_that_leaves_with_its_last_byte(caplog: pytest.LogCaptureFixture) -> None:
    """It ends the connection without an error in the log."""
    (door,) = bind_sockets(0, "127.0.0.1")
    listener = Listener(Application([("/", Leaving)]), Server())
    listener.add_sockets([door])
    reader, writer = await asyncio.open_connection(*door.getsockname())
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    assert await reader.read() == b""
    await until(lambda: listener.connections == 0)
    assert "InvalidStateError" not in caplog.text
    writer.close()
    listener.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_table_of_descriptors_does_not_grow_under_load() -> None:
    """There are places for all connections at the start: to make more stops the event loop."""
    wanted = 3 * _table_size()
    listener = Listener(Application([]), Server(max_connections=wanted))
    assert _table_size() >= wanted
    await listener.close_all_connections()


def _table_size() -> int:
    """Return the number of places in this process's table of file descriptors."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("FDSize:")[1].split()[0])
