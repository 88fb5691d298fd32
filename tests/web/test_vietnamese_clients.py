"""FPT.AI, Viettel AI, Zalo AI and Vbee: requests in the form that their clients send.

Their clients cannot be installed; the requests are those of their documentation.
"""

import io
import json
import os
import signal
import socket
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import Starter
from tests.support.decoding import DECODERS
from tests.support.local_server import LocalServer, serving_here
from tests.support.receiver import receiving
from tests.support.redis import redis_server
from tests.support.server import AnyServer, Server, Settings, serving
from tests.support.sound import assert_speech
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.web.auth.api_keys import make_key

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá!"
LONG_TEXT = " ".join(f"Đây là câu thứ {number} của bài." for number in range(100))
LONGEST_TEXT = LONG_TEXT.replace(".", " và sau đó còn nhiều câu dài hơn nữa cho đến hết.")
"""A text whose speech takes much longer to create than some requests after it."""
NGOCHUYEN = "hn_female_ngochuyen_full_48k-fhg"
VOICES: Settings = {
    "fpt": {"voices": {"banmai": EMBEDDED_VOICE, "leminh": "pair/minh"}},
    "viettel": {"voices": {"hn-quynhanh": EMBEDDED_VOICE, "hcm-minhquan": "pair/minh"}},
    "zalo": {"voices": {1: EMBEDDED_VOICE, 2: "pair/minh"}},
    "vbee": {"voices": {NGOCHUYEN: EMBEDDED_VOICE, "sg_minh": "pair/minh"}},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with all four interfaces."""
    folder = tmp_path_factory.mktemp("vietnamese")
    install_pair(folder / "voices")
    settings: Settings = {
        **VOICES,
        "voice": {
            "others": [EMBEDDED_VOICE],
            "load": "first_use",
            "noise_scale": 0,
            "noise_w": 0,
        },
        "callbacks": {"hosts": ["127.0.0.1", "localhost"], "private_networks": ["127.0.0.0/8"]},
    }
    with serving_here(folder, settings) as server:
        yield server


def poll(server: AnyServer, url: str) -> httpx.Response:
    """Request a file until it exists, as the clients do."""

    def there() -> httpx.Response | None:
        answer = httpx.get(url)
        assert answer.status_code in {200, 404}
        return answer if answer.status_code == 200 else None

    found = server.wait_until(there, "the file")
    assert found is not None
    return found


def samples(data: bytes) -> Any:
    """Return the samples of a WAV file with its length, by Python's `wave`."""
    with wave.open(io.BytesIO(data)) as file:
        frames = file.readframes(file.getnframes())
    assert len(frames) == len(data) - 44
    return np.frombuffer(frames, "<i2")


def level(data: bytes) -> float:
    """Return the loudest sample of a WAV file, as a share of full scale."""
    return float(np.abs(samples(data).astype(int)).max()) / 32768


# --- FPT.AI --------------------------------------------------------------------------------------


def fpt(server: AnyServer, text: str, **headers: str) -> httpx.Response:
    """Send the request of FPT.AI's examples."""
    url = f"{server.url}/hmi/tts/v5"
    return httpx.post(url, content=text.encode(), headers=headers, timeout=60)


@pytest.mark.slow
def test_fpt(shared: LocalServer) -> None:
    """The answer has a link at once, which is 404 until the file exists; the default is MP3."""
    answer = fpt(shared, TEXT, api_key="none", voice="banmai", speed="0")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["error"], told["request_id"]) == (0, answer.headers["X-Request-ID"])
    sound = poll(shared, told["async"])
    assert sound.headers["Content-Type"] == "audio/mpeg"
    assert_speech(DECODERS["mp3"](sound.content, 22050), shortest=2, longest=6)
    seconds = 'vits_tts_audio_seconds_total{route="fpt"}'
    shared.wait_until(lambda: shared.counted(seconds), "the seconds of the file")


