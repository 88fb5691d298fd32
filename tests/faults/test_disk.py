"""A disk of audio files that hangs, recovers, or is full."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.conftest import Row
from tests.faults.test_machine import on_a_disk as on_a_small_disk
from tests.support.decoding import DECODERS
from tests.support.disks import Disk, disk
from tests.support.server import Server, Settings, serving
from tests.support.sound import decode
from tests.support.voices import install_pair

_LONG = "mot hai ba bon nam sau bay tam chin muoi. " * 40
_TIMEOUT = 1.0
_MANY = 100_000


@contextmanager
def on_a_disk(folder: Path, **server: object) -> Iterator[tuple[Server, Disk]]:
    """Run a server with one worker that keeps its audio files on a disk that can hang."""
    install_pair(folder / "server" / "voices")
    settings: Settings = {
        "server": {"workers": 1, **server},
        "voice": {"name": "pair"},
        "audio": {"folder": str(folder / "disk"), "timeout_seconds": _TIMEOUT},
    }
    with (
        disk(folder / "disk") as hanging,
        serving(folder / "server", settings, at_end=hanging.recover) as server_,
    ):
        yield server_, hanging


def saved(server: Server, text: str) -> httpx.Response:
    """Request a file of `/tts`."""
    return httpx.post(f"{server.url}/tts", json={"text": text}, timeout=60)


def code(response: httpx.Response) -> tuple[int, str]:
    """Return an error's status and code."""
    return response.status_code, response.json()["error"]["code"]


def threads(server: Server) -> int:
    """Return how many threads the worker has."""
    (worker,) = server.workers()
    return len(list(Path(f"/proc/{worker}/task").iterdir()))


def readiness(server: Server) -> tuple[int, str, str | None]:
    """Return the body of `/readyz`."""
    answer = httpx.get(f"{server.url}/readyz")
    said = answer.json()
    return answer.status_code, said["status"], said.get("degraded")


