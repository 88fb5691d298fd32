"""Formats over HTTP: requested by name or by `Accept`, streamed and saved."""

from typing import Any

import httpx
import pytest

from tests.support.decoding import DECODERS
from tests.support.server import Server
from tests.support.sound import Sound, decode

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
    """Request a stream of the tiny voice."""
    params = {"text": TEXT, "voice": "pair", **parameters}
    response = client.get("/tts/stream", params=params)
    assert response.status_code == 200, response.text
    return response


def sound(name: str, data: bytes, rate: int = 8000) -> Sound:
    """Decode a format, under its other name too."""
    return DECODERS["opus" if name == "ogg" else name](data, rate)


@pytest.mark.parametrize("name", TYPES)
def test_every_format_is_streamed(client: httpx.Client, name: str) -> None:
    """New speech and cached speech are both complete and loud in every format."""
    text = f"{TEXT} Lần này là {name}."
    fresh, kept = (streamed(client, text=text, format=name) for _ in range(2))
    at_hand = streamed(client, text=text).content
    whole = decode(at_hand, streamed=True)
    for response in (fresh, kept):
        assert response.headers["Content-Type"] == TYPES[name]
        heard = sound(name, response.content)
        padding = 0.3 if name in {"mp3", "aac"} else 0.001
        assert whole.seconds - 0.001 <= heard.seconds <= whole.seconds + padding
        steady = 13 if name in {"opus", "ogg"} else 1  # Opus removes a constant signal
        assert heard.loudness == pytest.approx(whole.loudness, abs=steady)
    assert "Content-Length" not in fresh.headers
    assert int(kept.headers["Content-Length"]) == len(kept.content)


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        ("ulaw", "audio/basic"),
        ("alaw", "audio/PCMA; rate=8000"),
        ("ogg", "audio/ogg; codecs=opus"),
        ("sln16", "audio/pcm; rate=16000"),
        ("wav16", "audio/wav"),
        ("SLN", "audio/pcm; rate=8000"),
    ],
)
def test_suffixes_of_telephone_systems(client: httpx.Client, suffix: str, media_type: str) -> None:
    """A file has the requested suffix, and the matching type."""
    params = {"text": TEXT, "voice": "pair", "format": suffix}
    saved = client.get("/tts", params=params).json()
    assert saved["audio_url"].endswith(f".{suffix.lower()}")
    answer = client.get(saved["audio_url"])
    assert answer.headers["Content-Type"] == media_type
    heard = sound(saved["format"], answer.content, saved["sample_rate"])
    assert heard.seconds == pytest.approx(saved["seconds"], abs=0.1)
    by_format = saved["audio_url"].rpartition(".")[0] + f".{saved['format']}"
    assert client.get(by_format).content == answer.content
    wrong = client.get("/tts", params={**params, "sample_rate": 44100})
    assert (wrong.status_code == 400) == (suffix != "alaw")


def test_real_speech(client: httpx.Client, server: Server) -> None:
    """The first bytes of a long text come during its synthesis; all of it is in the stream."""
    for name in ("mp3", "opus", "aac", "flac"):
        text = " ".join(f"{name} {place}: trời nắng to và gió thổi nhẹ." for place in range(12))
        answer = client.get("/tts/stream", params={"text": text, "format": name})
        line = server.wait_for("request", request_id=answer.headers["X-Request-ID"])[0]
        assert line["first_byte_ms"] < line["total_ms"] / 3
        heard = sound(name, answer.content)
        plain = decode(client.get("/tts/stream", params={"text": text}).content, streamed=True)
        assert plain.seconds - 0.001 <= heard.seconds <= plain.seconds + 0.3
        assert heard.loudness == pytest.approx(plain.loudness, abs=0.5)
        assert heard.clipped < 1e-3


def test_asked_for_in_any_way(client: httpx.Client) -> None:
    """A query, a form and JSON mean the same; a number may be a number or a string."""
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
    """WAV at another rate states that rate and has the same duration."""
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
        ("application/octet-stream", "audio/wav"),
        ("application/octet-stream, audio/mpeg;q=0.9", "audio/wav"),
        ("audio/flac;q=nan, audio/mpeg;q=0.5", "audio/mpeg"),
        ("audio/mpeg;q=0.5" + ", a/b" * 150 + ", audio/flac", "audio/mpeg"),  # too many: not read
        ("audio/x-mulaw", "audio/basic"),
        ("audio/x-alaw", "audio/PCMA; rate=8000"),
    ],
)
def test_accept(client: httpx.Client, header: str | None, media_type: str) -> None:
    """Without a name, `Accept` decides; of equal formats, the cheapest is chosen."""
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
    """An impossible format is refused with a code and the parameter's name."""
    params = {"text": TEXT, "voice": "pair", **parameters}
    answer = client.get(path, params=params, headers={"Accept": accept})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == refusal


@pytest.mark.parametrize("name", TYPES)
def test_every_format_is_saved(client: httpx.Client, name: str) -> None:
    """A saved file has the suffix and type of its format, its duration, and supports ranges."""
    params = {"text": TEXT, "voice": "pair", "format": name}
    answer = client.get("/tts", params=params).json()
    assert answer["format"] == ("opus" if name == "ogg" else name)
    assert answer["audio_url"].endswith(f"/audio/{answer['hash']}.{name}")  # as it was asked for
    whole = client.get(answer["audio_url"])
    assert whole.headers["Content-Type"] == TYPES[name]
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
    """Format, sample rate and bit rate make different files; equal encodings share one."""
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
