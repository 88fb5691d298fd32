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

from tests.conftest import LocalStarter
from tests.support.decoding import DECODERS
from tests.support.server import Server, Settings
from tests.support.sound import assert_speech, decode
from vits_tts import config as configuration
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.errors import ConfigError
from vits_tts.web.auth.api_keys import make_key
from vits_tts.web.handlers.openai import OPENAI_VOICES

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá!"


@pytest.fixture
def official(server: Server) -> Iterator[openai.OpenAI]:
    """Return OpenAI's client, connected to the shared server."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_speech(official: openai.OpenAI, name: Any) -> None:
    """Every format of OpenAI works; `pcm` has OpenAI's sample rate."""
    spoken = official.audio.speech.create(
        model="tts-1", voice="alloy", input=f"{TEXT} {name}", response_format=name
    )
    sound = DECODERS[name](spoken.content, 24000)
    if name in {"pcm", "opus"}:
        assert sound.sample_rate == (24000 if name == "pcm" else 48000)
    assert_speech(sound, shortest=2, longest=6)


def test_what_is_left_out(official: openai.OpenAI, client: httpx.Client) -> None:
    """By default the format is MP3 and the voice is the default one, as for `/tts/stream`."""
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
    """A voice may be its name, an object or one of OpenAI's names; a speaker may follow."""

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
    """Twice the speed gives half the duration."""

    def seconds(speed: float) -> float:
        spoken = official.audio.speech.create(
            model="tts-1", voice="pair", input="Một hai ba bốn.", response_format="wav", speed=speed
        )
        return len(spoken.content) / 2 / 8000

    assert seconds(2.0) == pytest.approx(seconds(1.0) / 2, abs=0.02)


def test_events(client: httpx.Client) -> None:
    """The joined audio of the events is the file, and the last event has the usage."""
    text = "Các sự kiện. Từng cái một!"
    body = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "wav"}
    answers = []
    for _ in range(2):  # synthesised, then from memory
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
    """The client's streaming response yields the events line by line."""
    with official.audio.speech.with_streaming_response.create(
        model="tts-1", voice="pair", input="Một hai.", stream_format="sse"
    ) as response:
        lines = [line for line in response.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["type"] for event in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    data = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert DECODERS["mp3"](data, 0).seconds > 0.1


def test_models(official: openai.OpenAI) -> None:
    """The client lists models and fetches one; the server's voices are among them."""
    names = [model.id for model in official.models.list()]
    assert names == ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", EMBEDDED_VOICE, "pair"]
    model = official.models.retrieve("tts-1")
    assert (model.id, model.object, model.owned_by) == ("tts-1", "model", "vits-tts")
    with pytest.raises(openai.NotFoundError) as caught:
        official.models.retrieve("whisper-1")
    assert caught.value.code == "model_not_found"


def test_names_of_voices(client: httpx.Client) -> None:
    """The list has OpenAI's names, the voices, speakers of voices with several, and aliases."""
    listed = client.get("/v1/audio/voices").json()
    names = [voice["id"] for voice in listed["data"]]
    assert names == ["alloy", "onyx", EMBEDDED_VOICE, "pair", "pair/lan", "pair/minh", "Minh"]
    assert listed["object"] == "list"
    assert listed["voices"] == [{"id": name, "name": name} for name in names]
    models = client.get("/v1/models").json()["data"]
    assert client.get("/v1/audio/models").json() == {
        "models": [{"id": model["id"]} for model in models]
    }


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/tts-1", "/v1/audio/models", "/v1/audio/voices"]
)
def test_heads(client: httpx.Client, path: str) -> None:
    """Every path that supports GET supports HEAD (RFC 9110, section 9.1)."""
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == client.get(path).headers["Content-Length"]


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"voice": "nova"}, (400, "voice_invalid", "voice")),
        ({"voice": "pair/ai"}, (400, "speaker_unknown", "voice")),
        ({"voice": {"name": "pair"}}, (400, "field_invalid", "voice")),
        ({"input": ""}, (400, "text_empty", "input")),
        ({"input": None}, (400, "field_invalid", "input")),
        ({"input": 1}, (400, "field_invalid", "input")),
        ({"input": "a" * 2001}, (400, "text_too_long", "input")),
        ({"response_format": "midi"}, (400, "format_invalid", "response_format")),
        ({"speed": 5}, (400, "speed_invalid", "speed")),
        ({"speed": "fast"}, (400, "field_invalid", "speed")),
        ({"model": None}, (400, "field_invalid", "model")),
        ({"stream_format": "tape"}, (400, "field_invalid", "stream_format")),
    ],
)
def test_refusals(
    official: openai.OpenAI, asked: dict[str, Any], refusal: tuple[int, str, str]
) -> None:
    """A refusal raises the client's own error, with OpenAI's fields; no other voice speaks."""
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
        assert error.body["message"].endswith(f"there is alloy, onyx, {EMBEDDED_VOICE}, pair, Minh")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"speed": 5}, "speed must be a number from 0.25 to 4"),
        ({"speed": "fast"}, "speed must be a number, not a text"),
        ({"input": ""}, "input is empty"),
        ({"input": "a" * 2001}, "input has 2001 characters; 2000 are allowed"),
        ({"input": "a\u0000"}, "input has a control character, U+0000, at 1"),
        ({"voice": {"name": "pair"}}, "voice must be a text or an object with id, not an object"),
        ({"voice": ["pair"]}, "voice must be a text or an object, not a list"),
    ],
)
def test_what_would_do(client: httpx.Client, wrong: dict[str, Any], message: str) -> None:
    """A refusal names the values that this interface accepts, and no others."""
    asked = {"model": "tts-1", "voice": "alloy", "input": TEXT, **wrong}
    assert client.post("/v1/audio/speech", json=asked).json()["error"]["message"] == message


