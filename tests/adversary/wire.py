"""Connections of an adversary: any bytes, in any parts, read in any way or not at all."""

import asyncio
import contextlib
import json
import re
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_HEAD_BYTES = 64 * 1024
_SMALL_BUFFER = 4096
_ALLOWED_FAULTS = {503, 507}
_NEVER_ALLOWED = range(500, 600)

Address = tuple[str, int]


class Reading(Enum):
    """Ways to read the answer."""

    WHOLE = "as it comes"
    SLOW = "a few hundred bytes a second"
    NEVER = "never"


class Ending(Enum):
    """Ways to end the connection, after the answer was read as far as wanted."""

    CLOSE = "closed"
    RESET = "reset"
    HALF = "no more sent, the answer read"


@dataclass(frozen=True)
class Script:
    """One connection: the bytes to send, the way to read the answer, and the time to hold it."""

    parts: tuple[bytes, ...]
    """The bytes to send, one part after the other."""
    pause: float = 0.0
    """Seconds between two parts."""
    reading: Reading = Reading.WHOLE
    ending: Ending = Ending.CLOSE
    hold: float = 30.0
    """Seconds after which the client leaves, answered or not."""
    enough: int = 1 << 62
    """Bytes of the answer after which the client leaves."""
    quiet: float = 10.0
    """Seconds without new bytes after which the client leaves, once some have come."""
    source: str = "127.0.0.2"
    """The address of the client."""
    answered_within: float | None = None
    """Seconds in which a whole request has to get the beginning of an answer; None: no limit."""

    def exact(self) -> str:
        """Return all of it as text that Python reads back."""
        return repr(self)


@dataclass
class Answer:
    """The result of a script."""

    script: Script
    status: int | None = None
    head: bytes = b""
    """The beginning of the answer."""
    received: int = 0
    first_byte: float | None = None
    """Seconds from the last byte that was sent to the first that came."""
    closed: bool = False
    """True if the server has closed the connection."""
    trouble: str = ""
    sent: float | None = None
    """The time at which the last byte was sent."""

    def complaint(self) -> str | None:
        """Return the error of the answer; None if there is none."""
        if self.status in _NEVER_ALLOWED and self.status not in _ALLOWED_FAULTS:
            return f"status {self.status}"
        head, _, body = self.head.partition(b"\r\n\r\n")
        if self.status == 503 and b"\nretry-after:" not in head.lower():
            return "status 503 without Retry-After"
        if self.status and self.status >= 400 and _is_json(head) and b"error" in body:
            return _wrong_shape(head, body)
        limit = self.script.answered_within
        if limit is not None and self.first_byte is None and not self.trouble:
            return "closed without an answer" if self.closed else f"no answer in {limit:g} s"
        return None


def _is_json(head: bytes) -> bool:
    return b"content-type: application/json" in head.lower()


def _wrong_shape(head: bytes, body: bytes) -> str | None:
    """Return the error in the form of a JSON error, if it is complete."""
    length = re.search(rb"(?i)content-length: (\d+)", head)
    if not length or len(body) < int(length[1]):
        return None
    try:
        error = json.loads(body[: int(length[1])])["error"]
        good = isinstance(error["code"], str) and isinstance(error["message"], str)
    except (ValueError, KeyError, TypeError):
        good = False
    return None if good else f"an error of no known shape: {body[:200]!r}"


async def play(script: Script, target: Address) -> Answer:
    """Run a script against an address and return the result; failures raise no exception."""
    answer = Answer(script)
    try:
        async with asyncio.timeout(script.hold):
            await _play(script, target, answer)
    except TimeoutError:
        pass
    except OSError as error:
        answer.trouble = type(error).__name__
    found = _STATUS.match(answer.head)
    answer.status = int(found[1]) if found else None
    return answer


async def play_all(scripts: Sequence[Script], target: Address) -> list[Answer]:
    """Run several scripts at once."""
    return list(await asyncio.gather(*(play(script, target) for script in scripts)))


async def _play(script: Script, target: Address, answer: Answer) -> None:
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    connection.setblocking(False)
    if script.reading is not Reading.WHOLE:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    try:
        connection.bind((script.source, 0))
        await loop.sock_connect(connection, target)
        reading = asyncio.ensure_future(_read(script, connection, answer))
        try:
            await _write(script, connection)
            answer.sent = time.monotonic()
            if script.ending is Ending.HALF:
                connection.shutdown(socket.SHUT_WR)
            await reading
        finally:
            reading.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await reading
    finally:
        if script.ending is Ending.RESET:
            with contextlib.suppress(OSError):
                reset = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        connection.close()


async def _write(script: Script, connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    for number, part in enumerate(script.parts):
        if number and script.pause:
            await asyncio.sleep(script.pause)
        await loop.sock_sendall(connection, part)


async def _read(script: Script, connection: socket.socket, answer: Answer) -> None:
    loop = asyncio.get_running_loop()
    if script.reading is Reading.NEVER:
        await asyncio.sleep(script.hold)
    while answer.received < script.enough:
        size = 256 if script.reading is Reading.SLOW else 65536
        async with asyncio.timeout(script.quiet if answer.received else None):
            data = await loop.sock_recv(connection, size)
        if not data:
            answer.closed = True
            return
        if answer.first_byte is None:
            answer.first_byte = time.monotonic() - answer.sent if answer.sent else 0.0
        answer.received += len(data)
        if len(answer.head) < _HEAD_BYTES:
            answer.head += data[: _HEAD_BYTES - len(answer.head)]
        if script.reading is Reading.SLOW:
            await asyncio.sleep(1)
