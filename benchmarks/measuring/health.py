"""Check the health of a server from a separate process, which does nothing else.

    python -m measuring.health HOST PORT

prints `ready`, checks until its input ends, and prints the seconds of each check. In the event loop
of the listeners, a check would also wait until all of their data has been handled.
"""

import asyncio
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, cast

from measuring.listener import Address, get

_READY: Final = "ready\n"
_EVERY: Final = 0.05
_HERE: Final = Path(__file__).parent.parent


@dataclass(slots=True)
class Checks:
    """The process that checks; at its end, the seconds of each check."""

    pid: int
    seconds: list[float] = field(default_factory=list)


@contextmanager
def checked(address: Address) -> Iterator[Checks]:
    """Check the health repeatedly while the block runs."""
    command = [sys.executable, "-m", "measuring.health", *map(str, address)]
    with subprocess.Popen(
        command, cwd=_HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if cast("IO[str]", process.stdout).readline() != _READY:
            raise ConnectionError("the process that checks the health did not begin")
        checks = Checks(process.pid)
        try:
            yield checks
        finally:
            told, _ = process.communicate()
        checks.seconds.extend(json.loads(told))


async def ping(address: Address, path: str = "/healthz") -> float:
    """Return the seconds of a health check, including its connection."""
    start = time.perf_counter()
    reader, writer = await asyncio.open_connection(*address)
    writer.write(get(path).message)
    await reader.readuntil(b"\r\n\r\n")
    seconds = time.perf_counter() - start
    writer.close()
    return seconds


async def _pings(address: Address) -> list[float]:
    await ping(address)  # the first one loads modules
    print(_READY, end="", flush=True)
    seconds = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        seconds.append(await ping(address))
        await asyncio.sleep(_EVERY)
    return seconds


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_pings((sys.argv[1], int(sys.argv[2]))))))