def test_fpt_headers(shared: LocalServer) -> None:
    """Voice, speed and format are read from headers."""

    def spoken(speed: str) -> bytes:
        text = "Một hai ba bốn năm."
        told = fpt(shared, text, voice="leminh", speed=speed, format="wav").json()
        return poll(shared, told["async"]).content

    plain = spoken("")
    upper = fpt(shared, "Một hai ba bốn năm.", voice="leminh", format="WAV").json()
    assert poll(shared, upper["async"]).content == plain
    assert level(plain) == pytest.approx(0.5, 0.01)
    assert len(samples(spoken("+3"))) == pytest.approx(len(samples(plain)) / 2**0.5, rel=0.02)
    assert len(samples(spoken("-3"))) == pytest.approx(len(samples(plain)) * 2**0.5, rel=0.02)


@pytest.mark.slow
def test_fpt_callback(shared: LocalServer) -> None:
    """The link is posted when the file exists, repeatedly until it is accepted."""
    with receiving(500, 503) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/done?id=5"
        told = fpt(shared, "Gọi lại nhé.", voice="leminh", callback_url=url).json()
        assert receiver.wait() == {"message": told["async"], "success": "true"}
        assert receiver.paths == ["/done?id=5"] * 3
        assert httpx.get(told["async"]).status_code == 200


@pytest.mark.parametrize(
    ("text", "headers", "refusal"),
    [
        ("", {"voice": "banmai"}, (400, "text_empty")),
        (TEXT, {"voice": "nobody"}, (404, "voice_unknown")),
        (TEXT, {"voice": "banmai", "speed": "4"}, (400, "field_invalid")),
        (TEXT, {"voice": "banmai", "speed": "fast"}, (400, "field_invalid")),
        (TEXT, {"voice": "banmai", "format": "ogg"}, (400, "format_invalid")),
        (TEXT, {"callback_url": "http://example.org/"}, (400, "callback_refused")),
        (TEXT, {"callback_url": "ftp://127.0.0.1/"}, (400, "callback_refused")),
        (TEXT, {"callback_url": "http://127.0.0.1@evil.example/"}, (400, "callback_refused")),
        (TEXT, {"callback_url": "http://localhost.evil.example/"}, (400, "callback_refused")),
    ],
)
def test_fpt_refusals(
    shared: LocalServer, text: str, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    """Errors have FPT.AI's form."""
    answer = fpt(shared, text, **headers)
    told = answer.json()
    assert (answer.status_code, told["code"]) == refusal
    assert told["error"] == answer.status_code
    assert told["message"]


# --- Viettel AI ----------------------------------------------------------------------------------


def viettel(server: AnyServer, **body: Any) -> httpx.Response:
    """Send the request of Viettel's examples."""
    return httpx.post(f"{server.url}/tts/speech_synthesis", json=body, timeout=60)


@pytest.mark.slow
def test_viettel(shared: LocalServer) -> None:
    """The sound comes at once in the requested form: a stream, WAV or MP3."""
    common = {"text": TEXT, "voice": "hn-quynhanh", "speed": 1.0, "without_filter": False}
    file = viettel(shared, **common, tts_return_option=2, filter=None)
    assert file.headers["Content-Type"] == "audio/wav"
    whole = samples(file.content)
    stream = viettel(shared, **common, tts_return_option=1)
    assert np.array_equal(np.frombuffer(stream.content[44:], "<i2"), whole)
    mp3 = viettel(shared, **common, tts_return_option=3)
    assert mp3.headers["Content-Type"] == "audio/mpeg"
    assert_speech(DECODERS["mp3"](mp3.content, 22050), shortest=2, longest=6)
    other = viettel(shared, text="Một.", voice="hcm-minhquan", tts_return_option=2)
    assert level(other.content) == pytest.approx(0.5, 0.01)


def test_viettel_voices(shared: LocalServer) -> None:
    """The list has the names of the settings; the beginning of each says its region."""
    voices = httpx.get(f"{shared.url}/tts/voices").json()
    assert httpx.head(f"{shared.url}/tts/voices").status_code == 200
    regions = {voice["code"]: voice["location"] for voice in voices}
    assert regions == {"hn-quynhanh": "Miền Bắc", "hcm-minhquan": "Miền Nam"}


def test_viettel_refusals(shared: LocalServer) -> None:
    """Errors have Viettel's form."""
    answer = viettel(shared, text=TEXT, voice="nobody")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (404, 404)
    assert told["vi_message"] == "Giọng đọc không tồn tại"
    assert told["en_message"].startswith("there is no voice 'nobody'")
    assert viettel(shared, text=TEXT, tts_return_option=9).json()["error"] == "field_invalid"


# --- Zalo AI -------------------------------------------------------------------------------------


def zalo(server: AnyServer, **form: str) -> httpx.Response:
    """Send the request of Zalo's examples."""
    headers = {"apikey": "none"}
    return httpx.post(f"{server.url}/v1/tts/synthesize", data=form, headers=headers, timeout=60)


@pytest.mark.slow
def test_zalo(shared: LocalServer) -> None:
    """The answer has the link of a file, in the encoding that a number selects."""
    told = zalo(shared, input=TEXT).json()
    assert (told["error_code"], told["error_message"]) == (0, "Successful.")
    assert len(samples(httpx.get(told["data"]["url"]).content)) > 40_000
    other = zalo(shared, input="Một hai.", speaker_id="2", speed="0.8", encode_type="0").json()
    assert level(httpx.get(other["data"]["url"]).content) == pytest.approx(0.5, 0.01)
    quiet = zalo(shared, input="...", speaker_id="2").json()  # as everywhere below /v1
    assert not samples(httpx.get(quiet["data"]["url"]).content).any()
    mp3 = zalo(shared, input="Một hai.", encode_type="1", quality="1").json()
    assert httpx.get(mp3["data"]["url"]).headers["Content-Type"] == "audio/mpeg"


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({}, (400, "field_invalid")),
        ({"input": TEXT, "speaker_id": "3"}, (404, "voice_unknown")),
        ({"input": TEXT, "encode_type": "7"}, (400, "field_invalid")),
        ({"input": TEXT, "speed": "9"}, (400, "speed_invalid")),
    ],
)
def test_zalo_refusals(shared: LocalServer, form: dict[str, str], refusal: tuple[int, str]) -> None:
    """Errors have Zalo's form."""
    answer = zalo(shared, **form)
    told = answer.json()
    assert (told["error_code"], told["error"]) == refusal
    assert told["error_message"]


