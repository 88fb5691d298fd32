"""Addresses that callbacks may use, for every answer of a resolver and every notation."""

import asyncio
import base64
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from vits_tts.config import Config
from vits_tts.web.callbacks import Callbacks

NAME = "receiver.test"
ALLOWED, INNER = "127.0.0.2", "127.0.0.1"
SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()

Address = tuple[Any, ...]


class Names:
    """Resolves one name to given addresses in turn, and others as the system does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        """Take the place of the system's resolver; the last answer is repeated."""
        self.lookups = 0
        self._answers = list(answers)
        self._system = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)

    def getaddrinfo(self, host: str, port: int, *rest: Any, **named: Any) -> list[Address]:
        """Return the addresses of a host."""
        if host == NAME:
            self.lookups += 1
            host = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return self._system(host, port, *rest, **named)


def callbacks(*networks: str) -> Callbacks:
    """Return callbacks to the name, and to private networks that are given."""
    settings = {
        "hosts": [NAME],
        "secret": SECRET,
        "private_networks": networks,
        "timeout_seconds": 10,
    }
    return Callbacks(Config.model_validate({"callbacks": settings}).callbacks)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder without settings."""
    monkeypatch.chdir(tmp_path)


def test_a_name_that_changes_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that first has an allowed address and then an inner one reaches only the first.

    An attempt looks the name up once, so that it connects to the address that was checked.
    """
    names = Names(monkeypatch, ALLOWED, INNER)
    reached: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(writer.get_extra_info("sockname")[0])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def story() -> list[bool]:
        port = free_port()
        sender = callbacks(f"{ALLOWED}/32")
        async with await asyncio.start_server(answer, [ALLOWED, INNER], port):
            url = f"http://{NAME}:{port}/"
            return [await sender.send(url, f"message-{number}", {}) for number in range(2)]

    assert asyncio.run(story()) == [True, True]
    assert reached == [ALLOWED]
    assert names.lookups == 2


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.9",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::1",
    ],
)
def test_inner_addresses(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """An inner address is refused before a connection, also as part of an IPv6 address."""
    reached: list[str] = []
    Names(monkeypatch, address)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: reached.append("connected"))
    assert asyncio.run(callbacks()._attempt(f"http://{NAME}/", b"")) == (
        True,
        "the host has no public address",
    )
    assert not reached


@pytest.mark.parametrize("address", ["203.0.114.1", "2606:4700::1111"])
def test_public_addresses(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """A public address is used for the connection."""
    reached: list[Address] = []
    Names(monkeypatch, address)

    def connect(_: socket.socket, to: Address) -> None:
        reached.append(to)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    again, reason = asyncio.run(callbacks()._attempt(f"http://{NAME}:81/", b""))
    assert again
    assert reason != "the host has no public address"
    assert [to[:2] for to in reached] == [(address, 81)]
