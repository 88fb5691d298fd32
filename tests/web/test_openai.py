"""OpenAI's speech API, by OpenAI's own client."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from tests.conftest import Starter
from tests.support.decoding import DECODERS
from tests.support.server import Server
from tests.support.sound import assert_speech, decode
from vits_tts import config as configuration
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.errors import ConfigError
from vits_tts.web.access import make_key

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá!"


@pytest.fixture
def official(server: Server) -> Iterator[openai.OpenAI]:
    """OpenAI's client, pointed at the shared server."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_speech(official: openai.OpenAI, name: Any) -> None:
    """Every format that OpenAI has is speech; `pcm` has OpenAI's sample rate."""
    spoken = official.audio.speech.create(
        model="tts-1", voice="alloy", input=f"{TEXT} {name}", response_format=name
    )
    sound = DECODERS[name](spoken.content, 24000)
    if name in {"pcm", "opus"}:
        assert sound.sample_rate == (24000 if name == "pcm" else 48000)
    assert_speech(sound, shortest=2, longest=6)


def test_what_is_left_out(official: openai.OpenAI, client: httpx.Client) -> None:
    """MP3 is the default, and the voice is the default one: the same speech as of `/tts/stream`."""
    body = {"model": "gpt-4o-mini-tts", "input": TEXT, "instructions": "Speak slowly."}
    answer = client.post("/v1/audio/speech", json=body)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    params = {"text": TEXT, "format": "mp3"}
    assert client.get("/tts/stream", params=params).content == answer.content
    named = official.audio.speech.create(model="tts-1-hd", voice=EMBEDDED_VOICE, input=TEXT)
    assert named.content == answer.content


def test_streamed_to_a_file(official: openai.OpenAI, tmp_path: Path) -> None:
    """The client writes a stream into a file as it comes."""
    path = tmp_path / "speech.wav"
    with official.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=f"{TEXT} Vào tệp.", response_format="wav", speed=1.5
    ) as response:
        response.stream_to_file(path)
    assert_speech(decode(path.read_bytes(), streamed=True), shortest=1.5, longest=5)


def test_voices(official: openai.OpenAI) -> None:
    """A voice goes by its name, an object or one of OpenAI's names; a speaker may follow."""

    def level(voice: Any, model: str = "tts-1") -> float:
        spoken = official.audio.speech.create(
            model=model, voice=voice, input="Một hai ba.", response_format="wav"
        )
        data = spoken.content
        return float(np.abs(np.frombuffer(data[44:], "<i2")).max()) / 32768

    assert level("pair") == level("pair/lan") == level({"id": "pair"}) == pytest.approx(0.25, 0.01)
    assert level("pair/minh") == level("onyx") == pytest.approx(0.5, 0.01)
    assert level("", model="pair") == level("pair")


def test_speed(official: openai.OpenAI) -> None:
    """Twice as fast is half as long."""

    def seconds(speed: float) -> float:
        spoken = official.audio.speech.create(
            model="tts-1", voice="pair", input="Một hai ba bốn.", response_format="wav", speed=speed
        )
        return len(spoken.content) / 2 / 8000

    assert seconds(2.0) == pytest.approx(seconds(1.0) / 2, abs=0.02)


def test_events(client: httpx.Client) -> None:
    """The events' audio in a row is the file, and the last one says what was used."""
    text = "Các sự kiện. Từng cái một!"
    body = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "wav"}
    answers = []
    for _ in range(2):  # made as it is sent, and from memory
        answer = client.post("/v1/audio/speech", json={**body, "stream_format": "sse"})
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = answer.text.split("\n\n")
        assert lines.pop() == ""
        answers.append([json.loads(line.removeprefix("data: ")) for line in lines])
    sounds = []
    for events in answers:
        *deltas, done = events
        assert {event["type"] for event in deltas} == {"speech.audio.delta"}
        data = b"".join(base64.b64decode(event["audio"], validate=True) for event in deltas)
        sounds.append(decode(data, streamed=data[40:44] == b"\xff" * 4))
        usage = done["usage"]
        assert done == {"type": "speech.audio.done", "usage": usage}
        assert usage["input_tokens"] == len(text)
        assert usage["output_tokens"] == np.ceil(sounds[-1].seconds * 50)
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert len(answers[0]) > 2
    assert_speech(sounds[0], shortest=1, longest=4)
    assert np.array_equal(sounds[0].samples, sounds[1].samples)


