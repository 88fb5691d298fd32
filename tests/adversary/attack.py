"""Attacks: each follows from a seed and a number, so that it can be repeated."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeAlias

from tests.adversary import wire
from tests.adversary.processes import children
from tests.adversary.wire import Address, Answer, Script
from tests.support.redis import RedisServer
from tests.support.server import Server, Settings

WORKERS = 2
_SETTLE_SECONDS = 90


@dataclass(frozen=True)
class Facts:
    """Facts about the server that the adversary knows; the same in every run of a round.

    An attack is made from these and from its number alone, so that it can be repeated.
    """

    key: str | None
    """A valid API key, if the server needs one."""
    max_text_chars: int
    max_body_bytes: int
    max_header_bytes: int
    max_connections: int
    voices: tuple[str, ...]
    tag: str = "none"
    """The id of the attack's requests, by which they are found in the log."""


@dataclass
class Target:
    """A running server, and the parts of its environment that the adversary can change."""

    address: Address
    operations: Address
    folder: Path
    """Contains its settings, `voices`, `audio` and lexicon."""
    redis: RedisServer
    server: Server
    settings: Settings
    """The content of `config.yaml` without changes by an attack."""
    honest_voices: frozenset[str] = frozenset()
    """Beginnings of the digests of voices that other clients listen to. Their sounds are not
    forged, which a program with access to Redis could do while values are not signed."""
    ready: set[int] = field(default_factory=set)
    """Workers that have reported that they can speak."""
    killed: dict[int, float] = field(default_factory=dict)
    """Workers that the adversary has ended, with the monotonic time."""
    reloads: int = 0
    """How many times workers were replaced, or their number changed."""
    stopped: list[tuple[float, float]] = field(default_factory=list)
    """Start and end (monotonic) of each time in which a worker was stopped."""

    def workers(self) -> list[int]:
        """Return the ids of the running workers."""
        return children(self.server.process.pid)

    async def settled(self, count: int = WORKERS, without: Collection[int] = ()) -> bool:
        """Wait until ``count`` workers can speak, none of them in ``without``; return success."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline:
            workers = set(self.workers())
            if len(workers) == count and workers <= self.ready and workers.isdisjoint(without):
                return True
            if self.server.process.poll() is not None:
                return False
            await asyncio.sleep(0.1)
        return False


class Complaint(Exception):
    """An error that an attack itself has found, in one line."""


Deed: TypeAlias = Callable[[Target], Awaitable[list[Answer]]]


@dataclass(frozen=True)
class Attack:
    """An attack that has not begun."""

    family: str
    kind: str
    """The kind of attack within its family."""
    exact: str
    """The full content as text: the bytes that are sent, or the actions."""
    run: Deed
    alone: bool = False
    """True if no other attack of its sort may run at the same time: signals, settings, Redis
    itself."""
    number: int = -1


Family: TypeAlias = Callable[[Random, Facts], Attack]


def requests(family: str, kind: str, *scripts: Script) -> Attack:
    """Return the attack of connections that run scripts at the same time."""

    async def run(target: Target) -> list[Answer]:
        return await wire.play_all(scripts, target.address)

    shown = scripts[0].exact() if scripts else ""
    if len(set(scripts)) > 1:
        shown = "\n".join(script.exact() for script in scripts)
    elif len(scripts) > 1:
        shown = f"{len(scripts)} times {shown}"
    return Attack(family, kind, shown, run)


def address(chance: Random) -> str:
    """Return a loopback address to call from; rarely the trusted proxy's."""
    return "127.0.0.1" if chance.random() < 0.1 else f"127.0.2.{chance.randrange(1, 255)}"


def message(
    facts: Facts,
    method: str,
    target: str,
    body: bytes | None = None,
    **headers: str,
) -> bytes:
    """Return a valid request with the client's key; ``Content_Type`` is a header's name here."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
    if facts.key:
        lines.append(f"X-API-Key: {facts.key}")
    if "X_Request_ID" not in headers:
        lines.append(f"X-Request-ID: {facts.tag}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + (body or b"")
