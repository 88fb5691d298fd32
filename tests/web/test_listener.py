"""The listener by itself: what it keeps of connections that are closed."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from vits_tts.config import Server
from vits_tts.web.listener import Listener

_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Hello(RequestHandler):
    """Answers."""

    def get(self) -> None:
        """Answer."""
        self.write("hello")


def waiting(loop: asyncio.AbstractEventLoop) -> list[Any]:
    """Return what a loop is to call later."""
    scheduled: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
    return [timer for timer in scheduled if not timer.cancelled()]


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("waited in vain")


@pytest.mark.parametrize("sent", [b"", _GET[:9], _GET, _GET * 2])
def test_nothing_is_kept_of_who_left(sent: bytes) -> None:
    """However much of a request came: no timer waits for the rest of a connection that closed."""

    async def story() -> None:
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
        kept = [one for one in gc.get_objects() if type(one).__name__ == "_Timed"]
        assert kept == []
        listener.stop()

    asyncio.run(story())
