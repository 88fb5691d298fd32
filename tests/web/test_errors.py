"""Every wrong request gets an error of one form, with its own code, and never a 500."""

import json
import socket
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import LocalStarter
from tests.support.server import Server


def error(response: httpx.Response) -> dict[str, Any]:
    """Return the error; assert its form and that its id is the response's."""
    assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field", "request_id"}
    assert body["error"]["request_id"] == response.headers["X-Request-ID"]
    assert body["error"]["message"]
    problem: dict[str, Any] = body["error"]
    return problem


@pytest.mark.parametrize("path", ["/tts", "/tts/stream"])
@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ("", 400, "text_missing", "text"),
        ("text=", 400, "text_empty", "text"),
        ("text=%20%0A%09", 400, "text_empty", "text"),
        ("text=...!?%20-", 400, "text_unspeakable", "text"),
        ("text=%F0%9F%98%80%F0%9F%8E%89", 400, "text_unspeakable", "text"),
        ("text=%E2%80%8B%EF%BB%BF", 400, "text_unspeakable", "text"),
        ("text=" + "a%20" * 1001, 400, "text_too_long", "text"),
        ("text=a%00b", 400, "text_control_characters", "text"),
        ("text=a%1Bb", 400, "text_control_characters", "text"),
        ("text=a%C2%9Bb", 400, "text_control_characters", "text"),
        ("text=%FF", 400, "encoding_invalid", "text"),
        ("text=a&speed=%C3%28", 400, "encoding_invalid", "speed"),
        ("text=%ED%A0%80", 400, "encoding_invalid", "text"),
        ("text=a&speed=quick", 400, "speed_invalid", "speed"),
        ("text=a&speed=", 400, "speed_invalid", "speed"),
        ("text=a&speed=0.2", 400, "speed_invalid", "speed"),
        ("text=a&speed=4.01", 400, "speed_invalid", "speed"),
        ("text=a&speed=nan", 400, "speed_invalid", "speed"),
        ("text=a&speed=inf", 400, "speed_invalid", "speed"),
        ("text=a&speed=-1", 400, "speed_invalid", "speed"),
        ("text=%E4%B8%AD", 400, "text_unspeakable", "text"),
        ("text=a&voice=nobody", 404, "voice_unknown", "voice"),
        ("text=a&voice=../pair", 404, "voice_unknown", "voice"),
        ("text=a&speaker=lan", 400, "speaker_unknown", "speaker"),
        ("text=a&voice=pair&speaker=2", 400, "speaker_unknown", "speaker"),
    ],
)
def test_wrong_parameters(
    client: httpx.Client, path: str, query: str, status: int, code: str, field: str
) -> None:
    """Each wrong parameter has its own code and is named."""
    response = client.get(f"{path}?{query}")
    problem = error(response)
    assert (response.status_code, problem["code"], problem["field"]) == (status, code, field)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"text":', "json_invalid"),
        (b"[]", "json_invalid"),
        (b"null", "json_invalid"),
        (b'"text"', "json_invalid"),
        (b"[" * 60_000, "json_invalid"),
        (b'{"text": "a", "speed": ' + b"9" * 5000 + b"}", "json_invalid"),
        (b'{"text": "\xff"}', "encoding_invalid"),
        (b'{"text": "\\ud800"}', "encoding_invalid"),
        (b'{"text": "a\\u0000"}', "text_control_characters"),
        (b'{"text": 5}', "field_invalid"),
        (b'{"text": ["a"]}', "field_invalid"),
        (b'{"text": null}', "text_missing"),
        (b"{}", "text_missing"),
        (b'{"text": "a", "speed": true}', "field_invalid"),
        (b'{"text": "a", "speed": {}}', "field_invalid"),
        (b'{"text": "a", "speed": NaN}', "speed_invalid"),
        (b'{"text": "a", "speed": 1e999}', "speed_invalid"),
        (b'{"text": "a", "speed": "\\ud800"}', "encoding_invalid"),
        (b'{"text": "a", "voice": 1}', "field_invalid"),
    ],
)
def test_wrong_json(client: httpx.Client, body: bytes, code: str) -> None:
    """Broken JSON and wrong types have different errors."""
    headers = {"Content-Type": "application/json"}
    response = client.post("/tts", content=body, headers=headers)
    assert response.status_code == 400
    assert error(response)["code"] == code


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("speed", True, "speed must be a text or a number, not true or false"),
        ("sample_rate", [], "sample_rate must be a text or a number, not a list"),
        (
            "timestamps",
            1,
            (
                "timestamps must be true, false, json, srt, vtt, marks, or one or more of words, "
                "phonemes and visemes, separated by commas; marks may have visemes too"
            ),
        ),
    ],
)
def test_what_would_do(client: httpx.Client, name: str, value: object, message: str) -> None:
    """A refusal names all accepted values."""
    response = client.post("/tts", json={"text": "a", name: value})
    assert error(response)["message"] == message


def test_a_fraction_is_no_whole_number(client: httpx.Client) -> None:
    """A refusal says that the number should be whole."""
    response = client.post("/v1/tokens", json={"expires_in": 1.5})
    assert error(response)["message"] == "expires_in must be a whole number, not a number"