# --- Vbee ----------------------------------------------------------------------------------------


def vbee(server: AnyServer, path: str = "/v1/tts", **body: Any) -> httpx.Response:
    """Send the request of Vbee's examples."""
    headers = {"Authorization": "Bearer none", "App-Id": "5e8f"}
    return httpx.post(f"{server.url}{path}", json=body, headers=headers, timeout=60)


@pytest.mark.slow
def test_vbee_sync(shared: LocalServer) -> None:
    """The sound comes at once, in each format."""
    mp3 = vbee(shared, text=TEXT, mode="sync", voiceCode=NGOCHUYEN, outputFormat="mp3", bitrate=64)
    assert mp3.headers["Content-Type"] == "audio/mpeg"
    assert_speech(DECODERS["mp3"](mp3.content, 22050), shortest=2, longest=6)
    asked = {"mode": "sync", "voiceCode": "sg_minh", "text": "Một hai ba."}
    wav = vbee(shared, **asked, outputFormat="wav", sampleRate=16000).content
    assert level(wav) == pytest.approx(0.5, abs=0.1)  # filtered for its sample rate
    quiet = vbee(shared, text="🙂", mode="sync", outputFormat="wav").content
    assert not samples(quiet).any()  # as everywhere below /v1
    pcm = vbee(shared, **asked, outputFormat="pcm", sampleRate="8000", speed=1.0)
    assert pcm.headers["Content-Type"] == "audio/pcm; rate=8000"