def metric(server: Server, name: str) -> float:
    """Return a metric's value; 0 if it was never counted."""
    found = re.search(rf"^{name} (\S+)$", server.metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_hung_disk(tmp_path: Path, row: Row) -> None:
    """`/tts` answers 507 in time and streams continue in every format while the disk hangs.

    Readiness says so, and everything recovers.
    """
    with on_a_disk(tmp_path) as (server, hanging):
        assert saved(server, "mot hai").status_code == 200
        assert readiness(server) == (200, "ready", None)
        hanging.hang()
        with ThreadPoolExecutor(16) as callers:
            refusals = list(callers.map(lambda n: saved(server, f"so {n}"), range(16)))
        assert {code(refusal) for refusal in refusals} == {(507, "storage_timeout")}
        for name in ("mp3", "opus", "wav"):
            query = {"text": f"{name} {_LONG}", "format": name}
            stream = httpx.get(f"{server.url}/tts/stream", params=query, timeout=30)
            assert stream.status_code == 200
            if name != "wav":
                assert DECODERS[name](stream.content, 8000).seconds > 5
        assert readiness(server) == (200, "degraded", "audio_files")
        server.wait_for("breaker open", breaker="audio_files")
        metrics = server.metrics()
        assert 'vits_tts_breaker_open{breaker="audio_files"} 1.0' in metrics
        assert metric(server, "vits_tts_disk_timeouts_total") >= 4
        begun, before = time.monotonic(), threads(server)
        assert {code(saved(server, f"lan nua {n}")) for n in range(30)} == {
            (507, "storage_timeout")
        }
        quick = time.monotonic() - begun
        assert quick < 30 * _TIMEOUT  # no request waits for a hung disk
        assert threads(server) <= before + 4
        hanging.recover()
        begun = time.monotonic()
        server.wait_until(lambda: readiness(server) == (200, "ready", None), "the disk's return")
        back = time.monotonic() - begun
        answer = saved(server, "so 1")
        assert answer.status_code == 200
        assert httpx.get(answer.json()["audio_url"]).status_code == 200
        server.wait_until(lambda: not list(hanging.folder.glob(".*.part")), "nothing unfinished")
    row(
        "The disk of the audio files hangs",
        f"/tts answers 507 after audio.timeout_seconds, later requests at once; streams in MP3, "
        f"Opus and WAV continue; /readyz reports degraded, and ready {back:.1f} s after the disk "
        "works again",
    )


def test_the_end_with_a_hung_disk(tmp_path: Path, row: Row) -> None:
    """SIGTERM while threads hang: a stream under way is complete, and the server ends in time."""
    with on_a_disk(tmp_path, graceful_timeout=5) as (server, hanging):
        assert saved(server, "mot hai").status_code == 200
        hanging.hang()
        hung = [threading.Thread(target=saved, args=(server, f"so {n}")) for n in range(4)]
        for each in hung:
            each.start()
        server.wait_for("breaker open", breaker="audio_files")
        begun = time.monotonic()
        query = {"text": f"cuoi cung {_LONG}", "format": "mp3"}
        with httpx.stream("GET", f"{server.url}/tts/stream", params=query, timeout=30) as stream:
            sound = b""
            for chunk in stream.iter_raw():
                if not sound:
                    os.kill(server.process.pid, signal.SIGTERM)
                sound += chunk
        assert DECODERS["mp3"](sound, 8000).seconds > 5
        assert server.process.wait(30) == 0
        seconds = time.monotonic() - begun
        assert seconds < 15  # the grace period, and the five seconds that the master adds
        hanging.recover()
        for each in hung:
            each.join(30)
    row(
        "SIGTERM while the disk of the audio files hangs",
        f"the stream under way is complete; exit status 0 after {seconds:.1f} s "
        "(server.graceful_timeout: 5)",
    )


def test_a_start_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    """A server whose disk hangs at the start speaks, reports the fault, and recovers."""
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {
        "server": {"workers": 1},
        "voice": {"name": "pair"},
        "audio": {"folder": str(tmp_path / "disk"), "timeout_seconds": _TIMEOUT},
    }
    with disk(tmp_path / "disk") as hanging:
        hanging.hang()
        with serving(tmp_path / "server", settings, at_end=hanging.recover) as server:
            stream = httpx.get(f"{server.url}/tts/stream?text=mot hai&format=mp3", timeout=30)
            assert stream.status_code == 200
            expected = (200, "degraded", "audio_files")
            server.wait_until(lambda: readiness(server) == expected, "degraded")
            hanging.recover()
            server.wait_until(lambda: readiness(server) == (200, "ready", None), "ready")
            assert saved(server, "mot hai").status_code == 200


@pytest.mark.slow
def test_many_files_at_the_start(tmp_path: Path) -> None:
    """A server with very many files answers before it has scanned them, and counts all."""
    install_pair(tmp_path / "server" / "voices")
    # In memory: on a slow disk, 100,000 files delay the tests that run at the same time.
    memory = Path("/dev/shm")  # noqa: S108  # only names of files are written there
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as audio:
        folder = Path(audio)
        for number in range(_MANY):
            (folder / f"{number:040x}.wav").touch()
        (folder / f"{_MANY:040x}.wav").write_bytes(bytes(1_000_000))
        settings: Settings = {
            "voice": {"name": "pair"},
            "server": {"workers": 1},
            # A file waits for the first count, which takes a slow machine long.
            "audio": {"folder": audio, "timeout_seconds": 50},
        }
        with serving(tmp_path / "server", settings) as server:
            known = httpx.get(f"{server.url}/audio/{0:040x}.wav")
            assert known.status_code == 200
            answer = saved(server, "mot hai")
            assert answer.status_code == 200, answer.text
            size = len(httpx.get(answer.json()["audio_url"]).content)

            def counted() -> bool:
                return metric(server, "vits_tts_audio_files_bytes") == 1_000_000 + size

            server.wait_until(counted, "all counted")


def test_no_inodes(tmp_path: Path) -> None:
    """A disk without free inodes is full, however many bytes are free."""
    with on_a_small_disk(tmp_path / "server", "size=4m,nr_inodes=12") as server:
        answers = [saved(server, f"so {number}") for number in range(20)]
        made = [answer.json()["audio_url"] for answer in answers if answer.status_code == 200]
        refused = [code(answer) for answer in answers if answer.status_code != 200]
        assert made
        assert set(refused) == {(507, "storage_failed")}
        for url in made:
            decode(httpx.get(url).content)
        server.wait_for("audio files cannot be kept")
        assert readiness(server) == (200, "degraded", "audio_files")
        streamed = httpx.get(f"{server.url}/tts/stream?text=van noi duoc")
        assert decode(streamed.content, streamed=True).seconds > 0.1
