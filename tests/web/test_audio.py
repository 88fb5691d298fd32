"""`/audio/<hash>.wav`: ranges, conditions, caching."""

import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import LocalStarter, Starter
from tests.support.load import LONG
from tests.support.voices import install_joe, install_pair
from vits_tts.errors import RangeNotSatisfiable
from vits_tts.web.auth.api_keys import make_key
from vits_tts.web.http import byte_range


@dataclass(frozen=True)
class File:
    """A file of `/tts` and its bytes."""

    url: str
    content: bytes
    etag: str


@pytest.fixture
def file(client: httpx.Client) -> File:
    """Make a file."""
    url = client.get("/tts", params={"text": "Xin chào các bạn"}).json()["audio_url"]
    whole = client.get(url)
    return File(url, whole.content, whole.headers["ETag"])


def test_whole_file(client: httpx.Client, file: File) -> None:
    """A whole file may be cached for ever, and supports ranges."""
    response = client.get(file.url)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert int(response.headers["Content-Length"]) == len(file.content) > 10_000
    assert response.headers["Content-Type"] == "audio/wav"


@pytest.mark.parametrize("origins", [[], ["https://app.example.vn"]])
def test_a_file_that_needs_a_key_is_nobody_elses(
    start_here: LocalStarter, tmp_path: Path, origins: list[str]
) -> None:
    """A file that needs a key is not stored by shared caches.

    No cache gives it to a client with another key or none.
    """
    install_pair(tmp_path / "server" / "voices")
    key, line = make_key("lan")
    access, cors = {"keys": [line]}, {"cors_origins": origins}
    running = start_here({"voice": {"name": "pair"}, "access": access, "server": cors})
    with running as server, httpx.Client(headers={"X-API-Key": key}) as client:
        url = client.get(f"{server.url}/tts?text=mot").json()["audio_url"]
        whole = client.get(url)
        same = client.get(url, headers={"If-None-Match": whole.headers["ETag"]})
        part = client.get(url, headers={"Range": "bytes=0-9"})
        for answer in (whole, client.head(url), same, part):
            assert answer.is_success or answer.status_code == 304
            assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
            vary = set(answer.headers["Vary"].split(", "))
            assert vary == {"Authorization", "X-API-Key", *(["Origin"] if origins else [])}


def test_head(client: httpx.Client, file: File) -> None:
    """HEAD has the same headers as GET and no body."""
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
    """A range gets that part of the file, with its Content-Range."""
    response = client.get(file.url, headers={"Range": asked})
    expected = file.content[part]
    start = range(len(file.content))[part].start
    assert response.status_code == 206
    assert response.content == expected
    size = len(file.content)
    assert response.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{size}"


def test_outside(client: httpx.Client, file: File) -> None:
    """A range outside of the file is an error that states the file's size."""
    response = client.get(file.url, headers={"Range": "bytes=99999999-"})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(file.content)}"
    assert response.json()["error"]["code"] == "range_not_satisfiable"


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "lines=1-2", "bytes=0-1,5-6", "bytes=-", "nonsense"]
)
def test_unreadable_ranges_are_ignored(client: httpx.Client, file: File, asked: str) -> None:
    """An unreadable range is ignored and gets the whole file, as the RFC requires."""
    response = client.get(file.url, headers={"Range": asked})
    assert (response.status_code, response.content) == (200, file.content)


def test_conditions(client: httpx.Client, file: File) -> None:
    """A client with the current file gets 304; with another one, it gets the whole file."""
    same = client.get(file.url, headers={"If-None-Match": f'"x", W/{file.etag}'})
    assert (same.status_code, same.content) == (304, b"")
    anything = client.get(file.url, headers={"If-None-Match": "*"})
    assert (anything.status_code, anything.content) == (304, b"")
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
    """Names that are not hashes, and unknown hashes, get 404; no path leads out of the folder."""
    response = client.get(f"/audio/{path}.wav")
    assert response.status_code == 404
    assert response.json()["error"]["code"] in {"audio_not_found", "not_found"}


def test_parse_needs_no_bytes_to_be_right() -> None:
    """An empty file has no valid ranges."""
    assert byte_range.parse(None, 0) is None
    with pytest.raises(RangeNotSatisfiable):
        byte_range.parse("bytes=-0", 10)
    with pytest.raises(RangeNotSatisfiable):
        byte_range.parse("bytes=0-", 0)


def test_what_is_not_finished_leaves_nothing(start: Starter, tmp_path: Path) -> None:
    """An unfinished file is not kept when its caller leaves or the server ends."""
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