@pytest.mark.slow
def test_vbee_async(shared: LocalServer) -> None:
    """The answer has a request id; the status can be requested, and the result is posted."""
    with receiving() as receiver:
        hook = f"http://localhost:{receiver.port}/hook"
        asked = {"text": "Bất đồng bộ.", "mode": "async", "voiceCode": NGOCHUYEN}
        told = vbee(shared, **asked, outputFormat="wav", webhookUrl=hook).json()
        assert told["status"] == "IN_PROGRESS"
        posted = receiver.wait()
    url = f"{shared.url}/v1/tts/requests/{told['requestId']}"
    standing = httpx.get(url).json()
    assert standing == {**told, "status": "COMPLETED", "audioLink": posted["audioLink"]}
    assert posted == standing
    assert len(samples(httpx.get(posted["audioLink"]).content)) > 10_000
    never = "0" * 40
    assert httpx.head(url).status_code == 200
    assert httpx.get(f"{shared.url}/v1/tts/requests/{never}-mp3-60000000").json() == {
        "requestId": f"{never}-mp3-60000000",
        "status": "FAILED",
    }
    for wrong in ("nothing", f"{never}-exe-60000000", f"{never}-mp3-ffffffff"):
        assert httpx.get(f"{shared.url}/v1/tts/requests/{wrong}").status_code == 404


def test_vbee_failure(start: Starter) -> None:
    """A request that costs too much has failed as soon as that is known."""
    settings: Settings = {"limits": {"request_cpu_seconds": 0.05}}
    with start({**settings, **_one_voice()}) as server:
        asked = {"text": LONG_TEXT, "mode": "async", "outputFormat": "wav"}
        told = vbee(server, **asked).json()
        assert told["status"] == "IN_PROGRESS"
        url = f"{server.url}/v1/tts/requests/{told['requestId']}"
        server.wait_until(lambda: httpx.get(url).json()["status"] == "FAILED", "the failure")
        ended = 'vits_tts_requests_too_costly_total{route="vbee",stage="synthesis"}'
        assert server.counted(ended) == 1
        old = httpx.get(f"{server.url}/api/v1/tts/{told['requestId']}").json()
        assert old["result"]["status"] == "FAILURE"


def test_vbee_failure_at_every_worker(start: Starter) -> None:
    """Each worker tells that a file was too long, also those that did not have the request."""
    settings: Settings = {"server": {"workers": 2}, "audio": {"max_bytes": 1024 * 1024}}
    with start({**settings, **_one_voice()}) as server:
        server.wait_for("worker ready", 2)
        told = vbee(server, text=LONG_TEXT, mode="async", outputFormat="wav").json()
        url = f"{server.url}/v1/tts/requests/{told['requestId']}"
        server.wait_until(lambda: httpx.get(url).json()["status"] == "FAILED", "the failure")

        def both() -> bool:
            answer = httpx.get(url, headers={"X-Request-ID": "later"})  # on a new connection
            assert answer.json()["status"] == "FAILED"
            lines = server.lines("request")
            return len({line["process"] for line in lines if line["request_id"] == "later"}) == 2

        server.wait_until(both, "answers of both workers")


def test_vbee_file_that_is_lost_at_the_end(start: Starter) -> None:
    """A file that was not complete when the process ended has failed."""
    with start({"server": {"workers": 1, "graceful_timeout": 0.1}, **_one_voice()}) as server:
        told = vbee(server, text=LONG_TEXT, mode="async", outputFormat="wav").json()
        folder = server.log.parent / "audio"
        server.wait_until(lambda: list(folder.glob(".*.part")), "the file to be begun")
        server.stop()
        audio_hash = told["requestId"].partition("-")[0]
        assert [path.name for path in folder.glob(".*.failed")] == [f".{audio_hash}.wav.failed"]


def _status(server: Server, told: dict[str, str]) -> str:
    path = f"{server.url}/v1/tts/requests/{told['requestId']}"
    found: str = httpx.get(path, timeout=60).json()["status"]
    return found


