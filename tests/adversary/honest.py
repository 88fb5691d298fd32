"""Well-behaved clients, in a process of their own, that report their results.

    python -m tests.adversary.honest FILE

runs the clients of FILE, written by :mod:`tests.adversary.rounds`, until its input ends. Listeners
stream texts and compare every sample with the expected one; one of them reads at the pace of
playback. Visitors make requests without cost. Each request is reported as one line of JSON.
"""

import asyncio
import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.adversary.processes import Ends, children, owner

_HEAD_SECONDS = 30
_END_SECONDS = 120
_PAUSE_SECONDS = 0.2
_WAV_HEADER = 44


@dataclass(frozen=True)
class Errand:
    """A request, and the expected answer."""

    name: str
    request: bytes
    samples: bytes | None
    """The expected bytes of a stream after the WAV header; None: the answer is not a stream."""
    bytes_a_second: float = 0.0
    """How fast it is read; 0: as it comes."""


class Caller:
    """A client that makes one request after the other."""

    def __init__(self, place: dict[str, Any], source: str, errands: list[Errand]) -> None:
        """Call the server at ``place`` from the address ``source``."""
        self._place = place
        self._source = source
        self._errands = errands
        self._chance = Random(source)  # noqa: S311

    async def run(self, enough: asyncio.Event) -> None:
        """Send requests until stopped; the last one is read to its end."""
        while not enough.is_set():
            errand = self._chance.choice(self._errands)
            begun = time.monotonic()
            told = await self._ask(errand)
            tell(
                caller=self._source,
                errand=errand.name,
                at=begun,
                seconds=round(time.monotonic() - begun, 3),
                **told,
            )
            pause = 1.0 if told["outcome"] != "whole" or errand.samples is None else _PAUSE_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), pause)

    async def _ask(self, errand: Errand) -> dict[str, Any]:
        """Return the outcome, and the worker that served it."""
        address = (self._place["host"], self._place["port"])
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                reader, writer = await asyncio.open_connection(
                    *address, local_addr=(self._source, 0)
                )
        except TimeoutError:
            return {"outcome": "no connection"}
        except OSError as error:
            return {"outcome": "refused", "reason": str(error)}
        here = writer.get_extra_info("sockname")
        try:
            return await self._hear(errand, reader, writer, Ends(here, address))
        finally:
            writer.close()

    async def _hear(
        self, errand: Errand, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: Ends
    ) -> dict[str, Any]:
        begun = time.monotonic()
        told: dict[str, Any] = {"worker": None}
        try:
            writer.write(errand.request)
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            told["first"] = round(time.monotonic() - begun, 3)
            told["worker"] = owner(ends, children(self._place["master"]))
            told["status"] = status = int(head[9:12])
            if status == 503 and b"\nretry-after:" in head.lower():
                return {**told, "outcome": "told to come back"}
            if status != 200:
                return {**told, "outcome": "wrong", "reason": f"status {status}"}
            async with asyncio.timeout(_END_SECONDS):
                body = await _body(reader, head, errand.bytes_a_second)
        except TimeoutError:
            return {**told, "outcome": "hung"}
        except (OSError, EOFError, ValueError) as error:
            return {**told, "outcome": "cut", "reason": f"{type(error).__name__} {error}"[:200]}
        if errand.samples is None or body[_WAV_HEADER:] == errand.samples:
            return {**told, "outcome": "whole"}
        got, due = len(body) - _WAV_HEADER, len(errand.samples)
        return {**told, "outcome": "wrong", "reason": f"other samples: {got} bytes of {due}"}


async def _body(reader: asyncio.StreamReader, head: bytes, bytes_a_second: float) -> bytes:
    """Return a whole body.

    Raises:
        EOFError, ValueError: it breaks off, or does not match its head.
    """
    lower = head.lower()
    if b"transfer-encoding: chunked" not in lower:
        _, found, rest = lower.partition(b"content-length:")
        if not found:
            raise ValueError("no length")
        return await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    begun = time.monotonic()
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("a chunk does not end")
        if bytes_a_second:
            due = begun + len(body) / bytes_a_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
    await reader.readuntil(b"\r\n")
    return body


def tell(**fields: Any) -> None:
    """Print one line."""
    print(json.dumps(fields), flush=True)


async def _main(place: dict[str, Any]) -> None:
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(sys.stdin)  # its end stays readable, and would be reported for ever
        enough.set()

    loop.add_reader(sys.stdin, stop)
    folder = Path(place["folder"])
    callers = []
    for caller in place["callers"]:
        errands = [
            Errand(
                errand["name"],
                errand["request"].encode(),
                (folder / errand["samples"]).read_bytes() if errand["samples"] else None,
                errand["bytes_a_second"],
            )
            for errand in caller["errands"]
        ]
        callers.append(Caller(place, caller["source"], errands))
    await asyncio.gather(*(caller.run(enough) for caller in callers))


if __name__ == "__main__":
    asyncio.run(_main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
