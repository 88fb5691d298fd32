"""`/healthz`, `/readyz`, `/voices`."""

import os
import signal
from pathlib import Path

import httpx

from tests.conftest import Starter
from tests.support.server import Server, until
from tests.support.voices import install_pair


def test_health(client: httpx.Client) -> None:
    """Health answers under both names, also for HEAD."""
    assert client.get("/healthz").json() == {"status": "ok"}
    replaced = {"status": "healthy", "message": "TTS service is running"}
    assert client.get("/health").json() == replaced
    for path in ("/healthz", "/health", "/metrics"):
        assert client.head(path).status_code == 200


def test_health_never_waits_for_synthesis(start: Starter) -> None:
    """Health answers while every inference thread is busy and requests queue."""
    with start({"voice": {"threads": 1}}) as server:
        text = " ".join(f"câu số {number}." for number in range(200))
        asked = f"{server.url}/tts/stream"
        with httpx.Client() as client, client.stream("GET", asked, params={"text": text}) as busy:
            sound = busy.iter_raw(1)
            next(sound)
            assert httpx.get(f"{server.url}/healthz").status_code == 200
            assert not server.lines("request")  # the stream was still under way


def test_not_ready_before_the_voice_is_loaded(start: Starter) -> None:
    """The process answers before it is ready; an early request waits and is served."""
    with start(ready=False) as server:
        seen = set()

        def ready() -> bool:
            response = httpx.get(f"{server.url}/readyz")
            seen.add((response.status_code, response.json()["status"]))
            return response.status_code == 200

        early = httpx.get(f"{server.url}/tts?text=xin", timeout=60)
        assert early.status_code == 200
        until(ready, "ready", server.explain)
        assert seen <= {(503, "loading"), (200, "ready")}


def test_a_voice_that_breaks_later(start: Starter, tmp_path: Path) -> None:
    """A worker that starts after the model was damaged reports the reason until it is repaired."""
    model = install_pair(tmp_path / "server" / "voices")
    whole = model.read_bytes()
    with start({"voice": {"name": "pair"}}) as server:
        model.write_bytes(whole[:100])
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        broken = server.wait_for("voice cannot be loaded")[0]["process"]
        ready = httpx.get(f"{server.url}/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "voice_broken")
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        refused = httpx.get(f"{server.url}/tts?text=abc")
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "not_ready"
        assert str(tmp_path) not in refused.text + ready.text
        server.wait_for_text("worker cannot start")  # a worker that replaces another one
        model.write_bytes(whole)
        server.wait_until(lambda: broken not in server.workers(), "replaced")
        assert httpx.get(f"{server.url}/tts?text=abc").status_code == 200


def test_voices(client: httpx.Client, server: Server) -> None:
    """Every voice is listed with its licence, the default one first."""
    answer = client.get("/voices").json()
    first, second = answer["voices"]
    assert answer["default"] == first["name"] == "vi_VN-vais1000-compact"
    assert (first["default"], second["default"]) == (True, False)
    assert first["licence"] == "CC BY-NC-SA 4.0"
    assert "VAIS-1000" in first["attribution"]
    assert first["sample_rate"] == 16000
    assert second["speakers"] == ["lan", "minh"]
    assert second["licence"].startswith("unknown")
    assert "voices list --available" in first["advice"]
    assert second["advice"] is None
    assert (first["commercial"], second["commercial"]) == (False, None)
    started = {line["voice"]: line for line in server.lines("voice")}
    assert started[first["name"]]["licence"] == first["licence"]
    assert started[first["name"]]["attribution"] == first["attribution"]
    assert started[first["name"]]["advice"] == first["advice"]
    assert "advice" not in started[second["name"]]
