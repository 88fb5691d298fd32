"""A thousand malformed and hostile messages on each of the three sockets."""

import base64
import json
import random
import socket as sockets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.local import serving_here
from tests.support.server import Server, serving
from tests.support.voices import install_pair

MESSAGES: Final = 1000
SEED: Final = 20
PATHS: Final = (
    "/tts/websocket",
    "/v1/text-to-speech/pair/stream-input",
    "/v1/text-to-speech/pair/multi-stream-input?inactivity_timeout=2",
)
CODES: Final = {1000, 1007, 1008, 1009, 1013}
"""Closing codes that are not the server's fault; 1007 is also what tornado says to broken UTF-8."""
TEXTS: Final = (
    "",
    " ",
    "Xin chào. ",
    "a\x00b",
    "\ud800",
    "😀" * 50,
    "1" * 3000,
    "<speak>",
    "," * 500,
)
VALUES: Final[tuple[Any, ...]] = (
    *TEXTS,
    *(None, True, -1, 0, 10**400, 1e308, [], {}, [[]], {"id": {"id": []}}, "pair", "nobody"),
)
FIELDS: Final = (
    *("text", "transcript", "context_id", "flush", "continue", "cancel", "close_context", "voice"),
    *("close_socket", "voice_settings", "generation_config", "output_format", "speed", "token"),
    *("played_ms", "max_buffer_delay_ms", "add_timestamps", "try_trigger_generation", "api_key"),
    *("xi_api_key", "xi-api-key", "language", "model_id", "\x00", "__proto__"),
)
BROKEN: Final = (
    "",
    "{",
    "null",
    "[1]",
    '"x"',
    "[" * 20000,
    '{"text": 1e999999}',
    "NaN",
    "\ufeff{}",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with a fast voice and narrow limits of sockets."""
    folder = tmp_path_factory.mktemp("hostile")
    install_pair(folder / "voices")
    agents = {"max_contexts": 3, "max_context_chars": 5000, "idle_seconds": 5}
    with serving(folder, {"voice": {"name": "pair"}, "agents": agents}) as server:
        yield server


def message(chance: random.Random) -> str | bytes:
    """Return a message: broken, of bytes, too large, or an object with arbitrary fields."""
    kind = chance.random()
    if kind < 0.04:
        return chance.choice(BROKEN)
    if kind < 0.06:
        return chance.randbytes(chance.randrange(200))
    if kind < 0.07:
        return "x" * 70_000
    names = chance.sample(FIELDS, chance.randrange(6))
    fields = {name: chance.choice(VALUES) for name in names}
    if chance.random() < 0.9:
        fields["context_id"] = chance.choice(["a", "b", "c", "d", "é" * 128])
    if chance.random() < 0.4:
        fields |= {"text": "Xin chào. ", "transcript": "Xin chào. "}
    return json.dumps(fields)


def attack(server: Server, path: str, messages: list[str | bytes]) -> set[int]:
    """Send messages, on a new socket whenever one is closed; return the closing codes."""
    codes = set()
    url = server.url.replace("http", "ws", 1) + path
    left = iter(messages)
    pending = next(left, None)
    while pending is not None:
        with connect(url, open_timeout=60) as connection:
            with suppress(ConnectionClosed):
                while pending is not None:
                    connection.send(pending)
                    pending = next(left, None)
                    drain(connection)
            codes.add(closed(connection))
    return codes


def drain(connection: ClientConnection) -> None:
    """Read the messages that have arrived; none of them reports an internal error."""
    with suppress(TimeoutError):
        while True:
            told = json.loads(connection.recv(0.001))
            problem = told.get("error") or told.get("error_code")
            assert problem != "internal", told


def closed(connection: ClientConnection) -> int:
    """Return the code with which the server closed a socket, or 1000 if it did not."""
    connection.close()
    frame = connection.protocol.close_rcvd
    if frame is None:
        return 1000
    assert frame.code in {1000, 1009} or frame.reason
    return frame.code


def test_a_thousand_messages(shared: Server) -> None:
    """On no socket a message gets a 500, stops the worker or leaves anything behind."""
    chance = random.Random(SEED)  # noqa: S311  # the same messages in each run
    rounds = [[message(chance) for _ in range(MESSAGES // 2)] for _ in range(6)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(attack, [shared] * 3, PATHS, rounds[:3]))
        memory = rss(shared)
        codes = set().union(*pool.map(attack, [shared] * 3, PATHS, rounds[3:]))
    assert codes <= CODES, codes
    assert {1007, 1008} <= codes
    shared.wait_until(lambda: "\nvits_tts_sockets 0.0" in shared.metrics(), "no socket open")
    shared.wait_until(lambda: shared.under_way() == 1, "no request under way")
    assert shared.lines("unexpected error") == []
    assert rss(shared) < memory + 64 * 2**20
    answer = httpx.post(f"{shared.url}/tts/stream", json={"text": "Xin chào."}, timeout=60)
    assert answer.status_code == 200


def rss(server: Server) -> int:
    """Return the resident memory of the worker, in bytes."""
    pages = [
        int(Path(f"/proc/{worker}/statm").read_text(encoding="utf-8").split()[1])
        for worker in server.workers()
    ]
    return sum(pages) * 4096


@pytest.mark.parametrize(
    "frames",
    [
        b"\xff" * 64,  # reserved bits
        b"\x81\x05hello",  # a client's frame without a mask
        b"\x81\xff" + b"\xff" * 12,  # 2**64 - 1 bytes
        b"\x89\xfe\xff\xff" + b"\x00" * 4,  # a ping of 65535 bytes
        b"\x80\x80\x00\x00\x00\x00",  # the rest of a message that has not begun
        b"\x88\x80\x00\x00\x00\x00" * 3,  # several ends
        b"\x01\x81\x00\x00\x00\x00{" * 50,  # beginnings without an end
    ],
)
def test_broken_frames(shared: Server, frames: bytes) -> None:
    """Bytes that are not WebSocket frames close the connection; the worker continues."""
    parts = urlsplit(shared.url)
    head = (
        f"GET /tts/websocket HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with sockets.create_connection((parts.hostname or "", parts.port or 0), 30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 101"
        with suppress(OSError):
            connection.sendall(frames)
            connection.shutdown(sockets.SHUT_WR)
        with suppress(ConnectionError):
            while connection.recv(65536):
                pass
    shared.wait_until(lambda: "\nvits_tts_sockets 0.0" in shared.metrics(), "no socket open")
    assert shared.lines("unexpected error") == []


def test_a_full_server_says_when_to_come_back(tmp_path: Path) -> None:
    """An error of one context has the seconds to wait; the socket stays open."""
    install_pair(tmp_path / "voices")
    limits = {"max_concurrent": 1, "max_concurrent_per_caller": 1}
    with (
        serving_here(tmp_path, {"voice": {"name": "pair"}, "limits": limits}) as server,
        connect(f"{server.url.replace('http', 'ws', 1)}/tts/websocket") as connection,
    ):
        for name in ("a", "b"):
            first = {"context_id": name, "transcript": "Xin", "continue": True, "voice": "pair"}
            connection.send(json.dumps(first))
        told = json.loads(connection.recv(30))
        assert (told["context_id"], told["error_code"], told["status_code"]) == ("b", "busy", 503)
        assert told["retry_after"] >= 1
        connection.send(json.dumps({"context_id": "a", "transcript": " chào.", "voice": "pair"}))
        assert json.loads(connection.recv(30))["context_id"] == "a"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/tts/websocket", "transcript"),
        ("/v1/text-to-speech/pair/multi-stream-input", "text"),
    ],
)
def test_a_refused_first_text_leaves_no_context(shared: Server, path: str, field: str) -> None:
    """More contexts than a socket may have are refused one by one; the next is spoken."""
    before = characters(shared)
    with connect(shared.url.replace("http", "ws", 1) + path, open_timeout=30) as connection:
        for number in range(5):
            begun = {"context_id": f"c{number}", "voice": "pair", "continue": True}
            connection.send(json.dumps({**begun, field: "a\x00b"}))
            told = until(connection, "error_code", "error")
            assert "text_control_characters" in told.values(), told
        said = {"context_id": "good", "voice": "pair", field: "Xin chào. ", "flush": True}
        connection.send(json.dumps(said))
        told = until(connection, "error_code", "error", "audio", "data")
        assert told.get("audio") or told.get("data"), told
    shared.wait_until(
        lambda: characters(shared) == before + len("Xin chào. "), "no refused text is counted"
    )


def until(connection: ClientConnection, *fields: str) -> Mapping[str, Any]:
    """Return the next message that has something in one of these fields."""
    while True:
        told: Mapping[str, Any] = json.loads(connection.recv(30))
        if any(map(told.get, fields)):
            return told


def characters(server: Server) -> int:
    """Return the characters in the account of all callers."""
    answer = httpx.get(f"{server.url}/v1/usage", timeout=60)
    return int(answer.json()["total"]["characters"])


@pytest.mark.parametrize("path", PATHS)
def test_pauses_have_a_limit(shared: Server, path: str) -> None:
    """Ten minutes of silence come in small messages, then an error, in each interface."""
    url = f"{shared.url.replace('http', 'ws', 1)}{path}"
    with connect(f"{url}{'&' if '?' in path else '?'}output_format=ulaw_8000") as connection:
        text = "Vâng. [pause 60s] " * 11
        output = {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000}
        said = {"context_id": "a", "voice": "pair", "continue": True, "output_format": output}
        connection.send(json.dumps({**said, "text": text, "transcript": text, "flush": True}))
        silent = 0
        kinds = ("audio", "data", "message")
        while not (told := until(connection, *kinds)).get("message"):
            sound = base64.b64decode(told.get("audio") or told["data"])
            assert len(sound) <= 2 * 8000
            silent += len(sound)
        assert "markup_invalid" in told.values()
        assert "600 s" in told["message"]
        assert silent > 8000 * 590
        if path.partition("?")[0].endswith("/stream-input"):
            assert closing(connection) == 1008


def closing(connection: ClientConnection) -> int:
    """Return the code with which the server closes a socket."""
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(30)
    assert closed.value.rcvd
    return closed.value.rcvd.code


def test_a_name_that_is_not_unicode(shared: Server) -> None:
    """JSON can spell half a character, which no answer could repeat: it is refused as such."""
    with connect(f"{shared.url.replace('http', 'ws', 1)}/tts/websocket") as connection:
        connection.send(json.dumps({"context_id": "\ud800", "transcript": "a", "voice": "pair"}))
        told = json.loads(connection.recv(30))
        assert (told["error_code"], told["status_code"]) == ("encoding_invalid", 400)
    body = json.dumps({"items": [{"text": "a", "\ud800": 1}]})
    answer = httpx.post(f"{shared.url}/v1/jobs", content=body, timeout=60)
    problem = answer.json()["error"]
    assert (answer.status_code, problem["code"]) == (400, "encoding_invalid")
    assert problem["field"] == "items[0]"
