"""`/tts/stream`: sound that is sent during synthesis."""

import io
import json
import socket
import sys
import threading
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import Starter
from tests.support.server import Server, Settings, serving, until
from tests.support.sound import assert_speech, decode
from tests.support.voices import install_joe, install_pair
from vits_tts.config import EMBEDDED_VOICE

TEXT = "Một con vịt xoè ra hai cái cánh. Nó kêu rằng cáp cáp cáp. Gặp hồ nước là nó bì bõm!"
LONG = " ".join(
    f"Hôm nay là ngày {n}, trời nắng to và gió thổi nhẹ qua đồng lúa." for n in range(20)
)


def test_stream_is_speech(client: httpx.Client) -> None:
    """The stream is WAV with sizes that make players play to the end."""
    response = client.get("/tts/stream", params={"text": TEXT})
    assert response.headers["Content-Type"] == "audio/wav"
    assert_speech(decode(response.content, streamed=True), shortest=4, longest=12)
    with wave.open(io.BytesIO(response.content)) as played:
        assert len(played.readframes(played.getnframes())) == len(response.content) - 44


def test_streamed_is_saved(start: Starter) -> None:
    """Without noise, the stream has the same samples as the saved file; both are synthesised."""
    settings: Settings = {
        "voice": {"noise_scale": 0, "noise_w": 0},
        "cache": {"memory": {"max_bytes": 0}},
    }
    with start(settings) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        saved = client.get(client.get("/tts", params={"text": TEXT}).json()["audio_url"]).content
        streamed = client.get("/tts/stream", params={"text": TEXT}).content
        assert saved[44:] == streamed[44:]
        assert {line["cache_hits"] for line in server.lines("request") if "cache_hits" in line} == {
            0
        }


@pytest.fixture(scope="module")
def one_thread_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run Piper's medium voice on one thread, without a cache."""
    folder = tmp_path_factory.mktemp("one-thread")
    install_joe(folder / "voices")
    settings: Settings = {
        "voice": {"name": "joe", "threads": 1},
        "cache": {"memory": {"max_bytes": 0}},
    }
    with serving(folder, settings) as server:
        yield server


@pytest.fixture
def one_thread(one_thread_for_all: Server) -> Server:
    """Return that server when it is idle, with an empty log."""
    until(lambda: one_thread_for_all.under_way() == 1, "no request but that for the metrics")
    _wait_for_rest(one_thread_for_all)
    one_thread_for_all.forget()
    return one_thread_for_all


def test_post_streams_too(client: httpx.Client) -> None:
    """JSON may be posted to the stream."""
    got = client.get("/tts/stream", params={"text": "Xin chào", "speed": "fast"}).content
    assert client.post("/tts/stream", json={"text": "Xin chào", "speed": "fast"}).content == got


def test_sound_comes_before_all_is_made(one_thread: Server) -> None:
    """The first sentence arrives before later ones are synthesised, as the log shows."""
    response = httpx.get(f"{one_thread.url}/tts/stream", params={"text": LONG[:500]}, timeout=60)
    line = one_thread.wait_for("request", request_id=response.headers["X-Request-ID"])[0]
    assert line["sentences"] > 5
    assert line["first_byte_ms"] < line["total_ms"] / 3


def test_sound_comes_before_its_sentence_is_made(one_thread: Server) -> None:
    """The first window of one long sentence arrives before most of it is synthesised."""
    text = "một hai ba bốn năm sáu bảy tám chín mười " * 4
    response = httpx.get(f"{one_thread.url}/tts/stream", params={"text": text}, timeout=60)
    line = one_thread.wait_for("request", request_id=response.headers["X-Request-ID"])[0]
    assert line["sentences"] == 1
    assert line["first_byte_ms"] < line["total_ms"] / 2


@pytest.fixture(scope="module")
def heard_of_two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[bytes]]]:
    """Return the sound of two words from each of two servers, by voice."""
    folder = tmp_path_factory.mktemp("everywhere")
    install_joe(folder / "voices")

    def said(server: Server, voice: str) -> list[bytes]:
        queries = [{"voice": voice, "text": text} for text in ("ba", "bà")]
        url = f"{server.url}/tts/stream"
        return [httpx.get(url, params=query, timeout=60).content for query in queries]

    heard = []
    settings: Settings = {"voice": {"name": "joe", "others": [EMBEDDED_VOICE]}}
    for serves in (serving, serving):
        with serves(folder, settings) as server:
            heard.append({voice: said(server, voice) for voice in ("joe", EMBEDDED_VOICE)})
    return heard


@pytest.mark.parametrize("voice", ["joe", EMBEDDED_VOICE])
def test_the_same_everywhere(heard_of_two: list[dict[str, list[bytes]]], voice: str) -> None:
    """Two servers make the same samples, including noise; other words sound different."""
    first, second = (heard[voice] for heard in heard_of_two)
    assert first == second
    assert first[0] != first[1]
    assert all(sound.startswith(b"RIFF") for sound in first)


