"""The cost of one request: a limit ends a request that exceeds it."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from tests.conftest import Starter
from tests.support.load import VERY_LONG
from tests.support.server import Server, Settings, serving
from vits_tts.web.auth.api_keys import make_key

FULL = "12.345,67 km/h ngày 1/2/2023 lúc 7h30. " * 250
"""Nearly as long as a text may be, and as expensive to normalise as possible."""


def _ask_and_leave(server: Server, number: int) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    body = f"{FULL}{number}".encode()
    head = f"POST /tts/stream HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) + 5}\r\n"
    connection = socket.create_connection((host, int(port)))
    form = b"Content-Type: application/x-www-form-urlencoded\r\n\r\ntext="
    connection.sendall(head.encode() + form + body)
    return connection


def test_texts_of_callers_who_left_are_not_read(start: Starter) -> None:
    """Sixty long texts whose clients are gone do not delay the next request."""
    with start({"server": {"workers": 1}, "limits": {"max_start_delay": 60}}) as server:
        gone = [_ask_and_leave(server, number) for number in range(60)]
        under_way = "vits_tts_requests_under_way 61.0"  # and the one that asks
        server.wait_until(lambda: under_way in server.metrics(), "all are under way")
        for connection in gone:
            connection.close()
        alone = "vits_tts_requests_under_way 1.0"
        server.wait_until(lambda: alone in server.metrics(), "all have left")
        assert httpx.get(f"{server.url}/normalize?text=xin").json()["text"] == "xin"
        left = server.wait_for("request", count=60, route="stream", status=499)
        assert sum("sentences" not in line for line in left) >= 50


def test_a_queue_that_is_too_long_is_refused(start: Starter) -> None:
    """A request that would wait longer than `limits.max_start_delay` gets ``Retry-After``."""
    with start({"server": {"workers": 1}, "limits": {"max_start_delay": 0.1}}) as server:
        waiting = [_ask_and_leave(server, number) for number in range(40)]
        server.wait_for("request", route="stream", status=503)
        for connection in waiting:
            connection.close()


@pytest.fixture(scope="module")
def frugal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the embedded voice with little computing for each request, and without a cache."""
    settings: Settings = {
        "cache": {"memory": {"max_bytes": 0}},
        "limits": {"request_cpu_seconds": 0.2},
    }
    with serving(tmp_path_factory.mktemp("frugal"), settings) as server:
        yield server


@pytest.mark.parametrize("path", ["/tts", "/v1/audio/speech"])
def test_a_request_that_costs_too_much(frugal: Server, path: str) -> None:
    """A request over its limit ends with a named error, or a closed connection.

    The error is sent if no part of the answer has been sent; otherwise the connection is closed.
    """
    if path == "/tts":
        answer = httpx.post(f"{frugal.url}{path}", json={"text": VERY_LONG}, timeout=60)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "request_too_costly"
    else:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(
                f"{frugal.url}{path}", json={"model": "tts-1", "input": VERY_LONG}, timeout=60
            )
    route = "tts" if path == "/tts" else "openaispeech"
    (told,) = frugal.wait_for("request ended: limits.request_cpu_seconds is used up", route=route)
    stages = ("reading", "synthesis", "encoding")
    assert sum(told[f"{stage}_seconds"] for stage in stages) > 0.2
    assert told["stage"] == "synthesis"
    ended = f'vits_tts_requests_too_costly_total{{route="{route}",stage="synthesis"}}'
    assert frugal.counted(ended) == 1
    assert httpx.get(f"{frugal.url}/tts?text=xin").status_code == 200


@pytest.mark.parametrize("body", [{"timestamps": True}, {"format": "opus"}, {}])
def test_a_stream_that_costs_too_much(frugal: Server, body: dict[str, object]) -> None:
    """A stream over its limit ends with a closed connection, because sound has been sent."""
    frugal.forget()
    asked = {"text": VERY_LONG, "speed": 0.25, **body}
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("POST", f"{frugal.url}/tts/stream", json=asked, timeout=60) as answer,
    ):
        for _ in answer.iter_raw():
            pass
    frugal.wait_for("request ended: limits.request_cpu_seconds is used up", route="stream")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that takes very long texts, with very little computing for each."""
    settings: Settings = {
        "server": {"workers": 1, "max_text_chars": 1_000_000, "max_body_bytes": "4MiB"},
        "limits": {"request_cpu_seconds": 0.1, "max_start_delay": 60},
    }
    with serving(tmp_path_factory.mktemp("reader"), settings) as server:
        # The rules of such texts are compiled with the first one, which takes as long as the limit.
        beginning = {"text": FULL[:400]}
        httpx.post(f"{server.url}/normalize", json=beginning, timeout=60).raise_for_status()
        yield server


@pytest.mark.parametrize("path", ["/normalize", "/tts", "/tts/stream"])
def test_a_text_that_costs_too_much_to_read(reader: Server, path: str) -> None:
    """Normalising stops at the next step, with an error and the name of the stage.

    A stream has begun by then, since its first sentence is cheap; it ends early, for the reading of
    the rest or the synthesis of the beginning, whichever comes first.
    """
    asked = partial(httpx.post, f"{reader.url}{path}", json={"text": FULL * 20}, timeout=60)
    if path == "/tts/stream":
        with pytest.raises(httpx.RemoteProtocolError):
            asked()
    else:
        answer = asked()
        error = (answer.status_code, answer.json()["error"]["code"])
        assert error == (503, "request_too_costly")
    route = path.rpartition("/")[2]
    (told,) = reader.wait_for("request ended: limits.request_cpu_seconds is used up", route=route)
    stage = told["stage"]
    assert stage == "reading" or (path == "/tts/stream" and stage == "synthesis")
    if stage == "reading":
        assert 0.05 < told["reading_seconds"] < 2  # the whole text takes ten seconds
    ended = f'vits_tts_requests_too_costly_total{{route="{route}",stage="{stage}"}} 1.0'
    assert ended in reader.metrics()


def test_a_caller_with_many_texts_does_not_delay_another(start: Starter) -> None:
    """A short text is normalised before most of the long texts of another client."""
    keys = [make_key("many"), make_key("one")]
    settings: Settings = {
        "server": {"workers": 1, "max_text_chars": 40_000},
        "limits": {"max_start_delay": 60},
        "access": {"keys": [line for _, line in keys]},
    }
    many, one = ({"Authorization": f"Bearer {key}"} for key, _ in keys)
    with start(settings) as server, ThreadPoolExecutor(24) as callers:

        def ask(number: int) -> httpx.Response:
            body = {"text": f"{FULL * 3}{number}"}
            return httpx.post(f"{server.url}/normalize", json=body, headers=many, timeout=120)

        waiting = [callers.submit(ask, number) for number in range(24)]

        def are_under_way() -> bool:
            found = re.search(
                r"^vits_tts_requests_under_way ([\d.]+)$", server.metrics(), re.MULTILINE
            )
            return found is not None and float(found[1]) > 16

        # On a busy machine the first ones may have been read before the last ones come.
        server.wait_until(are_under_way, "sixteen are under way")
        answer = httpx.get(f"{server.url}/normalize?text=xin", headers=one, timeout=120)
        assert answer.json()["text"] == "xin"
        assert sum(not call.done() for call in waiting) >= 12
        assert {call.result().status_code for call in waiting} == {200}