def test_a_process_that_is_killed(start: Starter) -> None:
    """Its requests have failed as soon as it is dead, and the process after it posts that.

    A receiver that does not answer delays no other. If the process that waits for it is killed too,
    the next one posts to it again.
    """
    settings: Settings = {
        "server": {"workers": 1},
        "callbacks": {
            "hosts": ["127.0.0.1"],
            "private_networks": ["127.0.0.0/8"],
            "timeout_seconds": 300,
        },
        **_one_voice(),
    }
    with start(settings) as server, ExitStack() as stack:
        server.wait_for("worker ready")
        receivers = [stack.enter_context(receiving()) for _ in range(2)]
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        silent.settimeout(60)
        ports = [silent.getsockname()[1], *(receiver.port for receiver in receivers)]
        hooks = [f"http://127.0.0.1:{port}/" for port in ports]
        asked: dict[str, Any] = {"mode": "async", "outputFormat": "wav"}
        told = vbee(server, text=LONGEST_TEXT, webhookUrl=hooks[0], **asked).json()
        legacy = {"input_text": LONGEST_TEXT, "audio_type": "mp3", "callback_url": hooks[1]}
        old = vbee(server, "/api/v1/tts", **legacy).json()["result"]
        fpt(server, LONGEST_TEXT, format="mp3", callback_url=hooks[2])
        assert _status(server, told) == "IN_PROGRESS"
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        server.wait_for("worker ready", 2)
        assert _status(server, told) == "FAILED"
        path = f"{server.url}/api/v1/tts/{old['request_id']}"
        assert httpx.get(path, timeout=60).json()["result"]["status"] == "FAILURE"
        assert receivers[0].wait()["status"] == "FAILURE"
        assert receivers[1].wait()["success"] == "false"
        with silent.accept()[0]:
            assert _status(server, told) == "FAILED"
            (worker,) = server.workers()
            os.kill(worker, signal.SIGKILL)
        with silent.accept()[0] as connection:
            connection.settimeout(60)
            posted = b""
            while not posted.endswith(b"}"):
                posted += connection.recv(65536)
            assert json.loads(posted.partition(b"\r\n\r\n")[2])["status"] == "FAILED"
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        again = vbee(server, text="Một.", **asked).json()
        server.wait_until(lambda: _status(server, again) == "COMPLETED", "the file")
        assert [len(receiver.posted) for receiver in receivers] == [1, 1]