def test_a_listener_does_not_wait_for_a_file(one_thread: Server) -> None:
    """With one inference thread, a listener is served before a long file that is being saved."""
    saving = threading.Thread(
        target=httpx.get,
        args=[f"{one_thread.url}/tts"],
        kwargs={"params": {"text": LONG[: len(LONG) // 2]}, "timeout": 120},
    )
    saving.start()
    until(lambda: _counted(one_thread, "scheduler_waiting_pieces") > 0, "the file being made")
    assert httpx.get(f"{one_thread.url}/tts/stream", params={"text": TEXT}).status_code == 200
    assert saving.is_alive()
    saving.join()
    routes = [line["route"] for line in one_thread.wait_for("request", 2, level="info")]
    assert routes == ["stream", "tts"]


def test_who_cannot_be_served_in_time_is_told_so(start: Starter, tmp_path: Path) -> None:
    """On one thread, some of many listeners hear all; the others get 503 and a time at once."""
    install_joe(tmp_path / "server" / "voices")
    settings: Settings = {
        "voice": {"name": "joe", "threads": 1},
        "limits": {"max_start_delay": 0.3},
    }
    with start(settings) as server, ThreadPoolExecutor(16) as callers:

        def listen(number: int) -> httpx.Response:
            params = {"text": f"Người thứ {number} nghe. {LONG[:200]}"}
            return httpx.get(f"{server.url}/tts/stream", params=params, timeout=120)

        responses = list(callers.map(listen, range(16)))
        served = [response for response in responses if response.status_code == 200]
        refused = [response for response in responses if response.status_code == 503]
        assert len(served) + len(refused) == 16
        assert served
        assert refused
        for response in refused:
            assert response.json()["error"]["code"] == "busy"
            assert int(response.headers["Retry-After"]) >= 1
        for response in served:
            assert_speech(decode(response.content, streamed=True), shortest=5, longest=60)


def test_sentences_without_a_sound_are_passed_over(start: Starter, tmp_path: Path) -> None:
    """Sentences without sound are skipped, both new and cached; a text without any is an error."""
    install_pair(tmp_path / "server" / "voices")
    for path in (tmp_path / "server" / "voices").glob("*.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        del manifest["phoneme_id_map"]["u"]
        path.write_text(json.dumps(manifest), encoding="utf-8")
    with start({"voice": {"name": "pair"}}) as server:
        url = f"{server.url}/tts/stream"
        silent = httpx.get(url, params={"text": "uu u."})
        assert (silent.status_code, silent.json()["error"]["code"]) == (400, "text_unspeakable")
        streamed, again = (httpx.get(url, params={"text": "aa. uu. bb"}) for _ in range(2))
        assert streamed.status_code == 200
        assert streamed.content == again.content
        sound = decode(streamed.content, streamed=True)
        assert [round((end - start) * 8000) for start, end in sound.silences(0.01)] == [4000]


def test_pauses_are_exact(client: httpx.Client) -> None:
    """Pauses are exact to the sample: 0.25 s between sentences and 0.6 s between paragraphs."""
    response = client.get("/tts/stream", params={"text": "aa. bb.\n\ncc.", "voice": "pair"})
    sound = decode(response.content, streamed=True)
    quiet = [round((end - start) * sound.sample_rate) for start, end in sound.silences(0.01)]
    assert quiet == [2000, 4800]


def test_leaving_stops_the_work(one_thread: Server) -> None:
    """No further sentences are made after a client closes the connection; the log says so."""
    with httpx.stream("GET", f"{one_thread.url}/tts/stream", params={"text": LONG}) as response:
        sound = response.iter_raw(1000)
        next(sound)
    line = one_thread.wait_for("request", route="stream")[0]
    assert line["status"] == 499
    assert line["sentences"] < 8  # of 20
    # The one inference thread is free again: the next client is served.
    assert httpx.get(f"{one_thread.url}/tts/stream?text=xin", timeout=30).status_code == 200


def test_leaving_in_the_middle_of_a_sentence(start: Starter, tmp_path: Path) -> None:
    """The sentence under synthesis is not finished when its client leaves."""
    install_joe(tmp_path / "server" / "voices")
    sentence = "một hai ba bốn năm " * 10
    settings: Settings = {"voice": {"name": "joe", "threads": 1}, "logging": {"level": "debug"}}
    with start(settings) as server:
        whole = httpx.get(f"{server.url}/tts/stream", params={"text": sentence}, timeout=60)
        said = server.wait_for("request", request_id=whole.headers["X-Request-ID"])[0]
        assert _counted(server, "syntheses_total") == 1
        with _asking(server, f"/tts/stream?text={'%20'.join((sentence + 'sáu').split())}"):
            server.wait_for("cache miss", 2)
        line = server.wait_for("request", status=499)[0]
        assert line["total_ms"] < said["total_ms"]
        assert line.get("audio_seconds", 0) < said["audio_seconds"]
        quick = httpx.get(f"{server.url}/tts/stream?text=xin")
        line = server.wait_for("request", request_id=quick.headers["X-Request-ID"])[0]
        assert line["total_ms"] < said["total_ms"]
        _wait_for_rest(server)
        assert _counted(server, "syntheses_total") == 2  # the whole one and the quick one


def test_leaving_costs_one_window_at_most(one_thread: Server) -> None:
    """After a client leaves, at most the current window is finished."""
    made = "synthesised_audio_seconds_total"
    with httpx.stream("GET", f"{one_thread.url}/tts/stream", params={"text": LONG}) as response:
        next(response.iter_raw(1000))
    one_thread.wait_for("request", status=499)
    before = _counted(one_thread, made)
    short = httpx.get(f"{one_thread.url}/tts/stream?text=xin")
    seconds = decode(short.content, streamed=True).seconds
    _wait_for_rest(one_thread)
    more = _counted(one_thread, made) - before - seconds
    assert -0.3 < more < 0.6  # a window at most; the rest are sentences


def _counted(server: Server, name: str) -> float:
    return server.counted(f"vits_tts_{name}")


def _wait_for_rest(server: Server) -> None:
    pieces = ("scheduler_busy_threads", "scheduler_waiting_pieces")
    until(lambda: not sum(_counted(server, name) for name in pieces), "nothing left to do")


def test_slow_readers_are_waited_for_then_dropped(start: Starter, tmp_path: Path) -> None:
    """Synthesis waits for a slow reader; a client that does not read is dropped in time."""
    install_pair(tmp_path / "server" / "voices", sample_rate=48000)
    settings: Settings = {
        "voice": {"name": "pair", "sentence_pause": 10},
        "limits": {"slow_client_seconds": 0.5},
    }
    text = ". ".join(f"{'abcdefghij' * 6} {letter}" for letter in "klmnopqrstuvwxyz" * 4)
    with start(settings) as server:
        with _asking(server, f"/tts/stream?text={text.replace(' ', '%20')}", receive=4096):
            server.wait_for("caller reads too slowly, dropped")
        line = server.wait_for("request", route="stream")[0]
        assert line["status"] == 499
        assert line["sentences"] < 64
        until(lambda: httpx.get(f"{server.url}/healthz").status_code == 200, "healthy")


@pytest.mark.parametrize("rest", ["\r\n", "GET /voices HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_leaving_with_bytes_unread(one_thread: Server, rest: str) -> None:
    """A client that left is noticed even if it had sent bytes that were not read."""
    path = f"/tts/stream?text={LONG.replace(' ', '%20')}"
    with _asking(one_thread, path, rest=rest) as connection:
        assert connection.recv(1)
    line = one_thread.wait_for("request", route="stream")[0]
    assert line["status"] == 499
    assert line["sentences"] < 10


def test_slow_but_steady_readers_are_kept(start: Starter, tmp_path: Path) -> None:
    """A client that reads slowly and steadily is kept, though a sentence takes it too long."""
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {"voice": {"name": "pair"}, "limits": {"slow_client_seconds": 0.5}}
    text = ".%20".join("nam%20" * 48 + word for word in ("an", "ba", "ca", "la", "ma", "xa"))
    pause = threading.Event()
    with start(settings) as server:
        path = f"/tts/stream?text={text}&speed=0.25"
        with _asking(server, path, receive=16384) as connection:
            while connection.recv(16384):
                pause.wait(0.03)  # half a megabyte a second: a sentence takes longer than the limit
        line = server.wait_for("request", route="stream")[0]
        assert (line["status"], line["sentences"]) == (200, 6)
        assert line["total_ms"] > 1000  # the server waited for it


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel does not say")
def test_who_takes_little_at_a_time_is_kept(start: Starter, tmp_path: Path) -> None:
    """A client that reads very little at a time is kept, though the kernel reports no progress."""
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {"voice": {"name": "pair"}, "limits": {"slow_client_seconds": 0.5}}
    text = ".%20".join("nam%20" * 48 + word for word in ("an", "ba", "ca"))
    pause = threading.Event()
    with start(settings) as server:
        with _asking(server, f"/tts/stream?text={text}&speed=0.25", receive=4096) as connection:
            end = time.monotonic() + 6
            while time.monotonic() < end:
                assert connection.recv(2048), server.explain()
                pause.wait(0.05)
            while connection.recv(65536):
                pass
        line = server.wait_for("request", route="stream")[0]
        assert (line["status"], line["sentences"]) == (200, 3)
        assert line["total_ms"] > 5000


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_old_http(server: Server, version: str) -> None:
    """HTTP/1.0 clients, such as some proxies, get the same stream, ended by closing."""
    with _asking(server, "/tts/stream?text=xin", version=version) as connection:
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"200 OK" in head.splitlines()[0]
    assert b"RIFF" in body


def _asking(
    server: Server,
    path: str,
    *,
    version: str = "1.1",
    receive: int | None = None,
    rest: str = "",
) -> socket.socket:
    """Return a connection that has sent a request, with a small receive buffer if wanted."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.socket()
    if receive:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    connection.connect((host, int(port)))
    connection.settimeout(30)
    request = f"GET {path} HTTP/{version}\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
    if not rest:
        request = request.replace("keep-alive", "close")
    connection.sendall((request + rest).encode())
    return connection
