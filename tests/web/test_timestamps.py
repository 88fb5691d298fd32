"""`timestamps`: times of sentences and words, in JSON, as subtitles, and along the stream."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import webvtt

from tests.conftest import LocalStarter
from tests.inference.test_durations import toy_voice
from tests.support.decoding import by_dr_libs, by_ffmpeg, by_nobody
from tests.support.server import Server
from tests.support.sound import Sound, decode

TEXT = (
    "Giá **35k/kg**, mở cửa 7h-11h30 hằng ngày, trừ chủ nhật và các ngày lễ. "
    "Tăng 15,2% so với tháng trước; một, hai, ba!\n\nHẹn gặp lại 👋."
)


def timed(client: httpx.Client, text: str = TEXT, **more: Any) -> tuple[dict[str, Any], Sound]:
    """Return the answer of `/tts` with times, and its sound."""
    query = {"text": text, "timestamps": "true"} | more
    answer = client.get("/tts", params=query).json()
    return answer, decode(client.get(answer["audio_url"]).content)


def level(sound: Sound, start: float, end: float) -> float:
    """Return the level of a part of the sound, relative to all of it."""
    first, last = (round(seconds * sound.sample_rate) for seconds in (start, end))
    part = np.sqrt(np.mean(sound.samples[first:last] ** 2))
    return float(part / np.sqrt(np.mean(sound.samples**2)))


def test_words_in_order(client: httpx.Client) -> None:
    """All spoken words are listed in order, without overlap, inside their sentence.

    Each word has its place in the source.
    """
    answer, sound = timed(client)
    reading = client.get("/normalize", params={"text": TEXT}).json()
    sentences = answer["timestamps"]["sentences"]
    keys = ("start", "end")
    assert [[part["spoken"], *map(part.get, keys)] for part in sentences] == [
        [part["text"], *map(part.get, keys)] for part in reading["sentences"]
    ]
    clock = 0.0
    for sentence in sentences:
        assert TEXT[sentence["start"] : sentence["end"]] == sentence["text"]
        assert not sentence["estimated"]
        spoken = "".join(c if c.isalnum() else " " for c in sentence["spoken"]).split()
        assert [word["spoken"] for word in sentence["words"]] == spoken
        for word in sentence["words"]:
            assert TEXT[word["start"] : word["end"]] == word["text"]
            assert clock <= word["start_seconds"] < word["end_seconds"]
            clock = word["end_seconds"]
        assert clock <= sentence["end_seconds"]
        clock = sentence["end_seconds"]
    assert clock == pytest.approx(sound.seconds, abs=1e-4)


def test_sentences_and_pauses_are_the_sound(client: httpx.Client) -> None:
    """Sentences and pauses add up to the duration, and the pauses are silent."""
    answer, sound = timed(client)
    sentences = answer["timestamps"]["sentences"]
    reading = client.get("/normalize", params={"text": TEXT}).json()
    assert sentences[0]["start_seconds"] == 0
    for (before, after), read in zip(pairwise(sentences), reading["sentences"][:-1], strict=True):
        start, end = before["end_seconds"], after["start_seconds"]
        assert end - start == pytest.approx(read["pause"], abs=2e-4)
        samples = sound.samples[
            round(start * sound.sample_rate) + 2 : round(end * sound.sample_rate) - 2
        ]
        assert not samples.any()
    assert len({read["pause"] for read in reading["sentences"]}) == 3


def test_words_are_heard_when_they_are_said_to_be(client: httpx.Client) -> None:
    """The sound is loud during words and quiet before the first one and at commas."""
    answer, sound = timed(client, "Một, hai, ba, bốn, năm.", speed="slow")
    (sentence,) = answer["timestamps"]["sentences"]
    words = sentence["words"]
    assert len(words) == 5
    assert level(sound, 0, words[0]["start_seconds"] - 0.02) < 0.1
    for word in words:
        assert level(sound, word["start_seconds"], word["end_seconds"]) > 0.5
    for before, after in pairwise(words):
        assert after["start_seconds"] - before["end_seconds"] > 0.1
        assert level(sound, before["end_seconds"] + 0.05, after["start_seconds"] - 0.03) < 0.15


def test_many_words_in_one_place(client: httpx.Client) -> None:
    """A number becomes several spoken words, all of which refer to the written number."""
    answer, _ = timed(client, "Tăng 15,2% nhé.")
    (sentence,) = answer["timestamps"]["sentences"]
    places = [(word["text"], word["start"], word["end"]) for word in sentence["words"]]
    assert places == [("Tăng", 0, 4), *[("15,2", 5, 9)] * 4, *[("%", 9, 10)] * 2, ("nhé", 11, 14)]


def test_speed_stretches_times(client: httpx.Client) -> None:
    """At half the rate, words begin about twice as late."""
    normal, slow = (timed(client, "Xin chào các bạn", speed=rate)[0] for rate in ("1", "0.5"))
    last, later = (
        it["timestamps"]["sentences"][0]["words"][-1]["end_seconds"] for it in (normal, slow)
    )
    assert later / last == pytest.approx(2, rel=0.1)


def test_a_voice_that_does_not_tell_is_estimated(client: httpx.Client) -> None:
    """A voice without durations gets estimated times, by letters, which are marked as such."""
    answer, sound = timed(client, "nam xin chao", voice="pair")
    (sentence,) = answer["timestamps"]["sentences"]
    assert sentence["estimated"]
    words = sentence["words"]
    assert [word["text"] for word in words] == ["nam", "xin", "chao"]
    assert words[0]["start_seconds"] == 0
    assert words[-1]["end_seconds"] == sentence["end_seconds"]
    assert sentence["end_seconds"] == pytest.approx(sound.seconds, abs=1e-4)
    assert words[1]["start_seconds"] == pytest.approx(sound.seconds * 4 / 12, abs=1e-3)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("form", "media_type"), [("srt", "application/x-subrip"), ("vtt", "text/vtt")]
)
def test_subtitles(client: httpx.Client, method: str, form: str, media_type: str) -> None:
    """Other programs read the subtitles: all of the source, at the times of the words."""
    answer, sound = timed(client)
    query = {"text": TEXT, "timestamps": form}
    response = (
        client.get("/tts", params=query) if method == "GET" else client.post("/tts", json=query)
    )
    assert response.headers["Content-Type"] == f"{media_type}; charset=UTF-8"
    assert response.headers["Link"] == f'<{answer["audio_url"]}>; rel="describes"'
    cues = webvtt.from_buffer(response.iter_lines(), form).captions
    written = " ".join(" ".join(cue.text.split()) for cue in cues)
    assert written == " ".join(TEXT.split())
    first = answer["timestamps"]["sentences"][0]["words"][0]["start_seconds"]
    assert seconds(cues[0].start) == pytest.approx(first, abs=1e-3)
    assert seconds(cues[-1].end) == pytest.approx(sound.seconds, abs=1e-3)


def seconds(timestamp: str) -> float:
    """Return a cue's time in seconds."""
    hours, minutes, rest = timestamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the objects of a stream's lines."""
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert max(map(len, response.content.split(b"\n"))) < 64 * 1024
    return [json.loads(line) for line in response.content.splitlines()]


