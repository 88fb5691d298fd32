"""Requests of very many connections take turns, so that other sockets are looked at meanwhile."""

import asyncio
from collections import Counter

from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.server.test_listener import until
from vits_tts.config import Server
from vits_tts.server.listener import Listener
from vits_tts.web.http.turns import Turns

CLIENTS = 300


class Rounds:
    """Counts the rounds of the event loop."""

    def __init__(self) -> None:
        """Begin to count."""
        self.number = 0
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_soon(self._count)

    def _count(self) -> None:
        self.number += 1
        self._next = self._loop.call_soon(self._count)

    def stop(self) -> None:
        """Stop counting."""
        self._next.cancel()


async def test_few_begin_in_a_round() -> None:
    """Turns come in order, a few in each round, and one that was given up counts for none."""
    turns, rounds = Turns(2), Rounds()
    begun: list[tuple[int, int]] = []

    async def begin(number: int) -> None:
        if turn := turns.take():
            await turn
        begun.append((rounds.number, number))

    tasks = [asyncio.create_task(begin(number)) for number in range(9)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.wait(tasks)
    rounds.stop()
    assert [number for _, number in begun] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert max(Counter(at for at, _ in begun).values()) == 2
    assert turns.take() is None


async def test_a_flood_does_not_fill_a_round() -> None:
    """Hundreds of requests that are there at once are begun in many rounds, and all answered."""
    rounds = Rounds()
    begun: list[int] = []

    class Noted(RequestHandler):
        def get(self) -> None:
            begun.append(rounds.number)
            self.write("hello")

    (door,) = bind_sockets(0, "127.0.0.1")
    listener = Listener(Application([("/", Noted)]), Server(max_connections=CLIENTS))
    listener.add_sockets([door])
    clients = [await asyncio.open_connection(*door.getsockname()) for _ in range(CLIENTS)]
    await until(lambda: listener.connections == CLIENTS)
    for _, writer in clients:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for reader, writer in clients:
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        writer.close()
    rounds.stop()
    assert len(begun) == CLIENTS
    assert max(Counter(begun).values()) <= 16
    await until(lambda: listener.connections == 0)
    listener.stop()
