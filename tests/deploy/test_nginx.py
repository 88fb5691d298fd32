"""The shipped nginx configuration in front of two real servers."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import Row
from tests.support.load import Caller
from tests.support.nginx import nginx
from tests.support.ports import free_port
from tests.support.server import Server, Settings, serving, until
from tests.support.sound import decode
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_VOICE

LONG = " ".join(f"Đây là câu thứ {number} của bài đọc." for number in range(16))

Front = tuple[str, list[Server]]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Run nginx and the two servers behind it."""
    folder = tmp_path_factory.mktemp("front")
    with ExitStack() as stack:
        servers = []
        for name in ("one", "two"):
            settings: Settings = {"voice": {"threads": 1}}
            servers.append(stack.enter_context(serving(folder / name, settings)))
        yield stack.enter_context(nginx(folder / "nginx", servers)), servers


def test_websockets_pass(front: Front) -> None:
    """A text goes in and its sound comes out."""
    url = f"{front[0]}/v1/text-to-speech/{EMBEDDED_VOICE}/stream-input".replace("http", "ws", 1)
    with connect(url) as connection:
        connection.send(json.dumps({"text": "Xin chào các bạn. "}))
        connection.send(json.dumps({"text": ""}))
        messages = [json.loads(message) for message in connection]
    assert messages[0]["audio"]
    assert messages[-1]["isFinal"]


def test_streams_arrive_as_they_are_made(front: Front) -> None:
    """The first sound arrives long before the last: nothing is buffered on the way."""
    url, _ = front
    begun = time.monotonic()
    first = 0.0
    sound = b""
    query = {"text": LONG}
    with httpx.stream("GET", f"{url}/tts/stream", params=query, timeout=60) as stream:
        for chunk in stream.iter_raw():
            first = first or time.monotonic() - begun
            sound += chunk
    whole = time.monotonic() - begun
    assert decode(sound, streamed=True).seconds > 10
    assert first < whole / 2


def test_both_replicas_are_used(front: Front) -> None:
    """Both replicas get requests, and the URLs in their answers work for the client."""
    url, servers = front
    for number in range(8):
        answer = httpx.get(f"{url}/tts", params={"text": f"số {number}"}, timeout=60)
        assert answer.json()["audio_url"].startswith(f"{url}/audio/")
    for server in servers:
        assert server.lines("request")


def test_only_the_proxy_is_believed(front: Front) -> None:
    """The proxy replaces X-Forwarded-* headers of clients."""
    url, servers = front
    forged = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Port": "666",
        "X-Request-ID": "forged",
    }
    answer = httpx.get(f"{url}/tts?text=xin", headers=forged, timeout=30)
    assert answer.json()["audio_url"].startswith(f"{url}/audio/")
    assert "Strict-Transport-Security" not in answer.headers
    lines = until(
        lambda: [
            line
            for server in servers
            for line in server.lines("request")
            if line["request_id"] == "forged"
        ],
        "the request's line",
    )
    assert lines[0]["caller"] == "127.0.0.1"


def test_metrics_are_not_for_all(front: Front) -> None:
    """Metrics are not reachable from outside; health is."""
    url, _ = front
    assert httpx.get(f"{url}/metrics").status_code == 403
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_rolling_restart_without_a_failed_request(tmp_path: Path, row: Row) -> None:
    """Two replicas restart one after the other under load, and every request is complete."""
    ports = [free_port(), free_port()]

    def replica(number: int) -> Settings:
        return {
            "server": {"port": ports[number], "drain_delay": 1},
            "voice": {"name": "pair"},
        }

    names = ["one", "two"]
    for name in names:
        install_pair(tmp_path / name / "voices")
    with ExitStack() as stack:
        running = [
            stack.enter_context(serving(tmp_path / name, replica(number)))
            for number, name in enumerate(names)
        ]
        url = stack.enter_context(nginx(tmp_path / "nginx", running))
        load = [Caller(url, keep_alive=True) for _ in range(6)]
        for number, server in enumerate(running):
            before = sum(one.answered for one in load)
            os.kill(server.process.pid, signal.SIGTERM)
            assert server.process.wait(30) == 0
            again = tmp_path / f"{names[number]}-again"
            install_pair(again / "voices")
            stack.enter_context(serving(again, replica(number)))
            until(lambda b=before: sum(one.answered for one in load) > b + 50, "load")  # type: ignore[misc]
        for one in load:
            one.stop()
        assert [problem for one in load for problem in one.problems] == []
        answered = sum(one.answered for one in load)
        assert answered > 100
        refused = sum(one.refused for one in load)
        assert refused < answered / 10
    row(
        "Rolling restart of 2 replicas behind nginx, 6 clients",
        f"{answered} requests complete, {refused} refused, 0 failed",
    )
