"""Ranges of a stream, as players request them, and HEAD requests."""

import socket

import httpx
import pytest

from tests.conftest import LocalStarter
from tests.support.decoding import DECODERS
from tests.support.server import Server, Settings
from tests.support.sound import assert_speech, decode

FORMATS = ["wav", "mp3", "opus", "flac"]


def asked(text: str, name: str = "wav") -> dict[str, str]:
    """Return the parameters of a stream of the tiny voice."""
    return {"text": text, "voice": "pair", "format": name}


@pytest.mark.parametrize("name", FORMATS)
def test_what_ios_asks_first(client: httpx.Client, name: str) -> None:
    """A range of two bytes has the true length; all ranges together are the file of `/tts`.

    iOS asks for these two bytes first.
    """
    params = asked(f"Một hai ba bốn năm. Đây là {name}.", name)

    def part(value: str) -> httpx.Response:
        return client.get("/tts/stream", params=params, headers={"Range": value})

    first = part("bytes=0-1")
    assert first.status_code == 206
    span, _, total = first.headers["Content-Range"].partition("/")
    assert span == "bytes 0-1"
    assert len(first.content) == int(first.headers["Content-Length"]) == 2
    assert first.headers["Accept-Ranges"] == "bytes"
    size = int(total)

    everything = part("bytes=0-")
    assert everything.status_code == 206
    assert everything.headers["Content-Range"] == f"bytes 0-{size - 1}/{size}"
    assert len(everything.content) == size
    assert DECODERS[name](everything.content, 8000).seconds > 0.5
    saved = client.get("/tts", params=params).json()
    assert client.get(saved["audio_url"]).content == everything.content

    middle = part(f"bytes={size // 3}-{size // 2}")
    assert middle.content == everything.content[size // 3 : size // 2 + 1]
    assert part("bytes=-7").content == everything.content[-7:]
    assert part(f"bytes={size - 1}-{size + 99}").content == everything.content[-1:]

    beyond = part(f"bytes={size}-")
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{size}"
    assert beyond.json()["error"]["code"] == "range_not_satisfiable"

    etag = first.headers["ETag"]
    headers = {"Range": "bytes=4-5", "If-Range": etag}
    assert client.get("/tts/stream", params=params, headers=headers).status_code == 206
    headers["If-Range"] = '"other"'
    assert client.get("/tts/stream", params=params, headers=headers).status_code == 200


def test_the_beginning_comes_as_it_is_made(client: httpx.Client, server: Server) -> None:
    """The length of plain WAV is known before synthesis, so its range streams at once."""
    text = " ".join(f"Câu số {number} của một bài rất dài." for number in range(40))

    def part(value: str) -> httpx.Response:
        return client.get("/tts/stream", params={"text": text}, headers={"Range": value})

    headers = {"Range": "bytes=0-", "X-Request-ID": "as-it-is-made"}
    with client.stream("GET", "/tts/stream", params={"text": text}, headers=headers) as answer:
        assert answer.status_code == 206
        total = int(answer.headers["Content-Range"].partition("/")[2])
        sound = answer.iter_raw(1)
        data = next(sound)
        assert not [
            line for line in server.lines("request") if line["request_id"] == "as-it-is-made"
        ]  # still under way
        data += b"".join(sound)
    assert len(data) == total
    assert_speech(decode(data), shortest=40, longest=200)
    assert part(f"bytes={total - 9}-").content == data[-9:]
    assert part("bytes=0-99999").content == data[:100_000]


def test_a_long_text_is_not_awaited(client: httpx.Client) -> None:
    """In a format without a known length, a whole text streams, and a range waits for its end."""
    text = " ".join(f"Câu số {number} của một bài dài nữa." for number in range(40))
    params = asked(text, "mp3")
    every = client.get("/tts/stream", params=params, headers={"Range": "bytes=0-"})
    assert every.status_code == 200
    two = client.get("/tts/stream", params=params, headers={"Range": "bytes=0-1"})
    assert two.status_code == 206
    again = client.get("/tts/stream", params=params, headers={"Range": "bytes=0-"})
    assert again.status_code == 206
    assert len(again.content) == int(two.headers["Content-Range"].partition("/")[2])


@pytest.mark.parametrize("value", ["bytes=", "bytes=a-b", "lines=0-1", "bytes=0-1,3-4", "bytes=-"])
def test_what_is_no_range_is_ignored(client: httpx.Client, value: str) -> None:
    """An unreadable range gets the whole stream, as RFC 9110 requires."""
    params = asked("Một hai ba bốn năm.")
    answer = client.get("/tts/stream", params=params, headers={"Range": value})
    assert answer.status_code == 200
    assert len(answer.content) > 1000


def test_times_have_no_parts(client: httpx.Client) -> None:
    """Streams with times ignore ranges."""
    params = {**asked("Một hai ba."), "timestamps": "true"}
    answer = client.get("/tts/stream", params=params, headers={"Range": "bytes=0-1"})
    assert answer.status_code == 200


def test_without_a_disk_all_comes(start_here: LocalStarter) -> None:
    """If no file can be stored, the whole stream is sent: a server may ignore ranges."""
    settings: Settings = {
        "audio": {"folder": "/proc/nowhere"},
        "voice": {"noise_scale": 0, "noise_w": 0},
    }
    with start_here(settings) as server:
        answer = httpx.get(
            f"{server.url}/tts/stream",
            params={"text": "Một hai."},
            headers={"Range": "bytes=0-1"},
            timeout=60,
        )
        assert answer.status_code == 200
        assert len(answer.content) > 1000


def test_heads_say_what_would_come(client: httpx.Client, server: Server) -> None:
    """HEAD answers like GET, without an unknown length, and nothing is synthesised."""
    text = "Câu này chưa ai đọc bao giờ."
    before = synthesised(server)
    for path, kind in (
        ("/tts", "application/json"),
        ("/tts/stream", "audio/mpeg"),
        ("/normalize", "application/json"),
        ("/tts/link", "application/json"),
    ):
        answer = client.head(path, params=asked(text, "mp3"))
        assert answer.status_code == 200, path
        assert answer.headers["Content-Type"].startswith(kind)
        assert "Content-Length" not in answer.headers
        assert client.get("/voices").status_code == 200  # the connection still works
    assert client.head("/tts/stream", params=asked(text)).headers["Accept-Ranges"] == "bytes"
    assert synthesised(server) == before
    for wrong in ({}, {"text": ""}, {"text": "a", "voice": "nobody"}, {"text": "a", "format": "x"}):
        got = client.get("/tts/stream", params=wrong)
        assert client.head("/tts/stream", params=wrong).status_code == got.status_code


def synthesised(server: Server) -> list[str]:
    """Return the number of syntheses from the metrics."""
    lines = server.metrics().splitlines()
    return [line for line in lines if line.startswith("vits_tts_syntheses_total")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_keep_alive_of_http_1_0(server: Server, method: str) -> None:
    """An answer without a length closes the connection, even if the client asks to keep it."""
    address = httpx.URL(server.url)
    query = f"text=Ch%C6%B0a+ai+%C4%91%E1%BB%8Dc+{method}&voice=pair"
    with socket.create_connection((address.host, address.port or 0), timeout=30) as connection:
        head = f"{method} /tts/stream?{query} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))  # ends when it is closed
    head_part, _, body = answer.partition(b"\r\n\r\n")
    assert head_part.startswith(b"HTTP/1.1 200 ")
    assert b"content-length" not in head_part.lower()
    assert b"transfer-encoding" not in head_part.lower()
    assert (len(body) > 1000) == (method == "GET")


def test_absolute_targets(server: Server) -> None:
    """A target in absolute form is served (RFC 9112, section 3.2.2), also with a range."""
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 0), timeout=30) as connection:
        target = f"{server.url}/tts/stream?text=M%E1%BB%99t.&voice=pair"
        request = f"GET {target} HTTP/1.1\r\nHost: {address.netloc.decode()}\r\n"
        request += "Range: bytes=0-3\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 206 ")
    assert answer.endswith(b"RIFF")
