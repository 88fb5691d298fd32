"""Events of the Wyoming protocol as bytes, for tests that do without its reference client."""

import contextlib
import json
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from tests.support.ports import free_port
from tests.support.server import Settings

Event = dict[str, Any]
"""The data of an event, its type as ``type`` and its payload as ``payload``."""


@dataclass
class Settled:
    """The settings of a Wyoming server, and its port."""

    port: int
    settings: Settings = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The URI that the client gets."""
        return f"tcp://127.0.0.1:{self.port}"


def settled(**sections: dict[str, Any]) -> Settled:
    """Return settings of a server that speaks Wyoming on a free port."""
    port = free_port()
    wyoming = {"uri": f"tcp://127.0.0.1:{port}", **sections.pop("wyoming", {})}
    voice = {"noise_scale": 0, "noise_w": 0, **sections.pop("voice", {})}
    return Settled(port, {**sections, "wyoming": wyoming, "voice": voice})


def frame(header: dict[str, Any], body: bytes = b"") -> bytes:
    """Return an event with the given header."""
    return json.dumps(header).encode() + b"\n" + body


def event(kind: str, **data: Any) -> bytes:
    """Return an event with its data behind the header, as the reference client sends it."""
    body = json.dumps(data).encode()
    return frame({"type": kind, "data_length": len(body)}, body)


def exchange(port: int, sent: Iterable[bytes]) -> list[Event]:
    """Send bytes and return the events that come until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with contextlib.suppress(ConnectionError):  # the server may close before it has read all
            for part in sent:
                connection.sendall(part)
        received: list[Event] = []
        with contextlib.suppress(ConnectionError):
            received.extend(_events(connection.makefile("rb")))
    return received


def answers(port: int, last: str, sent: Iterable[bytes]) -> list[Event]:
    """Send events and return those that come until one of the type ``last``."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"".join(sent))
        received: list[Event] = []
        for each in _events(connection.makefile("rb")):
            received.append(each)
            if each["type"] == last:
                return received
    raise AssertionError(f"closed before {last!r}: {received}")


def sound(events: Iterable[Event]) -> bytes:
    """Return the samples of events."""
    return b"".join(each["payload"] for each in events if each["type"] == "audio-chunk")


def _events(stream: BinaryIO) -> Iterator[Event]:
    while line := stream.readline():
        header = json.loads(line)
        data = json.loads(stream.read(header.get("data_length", 0)) or b"{}")
        payload = stream.read(header.get("payload_length", 0))
        yield {"type": header["type"], **header.get("data", {}), **data, "payload": payload}
