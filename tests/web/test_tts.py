"""`/tts`: makes a file and returns its name."""

import socket
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import LocalStarter
from tests.support.server import Server
from tests.support.sound import assert_speech, decode
from vits_tts.audio import wav

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá!"


def spoken(client: httpx.Client, **parameters: Any) -> dict[str, Any]:
    """Request `/tts` and return its answer, with the bytes of the file as ``wav``."""
    response = client.get("/tts", params=parameters)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    audio = client.get(answer["audio_url"])
    assert audio.status_code == 200
    return {**answer, "wav": audio.content}


def test_old_clients_get_what_they_know(client: httpx.Client, server: Server) -> None:
    """A request in the old server's form gets the old fields: hash, text, speed, audio_url."""
    response = client.get("/tts?text=Xin chào bạn&speed=normal")
    answer = response.json()
    assert response.headers["Content-Type"].startswith("application/json")
    assert answer["text"] == "Xin chào bạn"
    assert answer["speed"] == "normal"
    assert len(answer["hash"]) == 40
    assert answer["audio_url"] == f"{server.url}/audio/{answer['hash']}.wav"


def test_the_file_is_speech(client: httpx.Client) -> None:
    """The WAV is 16-bit, loud and not clipped, with the stated duration and the right pauses."""
    answer = spoken(client, text=TEXT)
    sound = decode(answer["wav"])
    assert_speech(sound, shortest=1.5, longest=6)
    assert sound.sample_rate == answer["sample_rate"] == 16000
    assert sound.seconds == pytest.approx(answer["seconds"], abs=0.001)
    pauses = [pause for pause in sound.silences(0.24) if 0.3 < pause[0] < sound.seconds - 0.5]
    assert len(pauses) == 1
    assert answer["licence"] == "CC BY-NC-SA 4.0"


def test_volume(client: httpx.Client) -> None:
    """`volume` multiplies the samples of a file and of a stream, from the cache too."""
    plain, half = (spoken(client, text=TEXT, volume=volume) for volume in (1, 0.5))
    assert half["hash"] != plain["hash"] == spoken(client, text=TEXT)["hash"]
    expected = decode(plain["wav"]).samples / 2
    assert np.abs(decode(half["wav"]).samples - expected).max() <= 1 / 32768
    usual = client.post("/tts", json={"text": TEXT, "volume": None}).json()
    assert usual["hash"] == plain["hash"]
    for _ in range(2):
        stream = client.post("/tts/stream", json={"text": TEXT, "volume": 0.5})
        assert stream.content[wav.HEADER_BYTES :] == half["wav"][wav.HEADER_BYTES :]
    loud = decode(spoken(client, text=TEXT, volume=4)["wav"]).samples
    assert np.abs(loud).max() <= 10 ** (-1 / 20)


@pytest.mark.parametrize("volume", [-0.1, 4.1, "loud", "nan", "inf", True])
def test_volume_out_of_range(client: httpx.Client, volume: object) -> None:
    """Volumes that are no number from 0 to 4 are refused by name."""
    response = client.post("/tts/stream", json={"text": TEXT, "volume": volume})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["field"]) == ("field_invalid", "volume")


@pytest.mark.parametrize(
    ("speed", "scale"),
    [("very_slow", 1.5), ("slow", 1.2), ("fast", 0.6), ("very_fast", 0.4), ("2", 0.5), ("0.5", 2)],
)
def test_speeds(client: httpx.Client, speed: str, scale: float) -> None:
    """Names of speeds are length scales and numbers are rates; the durations follow them."""
    normal = spoken(client, text=TEXT, speed="normal")
    other = spoken(client, text=TEXT, speed=speed)
    pauses = 0.25
    ratio = (other["seconds"] - pauses) / (normal["seconds"] - pauses)
    assert ratio == pytest.approx(scale, rel=0.15)
    assert other["speed"] == speed


def test_exact_speed(client: httpx.Client) -> None:
    """The length scale reaches the model exactly: two thirds of the rate, 1.5 times the length."""
    normal = spoken(client, text="abc", voice="pair")
    slow = spoken(client, text="abc", voice="pair", speed="very_slow")
    fast = spoken(client, text="abc", voice="pair", speed="4")
    assert slow["seconds"] == pytest.approx(1.5 * normal["seconds"], abs=0.001)
    assert fast["seconds"] == pytest.approx(normal["seconds"] / 4, abs=0.001)


