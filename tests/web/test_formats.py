"""Formats over HTTP: asked for by name or by `Accept`, streamed and saved."""

from typing import Any

import httpx
import pytest

from tests.support.decoding import DECODERS
from tests.support.server import Server
from tests.support.sound import Sound, decode
from vits_tts.audio.formats import FORMATS

TEXT = "Một con vịt xoè ra hai cái cánh."
TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg; codecs=opus",
    "ogg": "audio/ogg; codecs=opus",
    "aac": "audio/aac",
    "pcm": "audio/pcm; rate=8000",
    "mulaw": "audio/basic",
    "alaw": "audio/PCMA; rate=8000",
}


def streamed(client: httpx.Client, **parameters: Any) -> httpx.Response:
    """Ask for a stream of the tiny voice."""
    params = {"text": TEXT, "voice": "pair", **parameters}
    response = client.get("/tts/stream", params=params)
    assert response.status_code == 200, response.text
    return response


def sound(name: str, data: bytes, rate: int = 8000) -> Sound:
    """Decode a format by its other name, too."""
    return DECODERS["opus" if name == "ogg" else name](data, rate)


@pytest.mark.parametrize("name", TYPES)
def test_every_format_is_streamed(client: httpx.Client, name: str) -> None:
    """New speech, made as it is sent, and the same from memory: both are all of it, and loud."""
    text = f"{TEXT} Lần này là {name}."
    fresh, kept = (streamed(client, text=text, format=name) for _ in range(2))
    at_hand = streamed(client, text=text).content
    whole = decode(at_hand, streamed=True)
    for response in (fresh, kept):
        assert response.headers["Content-Type"] == TYPES[name]
        heard = sound(name, response.content)
        padding = 0.3 if name in {"mp3", "aac"} else 0.001
        assert whole.seconds - 0.001 <= heard.seconds <= whole.seconds + padding
        steady = 13 if name in {"opus", "ogg"} else 1  # Opus takes out what only stands
        assert heard.loudness == pytest.approx(whole.loudness, abs=steady)
    assert "Content-Length" not in fresh.headers
    assert int(kept.headers["Content-Length"]) == len(kept.content)


def test_real_speech(client: httpx.Client, server: Server) -> None:
    """The first bytes of a long text come while most of it is still to be made; all is heard."""
    for name in ("mp3", "opus", "aac", "flac"):
        text = " ".join(f"{name} {place}: trời nắng to và gió thổi nhẹ." for place in range(5))
        answer = client.get("/tts/stream", params={"text": text, "format": name})
        line = server.wait_for("request", request_id=answer.headers["X-Request-ID"])[0]
        assert line["first_byte_ms"] < line["total_ms"] / 3
        heard = sound(name, answer.content)
        plain = decode(client.get("/tts/stream", params={"text": text}).content, streamed=True)
        assert plain.seconds - 0.001 <= heard.seconds <= plain.seconds + 0.3
        assert heard.loudness == pytest.approx(plain.loudness, abs=0.5)
        assert heard.clipped < 1e-3


def test_asked_for_in_any_way(client: httpx.Client) -> None:
    """A query, a form and JSON ask alike; a number may be one or be written."""
    asked: dict[str, Any] = {"text": TEXT, "voice": "pair", "format": "opus", "bit_rate": 24000}
    answers = [
        client.get("/tts/stream", params={**asked, "sample_rate": "16000"}),
        client.post("/tts/stream", data={**asked, "sample_rate": "16000"}),
        client.post("/tts/stream", json={**asked, "sample_rate": 16000}),
    ]
    bodies = {answer.content for answer in answers}
    assert len(bodies) == 1
    more = client.post("/tts/stream", json={**asked, "bit_rate": 96000}).content
    assert len(more) > 1.5 * len(bodies.pop())


def test_another_sample_rate(client: httpx.Client) -> None:
    """WAV at another rate says so, and is as long."""
    plain = decode(streamed(client).content, streamed=True)
    whole = decode(streamed(client, sample_rate=44100).content)
    assert whole.sample_rate == 44100
    assert whole.seconds == pytest.approx(plain.seconds, abs=0.001)
    assert streamed(client, sample_rate=8000).content == streamed(client).content


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        (None, "audio/wav"),
        ("*/*", "audio/wav"),
        ("audio/*", "audio/wav"),
        ("audio/mpeg", "audio/mpeg"),
        ("Audio/FLAC;q=0.5, audio/ogg", "audio/ogg; codecs=opus"),
        ("audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,*/*;q=0.5", "audio/wav"),  # Firefox
        ("audio/wav;q=0, */*", "audio/flac"),
        ("text/html, audio/aac;q=0.1", "audio/aac"),
        ("application/json, text/plain, */*", "audio/wav"),
    ],
)
def test_accept(client: httpx.Client, header: str | None, media_type: str) -> None:
    """Without a name, `Accept` says what comes; of equals, the one that needs least."""
    headers = {"Accept": header} if header else {}
    with httpx.Client(base_url=client.base_url) as plain:
        plain.headers.pop("Accept")
        params = {"text": TEXT, "voice": "pair"}
        answer = plain.get("/tts/stream", params=params, headers=headers)
    assert answer.headers["Content-Type"] == media_type


