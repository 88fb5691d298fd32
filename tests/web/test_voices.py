"""A server with several voices that are loaded on request and dropped again."""

import re
import shutil
import socket
from pathlib import Path

import httpx

from tests.conftest import Starter
from tests.support.server import Server, Settings
from tests.support.sound import decode
from tests.support.voices import install_pair

_LONG = {"text": "mot hai ba bon nam. " * 300, "speed": "0.25", "voice": "second"}
"""Megabytes of sound: more than the kernel buffers for a client that does not read."""
_SMALL = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)]


def loaded(server: Server) -> set[str]:
    """Return the names of the voices that `/voices` shows as loaded."""
    rows = httpx.get(f"{server.url}/voices").json()["voices"]
    return {row["name"] for row in rows if row["loaded"]}


def counted(server: Server, metric: str) -> float:
    """Return a number of `/metrics`."""
    page = httpx.get(f"{server.url}/metrics").text
    found = re.search(rf"^{re.escape(metric)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_voices_come_and_go(start: Starter, tmp_path: Path) -> None:
    """A voice is loaded by its first request, dropped when unused, and sounds the same again.

    A stream under way keeps its voice. If a voice's model is missing or replaced, no other voice
    speaks in its place, and other voices still work.
    """
    voices, pieces = tmp_path / "server" / "voices", tmp_path / "pieces"
    for number, name in enumerate(("first", "second", "third")):
        install_pair(voices, name, sample_rate=8000 * (number + 1))
    settings: Settings = {
        "voice": {
            "name": "first",
            "others": ["second", "third"],
            "load": "first_use",
            "unused_seconds": 0.3,
            "pieces_folder": str(pieces),
        },
        "server": {"workers": 1},
        "cache": {"memory": {"max_bytes": 0}},
        "limits": {"max_start_delay": 30, "slow_client_seconds": 300},
    }
    with start(settings) as server, httpx.Client(base_url=server.url, timeout=60) as client:

        def say(voice: str, **more: str) -> httpx.Response:
            return client.get("/tts/stream", params={"text": "mot hai", "voice": voice, **more})

        assert loaded(server) == {"first"}
        before = say("second", speaker="minh")
        assert decode(before.content, streamed=True).samples.max() > 0.49
        server.wait_until(lambda: loaded(server) == {"first"}, "the second is dropped")
        assert say("second", speaker="minh").content == before.content
        assert counted(server, 'vits_tts_voice_loads_total{outcome="loaded"}') >= 3
        assert counted(server, 'vits_tts_voice_drops_total{reason="unused"}') >= 1

        # A slow listener keeps its voice loaded all the time, while others come and go.
        whole = client.get("/tts/stream", params=_LONG).content
        transport = httpx.HTTPTransport(socket_options=_SMALL)
        with (
            httpx.Client(base_url=server.url, timeout=60, transport=transport) as idler,
            idler.stream("GET", "/tts/stream", params=_LONG) as slow,
        ):
            blocks = slow.iter_raw()
            sound = next(blocks)
            for _ in range(2):
                assert say("third").status_code == 200
                server.wait_until(lambda: "third" not in loaded(server), "the third is dropped")
                assert "second" in loaded(server)
            sound += b"".join(blocks)
        assert sound == whole
        server.wait_until(lambda: loaded(server) == {"first"}, "the second is dropped")

        # With the files of the third deleted, its pieces still speak. Without its pieces, it
        # cannot.
        spoken = say("third").content
        model = voices / "third.onnx"
        other = model.read_bytes() + b"another"
        model.unlink()
        server.wait_until(lambda: loaded(server) == {"first"}, "the third is dropped")
        assert say("third").content == spoken
        server.wait_until(lambda: loaded(server) == {"first"}, "the third is dropped")
        shutil.rmtree(pieces)
        model.write_bytes(other)
        refused = say("third")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_ready")
        assert int(refused.headers["Retry-After"]) >= 1
        assert str(tmp_path) not in refused.text
        server.wait_for("voice cannot be loaded", voice="third")
        assert say("second", speaker="minh").content == before.content
        assert client.get("/readyz").json()["status"] == "ready"