def test_wrong_types_of_body(client: httpx.Client) -> None:
    """A body that is neither JSON nor a form is refused, and so is a compressed one."""
    for headers in (
        {"Content-Type": "text/plain"},
        {},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ):
        response = client.post("/tts", content=b"xin", headers=headers)
        assert response.status_code == 415
        assert error(response)["code"] == "media_type_unsupported"


def test_json_that_does_not_say_so(server: Server) -> None:
    """JSON without a content type is accepted; JSON declared as a form is named in the error."""
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 0)) as connection:
        body = '{"text": "Một.", "voice": "pair"}'.encode()
        head = f"POST /tts HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        connection.sendall(head + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    told = httpx.post(f"{server.url}/tts", content=body, headers=form)
    assert (told.status_code, error(told)["code"]) == (415, "media_type_unsupported")
    assert "its Content-Type is application/x-www-form-urlencoded" in error(told)["message"]


def test_broken_forms(client: httpx.Client) -> None:
    """An unreadable form is the client's error."""
    headers = {"Content-Type": "multipart/form-data"}
    response = client.post("/tts", content=b"xin", headers=headers)
    assert response.status_code == 400
    assert error(response)["code"] in {"request_invalid", "text_missing"}


@pytest.mark.parametrize("path", ["/nope", "/tts/", "/tts/stream/x", "/audio", "/%ff", "/%2e%2e"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD"])
def test_unknown_paths(client: httpx.Client, path: str, method: str) -> None:
    """An unknown path gets 404 with every method."""
    response = client.request(method, path)
    assert response.status_code == 404
    if method != "HEAD":
        assert error(response)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/tts", "GET, HEAD, POST, OPTIONS"),
        ("PUT", "/tts/stream", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/voices", "GET, HEAD, OPTIONS"),
        ("POST", f"/audio/{'0' * 40}.wav", "GET, HEAD, OPTIONS"),
        ("BREW", "/tts", "GET, HEAD, POST, OPTIONS"),
    ],
)
def test_wrong_methods(client: httpx.Client, method: str, path: str, allowed: str) -> None:
    """A 405 names the allowed methods."""
    response = client.request(method, path)
    assert response.status_code == 405
    assert error(response)["code"] == "method_not_allowed"
    assert set(response.headers["Allow"].split(", ")) == set(allowed.split(", "))


@pytest.mark.parametrize("size", [65 * 1024, 5_000_000, 20_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_large_bodies(server: Server, size: int, *, chunked: bool) -> None:
    """A body over the limit gets 413, whether its size is announced or not."""
    block = b"x" * 65536
    blocks = (block for _ in range(size // len(block) + 1))
    headers = {"Content-Type": "application/json"}
    if not chunked:
        headers["Content-Length"] = str((size // len(block) + 1) * len(block))
    try:
        response = httpx.post(f"{server.url}/tts", content=blocks, headers=headers)
    except httpx.WriteError:  # refused so early that it could not send everything
        assert size > 16 * 1024 * 1024
        return
    assert response.status_code == 413
    assert error(response)["code"] == "body_too_large"


def test_large_bodies_anywhere(server: Server) -> None:
    """Paths without a body do not read one into memory either."""
    for path in ("/nope", "/voices"):
        response = httpx.post(f"{server.url}{path}", content=b"x" * 1_000_000)
        assert response.status_code in {404, 405}


def test_told_before_sending(server: Server) -> None:
    """A client that asks first (Expect: 100-continue) is refused before it sends the large body."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"body_too_large" in answer


@pytest.mark.parametrize("given", ["abc-123", "a" * 128])
def test_request_id_is_kept(client: httpx.Client, given: str) -> None:
    """A client's own request id is returned in headers and errors."""
    response = client.get("/tts", headers={"X-Request-ID": given})
    assert error(response)["request_id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, "<script>", '"'])
def test_request_id_is_made(client: httpx.Client, given: str) -> None:
    """Without a valid id in the request, the server makes one."""
    made = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert len(made) == 32
    assert made != given


def test_busy(start_here: LocalStarter) -> None:
    """Requests above the limit are refused at once, with the time at which to retry."""
    with start_here({"limits": {"max_concurrent": 1}}) as server:
        text = "một hai ba bốn. " * 300
        with httpx.stream("GET", f"{server.url}/tts/stream", params={"text": text}) as response:
            sound = response.iter_raw(1)
            next(sound)
            refused = httpx.get(f"{server.url}/tts?text=xin")
            assert refused.status_code == 503
            assert error(refused)["code"] == "busy"
            assert int(refused.headers["Retry-After"]) >= 1
            assert httpx.get(f"{server.url}/healthz").status_code == 200
        server.wait_for("request", status=499)
        assert httpx.get(f"{server.url}/tts?text=xin").status_code == 200


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=40), speed=st.text(max_size=6) | st.floats() | st.booleans())
def test_nothing_gives_a_500(client: httpx.Client, text: str, speed: str | float) -> None:
    """Any text and speed is either spoken or refused."""
    body = json.dumps({"text": text, "speed": speed})
    headers = {"Content-Type": "application/json"}
    response = client.post("/tts", content=body, headers=headers)
    assert response.status_code in {200, 400}
    if response.status_code == 400:
        error(response)


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 16, "-1", "1e3", "x"])
def test_impossible_lengths(server: Server, length: str) -> None:
    """An impossible length is refused, and the server continues."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            f"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer[:12] in {b"HTTP/1.1 413", b"HTTP/1.1 400"}
    assert not server.lines("unexpected error")