def test_replicas_with_folders_of_their_own(tmp_path: Path) -> None:
    """By Redis a replica knows at once that the process of another one has ended."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis"))
        settings: Settings = {
            "server": {"workers": 1, "graceful_timeout": 0.1},
            "cache": {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}},
            **_one_voice(),
        }
        asked: dict[str, Any] = {"mode": "async", "outputFormat": "wav", "speed": 0.25}
        replica = stack.enter_context(serving(tmp_path / "replica", settings))
        with serving(tmp_path / "maker", settings) as maker:
            maker.wait_for("worker ready")

            def asked_for(text: str) -> tuple[dict[str, str], str]:
                told: dict[str, str] = vbee(maker, text=text, **asked).json()
                key = f"vits-tts:promise:{told['requestId'].rpartition('-')[2]}"
                redis_keys = partial(redis.keys, key)
                maker.wait_until(redis_keys, "the promise")
                return told, key

            told, key = asked_for(LONGEST_TEXT)
            assert _status(replica, told) == "IN_PROGRESS"
            with redis.client() as client:
                left = client.pttl(key)
                client.pexpire(key, left - 46_000)  # as if the machine were silent for so long
                assert _status(replica, told) == "FAILED"
                assert _status(maker, told) == "IN_PROGRESS"  # which knows better
                replica.wait_until(lambda: client.pttl(key) > left - 30_000, "the renewal")
            assert _status(replica, told) == "IN_PROGRESS"
            (worker,) = maker.workers()
            os.kill(worker, signal.SIGKILL)
            replica.wait_until(lambda: _status(replica, told) == "FAILED", "the failure")
            maker.wait_for("worker ready", 2)
            short = vbee(maker, text="Một.", **asked).json()
            replica.wait_until(lambda: _status(replica, short) == "COMPLETED", "the file")
            told, _ = asked_for(f"Hai. {LONGEST_TEXT}")
            assert _status(replica, told) == "IN_PROGRESS"
        assert _status(replica, told) == "FAILED"  # the process has told it while it was ending


def test_vbee_tries_again(shared: LocalServer) -> None:
    """A failure is forgotten when the file is requested again."""
    asked = {"text": "Lần nữa.", "mode": "async", "voiceCode": "sg_minh", "outputFormat": "wav"}
    url = f"{shared.url}/v1/tts/requests/{vbee(shared, **asked).json()['requestId']}"
    link = shared.wait_until(lambda: httpx.get(url).json().get("audioLink"), "the file")
    name = link.rpartition("/")[2]
    folder = shared.folder / "audio"
    (folder / name).unlink()
    (folder / f".{name}.failed").touch()
    assert httpx.get(url).json()["status"] == "FAILED"
    vbee(shared, **asked)
    assert not (folder / f".{name}.failed").exists()
    shared.wait_until(lambda: httpx.get(url).json()["status"] == "COMPLETED", "the file")


def test_vbee_nothing_to_say(shared: LocalServer) -> None:
    """A text without words becomes a file with a short silence, as the other answers of `/v1`."""
    asked = {"text": "🙂 ...", "mode": "async", "voiceCode": "sg_minh", "outputFormat": "wav"}
    url = f"{shared.url}/v1/tts/requests/{vbee(shared, **asked).json()['requestId']}"
    link = shared.wait_until(lambda: httpx.get(url).json().get("audioLink"), "the file")
    quiet = samples(httpx.get(link).content)
    assert len(quiet) == 1600  # a fifth of a second of the voice `pair`
    assert not quiet.any()


def test_vbee_legacy(shared: LocalServer) -> None:
    """The older paths give the link at once (direct), or later by callback and on request."""
    asked: dict[str, Any] = {
        "app_id": "5e8f",
        "voice_code": "sg_minh",
        "audio_type": "wav",
        "speed_rate": "1.0",
    }
    told = vbee(shared, "/api/v1/tts", **asked, response_type="direct", input_text="Một.").json()
    result = told["result"]
    assert (told["status"], result["status"], result["characters"]) == (1, "SUCCESS", 4)
    assert level(httpx.get(result["audio_link"]).content) == pytest.approx(0.5, 0.01)
    with receiving() as receiver:
        sentences = [{"input_text": "Hai.", "voice_code": "sg_minh"}, {"input_text": "Ba."}]
        asked |= {"callback_url": f"http://127.0.0.1:{receiver.port}/", "sentences": sentences}
        told = vbee(shared, "/api/v1/tts", **asked, response_type="indirect").json()
        assert told["result"]["status"] == "IN_PROGRESS"
        posted = receiver.wait()
    assert posted["status"] == "SUCCESS"
    url = f"{shared.url}/api/v1/tts/{posted['request_id']}"
    standing = httpx.get(url).json()["result"]
    assert standing["audio_link"] == posted["audio_link"]
    assert httpx.get(posted["audio_link"]).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"mode": "SYNC", "outputFormat": "WAV", "bitrate": "", "speed": ""},
        {"mode": None, "outputFormat": "wav", "webhookUrl": None, "sampleRate": None},
    ],
)
def test_vbee_taken_as_meant(shared: LocalServer, asked: dict[str, Any]) -> None:
    """Upper case, empty numbers and null are understood."""
    usual = vbee(shared, text="Một.", voiceCode="sg_minh", outputFormat="wav").content
    assert vbee(shared, text="Một.", voiceCode="sg_minh", **asked).content == usual
    names = {"outputFormat": "audio_type", "bitrate": "bitrate", "speed": "speed_rate"}
    legacy = {names[name]: value for name, value in asked.items() if name in names}
    legacy |= {"input_text": "Một.", "voice_code": "sg_minh", "callback_url": None}
    told = vbee(shared, "/api/v1/tts", **legacy, response_type="DIRECT").json()
    assert httpx.get(told["result"]["audio_link"]).content == usual


def test_vbee_refusals(shared: LocalServer) -> None:
    """Errors have Vbee's forms."""
    told = vbee(shared, text=TEXT, voiceCode="nobody").json()
    assert (told["status"], told["error"]["code"]) == ("FAILED", "voice_unknown")
    old = vbee(shared, "/api/v1/tts", input_text=TEXT, voice_code="nobody").json()
    assert (old["status"], old["error_code"], old["error"]) == (0, 404, "voice_unknown")
    assert vbee(shared, "/api/v1/tts").json()["error"] == "text_missing"
    named = vbee(shared, text=TEXT, sampleRate=5).json()["error"]  # as the caller names it
    assert named["field"] == "sampleRate"
    assert named["message"].startswith("sampleRate for mp3 must be one of")
    old = vbee(shared, "/api/v1/tts", input_text=TEXT, speed_rate=9).json()
    assert old["error_message"].startswith("speed_rate is")
    assert zalo(shared, input="").json()["error_message"] == "input is empty"
    several = [{"input_text": "a", "voice_code": "sg_minh"}, {"input_text": "b", "voice_code": "x"}]
    assert vbee(shared, "/api/v1/tts", sentences=several).json()["error"] == "field_invalid"


