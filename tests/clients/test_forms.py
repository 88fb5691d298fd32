"""Requests in the form of programs that cannot be installed here."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import LocalStarter
from tests.support.decoding import DECODERS
from tests.support.voices import install_pair
from vits_tts.web.auth.api_keys import make_key

TEXT = "Xin chào các bạn."
KEY, LINE = make_key("app")
BODIES: dict[str, dict[str, Any]] = {
    "Open WebUI": {"model": "tts-1", "input": TEXT, "voice": "alloy"},
    "SillyTavern": {
        "input": TEXT,
        "response_format": "mp3",
        "voice": "alloy",
        "speed": 1,
        "model": "tts-1",
    },
    "n8n": {
        "model": "tts-1",
        "input": TEXT,
        "voice": "alloy",
        "response_format": "mp3",
        "speed": 1,
    },
    "Dify": {"model": "tts-1", "input": TEXT, "voice": "alloy", "response_format": "mp3"},
    "LibreChat": {"input": TEXT, "model": "tts-1", "voice": "alloy", "backend": "transformers"},
    "LibreChat for LocalAI": {"input": TEXT, "model": "alloy", "backend": "piper"},
    "AnythingLLM": {"model": "tts-1", "voice": "alloy", "input": TEXT},
}
WITHOUT_A_KEY = ("Bearer null", "Bearer undefined", "Bearer None", "Bearer")
"""The values that programs send for a key that was left empty in their settings."""


@pytest.mark.parametrize("name", BODIES)
def test_bodies(client: httpx.Client, name: str) -> None:
    """Each request gets MP3 that can be decoded."""
    headers = {"Authorization": "Bearer sk-anything", "Accept": "*/*"}
    answer = client.post("/v1/audio/speech", json=BODIES[name], headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert DECODERS["mp3"](answer.content, 0).seconds > 0.5


def test_open_webui_asks_without_a_key(start_here: LocalStarter) -> None:
    """Open WebUI gets its lists of models and voices, though it sends no key for them."""
    settings: dict[str, dict[str, Any]] = {
        "access": {"keys": [LINE]},
        "openai": {"open_lists": True},
    }
    with start_here(settings, pair=True) as server:
        models = httpx.get(f"{server.url}/v1/audio/models").json()
        assert "tts-1" in {model["id"] for model in models.get("models", [])}
        voices = httpx.get(f"{server.url}/v1/audio/voices").json()
        named = {voice["id"]: voice["name"] for voice in voices.get("voices", [])}
        assert named["alloy"] == "alloy"


def test_home_assistant(client: httpx.Client) -> None:
    """The component openai_tts tries the key, asks for the voices, then for WAV."""
    path = "/v1/audio/speech"
    tried = {"model": "tts-1", "input": ".", "voice": "alloy", "response_format": "mp3"}
    assert client.post(path, json=tried).status_code == 200
    agent = {"User-Agent": "HomeAssistant-OpenAI-TTS"}
    beside = f"{path.rpartition('/')[0]}/voices"
    listed = client.get(beside, params={"limit": 100}, headers=agent).json()
    assert "alloy" in [voice["id"] for voice in listed["data"]]
    asked = {"model": "tts-1", "input": TEXT, "voice": "alloy", "response_format": "wav"}
    answer = client.post(path, json={**asked, "speed": 1.0})
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.content.startswith(b"RIFF")


@pytest.mark.parametrize("given", WITHOUT_A_KEY)
def test_empty_keys(client: httpx.Client, given: str) -> None:
    """A server without keys ignores what stands in the place of one."""
    headers = {"Authorization": given}
    answer = client.post("/v1/audio/speech", json=BODIES["Dify"], headers=headers)
    assert answer.status_code == 200


def test_base_url_with_a_slash(client: httpx.Client) -> None:
    """Programs that join a base URL ending with a slash and a path get the same answers."""
    answer = client.post("/v1//audio/speech", json=BODIES["Open WebUI"])
    assert answer.headers["Content-Type"] == "audio/mpeg"
    for path in ("audio/voices", "audio/models", "models", "models/tts-1"):
        assert client.get(f"/v1//{path}").json() == client.get(f"/v1/{path}").json()
    assert client.get("/v1///models").status_code == 404


def test_programs_for_the_server_that_this_one_replaced(
    start_here: LocalStarter, tmp_path: Path
) -> None:
    """With relative URLs and without the page, the server answers them as the other one did."""
    install_pair(tmp_path / "server" / "voices")
    settings: dict[str, dict[str, Any]] = {
        "server": {"public_url": "relative", "page": False},
        "voice": {"name": "pair"},
    }
    with start_here(settings) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        health = {"status": "healthy", "message": "TTS service is running"}
        assert client.get("/health").json() == health
        assert {client.request(way, "/health").status_code for way in ("POST", "PUT")} == {405}
        root = client.get("/")
        assert (root.status_code, root.headers["Location"]) == (307, "/docs")
        assert client.get("/docs").headers["Content-Type"].startswith("text/html")
        for text in ("Xin chào! 123 !@#$%^&*()", "你好 🌍 مرحبا: chào", "xin chào " * 1000):
            for speed in ("slow", "normal", "fast"):
                answer = client.get("/tts", params={"text": text, "speed": speed})
                told = answer.json()
                assert (told["text"], told["speed"]) == (text, speed)
                assert told["audio_url"] == f"/audio/{told['hash']}.wav"
        sound = client.get(told["audio_url"])
        assert sound.headers["Content-Type"] == "audio/wav"
        stream = client.get("/tts/stream", params={"text": TEXT, "speed": "normal"})
        assert stream.headers["Content-Type"] == "audio/wav"
        for refused in ({}, {"text": ""}, {"text": "a " * 30_000}):
            assert 400 <= client.get("/tts", params=refused).status_code < 500


def test_safari_and_ios(client: httpx.Client) -> None:
    """AVFoundation asks for two bytes, then for all bytes as a range, and gets 206 each time."""
    headers = {
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Range": "bytes=0-1",
        "User-Agent": "AppleCoreMedia/1.0.0.22A3354 (iPhone; U; CPU OS 18_0 like Mac OS X; vi_vn)",
        "X-Playback-Session-Id": "6C1B7F4E-90C1-4B46-8A11-6C1FB2B23E1B",
    }
    for name in ("wav", "mp3"):
        params = {"text": f"{TEXT} Bằng điện thoại.", "format": name}
        first = client.get("/tts/stream", params=params, headers=headers)
        assert (first.status_code, len(first.content)) == (206, 2)
        total = int(first.headers["Content-Range"].partition("/")[2])
        rest = {**headers, "Range": f"bytes=0-{total - 1}"}
        whole = client.get("/tts/stream", params=params, headers=rest)
        assert (whole.status_code, len(whole.content)) == (206, total)


FETCHED = (
    ({"format": "sln16"}, "AsteriskPBX/22.0.0", ".sln16", "audio/pcm; rate=16000"),
    ({"format": "ulaw"}, "AsteriskPBX/22.0.0", ".ulaw", "audio/basic"),
    ({"format": "wav", "sample_rate": 8000}, "freeswitch-http-cache/1.0", ".wav", "audio/wav"),
    ({"format": "mp3"}, "TwilioProxy/1.1", ".mp3", "audio/mpeg"),
    ({"format": "ogg"}, "TelegramBot (like TwitterBot)", ".ogg", "audio/ogg; codecs=opus"),
)


def test_files_by_address(start_here: LocalStarter) -> None:
    """A signed URL is enough for a HEAD request and for the file, with suffix and type."""
    settings: dict[str, dict[str, Any]] = {"access": {"keys": [LINE]}, "audio": {"links": "signed"}}
    with start_here(settings, pair=True) as server:
        for asked, agent, suffix, media_type in FETCHED:
            given: dict[str, Any] = {"text": TEXT, **asked}
            headers = {"X-API-Key": KEY}
            answer = httpx.post(f"{server.url}/tts", json=given, headers=headers, timeout=60)
            url = httpx.URL(answer.json()["audio_url"])
            assert url.path.endswith(suffix)
            headers = {"User-Agent": agent, "Accept": "*/*"}
            head, file = httpx.head(url, headers=headers), httpx.get(url, headers=headers)
            assert head.status_code == file.status_code == 200
            assert file.headers["Content-Type"] == media_type
            assert int(head.headers["Content-Length"]) == len(file.content)