def test_times_along_the_stream(client: httpx.Client) -> None:
    """Each sentence's times come just before its sound, and the sound is the plain stream's."""
    text = "Câu này chưa ai nói bao giờ. Câu kia cũng thế! Còn câu này nữa."
    response = client.get("/tts/stream", params={"text": text, "timestamps": "true"})
    lines = events(response)
    assert [lines[0]["type"], lines[-1]["type"]] == ["start", "end"]
    rate = lines[0]["sample_rate"]
    sound, told = b"", []
    for line in lines:
        if line["type"] == "audio":
            sound += base64.b64decode(line["data"])
        elif line["type"] == "sentence":
            assert max(0, len(sound) - 44) == round(line["start_seconds"] * rate) * 2
            told.append({name: value for name, value in line.items() if name != "type"})
    assert told == timed(client, text)[0]["timestamps"]["sentences"]
    assert sound == client.get("/tts/stream", params={"text": text}).content
    assert lines[-1]["seconds"] == pytest.approx((len(sound) - 44) / 2 / rate, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "media_type", "rate", "decoded"),
    [
        ("flac", "audio/flac", 16000, by_ffmpeg),
        ("mp3", "audio/mpeg", 24000, by_dr_libs),
        ("pcm", "audio/pcm; rate=8000", 8000, by_nobody),
    ],
)
def test_times_in_every_format(
    client: httpx.Client,
    name: str,
    media_type: str,
    rate: int,
    decoded: Callable[[bytes, int], Sound],
) -> None:
    """The sound may have any format and rate; the times do not change."""
    query = {"text": "Câu này có nhiều dạng. Câu kia cũng thế!", "format": name}
    query |= {"sample_rate": str(rate)}
    accept = {"Accept": "application/x-ndjson"}
    lines = events(client.get("/tts/stream", params=query | {"timestamps": "true"}, headers=accept))
    assert (lines[0]["media_type"], lines[0]["sample_rate"]) == (media_type, rate)
    sound = b"".join(base64.b64decode(line["data"]) for line in lines if line["type"] == "audio")
    told = [line["end_seconds"] for line in lines if line["type"] == "sentence"]
    answer = client.get("/tts", params=query | {"timestamps": "true"}).json()
    assert told == [part["end_seconds"] for part in answer["timestamps"]["sentences"]]
    saved = client.get(answer["audio_url"]).content
    heard, kept = (decoded(data, rate) for data in (sound, saved))
    assert heard.seconds == pytest.approx(told[-1], abs=0.1)  # an MP3 has some silence around it
    if name != "mp3":
        assert np.array_equal(heard.samples, kept.samples)
    link = client.get("/tts", params=query | {"timestamps": "vtt"}).headers["Link"]
    assert link == f'<{answer["audio_url"]}>; rel="describes"'


