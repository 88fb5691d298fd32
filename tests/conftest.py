"""Fixtures: one server that most tests share, and a way to start others."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from loguru import logger

from tests.support import certificates
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_VOICE

certificates.read_once()

Row = Callable[[str, str], None]


class Starter(Protocol):
    """Starts a server with settings, for a `with` block."""

    def __call__(
        self, settings: Settings | None = None, *, ready: bool = True
    ) -> AbstractContextManager[Server]:
        """Return the running server."""


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Ctrl-C is heard by what tests start, also where a shell runs them in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # which children would inherit
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the default voice and one of two speakers, no noise, few limits."""
    folder = tmp_path_factory.mktemp("server")
    install_pair(folder / "voices")
    settings: Settings = {
        "server": {
            "cors_origins": ["https://app.example.vn", "https://*.trusted.example"],
            "max_text_chars": 2000,
            "max_body_bytes": "64KiB",
        },
        "voice": {"others": ["pair"], "noise_scale": 0, "noise_w": 0},
        "openai": {"voices": {"alloy": EMBEDDED_VOICE, "onyx": "pair/minh"}},
        "logging": {"level": "debug"},
    }
    with serving(folder, settings) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """Let the package log in this process, whose tests import it as a library too, once silent."""
    logger.enable("vits_tts")


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of the shared server."""
    with httpx.Client(base_url=server.url, timeout=60) as connected:
        yield connected


@pytest.fixture
def start(tmp_path: Path) -> Starter:
    """A starter of servers in the test's own folder."""
    return partial(serving, tmp_path / "server")


@pytest.fixture
def row() -> Row:
    """Return what keeps a row of the table of faults: the fault, and what it came to."""
    path = os.environ.get("FAULTS_FILE")

    def keep(fault: str, outcome: str) -> None:
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(json.dumps([fault, outcome], ensure_ascii=False) + "\n")

    return keep