def test_events_by_the_client(official: openai.OpenAI) -> None:
    """The client's streaming response hands the events on line by line."""
    with official.audio.speech.with_streaming_response.create(
        model="tts-1", voice="pair", input="Một hai.", stream_format="sse"
    ) as response:
        lines = [line for line in response.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["type"] for event in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    data = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert DECODERS["mp3"](data, 0).seconds > 0.1


def test_models(official: openai.OpenAI) -> None:
    """The client lists models and fetches one; our voices are among them."""
    names = [model.id for model in official.models.list()]
    assert names == ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", EMBEDDED_VOICE, "pair"]
    model = official.models.retrieve("tts-1")
    assert (model.id, model.object, model.owned_by) == ("tts-1", "model", "vits-tts")
    with pytest.raises(openai.NotFoundError) as caught:
        official.models.retrieve("whisper-1")
    assert caught.value.code == "model_not_found"


def test_names_of_voices(client: httpx.Client) -> None:
    """OpenAI's names that are mapped, our voices, and the speakers of those that have several."""
    listed = client.get("/v1/audio/voices").json()
    names = [voice["id"] for voice in listed["data"]]
    assert names == ["alloy", "onyx", EMBEDDED_VOICE, "pair", "pair/lan", "pair/minh"]
    assert listed["object"] == "list"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/tts-1", "/v1/audio/voices"])
def test_heads(client: httpx.Client, path: str) -> None:
    """What can be got can be looked at (RFC 9110, section 9.1)."""
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == client.get(path).headers["Content-Length"]


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"voice": "nova"}, (400, "voice_invalid", "voice")),
        ({"voice": "pair/ai"}, (400, "speaker_unknown", "voice")),
        ({"voice": {"name": "pair"}}, (400, "field_invalid", "voice")),
        ({"model": "whisper-1"}, (404, "model_not_found", "model")),
        ({"input": ""}, (400, "text_empty", "input")),
        ({"input": None}, (400, "field_invalid", "input")),
        ({"input": 1}, (400, "field_invalid", "input")),
        ({"input": "?!"}, (400, "text_unspeakable", "input")),
        ({"input": "a" * 2001}, (400, "text_too_long", "input")),
        ({"response_format": "midi"}, (400, "format_invalid", "response_format")),
        ({"speed": 5}, (400, "speed_invalid", "speed")),
        ({"speed": "fast"}, (400, "field_invalid", "speed")),
        ({"speed": "1.5"}, (400, "field_invalid", "speed")),
        ({"model": None}, (400, "field_invalid", "model")),
        ({"stream_format": "tape"}, (400, "field_invalid", "stream_format")),
    ],
)
def test_refusals(
    official: openai.OpenAI, asked: dict[str, Any], refusal: tuple[int, str, str]
) -> None:
    """The client raises its own errors, with OpenAI's fields, and never another voice speaks."""
    status, code, param = refusal
    kind = {400: openai.BadRequestError, 404: openai.NotFoundError}[status]
    body: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": TEXT, **asked}
    with pytest.raises(kind) as caught:
        official.audio.speech.create(**body)
    error = caught.value
    assert (error.code, error.param, error.type) == (code, param, "invalid_request_error")
    assert isinstance(error.body, dict)
    assert set(error.body) == {"message", "type", "param", "code"}
    assert error.request_id
    if code == "voice_invalid":
        assert error.body["message"].endswith(f"there is alloy, onyx, {EMBEDDED_VOICE}, pair")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"speed": 5}, "speed is a number from 0.25 to 4"),
        ({"speed": "1.5"}, "speed is a number, not a text"),
        ({"voice": {"name": "pair"}}, "voice is a text or an object with id, not an object"),
        ({"voice": ["pair"]}, "voice is a text or an object, not a list"),
    ],
)
def test_what_would_do(client: httpx.Client, wrong: dict[str, Any], message: str) -> None:
    """A refusal says what is taken here, and nothing that is taken elsewhere only."""
    asked = {"model": "tts-1", "voice": "alloy", "input": TEXT, **wrong}
    assert client.post("/v1/audio/speech", json=asked).json()["error"]["message"] == message


