"""`/audio/<hash>.wav`: ranges, conditions, caching."""

import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import Starter
from tests.support.load import LONG
from tests.support.voices import install_joe
from vits_tts.errors import RangeNotSatisfiable
from vits_tts.web import ranges


@dataclass(frozen=True)
class File:
    """A file of `/tts` and what it holds."""

    url: str
    content: bytes
    etag: str


@pytest.fixture
def file(client: httpx.Client) -> File:
    """A file that has just been made."""
    url = client.get("/tts", params={"text": "Xin chào các bạn"}).json()["audio_url"]
    whole = client.get(url)
    return File(url, whole.content, whole.headers["ETag"])


def test_whole_file(client: httpx.Client, file: File) -> None:
    """It may be kept for ever, and in parts."""
    response = client.get(file.url)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert int(response.headers["Content-Length"]) == len(file.content) > 10_000
    assert response.headers["Content-Type"] == "audio/wav"


def test_head(client: httpx.Client, file: File) -> None:
    """HEAD says the same and sends nothing."""
    response = client.head(file.url)
    assert int(response.headers["Content-Length"]) == len(file.content)
    assert response.content == b""
    assert response.headers["ETag"] == file.etag


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-43", slice(0, 44)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=44-99999999", slice(44, None)),
    ],
)
def test_ranges(client: httpx.Client, file: File, asked: str, part: slice) -> None:
    """A part of the file is that part, and says which it is."""
    response = client.get(file.url, headers={"Range": asked})
    expected = file.content[part]
    start = range(len(file.content))[part].start
    assert response.status_code == 206
    assert response.content == expected
    size = len(file.content)
    assert response.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{size}"


def test_outside(client: httpx.Client, file: File) -> None:
    """What the file does not have cannot be sent; the error says how much there is."""
    response = client.get(file.url, headers={"Range": "bytes=99999999-"})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(file.content)}"
    assert response.json()["error"]["code"] == "range_not_satisfiable"


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "lines=1-2", "bytes=0-1,5-6", "bytes=-", "nonsense"]
)
def test_unreadable_ranges_are_ignored(client: httpx.Client, file: File, asked: str) -> None:
    """A range that means nothing gets the whole file, as the RFC has it."""
    response = client.get(file.url, headers={"Range": asked})
    assert (response.status_code, response.content) == (200, file.content)


def test_conditions(client: httpx.Client, file: File) -> None:
    """Who has the file gets 304; who had another gets the whole one in place of a range."""
    same = client.get(file.url, headers={"If-None-Match": f'"x", W/{file.etag}'})
    assert (same.status_code, same.content) == (304, b"")
    other = client.get(file.url, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    headers = {"Range": "bytes=0-9", "If-Range": '"other"'}
    assert client.get(file.url, headers=headers).status_code == 200
    headers["If-Range"] = file.etag
    assert client.get(file.url, headers=headers).status_code == 206


@pytest.mark.parametrize(
    "path",
    ["0" * 40, "short", "A" * 40, "..%2f..%2fetc%2fpasswd", "%2e%2e", "%00" * 20, "x" * 5000, ""],
)
def test_unknown_files(client: httpx.Client, path: str) -> None:
    """What is no hash, or nobody's, is not there; no path leads out of the folder."""
    response = client.get(f"/audio/{path}.wav")
    assert response.status_code == 404
    assert response.json()["error"]["code"] in {"audio_not_found", "not_found"}


def test_parse_needs_no_bytes_to_be_right() -> None:
    """An empty file has no ranges at all."""
    assert ranges.parse(None, 0) is None
    with pytest.raises(RangeNotSatisfiable):
        ranges.parse("bytes=-0", 10)
    with pytest.raises(RangeNotSatisfiable):
        ranges.parse("bytes=0-", 0)


def test_what_is_not_finished_leaves_nothing(start: Starter, tmp_path: Path) -> None:
    """A file whose caller leaves, or that the end of the server cuts off, is not kept in part."""
    install_joe(tmp_path / "server" / "voices")
    voice = {"name": "joe", "threads": 1}
    with start({"server": {"graceful_timeout": 0.5}, "voice": voice}) as server:
        host, port = server.url.removeprefix("http://").split(":")
        asking = f"GET /tts?text={quote(LONG * 2)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

        def parts() -> list[Path]:
            return list((tmp_path / "server" / "audio").glob(".*.part"))

        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(asking)
            server.wait_until(parts, "a file that is begun")
        server.wait_until(lambda: not parts(), "nothing left of it")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(asking)
            server.wait_until(parts, "another that is begun")
            assert server.stop() == 0
        assert parts() == []
        assert server.lines("requests cut off: server.graceful_timeout is over")
