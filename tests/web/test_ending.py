"""Requests that come in the last moment of a process, when its threads have ended already."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from tests.support.voices import install_pair
from vits_tts.config import Config
from vits_tts.speech import build
from vits_tts.web.app import SpeechApplication


@pytest.fixture
async def application(tmp_path: Path) -> SpeechApplication:
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
async def client(application: SpeechApplication) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the application, and return a client of it."""
    socket, port = bind_unused_port()
    server = HTTPServer(application)
    server.add_sockets([socket])
    application.speech.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    server.stop()
    await server.close_all_connections()


async def test_the_threads_have_ended(
    application: SpeechApplication, client: httpx.AsyncClient
) -> None:
    """A text that has to be read, and one that only has to be spoken, get 503."""
    await application.speech.voices.load("pair")
    known, new = {"text": "một"}, {"text": "hai"}
    assert (await client.post("/tts/stream", json=known)).status_code == 200
    await application.speech.close()
    for asked in (known, new):
        answer = await client.post("/tts/stream", json=asked)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"
        assert answer.headers["Retry-After"] == "1"