def test_the_documentations_example_runs(server: Server) -> None:
    """The program in docs/TIMESTAMPS.md prints the words with their times."""
    page = (Path(__file__).parents[2] / "docs/TIMESTAMPS.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    program = program.replace("http://localhost:8888", server.url)
    run = [sys.executable, "-c", program]
    lines = subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split()[1] for line in lines] == "giá tăng mười lăm phẩy hai phần trăm".split()
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_subtitles_along_the_stream(client: httpx.Client, form: str) -> None:
    """The subtitles of a stream, joined, are the file that `/tts` gives."""
    query = {"text": TEXT, "timestamps": form}
    lines = events(client.post("/tts/stream", json=query))
    parts = [line["data"] for line in lines if line["type"] == "subtitles"]
    assert "".join(parts) == client.get("/tts", params=query).text
    assert "sentence" not in {line["type"] for line in lines}


@pytest.mark.parametrize("path", ["/tts", "/tts/stream"])
@pytest.mark.parametrize("off", ["false", "", False, None])
def test_no_times_unless_asked_for(client: httpx.Client, path: str, off: object) -> None:
    """An explicit no is the same as no parameter."""
    response = client.post(path, json={"text": "Xin chào", "timestamps": off})
    assert response.content == client.post(path, json={"text": "Xin chào"}).content


@pytest.mark.parametrize("path", ["/tts", "/tts/stream"])
@pytest.mark.parametrize(
    "wrong", ["yes", 1, ["srt"], {"a": 1}, "SRT ", "srt,visemes", "marks,phonemes", "visemes,"]
)
def test_what_is_no_format(client: httpx.Client, path: str, wrong: object) -> None:
    """Other values are refused."""
    response = client.post(path, json={"text": "Xin chào", "timestamps": wrong})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["field"]) == ("field_invalid", "timestamps")


def test_phonemes_and_visemes(client: httpx.Client) -> None:
    """Both are in the answer and along the stream, made or cached, at the same times."""
    text = "Con mèo này chưa ai gặp: nó màu xám. Thế à?"
    query = {"text": text, "timestamps": "phonemes,visemes"}
    lines = events(client.get("/tts/stream", params=query))
    told = [line for line in lines if line.pop("type") == "sentence"]
    for _ in range(2):
        answer = client.get("/tts", params=query).json()
        assert answer["timestamps"]["sentences"] == told
    plain = timed(client, text)[0]["timestamps"]["sentences"]
    word = told[0]["words"][1]
    assert [phoneme["phoneme"] for phoneme in word["phonemes"]] == ["m", "ɛ˨˩", "w"]
    assert word["phonemes"][0]["start_seconds"] == word["start_seconds"]
    assert word["phonemes"][-1]["end_seconds"] == word["end_seconds"]
    starts = [(shape["viseme"], shape["start_seconds"]) for shape in told[0]["visemes"]]
    assert starts[0] == (0, 0.0)
    assert (21, word["start_seconds"]) in starts
    for sentence in told:
        assert sentence.pop("visemes")
        assert all(word.pop("phonemes") for word in sentence["words"])
    assert told == plain