@pytest.mark.parametrize(
    ("asked", "means"),
    [
        ({"model": "whisper-1"}, {}),
        ({"voice": "Alloy"}, {}),
        ({"voice": "ONYX"}, {"voice": "pair/minh"}),
        ({"voice": "Pair/minh"}, {"voice": "pair/minh"}),
        ({"speed": "1.0"}, {"speed": 1}),
        ({"response_format": "MP3"}, {"response_format": "mp3"}),
        ({"response_format": "Wav"}, {"response_format": "wav"}),
    ],
)
def test_taken_as_meant(client: httpx.Client, asked: dict[str, Any], means: dict[str, Any]) -> None:
    """Any model, capital letters and quoted numbers are accepted."""
    body = {"model": "tts-1", "voice": "alloy", "input": TEXT}
    client.post("/v1/audio/speech", json={**body, **means})  # both come from memory
    given = client.post("/v1/audio/speech", json={**body, **asked})
    meant = client.post("/v1/audio/speech", json={**body, **means})
    assert given.status_code == meant.status_code == 200
    assert given.headers["Content-Type"] == meant.headers["Content-Type"]
    assert given.content == meant.content


@pytest.mark.parametrize("text", [".", "---", "😀", "```\n```", "\n", "漢字"])
@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_nothing_to_say_is_silence(client: httpx.Client, text: str, stream_format: str) -> None:
    """A text without words is silence: clients that split sentences send such texts."""
    for name in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
        body = {"model": "tts-1", "input": text, "response_format": name}
        answer = client.post("/v1/audio/speech", json={**body, "stream_format": stream_format})
        assert answer.status_code == 200, answer.text
        data = answer.content
        if stream_format == "sse":
            *deltas, done = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line]
            assert done["type"] == "speech.audio.done"
            data = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
        sound = DECODERS[name](data, 24000)
        assert 0.1 < sound.seconds < 0.5
        assert np.abs(sound.samples).max(initial=0) < 0.001
    refused = client.get("/tts/stream", params={"text": text})
    assert refused.json()["error"]["code"] in {"text_unspeakable", "text_empty"}


def test_silence_has_a_voice_that_there_is(client: httpx.Client) -> None:
    """Other errors of a request without words are still reported."""
    body = {"model": "tts-1", "input": "…"}
    assert client.post("/v1/audio/speech", json={**body, "voice": "nova"}).status_code == 400
    assert client.post("/v1/audio/speech", json={**body, "voice": "pair/ai"}).status_code == 400
    assert client.post("/v1/audio/speech", json={**body, "speed": 9}).status_code == 400


