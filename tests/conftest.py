"""Fixtures: one server that most tests share, and a way to start others."""

import inspect
import json
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

import httpx
import hypothesis
import pytest
from loguru import logger

from tests.support import certificates
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.uncollected import uncollected

certificates.read_once()

# The default of all requests, five seconds, is too short where several servers share a slow disk.
# No test means that default: where it asks for an answer in time, it says so.
_timeout: httpx.Timeout = inspect.signature(httpx.Client).parameters["timeout"].default
_timeout.connect = _timeout.read = _timeout.write = _timeout.pool = 60.0

# No test may depend on the time that an example takes.
hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")

Row = Callable[[str, str], None]

_PROCESS_EVENTS = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"}
"""Audit events of Python that report the start of a process."""


_LONGEST = {"test_connections.py", "test_openapi.py", "test_sockets.py", "test_stream.py"}
"""Files of about a minute each. If one were the last, other processes would have nothing to do."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--quick``."""
    parser.addoption(
        "--quick",
        action="store_true",
        help="leave out slow tests, and skip a test at the moment when it starts a process",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Skip each test that starts a process if ``--quick`` is given.

    Servers, Redis and browsers are processes. The start itself is detected, so no list of quick
    tests has to be maintained.
    """
    if not config.getoption("--quick"):
        return

    def audit(event: str, _: tuple[object, ...]) -> None:
        if event in _PROCESS_EVENTS and "PYTEST_CURRENT_TEST" in os.environ:
            pytest.skip("starts a process")

    sys.addaudithook(audit)
    # A test that is interrupted while it starts a process leaves files open.
    for warning in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
        config.addinivalue_line("filterwarnings", f"ignore::{warning}")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import all modules of tests without garbage collection, which is two fifths of the time."""
    with uncollected():
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the files that take longest first, and exclude slow tests if ``--quick`` is given."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)
    if not config.getoption("--quick"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if not item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests with asyncio, which is Tornado's event loop."""
    return "asyncio"


class Starter(Protocol):
    """Start a server with settings, for a `with` block."""

    def __call__(
        self, settings: Settings | None = None, *, ready: bool = True, pair: bool = False
    ) -> AbstractContextManager[Server]:
        """Return the running server."""


@pytest.fixture(scope="session")
def shared_pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of compiled voices for all processes of this run.

    Compiling a real voice takes ten seconds. The folder is new in each run, so its content was
    compiled by the code under test.
    """
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared" / "pieces"


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Let child processes receive Ctrl-C, even where a shell runs the tests in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # which children would inherit
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with the default voice and one of two speakers, with few limits."""
    folder = tmp_path_factory.mktemp("server")
    install_pair(folder / "voices")
    settings: Settings = {
        "server": {
            "cors_origins": ["https://app.example.vn", "https://*.trusted.example"],
            "max_text_chars": 2000,
            "max_body_bytes": "64KiB",
        },
        "voice": {
            "others": ["pair"],
            "aliases": {"Minh": "pair/minh"},
            "noise_scale": 0,
            "noise_w": 0,
        },
        "openai": {"voices": {"alloy": EMBEDDED_VOICE, "onyx": "pair/minh"}},
        "logging": {"level": "debug"},
    }
    with serving(folder, settings) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """Enable the package's logging in this process, which a library import leaves disabled."""
    logger.enable("vits_tts")


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """Return a client of the shared server."""
    with httpx.Client(base_url=server.url, timeout=60) as connected:
        yield connected


@pytest.fixture
def start(tmp_path: Path) -> Starter:
    """Return a starter of servers in the test's own folder."""
    return partial(serving, tmp_path / "server")


@pytest.fixture
def row() -> Row:
    """Return a function that records a row of the table of faults: the fault and its outcome."""
    path = os.environ.get("FAULTS_FILE")

    def keep(fault: str, outcome: str) -> None:
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(json.dumps([fault, outcome], ensure_ascii=False) + "\n")

    return keep
