"""Reading and writing events of the Wyoming protocol.

An event is a line of JSON, ``{"type", "data", "data_length", "payload_length"}``, then
``data_length`` bytes of JSON whose fields are added to ``data``, then ``payload_length`` bytes.
Specification: https://github.com/OHF-Voice/wyoming.

The package ``wyoming`` allocates any length that an event claims. This module limits the size of
each part and the time to send it, so that a client cannot exhaust memory.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vits_tts.errors import EventInvalid

_VERSION: Final = "1.10.0"
"""The version of the protocol, which is that of the package `wyoming`."""
_LINE_END: Final = b"\n"


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its type and its data."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)


async def read_event(
    reader: asyncio.StreamReader, max_bytes: int, seconds: float | None
) -> Event | None:
    """Return the next event, or None if the client has closed the connection.

    Waits for its first byte without a limit, and up to ``seconds`` for the rest; None waits without
    a limit. A payload is read and discarded, because no request for speech has one.

    Raises:
        EventInvalid: the bytes are not an event, a part is larger than ``max_bytes``, or the event
            is not complete after ``seconds``.

    """
    first = await reader.read(1)
    if not first:
        return None
    try:
        async with asyncio.timeout(seconds):
            return await _rest(reader, first, max_bytes)
    except TimeoutError:
        raise EventInvalid("the event was not complete within the time limit") from None
    except asyncio.IncompleteReadError:
        raise EventInvalid("the connection was closed in the middle of an event") from None


async def _rest(reader: asyncio.StreamReader, first: bytes, max_bytes: int) -> Event:
    """Return the event that begins with the byte ``first``."""
    line = first
    if first != _LINE_END:
        try:
            line += await reader.readuntil(_LINE_END)
        except asyncio.LimitOverrunError:
            raise EventInvalid("the event's first line is too long") from None
    header = _parsed(line)
    kind, data = header.get("type"), header.get("data")
    if not isinstance(kind, str):
        raise EventInvalid("the event has no type")
    if data is not None and not isinstance(data, dict):
        raise EventInvalid("the event's data is not an object")
    merged = dict(data or {})
    if length := _length(header, "data_length", max_bytes):
        merged.update(_parsed(await reader.readexactly(length)))
    if length := _length(header, "payload_length", max_bytes):
        await reader.readexactly(length)
    return Event(kind, merged)


def _parsed(data: bytes) -> dict[str, Any]:
    """Return the JSON object in ``data``.

    Raises:
        EventInvalid: the bytes are not a JSON object.

    """
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, too deep, a number too long
        raise EventInvalid(
            "the event is not valid JSON, or is nested too deeply, or has too long a number"
        ) from None
    if not isinstance(parsed, dict):
        raise EventInvalid("the event is not a JSON object")
    return parsed


def _length(header: Mapping[str, Any], name: str, max_bytes: int) -> int:
    """Return a length in bytes from the header; 0 if it has none.

    Raises:
        EventInvalid: the length is not an integer from 0 to ``max_bytes``.

    """
    length = header.get(name)
    if length is None:
        return 0
    if type(length) is not int or not 0 <= length <= max_bytes:
        raise EventInvalid(f"{name} must be an integer from 0 to {max_bytes}")
    return length


def encoded(kind: str, data: Mapping[str, object] | None = None, payload: bytes = b"") -> bytes:
    """Return an event as bytes, ready to be sent; ``payload`` is 16-bit samples."""
    header: dict[str, object] = {"type": kind, "version": _VERSION}
    body = json.dumps(data, ensure_ascii=False).encode() if data else b""
    if body:
        header["data_length"] = len(body)
    if payload:
        header["payload_length"] = len(payload)
    return json.dumps(header).encode() + _LINE_END + body + payload