def test_a_stock_server(start_here: LocalStarter) -> None:
    """Without a map, each of OpenAI's names means the default voice; lists need a key as well."""
    key, line = make_key("app")
    settings: Settings = {"voice": {"noise_scale": 0, "noise_w": 0}, "access": {"keys": [line]}}
    with start_here(settings) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        headers = {"X-API-Key": key}
        listed = client.get("/v1/audio/voices", headers=headers).json()["voices"]
        assert [voice["id"] for voice in listed] == [*OPENAI_VOICES, EMBEDDED_VOICE]
        spoken = [
            client.post(
                "/v1/audio/speech",
                json={"model": "anything", "input": "Một.", "voice": voice},
                headers=headers,
            ).content
            for voice in [None, *OPENAI_VOICES, "ALLOY", EMBEDDED_VOICE]
        ]
        assert len(set(spoken[1:])) == 1  # all but the first from memory
        assert DECODERS["mp3"](spoken[1], 0).seconds > 0.1
        for path in ("/v1/models", "/v1/audio/models", "/v1/audio/voices"):
            assert client.get(path).status_code == 401


def test_strict_and_open_lists(start_here: LocalStarter) -> None:
    """Strict settings accept only the listed names; lists may be open without a key."""
    _, line = make_key("app")
    settings: Settings = {
        "access": {"keys": [line]},
        "openai": {"open_lists": True, "strict_voices": True},
    }
    with start_here(settings) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert [voice["id"] for voice in client.get("/v1/audio/voices").json()["voices"]] == [
            EMBEDDED_VOICE
        ]
        assert client.get("/v1/audio/models").json()["models"][0] == {"id": "tts-1"}
        assert client.get("/v1/models").status_code == 200
        body = {"model": "tts-1", "voice": EMBEDDED_VOICE, "input": "Một."}
        assert client.post("/v1/audio/speech", json=body).status_code == 401
        described = client.get("/openapi.json").json()["paths"]
        assert described["/v1/audio/voices"]["get"]["security"] == []


def test_strict_names(start_here: LocalStarter) -> None:
    """Strict settings refuse names that are not listed, including models."""
    settings: Settings = {"openai": {"strict_voices": True, "voices": {"nova": EMBEDDED_VOICE}}}
    with start_here(settings) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        for asked, status in (
            ({"voice": "Nova"}, 200),
            ({"voice": "alloy"}, 400),
            ({"model": "whisper-1"}, 404),
        ):
            body = {"model": "tts-1", "voice": "nova", "input": "Một.", **asked}
            assert client.post("/v1/audio/speech", json=body).status_code == status


def test_null_is_nothing(client: httpx.Client) -> None:
    """A parameter that is null counts as missing."""
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
    """Every error below `/v1` has OpenAI's form."""
    headers = {"Content-Type": "application/json"}
    answer = client.request(method, path, content=content, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == refusal
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"


def test_keys_and_limits(start_here: LocalStarter) -> None:
    """The bearer token is the API key; a wrong key and rate limits raise the client's errors."""
    key, line = make_key("app")
    access = {"keys": [line], "requests_per_minute": 3}
    with start_here({"access": access}, pair=True) as server:
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
    """A page of an allowed origin may send the headers of OpenAI's client."""
    origin = "https://app.example.vn"
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/audio/speech", headers=headers)
    allowed = {name.lower() for name in answer.headers["Access-Control-Allow-Headers"].split(", ")}
    told = {name.lower() for name in official.default_headers} - {"x-stainless-async", "user-agent"}
    assert {"x-stainless-lang", "x-stainless-runtime"} <= told <= allowed
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_a_name_must_mean_a_voice(tmp_path: Path) -> None:
    """A name mapped to a voice that does not exist stops the start, with one line."""
    path = tmp_path / "config.yaml"
    path.write_text("openai: {voices: {nova: nobody}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"openai\.voices: nova: should be one of"):
        configuration.load(path)
