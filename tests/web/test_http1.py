"""Valid HTTP/1.1 is served; ambiguous requests are refused at once."""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Starter
from tests.support.server import Server
from tests.support.voices import install_pair
from tests.support.wire import (
    LAST,
    answer_to,
    connect,
    received,
    request,
    statuses,
)

_SMUGGLED = request("/voices")
_CHUNKED = (
    b"POST /normalize HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_JSON = b'{"text": "xin chao"}'
_MARK = "lotsofsecrets"


def chunks(*parts: bytes, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """Return a body in chunks."""
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    return body + b"0" + extension + b"\r\n" + trailers + b"\r\n"


def problem(answer: bytes) -> dict[str, Any]:
    """Return the only error of an answer; assert its form and that the connection is closed."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    headers = httpx.Headers(dict(line.split(": ", 1) for line in lines))
    assert headers["Content-Type"] == "application/json; charset=UTF-8"
    assert headers["Connection"] == "close"
    assert int(headers["Content-Length"]) == len(body)
    error: dict[str, Any] = json.loads(body)["error"]
    assert set(error) == {"code", "message", "field", "request_id"}
    assert error["request_id"] == headers["X-Request-ID"]
    return error


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n" + LAST,
        b"\r\n\r\n\r\n" + LAST,
        request("http://other.example/healthz", "Connection: close"),
        request("HTTP://other.example:8080/healthz?a=b", "Connection: close"),
        request("/healthz", "Connection: close", "Expect: 100-continue"),
        request("/healthz", "Connection: close", "Content-Length: 0"),
        request("/healthz", "Connection: close", "Content-Length: 3, 3") + b"abc",
        request("/healthz", "Content-Length: 3", "Content-Length: 3") + b"abc" + LAST,
        request("/healthz", *(f"X-{number}: a" for number in range(190))) + LAST,
        request("/healthz", "X-Empty:", "X-Space:   \t a b\tc  ") + LAST,
        request("/healthz", version="1.0"),
    ],
)
def test_what_is_served(server: Server, sent: bytes) -> None:
    """Rare but valid HTTP is served, such as empty lines before a request or absolute targets."""
    assert set(statuses(answer_to(server, sent))) == {200}


@pytest.mark.parametrize(
    "body",
    [
        chunks(_JSON),
        chunks(_JSON[:5], _JSON[5:]),
        chunks(*(bytes([byte]) for byte in _JSON)),
        chunks(_JSON, extension=b";name"),
        chunks(_JSON, extension=b' ; name="va;lue"'),
        chunks(_JSON, trailers=b"X-Sum: 17\r\nX-More:\r\n"),
        b"000" + chunks(_JSON),
    ],
)
def test_bodies_in_chunks(server: Server, body: bytes) -> None:
    """Extensions and trailers are ignored, and the next request begins where the body ends."""
    for pause in (False, True):
        with connect(server) as connection:
            sent = _CHUNKED + body + b"\r\n" + request("/voices") + LAST
            for part in [sent[:150], sent[150:160], sent[160:]] if pause else [sent]:
                connection.sendall(part)
                time.sleep(0.02 if pause else 0)  # so that the parts arrive one by one
            answer = received(connection)
        assert statuses(answer) == [200, 200, 200]
        assert b'"text": "xin chao"' in answer
        assert b'"default"' in answer


def test_the_host_of_an_absolute_target(server: Server) -> None:
    """The host of an absolute target is used, not ``Host``; but ``Host`` is required (RFC 9112)."""
    sent = request("http://real.example/tts?text=xin", "Connection: close")
    assert b'"audio_url": "http://real.example/audio/' in answer_to(server, sent)
    for host in ("", "Host: a\r\nHost: b\r\n"):
        answer = answer_to(server, f"GET http://a/healthz HTTP/1.1\r\n{host}\r\n".encode())
        assert problem(answer)["code"] == "request_invalid"


def test_http_1_0_is_not_kept_without_a_length(server: Server) -> None:
    """A stream to an HTTP/1.0 client ends by closing, even if it asks for keep-alive."""
    old = request("/tts/stream?text=xin chao".replace(" ", "%20"), "Connection: keep-alive")
    answer = answer_to(server, old.replace(b"HTTP/1.1", b"HTTP/1.0"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert statuses(head) == [200]
    assert body.startswith(b"RIFF")
    if b"Content-Length" not in head:
        assert b"keep-alive" not in head.lower()
    with connect(server) as connection:
        for _ in range(2):
            connection.sendall(request("/healthz", "Connection: keep-alive", version="1.0"))
            assert statuses(connection.recv(65536)) == [200]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\nHost: x\n\n",
        b"GET /healthz HTTP/1.1\nHost: x\n\n" + b"x" * 100,
        b"GET /healthz HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
        b"\n\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX: no host\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x:" + b"9" * 5000 + b"\r\n\r\n",
        b"GET http://x:" + b"9" * 5000 + b"/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/11\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 300,
        b"\x00\x00\x00\x00",
        b"\r\n" * 2000,
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ],
)
def test_what_is_no_request(server: Server, sent: bytes) -> None:
    """Invalid requests are refused at once with one error, though the client sends no end."""
    answer = answer_to(server, sent)
    assert statuses(answer) == [400]
    assert problem(answer)["code"] == "request_invalid"


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: 5,",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5_0",
        "Content-Length: -1",
        "Content-Length: \xb2",
        "Content-Length:",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding:",
        "Transfer-Encoding : chunked",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unclear_lengths(server: Server, method: str, framing: str) -> None:
    """An ambiguous length of a body is refused: later bytes are never read as a request."""
    head = f"{method} /normalize?text=xin HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n"
    answer = answer_to(server, head.encode("latin-1") + b"0\r\n\r\n" + _SMUGGLED)
    assert statuses(answer) == [400]
    assert problem(answer)["code"] == "request_invalid"


def test_chunks_of_http_1_0(server: Server) -> None:
    """HTTP/1.0 has no chunks (RFC 9112, section 6.1)."""
    sent = _CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + chunks(_JSON) + _SMUGGLED
    assert statuses(answer_to(server, sent)) == [400]


@pytest.mark.parametrize(
    "body",
    [
        b"5\nabcde\n0\n\n",
        b"+5\r\nabcde\r\n0\r\n\r\n",
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b" 5\r\nabcde\r\n0\r\n\r\n",
        b"5 \r\nabcde\r\n0\r\n\r\n",
        b"5_0\r\nabcde\r\n0\r\n\r\n",
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabcdef\r\n0\r\n\r\n",
        b"5\r\nabc\r\n0\r\n\r\n0\r\n\r\n",
        b"5;a\nb\r\nabcde\r\n0\r\n\r\n",
        b"5;a\rb\r\nabcde\r\n0\r\n\r\n",
        b"5;" + b"a" * 5000 + b"\r\nabcde\r\n0\r\n\r\n",
        b"5;" + b"a" * 50_000,
        b"f" * 17 + b"\r\nabcde\r\n0\r\n\r\n",
        b"0\r\nX: a\nY: b\r\n\r\n",
        b"0\r\n" + b"X: a\r\n" * 300 + b"\r\n",
        b"1\r\na\r\n" * 60_000 + b"0\r\n\r\n",
    ],
)
def test_broken_chunks(server: Server, body: bytes) -> None:
    """Broken chunks end the connection with an error; later bytes are not read as a request."""
    answer = answer_to(server, _CHUNKED + body + _SMUGGLED)
    assert statuses(answer) in ([400], [431])
    problem(answer)


def test_too_many_header_lines(server: Server) -> None:
    """Header lines are counted before they are parsed: 28,000 of them delay no other client."""
    answer = answer_to(server, request("/healthz", *["a:b"] * 28_000))
    assert statuses(answer) == [431]
    assert problem(answer)["code"] == "head_too_large"
    assert statuses(answer_to(server, request("/healthz", *["a: b"] * 200))) == [431]
    with connect(server) as endless:  # the server does not wait for all of them
        endless.sendall(b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 300)
        assert statuses(received(endless)) == [431]


def test_heads_that_are_too_large(start: Starter, tmp_path: Path) -> None:
    """A client is told which part was too long, though it continues to send."""
    install_pair(tmp_path / "server" / "voices")
    with start({"server": {"max_header_bytes": 8192}, "voice": {"name": "pair"}}) as server:
        for sent, status, code in (
            (request("/healthz", "X: " + "x" * 10_000), 431, "head_too_large"),
            (request("/healthz?" + "x" * 10_000), 414, "target_too_long"),
            (request("/healthz?" + "x" * 900_000), 414, "target_too_long"),
            (request("/healthz", "X: " + "x" * 900_000), 431, "head_too_large"),
        ):
            answer = answer_to(server, sent)
            assert (statuses(answer), problem(answer)["code"]) == ([status], code)
        assert statuses(answer_to(server, request("/healthz", "X: " + "x" * 7900) + LAST))
        refused = 'vits_tts_requests_total{method="other",route="none",status="431"}'
        assert server.counted(refused) == 2


def test_a_head_in_many_parts_costs_little(start: Starter, tmp_path: Path) -> None:
    """Received bytes are not searched again for each new byte."""
    install_pair(tmp_path / "server" / "voices")
    with start({"voice": {"name": "pair"}}) as server, connect(server) as connection:
        (worker,) = server.workers()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 250_000)
        before = cpu_seconds(worker)
        for _ in range(1000):
            connection.sendall(b"x")
            assert httpx.get(f"{server.url}/healthz").status_code == 200
        parts = cpu_seconds(worker) - before
        before = cpu_seconds(worker)
        for _ in range(1000):
            assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert parts < 2 * (cpu_seconds(worker) - before)
        connection.sendall(b"\r\n\r\n")
        assert statuses(connection.recv(65536)) == [200]


def cpu_seconds(process: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_nothing_that_was_sent_is_logged(start: Starter, tmp_path: Path) -> None:
    """Refused bytes are not logged, at any level."""
    install_pair(tmp_path / "server" / "voices")
    mark = _MARK.encode()
    settings: Any = {"voice": {"name": "pair"}, "logging": {"level": "debug"}}
    with start(settings) as server:
        for sent in (
            b"\x16\x03" + mark,
            mark + b"\r\n\r\n",
            b"GET /" + mark + b" HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: " + mark + b" a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: " + mark + b":" + b"9" * 5000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + mark + b" : a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + mark + b"\x01\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + mark + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + mark + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + mark * 30_000,
            _CHUNKED + mark + b"\r\n",
            _CHUNKED + b"5;" + mark * 1000,
            b"GET http://" + mark + b"@x/" + mark + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            answer = answer_to(server, sent + LAST)
            assert 400 <= statuses(answer)[0] < 500
            assert mark not in answer
        assert len(server.lines("request")) < 5
        log = server.log.read_text()
        assert _MARK not in log
        assert '"level": "warning"' not in log
        assert '"level": "error"' not in log


def test_many_requests_at_once(server: Server) -> None:
    """A thousand pipelined requests are answered in order; other clients are served meanwhile."""
    with connect(server) as connection:
        paths = ["/healthz", "/nowhere", "/voices"] * 400
        connection.sendall(b"".join(request(path) for path in paths))
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        connection.sendall(LAST)
        assert statuses(received(connection)) == [200, 404, 200] * 400 + [200]


def test_half_closed_connections(server: Server) -> None:
    """A client that closes its sending side counts as gone; nothing breaks or stays behind."""
    for sent in (b"", LAST[:9], LAST, LAST * 3, request("/tts/stream?text=xin"), _CHUNKED + b"5\r"):
        with connect(server) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert not [status for status in statuses(received(connection)) if status >= 400]
    assert not [line for line in server.lines() if line["level"] == "error"]


def test_files_are_sent_in_parts_and_in_turn(server: Server, client: httpx.Client) -> None:
    """HEADs, GETs and ranges of a file over one connection each get their own answer."""
    text = "Một hai ba bốn năm sáu bảy tám chín mười. " * 4
    url = client.get("/tts", params={"text": text}).json()["audio_url"]
    path = url.removeprefix(server.url)
    whole = client.get(url).content
    many = ",".join(f"{start}-{start}" for start in range(1000))
    asked = [
        ("GET", "", whole),
        ("HEAD", "", b""),
        ("GET", "Range: bytes=0-0", whole[:1]),
        ("GET", "Range: bytes=-1", whole[-1:]),
        ("GET", f"Range: bytes={many}", whole),
        ("GET", "Range: bytes=0-0\r\nRange: bytes=5-5", whole),
        ("GET", "Range: bytes=5-2", whole),
        ("GET", "Range: bytes=" + "9" * 30 + "-", whole),
        ("HEAD", "Range: bytes=0-9", b""),
    ] * 5
    expected = b"".join(content for _, _, content in asked)
    with connect(server) as connection:
        for method, header, _ in asked:
            connection.sendall(request(path, *([header] if header else []), method=method))
        connection.sendall(LAST)
        answer = received(connection)
    codes = statuses(answer)
    assert len(codes) == len(asked) + 1
    assert set(codes) == {200, 206}
    bodies = b"".join(part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 ") if part)
    assert bodies.startswith(expected)


def test_a_refused_connection_is_closed_in_the_end(server: Server) -> None:
    """After a refusal, a client that continues to send is read only for a limited time."""
    with connect(server) as connection:
        connection.sendall(b"\x00")
        assert statuses(received(connection)) == [400]
        pause = threading.Event()
        for _ in range(150):
            try:
                connection.sendall(b"x")
            except ConnectionError:
                return
            pause.wait(0.1)
    raise AssertionError("still open")