def test_null_is_nothing(client: httpx.Client) -> None:
    """What programs send as null they have not asked for."""
    plain = client.post("/v1/audio/speech", json={"model": "tts-1", "input": TEXT})
    names = ("voice", "response_format", "speed", "stream_format", "instructions")
    nulls: dict[str, Any] = dict.fromkeys(names)
    same = client.post("/v1/audio/speech", json={"model": "tts-1", "input": TEXT, **nulls})
    assert same.headers["Content-Type"] == plain.headers["Content-Type"] == "audio/mpeg"
    assert same.content == plain.content


@pytest.mark.parametrize(
    ("method", "path", "content", "refusal"),
    [
        ("GET", "/v1/audio/speech", b"", (405, "method_not_allowed")),
        ("DELETE", "/v1/models", b"", (405, "method_not_allowed")),
        ("GET", "/v1/chat/completions", b"", (404, "not_found")),
        ("POST", "/v1", b"", (404, "not_found")),
        ("POST", "/v1/audio/speech", b"", (400, "field_invalid")),
        ("POST", "/v1/audio/speech", b"[]", (400, "json_invalid")),
        ("POST", "/v1/audio/speech", b"x" * 70_000, (413, "body_too_large")),
    ],
)
def test_shape_of_errors(
    client: httpx.Client, method: str, path: str, content: bytes, refusal: tuple[int, str]
) -> None:
    """Whatever goes wrong below `/v1` is said as OpenAI says it."""
    headers = {"Content-Type": "application/json"}
    answer = client.request(method, path, content=content, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == refusal
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"


def test_keys_and_limits(start: Starter) -> None:
    """A key is OpenAI's bearer token; a wrong one and too many requests are its client's errors."""
    key, line = make_key("app")
    with start({"access": {"keys": [line], "requests_per_minute": 3}}) as server:
        url = f"{server.url}/v1"
        with (
            openai.OpenAI(base_url=url, api_key="sk-wrong", max_retries=0) as stranger,
            pytest.raises(openai.AuthenticationError) as refused,
        ):
            stranger.models.list()
        assert refused.value.code == "invalid_api_key"
        with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as official:
            for _ in range(3):
                assert official.models.list().data
            with pytest.raises(openai.RateLimitError) as limited:
                official.audio.speech.create(model="tts-1", voice="x", input=TEXT)
        assert limited.value.code == "rate_limit_exceeded"
        assert limited.value.type == "requests"
        assert int(limited.value.response.headers["Retry-After"]) >= 1


def test_clients_in_pages(official: openai.OpenAI, client: httpx.Client) -> None:
    """A page of an allowed origin may send what OpenAI's clients tell of themselves."""
    origin = "https://app.example.vn"
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/audio/speech", headers=headers)
    allowed = {name.lower() for name in answer.headers["Access-Control-Allow-Headers"].split(", ")}
    told = {name.lower() for name in official.default_headers} - {"x-stainless-async", "user-agent"}
    assert {"x-stainless-lang", "x-stainless-runtime"} <= told <= allowed
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_a_name_must_mean_a_voice(tmp_path: Path) -> None:
    """A name of OpenAI's that means no voice of ours stops the start, with one line."""
    path = tmp_path / "config.yaml"
    path.write_text("openai: {voices: {nova: nobody}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"openai\.voices: nova: should be one of"):
        configuration.load(path)