def test_one_kind_of_details(client: httpx.Client) -> None:
    """The answer has only the requested times; the order does not matter."""
    phonemes, visemes, words, usual = (
        timed(client, "Xin chào", timestamps=asked)[0]["timestamps"]["sentences"][0]
        for asked in ("phonemes", "visemes,words", "words", "true")
    )
    assert "visemes" not in phonemes
    assert phonemes["words"][0]["phonemes"]
    assert visemes["visemes"]
    assert "phonemes" not in visemes["words"][0]
    assert words == usual


def test_speech_marks(client: httpx.Client) -> None:
    """Marks have Polly's fields: bytes of the source, milliseconds, in order of time."""
    text = "<speak>Giá tăng 15%. <mark name='đây'/>Hết rồi.</speak>"
    response = client.get("/tts", params={"text": text, "timestamps": "marks,visemes"})
    assert response.headers["Content-Type"].startswith("application/x-json-stream")
    assert 'rel="describes"' in response.headers["Link"]
    marks = [json.loads(line) for line in response.text.splitlines()]
    assert [mark["time"] for mark in marks] == sorted(mark["time"] for mark in marks)
    source = text.encode()
    for mark in marks:
        if mark["type"] in {"sentence", "word"}:
            assert source[mark["start"] : mark["end"]].decode() == mark["value"]
        elif mark["type"] == "viseme":
            assert set(mark) == {"time", "type", "value"}
    words = [mark["value"] for mark in marks if mark["type"] == "word"]
    assert words == ["Giá", "tăng", "15", "%", "Hết", "rồi"]
    (named,) = [mark for mark in marks if mark["type"] == "ssml"]
    assert named["value"] == "đây"
    assert source[named["start"] : named["end"]].decode() == "<mark name='đây'/>"
    assert [mark["value"] for mark in marks if mark["type"] == "viseme"][:3] == ["sil", "s", "a"]
    lines = events(client.post("/tts/stream", json={"text": text, "timestamps": "marks"}))
    streamed = "".join(line["data"] for line in lines if line["type"] == "marks")
    plain = [mark for mark in marks if mark["type"] != "viseme"]
    assert [json.loads(line) for line in streamed.splitlines()] == plain


def received(response: httpx.Response) -> bytes:
    """Return the bytes of a response until its connection is closed."""
    parts: list[bytes] = []
    with pytest.raises(httpx.RemoteProtocolError):
        parts.extend(response.iter_raw())
    return b"".join(parts)


def test_what_fails_in_the_middle_is_the_last_line(
    start_here: LocalStarter, tmp_path: Path
) -> None:
    """A fault after the first sentence is reported in the last line, and the connection is closed.

    A fault before any sound is an ordinary error.
    """
    toy_voice(tmp_path / "server" / "voices", broken="v")
    with start_here({"voice": {"name": "toy"}}) as server:
        url = f"{server.url}/tts/stream"
        first = httpx.get(url, params={"text": "Va va.", "timestamps": "true"}, timeout=60)
        assert (first.status_code, first.json()["error"]["code"]) == (500, "internal")
        query = {"text": "Ba ba ba ba. Va va.", "timestamps": "true"}
        with httpx.stream("GET", url, params=query, timeout=60) as response:
            lines_sent = received(response).splitlines()
        lines = [json.loads(line) for line in lines_sent]
        assert [line["type"] for line in lines if line["type"] != "audio"] == [
            "start",
            "sentence",
            "error",
        ]
        error = lines[-1]["error"]
        assert (error["code"], error["field"]) == ("internal", None)
        assert error["request_id"] == response.headers["X-Request-ID"]
        server.wait_for("unexpected error", request_id=error["request_id"])