@pytest.mark.parametrize("kind", ["json", "form", "multipart", "query"])
def test_every_way_to_ask_is_the_same(client: httpx.Client, kind: str) -> None:
    """JSON, a form, a multipart form and the query all name the same file."""
    expected = client.get("/tts", params={"text": TEXT, "speed": "slow"}).json()
    fields = {"text": TEXT, "speed": "slow"}
    response = {
        "json": lambda: client.post("/tts", json=fields),
        "form": lambda: client.post("/tts", data=fields),
        "multipart": lambda: client.post("/tts", files={k: (None, v) for k, v in fields.items()}),
        "query": lambda: client.post("/tts", params=fields),
    }[kind]()
    assert response.json() == expected


def test_json_takes_a_number_for_speed(client: httpx.Client) -> None:
    """A speed in JSON may be a number, and is returned as a number."""
    answer = client.post("/tts", json={"text": "Xin chào", "speed": 1.25}).json()
    assert answer["speed"] == 1.25


def test_unescaped_utf8_in_the_url(server: Server) -> None:
    """Clients that send plain UTF-8 in the URL are understood."""
    with httpx.Client() as client:
        expected = client.get(f"{server.url}/tts", params={"text": "chào"}).json()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        request = "GET /tts?text=chào HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert expected["hash"].encode() in answer


def test_composed_and_decomposed_text_are_one(client: httpx.Client) -> None:
    """NFC and NFD of one text are the same file."""
    composed = client.get("/tts", params={"text": "ti\u1ebfng Vi\u1ec7t"}).json()
    decomposed = client.get("/tts", params={"text": "tie\u0302\u0301ng Vie\u0323\u0302t"}).json()
    assert composed["hash"] == decomposed["hash"]


def test_different_speech_has_different_files(client: httpx.Client) -> None:
    """Text, speed, voice and speaker are all part of the hash."""
    asked = [
        {"text": "abc"},
        {"text": "abd"},
        {"text": "abc", "speed": "slow"},
        {"text": "abc", "voice": "pair"},
        {"text": "abc", "voice": "pair", "speaker": "minh"},
    ]
    hashes = {client.get("/tts", params=parameters).json()["hash"] for parameters in asked}
    assert len(hashes) == len(asked)


def test_speakers(client: httpx.Client) -> None:
    """A voice with several speakers uses the requested one, by name or number."""

    def level(**parameters: Any) -> float:
        return float(
            decode(spoken(client, text="abc", voice="pair", **parameters)["wav"]).samples.max()
        )

    assert level() == level(speaker="lan") == level(speaker="0") == pytest.approx(0.25, abs=0.001)
    assert level(speaker="minh") == level(speaker="1") == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize("speaker", ["minh", "1", 1, 1.0])
def test_speakers_in_json(client: httpx.Client, speaker: str | float) -> None:
    """In JSON a speaker may be a number; JSON does not distinguish 1.0 from 1."""
    asked = {"text": "abc", "voice": "pair", "speaker": "minh"}
    expected = client.post("/tts", json=asked).json()
    assert client.post("/tts", json={**asked, "speaker": speaker}).json() == expected


def test_second_request_does_no_inference(client: httpx.Client, server: Server) -> None:
    """A cached sentence needs no inference, also within another text."""
    first = client.get("/tts/stream", params={"text": "Câu này được nhớ."})
    again = client.get("/tts/stream", params={"text": "Câu này được nhớ. Câu kia thì không."})
    line = server.wait_for("request", request_id=again.headers["X-Request-ID"])[0]
    assert (line["sentences"], line["cache_hits"]) == (2, 1)
    assert again.content.startswith(first.content)


def test_no_room_no_cache(start_here: LocalStarter) -> None:
    """A cache of 0 bytes keeps nothing, and everything else works the same."""
    with start_here({"cache": {"memory": {"max_bytes": 0}}}) as server:
        for _ in range(2):
            response = httpx.get(f"{server.url}/tts/stream?text=xin")
            assert_speech(decode(response.content, streamed=True), shortest=0.1, longest=2)
        assert [line["cache_hits"] for line in server.wait_for("request", 2, route="stream")] == [
            0,
            0,
        ]
