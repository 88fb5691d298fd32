"""Shared helpers: servers, the voice, sizes of a run, progress, and small statistics."""

import http.client
import random
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from measuring.contenders import Voice
from measuring.listener import Address
from measuring.processes import Others
from measuring.texts import Texts
from tests.support.server import Server, Settings, serving

Result = dict[str, Any]
T = TypeVar("T")
_OK: Final = 200
_CENTILES: Final = 100
_LOOK_SECONDS: Final = 0.5
_START_SECONDS: Final = 120.0
_CALM_CORES: Final = 0.15
_REST_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of rounds, listeners and seconds of a run."""

    rounds: int
    crowd_rounds: int
    loop_seconds: float
    open_seconds: float
    starts: int
    calm_seconds: float


FULL: Final = Sizes(
    rounds=5, crowd_rounds=3, loop_seconds=12.0, open_seconds=90.0, starts=5, calm_seconds=20.0
)
QUICK: Final = Sizes(
    rounds=2, crowd_rounds=1, loop_seconds=5.0, open_seconds=15.0, starts=2, calm_seconds=5.0
)


@dataclass(frozen=True, slots=True)
class Bench:
    """A server of this project and the voice that is measured with it."""

    server: Server
    voice: Voice
    sizes: Sizes
    texts: Texts
    folder: Path
    order: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    @property
    def address(self) -> Address:
        """Host and port of the server."""
        return address_of(self.server)

    @property
    def byte_rate(self) -> float:
        """Bytes of one second of sound."""
        return 2.0 * self.voice.rate

    def calm(self) -> None:
        """Wait until other processes leave the machine idle, but only for a limited time."""
        pause, end = threading.Event(), time.monotonic() + self.sizes.calm_seconds
        while time.monotonic() < end:
            others = self.others()
            pause.wait(_LOOK_SECONDS)
            if others.cores() < _CALM_CORES:
                return

    def shuffled(self, people: Iterable[T]) -> list[T]:
        """Return people in random order, so that none always follows the same one."""
        order = list(people)
        self.order.shuffle(order)
        return order

    def others(self, *ours: int) -> Others:
        """Begin to count the processor time of other processes.

        Not counted are this process, the server, and further processes of this benchmark.
        """
        return Others([self.server.process.pid, *ours])


def address_of(server: Server) -> Address:
    """Return host and port of a server."""
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def settings(model: Path, memory_bytes: int = 0, threads: int | None = None) -> Settings:
    """Return the settings of a server with this voice; by default its caches are off.

    It has one inference thread for each core, or as many as are given.
    """
    return {
        "voice": {
            "name": model.stem,
            "folder": str(model.parent),
            "threads": threads or "auto",
        },
        "cache": {"memory": {"max_bytes": memory_bytes}},
    }


@contextmanager
def started(
    folder: Path, model: Path, threads: int | None = None
) -> Iterator[tuple[Server, float]]:
    """Run a server of this project; also yield the seconds from its start until it was ready."""
    start = time.perf_counter()
    with serving(folder, settings(model, threads=threads), ready=False) as server:
        wait_for(*address_of(server), "/readyz")
        yield server, time.perf_counter() - start


def wait_for(host: str, port: int, path: str) -> None:
    """Wait until a server answers 200.

    Raises:
        TimeoutError: it did not within the time.
    """
    pause, end = threading.Event(), time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        connection = http.client.HTTPConnection(host, port)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == _OK:
                return
        except OSError:
            pass
        finally:
            connection.close()
        pause.wait(0.01)
    msg = f"no server at {host}:{port} after {_START_SECONDS} seconds"
    raise TimeoutError(msg)


def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rest() -> None:
    """Wait until the threads of the last run sleep.

    By default onnxruntime's threads spin for about 50 ms after a run, which would slow down the
    next measurement.
    """
    threading.Event().wait(_REST_SECONDS)


def say(what: str) -> None:
    """Print progress."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def median(values: Sequence[float]) -> float:
    """Return the median; the median of an empty list is 0."""
    return statistics.median(values) if values else 0.0


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest occurring value that ``percent`` per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // _CENTILES) - 1, 0)] if ordered else 0.0
