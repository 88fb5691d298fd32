"""The interface of Piper's own server, used as its clients do."""

import io
import json
import wave
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import LocalStarter

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá!"


@pytest.mark.parametrize("path", ["/synthesize", "/"])
def test_a_file(client: httpx.Client, path: str) -> None:
    """The answer is a WAV file with its length, which Python's `wave` reads."""
    answer = client.post(path, json={"text": TEXT})  # as pipecat's service does
    assert answer.headers["Content-Type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        samples = file.readframes(file.getnframes())
        assert file.getnframes() * 2 == len(samples) == len(answer.content) - 44
    assert client.get("/tts/stream", params={"text": TEXT}).content[44:] == samples


def test_the_page_stays(client: httpx.Client) -> None:
    """Only a POST of `/` belongs to Piper's interface; GET is still the page."""
    assert client.get("/").headers["Content-Type"].startswith("text/html")


def test_without_a_content_type(client: httpx.Client) -> None:
    """JSON is read with every content type, as from `curl --data`."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = json.dumps({"text": "Một."})
    assert client.post("/synthesize", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("text", [".", "--- 🙂", " "])
def test_nothing_to_say(client: httpx.Client, text: str) -> None:
    """A piece without words is a short silence, since an error would end a call."""
    answer = client.post("/synthesize", json={"text": text, "voice": "pair"})
    assert answer.status_code == 200
    with wave.open(io.BytesIO(answer.content)) as file:
        assert 0 < file.getnframes() < file.getframerate()
        assert not any(file.readframes(file.getnframes()))


def test_fields(client: httpx.Client) -> None:
    """The interface accepts voice, speaker by name or number, and Piper's three scales."""

    def sound(**asked: Any) -> Any:
        answer = client.post("/synthesize", json={"text": "Một hai ba.", "voice": "pair", **asked})
        return np.frombuffer(answer.raise_for_status().content[44:], "<i2")

    plain = sound()
    assert plain.max() / 32768 == pytest.approx(0.25, 0.01)
    for speaker in ({"speaker": "minh"}, {"speaker_id": 1}, {"speaker": "lan", "speaker_id": "1"}):
        assert sound(**speaker).max() / 32768 == pytest.approx(0.5, 0.01)
    assert len(sound(length_scale=2)) == pytest.approx(2 * len(plain), rel=0.02)


def test_numbers_in_texts(client: httpx.Client) -> None:
    """Piper takes numbers in texts, as programs send them from their settings."""

    def sound(**asked: Any) -> bytes:
        body = {"text": "Một hai ba.", **asked}
        return client.post("/synthesize", json=body).raise_for_status().content

    numbers = {"length_scale": 1.5, "noise_scale": 0.5, "noise_w_scale": 0.0}
    assert sound(**{name: str(value) for name, value in numbers.items()}) == sound(**numbers)


def test_noise(client: httpx.Client) -> None:
    """The noise scales change the sound of a voice that has noise."""

    def sound(**asked: Any) -> bytes:
        body = {"text": "Một hai ba.", **asked}
        return client.post("/synthesize", json=body).raise_for_status().content

    plain = sound()
    assert sound(noise_scale=0, noise_w_scale=0) == plain  # as the settings of this server
    assert sound(noise_scale=0.667) != plain
    assert sound(noise_w_scale=0.8) != plain


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"text": ""}, "text_empty"),
        ({}, "text_missing"),
        ({"text": "a", "voice": "nobody"}, "voice_unknown"),
        ({"text": "a", "speaker": "nobody"}, "speaker_unknown"),
        ({"text": "a", "length_scale": 100}, "field_invalid"),
        ({"text": "a", "noise_scale": "much"}, "field_invalid"),
        ({"text": "a", "noise_scale": "nan"}, "field_invalid"),
        ({"text": "a", "length_scale": "100"}, "field_invalid"),
        ({"text": "a", "noise_w_scale": False}, "field_invalid"),
    ],
)
def test_refusals(client: httpx.Client, wrong: dict[str, Any], code: str) -> None:
    """A request that cannot be fulfilled gets an error of this server."""
    answer = client.post("/synthesize", json=wrong)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize("field", ["speaker", "speaker_id"])
def test_an_unknown_speaker_is_told_by_its_field(client: httpx.Client, field: str) -> None:
    """The error names the field that the caller sent."""
    answer = client.post("/synthesize", json={"text": "a", "voice": "pair", field: "nobody"})
    assert answer.json()["error"]["field"] == field


def test_a_long_text(client: httpx.Client) -> None:
    """A long text is sent during synthesis, so it is never held in memory as a whole."""
    asked = {"text": "Đây là một câu. " * 110, "voice": "pair", "length_scale": 2}
    answer = client.post("/synthesize", json=asked)
    assert "Content-Length" not in answer.headers
    assert answer.content[40:44] == b"\xff" * 4


def test_switched_off(start_here: LocalStarter) -> None:
    """With `piper.enabled: false` these paths do not exist."""
    with start_here({"piper": {"enabled": False}}, pair=True) as server:
        assert httpx.post(f"{server.url}/synthesize", json={"text": "a"}).status_code == 404
        assert httpx.post(f"{server.url}/", json={"text": "a"}).status_code == 405