@pytest.mark.parametrize(
    ("path", "parameters", "accept", "refusal"),
    [
        ("/tts/stream", {}, "image/png", (406, "not_acceptable", None)),
        ("/tts/stream", {}, "video/mp4, audio/wav;q=0, no;q=x", (406, "not_acceptable", None)),
        ("/tts/stream", {"format": "midi"}, "*/*", (400, "format_invalid", "format")),
        ("/tts", {"format": "midi"}, "*/*", (400, "format_invalid", "format")),
        ("/tts", {"sample_rate": "7000"}, "*/*", (400, "sample_rate_invalid", "sample_rate")),
        ("/tts/stream", {"format": "opus", "sample_rate": "22050"}, "*/*",
         (400, "sample_rate_invalid", "sample_rate")),
        ("/tts/stream", {"format": "mp3", "bit_rate": "1"}, "*/*",
         (400, "bit_rate_invalid", "bit_rate")),
        ("/tts", {"format": "flac", "bit_rate": "64000"}, "*/*",
         (400, "bit_rate_invalid", "bit_rate")),
    ],
)  # fmt: skip
def test_refusals(
    client: httpx.Client,
    path: str,
    parameters: dict[str, str],
    accept: str,
    refusal: tuple[int, str, str | None],
) -> None:
    """What cannot be made is refused by a code, with the parameter's name."""
    params = {"text": TEXT, "voice": "pair", **parameters}
    answer = client.get(path, params=params, headers={"Accept": accept})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == refusal


@pytest.mark.parametrize("name", TYPES)
def test_every_format_is_saved(client: httpx.Client, name: str) -> None:
    """A file has its format's suffix and type, says how long it plays, and comes in parts."""
    params = {"text": TEXT, "voice": "pair", "format": name}
    answer = client.get("/tts", params=params).json()
    format_name = "opus" if name == "ogg" else name
    assert answer["format"] == format_name
    assert answer["audio_url"].endswith(f"/audio/{answer['hash']}.{format_name}")
    whole = client.get(answer["audio_url"])
    assert whole.headers["Content-Type"].partition(";")[0] in {
        TYPES[name].partition(";")[0],
        FORMATS[format_name].content_type,
    }
    heard = sound(name, whole.content)
    seconds = decode(streamed(client).content, streamed=True).seconds
    padding = 0.3 if name == "aac" else 0.001
    assert seconds - 0.001 <= heard.seconds <= seconds + padding
    assert heard.seconds == pytest.approx(answer["seconds"], abs=0.001)
    part = client.get(answer["audio_url"], headers={"Range": "bytes=10-99"})
    assert (part.status_code, part.content) == (206, whole.content[10:100])
    fresh = client.get(answer["audio_url"], headers={"If-None-Match": whole.headers["ETag"]})
    assert fresh.status_code == 304
    assert client.get("/tts", params=params).json() == answer


def test_every_encoding_has_its_own_file(client: httpx.Client) -> None:
    """Format, sample rate and bit rate tell files apart; what comes to the same is the same."""
    asked: list[dict[str, str | int]] = [
        {},
        {"format": "mp3"},
        {"format": "mp3", "bit_rate": 32000},
        {"format": "mp3", "sample_rate": 16000},
        {"sample_rate": 16000},
    ]
    params: dict[str, str | int] = {"text": TEXT, "voice": "pair"}
    hashes = [client.get("/tts", params={**params, **each}).json()["hash"] for each in asked]
    assert len(set(hashes)) == len(asked)
    same: list[dict[str, str | int]] = [
        {"format": "wav"},
        {"format": "mp3", "bit_rate": 64000, "sample_rate": 8000},
    ]
    again = [client.get("/tts", params={**params, **each}).json()["hash"] for each in same]
    assert again == hashes[:2]
    accepted = client.get("/tts", params=params, headers={"Accept": "audio/mpeg"}).json()
    assert accepted["hash"] == hashes[1]
    wrong = client.get(accepted["audio_url"].replace(".mp3", ".wav"))
    assert wrong.json()["error"]["code"] == "audio_not_found"
    assert client.get(f"/audio/{hashes[1]}.exe").json()["error"]["code"] == "audio_not_found"
