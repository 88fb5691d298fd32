"""What all parts share: the servers, the voice, the sizes of a run, progress, small statistics."""

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
    """How much is measured."""

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
    """A server of ours and what is measured with it."""

    server: Server
    voice: Voice
    sizes: Sizes
    texts: Texts
    folder: Path
    order: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    @property
    def address(self) -> Address:
        """Where the server listens."""
        return address_of(self.server)

    @property
    def byte_rate(self) -> float:
        """Bytes of a second of sound."""
        return 2.0 * self.voice.rate

    def calm(self) -> None:
        """Wait until others leave the machine alone, though not for long."""
        pause, end = threading.Event(), time.monotonic() + self.sizes.calm_seconds
        while time.monotonic() < end:
            others = self.others()
            pause.wait(_LOOK_SECONDS)
            if others.cores() < _CALM_CORES:
                return

    def shuffled(self, people: Iterable[T]) -> list[T]:
        """Return people in an order of chance, so that nobody always follows the same one."""
        order = list(people)
        self.order.shuffle(order)
        return order

    def others(self, *ours: int) -> Others:
        """Begin to count what other processes take than this, the server, and more of ours."""
        return Others([self.server.process.pid, *ours])


def address_of(server: Server) -> Address:
    """Return where a server listens."""
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def settings(model: Path, memory_bytes: int = 0, threads: int | None = None) -> Settings:
    """Return the settings of a server with this voice; by default it keeps nothing.

    It has a thread for each core, or as many as it is given.
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
    """Run a server of ours; also give the seconds from its start until it was ready."""
    start = time.perf_counter()
    with serving(folder, settings(model, threads=threads), ready=False) as server:
        wait_for(*address_of(server), "/readyz")
        yield server, time.perf_counter() - start


def wait_for(host: str, port: int, path: str) -> None:
    """Wait until a server answers 200.

    Raises:
        TimeoutError: it never did.

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
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rest() -> None:
    """Wait long enough for the threads of the last run to sleep.

    By default onnxruntime's look for more to do for some 50 ms after a run; whoever comes next
    would pay for it.
    """
    threading.Event().wait(_REST_SECONDS)


def say(what: str) -> None:
    """Show progress."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def median(values: Sequence[float]) -> float:
    """Return the median; nothing has the median 0."""
    return statistics.median(values) if values else 0.0


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent do not exceed (the nearest one that occurred)."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // _CENTILES) - 1, 0)] if ordered else 0.0
