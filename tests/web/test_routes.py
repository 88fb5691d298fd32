"""Route labels in metrics and logs, by which dashboards and alerts select."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from loguru import logger
from tornado.httpserver import HTTPServer
from tornado.routing import URLSpec
from tornado.testing import bind_unused_port
from tornado.websocket import WebSocketHandler

from tests.support.voices import install_pair
from vits_tts.config import Config
from vits_tts.speech import build
from vits_tts.web.app import SpeechApplication

LABELS = {
    "/": "asset",
    "/page/style.css": "asset",
    "/docs": "asset",
    "/docs/index.html": "asset",
    "/openapi.json": "asset",
    "/tts": "tts",
    "/tts/stream": "stream",
    "/tts/link": "link",
    "/normalize": "normalize",
    "/audio/0123.wav": "audio",
    "/voices": "voices",
    "/v1/audio/speech": "openaispeech",
    "/v1/audio/voices": "openaivoices",
    "/v1/audio/models": "openaiaudiomodels",
    "/v1/models": "openaimodels",
    "/v1/models/tts-1": "openaimodel",
    "/synthesize": "piper",
    "/v1/text-to-speech/any/stream-input": "stream_input",
    "/v1/pronunciation-dictionaries": "dictionaries",
    "/v1/pronunciation-dictionaries/add-from-rules": "dictionaries",
    "/v1/pronunciation-dictionaries/add-from-file": "dictionaries",
    "/v1/pronunciation-dictionaries/x": "dictionaries",
    "/v1/pronunciation-dictionaries/x/add-rules": "dictionaries",
    "/v1/pronunciation-dictionaries/x/set-rules": "dictionaries",
    "/v1/pronunciation-dictionaries/x/remove-rules": "dictionaries",
    "/v1/pronunciation-dictionaries/x/y/download": "dictionaries",
    "/v1/text-to-speech/any/multi-stream-input": "multi_stream_input",
    "/tts/bytes": "cartesia",
    "/tts/sse": "cartesia_sse",
    "/tts/websocket": "cartesia_websocket",
    "/v1/tokens": "tokens",
    "/v1/usage": "usage",
    "/v1/jobs": "jobs",
    "/v1/jobs/job-0": "job",
    "/v1/jobs/job-0/items": "jobitems",
    "/v1/jobs/job-0/items/0.wav": "jobaudio",
    "/v1/jobs/job-0/result.wav": "jobresult",
    "/v1/jobs/job-0/archive": "jobarchive",
    "/v1/jobs/job-0/events": "jobevents",
    "/v1/jobs/job-0/cancel": "jobcancel",
    "/v1/jobs/job-0/retry": "jobretry",
    "/v1/what/ever": "openainotfound",
    "/healthz": "health",
    "/health": "health",
    "/readyz": "ready",
    "/metrics": "metrics",
    "/what/ever": "notfound",
}
"""A path of each route, and its published label."""


@pytest.fixture
def application(tmp_path: Path) -> SpeechApplication:
    """Return an application with a voice, every page and every route."""
    install_pair(tmp_path / "voices")
    settings = {
        "voice": {"name": "pair", "folder": tmp_path / "voices"},
        "audio": {"folder": tmp_path / "audio"},
        "jobs": {"folder": tmp_path / "jobs"},
        "usage": {"folder": tmp_path / "usage"},
    }
    config = Config.model_validate(settings)
    return SpeechApplication(config, build(config))


@pytest.fixture
def logged() -> Iterator[list[tuple[str, str]]]:
    """Collect the message and the route of each logged line."""
    lines: list[tuple[str, str]] = []

    def keep(line: object) -> None:
        record = getattr(line, "record", {})
        lines.append((record["message"], record["extra"].get("route", "")))

    logger.enable("vits_tts")
    number = logger.add(keep, level="DEBUG")
    yield lines
    logger.remove(number)
    logger.disable("vits_tts")


async def labels(application: SpeechApplication, lines: list[tuple[str, str]]) -> dict[str, str]:
    """Return the label under which the log names a request of each path."""
    socket, port = bind_unused_port()
    server = HTTPServer(application)
    server.add_sockets([socket])
    found = {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        for path in LABELS:
            lines.clear()
            await client.get(path)
            (found[path],) = [route for message, route in lines if message == "request"]
    server.stop()
    await server.close_all_connections()
    await application.speech.close()
    return found


def test_heads(application: SpeechApplication) -> None:
    """Every path that supports GET supports HEAD (RFC 9110, section 9.1), but for WebSockets."""
    targets = [rule.target for rule in application.wildcard_router.rules]
    handlers = [target for target in targets if not issubclass(target, WebSocketHandler)]
    assert len(handlers) > 40
    for handler in handlers:
        methods = set(handler.methods())
        assert "HEAD" in methods or "GET" not in methods, handler


def test_every_route_keeps_its_label(
    application: SpeechApplication, logged: list[tuple[str, str]]
) -> None:
    """Every route keeps its published label and is in this list."""
    rules = [rule for rule in application.wildcard_router.rules if isinstance(rule, URLSpec)]
    for rule in rules:
        assert any(re.fullmatch(rule.regex, path) for path in LABELS), rule
    assert asyncio.run(labels(application, logged)) == LABELS


def test_a_renamed_class_keeps_its_label(
    application: SpeechApplication, logged: list[tuple[str, str]]
) -> None:
    """A label belongs to a route and does not depend on the name of the handler's class."""
    targets = {rule.target for rule in application.wildcard_router.rules}
    targets.add(application.settings["default_handler_class"])
    names = {target: target.__name__ for target in targets}
    try:
        for target in targets:
            target.__name__ = "Renamed"
        assert asyncio.run(labels(application, logged)) == LABELS
    finally:
        for target, name in names.items():
            target.__name__ = name