# --- common behaviour ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", [".", "---", "🙂", "```\n```", " \n"])
def test_nothing_to_say(shared: LocalServer, text: str) -> None:
    """A piece without words is a short silence for all clients: an error would end their call."""
    answers = [
        poll(shared, fpt(shared, text, voice="leminh", format="wav").json()["async"]),
        *(viettel(shared, text=text, voice="hcm-minhquan", tts_return_option=n) for n in (1, 2)),
        httpx.get(zalo(shared, input=text, speaker_id="2").json()["data"]["url"], timeout=60),
        vbee(shared, text=text, voiceCode="sg_minh", outputFormat="wav"),
    ]
    asked: dict[str, Any] = {"voice_code": "sg_minh", "audio_type": "wav", "input_text": text}
    old = vbee(shared, "/api/v1/tts", **asked, response_type="direct").json()["result"]
    asked["sentences"] = [{"input_text": text}, {"input_text": "..."}]
    new = vbee(shared, "/api/v1/tts", **asked).json()["result"]
    assert (old["status"], new["status"]) == ("SUCCESS", "IN_PROGRESS")
    answers.append(httpx.get(old["audio_link"]))
    url = f"{shared.url}/api/v1/tts/{new['request_id']}"
    link = shared.wait_until(lambda: httpx.get(url).json()["result"].get("audio_link"), "the file")
    answers.append(httpx.get(link))
    for answer in answers:
        assert answer.status_code == 200
        quiet = samples(answer.content)
        assert len(quiet) == 1600  # a fifth of a second of the voice `pair`
        assert not quiet.any()
    mp3 = viettel(shared, text=text, voice="hcm-minhquan", tts_return_option=3)
    assert mp3.headers["Content-Type"] == "audio/mpeg"


def test_keys(start: Starter) -> None:
    """Each interface accepts an API key where its clients put theirs, and refuses others."""
    key, line = make_key("app")
    with start({"access": {"keys": [line]}, **_one_voice()}) as server:
        url = server.url
        calls: list[tuple[str, dict[str, str], dict[str, Any]]] = [
            ("/hmi/tts/v5", {"api_key": "KEY"}, {"content": b"M\xe1\xbb\x99t."}),
            ("/hmi/tts/v5", {"api-key": "KEY"}, {"content": b"M\xe1\xbb\x99t."}),
            ("/tts/speech_synthesis", {}, {"json": {"text": "Một.", "token": "KEY"}}),
            ("/tts/speech_synthesis", {"token": "KEY"}, {"json": {"text": "Một."}}),
            ("/tts/speech_synthesis", {"token": "Bearer KEY"}, {"json": {"text": "Một."}}),
            ("/v1/tts/synthesize", {"apikey": "KEY"}, {"data": {"input": "Một."}}),
            ("/v1/tts", {"Authorization": "Bearer KEY"}, {"json": {"text": "Một."}}),
            ("/api/v1/tts", {"Authorization": "Bearer KEY"}, {"json": {"input_text": "Một."}}),
        ]
        for path, headers, body in calls:
            for given, status in ((key, 200), ("wrong", 401)):
                real = {name: value.replace("KEY", given) for name, value in headers.items()}
                sent: dict[str, Any] = dict(body)
                if "token" in sent.get("json", {}):
                    sent["json"] = {**sent["json"], "token": given}
                answer = httpx.post(f"{url}{path}", headers=real, timeout=60, **sent)
                assert answer.status_code == status, (path, given, answer.text)
            bare: dict[str, Any] = dict(body)
            if "token" in bare.get("json", {}):
                bare["json"] = {"text": "Một."}
            assert httpx.post(f"{url}{path}", **bare).status_code == 401
        lone = {"Content-Type": "application/json"}, b'{"text": "a", "token": "\\ud800"}'
        path = f"{url}/tts/speech_synthesis"
        assert httpx.post(path, headers=lone[0], content=lone[1]).status_code == 401


