"""Ask over a plain socket and note the time of each piece of sound.

Playback begins with the first piece of sound and continues while received sound is left. A piece
that arrives after that leaves a gap.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

TOLERANCE: Final = 0.001
_HEADER: Final = 44
_BLOCK: Final = 65536
_OK: Final = 200

Address = tuple[str, int]


@dataclass(slots=True)
class Heard:
    """The outcome of one request; times in seconds since it was sent."""

    status: int = 0
    first: float = 0.0
    total: float = 0.0
    audio: float = 0.0
    gaps: list[float] = field(default_factory=list)
    arrivals: list[tuple[float, float]] = field(default_factory=list)

    @property
    def served(self) -> bool:
        """True if sound came."""
        return self.status == _OK

    def take(self, seconds: float, moment: float) -> None:
        """Count a piece of sound that came at ``moment``."""
        if not self.arrivals:
            self.first = moment
        heard_until = self.first + self.audio + sum(self.gaps)
        if moment > heard_until + TOLERANCE and self.arrivals:
            self.gaps.append(moment - heard_until)
        self.audio += seconds
        self.arrivals.append((moment, seconds))


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes of a request, and the bytes of one second of its sound."""

    message: bytes
    byte_rate: float


def stream(text: str, byte_rate: float) -> Request:
    """Return the request for a stream of this project's server."""
    return get(f"/tts/stream?text={quote(text)}", byte_rate)


def get(path: str, byte_rate: float = 1.0) -> Request:
    """Return a GET request."""
    return Request(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), byte_rate)


def post(text: str, byte_rate: float) -> Request:
    """Return the request that Piper's own server accepts."""
    body = json.dumps({"text": text}).encode()
    head = "POST /synthesize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return Request(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, byte_rate)


async def listen(address: Address, request: Request, leave_after: float | None = None) -> Heard:
    """Ask and read the answer to its end, or only ``leave_after`` seconds of sound."""
    reader, writer = await asyncio.open_connection(*address)
    heard, skip = Heard(), _HEADER
    start = time.perf_counter()
    try:
        writer.write(request.message)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        heard.status = int(head.split(b" ", 2)[1])
        async for size in _pieces(reader, head):
            skip, left = max(skip - size, 0), max(size - skip, 0)
            if left and heard.served:
                heard.take(left / request.byte_rate, time.perf_counter() - start)
            if leave_after is not None and heard.audio >= leave_after:
                break
    finally:
        heard.total = time.perf_counter() - start
        writer.close()
    return heard


async def _pieces(reader: asyncio.StreamReader, head: bytes):  # noqa: ANN202  # an async generator
    if b"transfer-encoding: chunked" in head:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
            yield size
        return
    left = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    while left:
        size = len(await reader.read(min(left, _BLOCK)))
        if not size:
            raise ConnectionError("cut off")
        left -= size
        yield size
