"""A browser for the tests of pages, and an application in the process of its tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from tests.support.browser import running_browser
from tests.support.voices import install_pair
from vits_tts.config import Config
from vits_tts.speech import build
from vits_tts.web.app import SpeechApplication


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a headless Chromium for one module; its event loop must end before other tests."""
    with running_browser() as running:
        yield running


@pytest.fixture
async def local_application(tmp_path: Path) -> SpeechApplication:
    """Return an application that keeps no sentences in memory."""
    install_pair(tmp_path / "voices")
    settings: dict[str, Any] = {
        "voice": {"name": "pair", "folder": tmp_path / "voices"},
        "audio": {"folder": tmp_path / "audio"},
        "cache": {"memory": {"max_bytes": 0}},
        "jobs": {"folder": tmp_path / "jobs"},
    }
    config = Config.model_validate(settings)
    return SpeechApplication(config, build(config))


@pytest.fixture
async def local_client(local_application: SpeechApplication) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the application, and return a client of it."""
    socket, port = bind_unused_port()
    server = HTTPServer(local_application)
    server.add_sockets([socket])
    local_application.speech.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    server.stop()
    await server.close_all_connections()
