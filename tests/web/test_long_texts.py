"""Streams of long texts, whose beginning is heard while the rest is read."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.local import LocalServer, serving_here
from tests.support.voices import install_pair
from tests.text.test_incremental import PARAGRAPHS

TEXT = "\n\n".join([*PARAGRAPHS, *PARAGRAPHS[:2]])
TOO_LONG = f"Một câu ngắn ở đầu. {'WWW ' * 600}"
HEADER_BYTES = 44


@pytest.fixture(scope="module")
def lengths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with the voice of two speakers, which keeps no sentence."""
    folder = tmp_path_factory.mktemp("long-texts")
    install_pair(folder / "voices")
    settings: dict[str, dict[str, Any]] = {
        "voice": {"name": "pair"},
        "server": {"max_text_chars": 3000},
        "cache": {"memory": {"max_bytes": 0}},
        "elevenlabs": {"voices": {"adam": "pair"}},
    }
    with serving_here(folder, settings) as running:
        yield running


@pytest.fixture
def client(lengths: LocalServer) -> Iterator[httpx.Client]:
    """Return a client of that server."""
    with httpx.Client(base_url=lengths.url, timeout=60) as connected:
        yield connected


@pytest.fixture(scope="module")
def saved(lengths: LocalServer) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the samples of the saved file of the text, and its sentences with their times."""
    with httpx.Client(base_url=lengths.url, timeout=60) as client:
        answer = client.post("/tts", json={"text": TEXT, "timestamps": True}).json()
        samples = client.get(answer["audio_url"]).content[HEADER_BYTES:]
    return samples, answer["timestamps"]["sentences"]


def test_all_streams_have_the_samples_of_the_saved_file(
    client: httpx.Client, saved: tuple[bytes, list[dict[str, Any]]]
) -> None:
    """The pauses, words and their order do not depend on when the text was read."""
    samples, _ = saved
    openai = {"input": TEXT, "model": "pair", "response_format": "wav"}
    streams = [
        client.post("/tts/stream", json={"text": TEXT}),
        client.get("/tts/stream", params={"text": TEXT}),
        client.get("/tts/stream", params={"text": TEXT}, headers={"Range": "bytes=0-"}),
        client.post("/v1/audio/speech", json=openai),
        client.post(
            "/v1/text-to-speech/adam/stream",
            params={"output_format": "wav_8000"},
            json={"text": TEXT},
            headers={"xi-api-key": "any"},
        ),
    ]
    for answer in streams:
        assert answer.is_success, answer.text
        assert answer.content[HEADER_BYTES:] == samples


def test_times_are_those_of_the_saved_file(
    client: httpx.Client, saved: tuple[bytes, list[dict[str, Any]]]
) -> None:
    """Every sentence and word has its time and its place in the text."""
    samples, sentences = saved
    answer = client.post("/tts/stream", json={"text": TEXT, "timestamps": True})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    told = [line for line in lines if line.pop("type") == "sentence" or "data" in line]
    assert [line for line in told if "words" in line] == sentences
    audio = b"".join(base64.b64decode(line["data"]) for line in told if "data" in line)
    assert audio[HEADER_BYTES:] == samples


def test_the_log_counts_the_whole_text(client: httpx.Client, lengths: LocalServer) -> None:
    """All sentences are in the log line, as for a text that was read first."""
    lengths.forget()
    client.post("/tts/stream", json={"text": TEXT})
    client.post("/tts", json={"text": TEXT, "speed": 1.5})
    stream, file = lengths.wait_for("request", 2)
    assert stream["sentences"] == file["sentences"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{TEXT}\x07", "text_control_characters"),
        (TEXT * 2, "text_too_long"),
        ("98765432 " * 300, "text_too_long"),
        (f"[pause 61s]{TEXT}", "markup_invalid"),
        ("你好。\n" * 400, "text_unspeakable"),
    ],
)
def test_errors_before_the_first_byte(client: httpx.Client, text: str, code: str) -> None:
    """Errors that can be known without reading all of the text get a JSON answer."""
    answer = client.post("/tts/stream", json={"text": text})
    assert answer.status_code in {400, 413}
    assert answer.json()["error"]["code"] == code


def test_a_text_that_turns_out_too_long_ends_the_stream(client: httpx.Client) -> None:
    """The connection is closed after the beginning; a stream with times says why."""
    assert client.post("/tts", json={"text": TOO_LONG}).json()["error"]["code"] == "text_too_long"
    assert received(client, {"text": TOO_LONG})[:4] == b"RIFF"
    lines = received(client, {"text": TOO_LONG, "timestamps": True}).splitlines()
    assert json.loads(lines[1])["type"] == "sentence"
    assert json.loads(lines[-1])["error"]["code"] == "text_too_long"


def received(client: httpx.Client, asked: dict[str, object]) -> bytes:
    """Return the bytes of a stream that the server breaks off."""
    data = bytearray()

    def receive() -> None:
        for part in answer.iter_raw():
            data.extend(part)

    with client.stream("POST", "/tts/stream", json=asked) as answer:
        assert answer.is_success
        with pytest.raises(httpx.RemoteProtocolError):
            receive()
    return bytes(data)