def _one_voice() -> Settings:
    return {
        name: {"voices": dict.fromkeys(section["voices"], EMBEDDED_VOICE)}
        for name, section in VOICES.items()
    }


def test_links_are_signed(start: Starter) -> None:
    """With signed links, every address that these paths answer or post plays without a key."""
    key, line = make_key("app")
    settings: Settings = {
        "access": {"keys": [line]},
        "audio": {"links": "signed"},
        "callbacks": {"hosts": ["127.0.0.1"], "private_networks": ["127.0.0.0/8"]},
        "server": {"public_url": "relative"},  # of no use in a callback
        **_one_voice(),
    }
    bearer = {"Authorization": f"Bearer {key}"}
    with start(settings) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        with receiving() as receiver:
            hook = f"http://127.0.0.1:{receiver.port}/"
            told = fpt(server, "Một.", api_key=key, callback_url=hook).json()
            assert receiver.wait()["message"] == told["async"]
        urls = [told["async"]]
        form = {"input": "Hai."}
        told = client.post("/v1/tts/synthesize", data=form, headers={"apikey": key}).json()
        urls.append(told["data"]["url"])
        asked: dict[str, object] = {"text": "Ba.", "mode": "async"}
        with receiving() as receiver:
            asked["webhookUrl"] = f"http://127.0.0.1:{receiver.port}/"
            told = client.post("/v1/tts", json=asked, headers=bearer).json()
            urls.append(receiver.wait()["audioLink"])
        path = f"/v1/tts/requests/{told['requestId']}"
        urls.append(client.get(path, headers=bearer).json()["audioLink"])
        legacy = {"input_text": "Bốn.", "response_type": "direct"}
        result = client.post("/api/v1/tts", json=legacy, headers=bearer).json()["result"]
        urls.append(result["audio_link"])
        path = f"/api/v1/tts/{result['request_id']}"
        urls.append(client.get(path, headers=bearer).json()["result"]["audio_link"])
        for url in urls:
            assert url.startswith(f"{server.url}/audio/")
            assert httpx.get(url).status_code == 200
            assert httpx.get(url.partition("?")[0]).status_code == 401


def test_inner_networks_are_not_posted_to(start: Starter) -> None:
    """Nothing is posted to an allowed name that resolves to an inner network."""
    with receiving() as receiver:
        settings: Settings = {
            **_one_voice(),
            "callbacks": {"hosts": ["localhost", "127.0.0.1"], "attempts": 2},
        }
        with start(settings) as server:
            url = f"http://localhost:{receiver.port}/"
            told = fpt(server, "Một.", callback_url=url).json()
            assert poll(server, told["async"]).status_code == 200
            server.wait_for("callback given up", host="localhost")
            assert receiver.posted == []
            assert server.counted('vits_tts_callbacks_total{outcome="failed"}') == 1


def test_redirects_and_refusals_of_hosts(shared: LocalServer) -> None:
    """A redirect is not followed, and a host that refuses is not asked again."""
    with receiving(302) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/first"
        fpt(shared, "Chuyển hướng.", callback_url=url)
        shared.wait_for("callback given up")
        assert receiver.paths == ["/first"]


def test_switched_off(client: httpx.Client) -> None:
    """Without a map of voices these paths do not exist."""
    for path in ("/hmi/tts/v5", "/tts/speech_synthesis", "/v1/tts/synthesize", "/v1/tts"):
        assert client.post(path, json={"text": "a"}).status_code == 404
    assert client.post("/api/v1/tts", json={"input_text": "a"}).status_code == 404
