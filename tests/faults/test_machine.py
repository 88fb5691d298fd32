"""Faults of the machine: full disks, lost files, jumping clocks, no file descriptors."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

import httpx
import pytest

from tests.conftest import Row, Starter
from tests.support.server import Server, Settings, serving
from tests.support.sound import decode
from tests.support.voices import install_pair

_SERVE = [sys.executable, "-m", "vits_tts", "serve"]


@contextmanager
def on_a_disk(folder: Path, options: str) -> Iterator[Server]:
    """Run a server whose folder of audio files is a separate small disk."""
    unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    probe = [*unshare, "mount", "-t", "tmpfs", "none", "/mnt"]
    if not shutil.which("unshare") or subprocess.run(probe, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    install_pair(folder / "voices")
    (folder / "audio").mkdir()
    mount = f'mount -t tmpfs -o {options} none audio && exec "$@"'
    settings: Settings = {"voice": {"name": "pair"}}
    with serving(folder, settings, command=[*unshare, "sh", "-c", mount, "sh", *_SERVE]) as server:
        yield server


def test_a_full_disk(tmp_path: Path, row: Row) -> None:
    """`/tts` answers 507 on a full disk, streams work, and no broken file is ever sent.

    Free space ends the fault.
    """
    with on_a_disk(tmp_path / "server", "size=200k") as server:
        made: list[str] = []
        refused = 0
        for number in range(30):
            text = f"cau so {number} dai hon mot chut"
            answer = httpx.post(f"{server.url}/tts", json={"text": text})
            if answer.status_code == 200:
                made.append(answer.json()["audio_url"])
            else:
                assert answer.status_code == 507
                assert answer.json()["error"]["code"] == "storage_failed"
                refused += 1
        assert made
        assert refused
        for url in made:
            file = httpx.get(url)
            if file.status_code == 200:
                decode(file.content)  # every size in it is right
            else:
                assert file.status_code == 404
        streamed = httpx.get(f"{server.url}/tts/stream?text=van noi duoc")
        assert decode(streamed.content, streamed=True).seconds > 0.1
    row(
        "The disk of the audio files is full",
        f"{refused} of 30 requests to /tts got 507, {len(made)} got complete files; streams work",
    )


def test_a_read_only_disk(tmp_path: Path, row: Row) -> None:
    """The server starts and streams on a read-only disk; `/tts` answers 507."""
    with on_a_disk(tmp_path / "server", "ro") as server:
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert httpx.get(f"{server.url}/tts?text=xin chao").status_code == 507
        streamed = httpx.get(f"{server.url}/tts/stream?text=xin chao")
        assert decode(streamed.content, streamed=True).seconds > 0.1
    row("The disk of the audio files is read-only", "streams work; /tts answers 507")


def test_a_model_deleted_or_replaced(start: Starter, tmp_path: Path, row: Row) -> None:
    """A loaded voice still speaks; a reload refuses a broken voice and accepts a valid one."""
    model = install_pair(tmp_path / "server" / "voices")
    with start({"voice": {"name": "pair"}, "cache": {"memory": {"max_bytes": 0}}}) as server:
        ask = f"{server.url}/tts/stream?text=mot hai ba"
        quiet = decode(httpx.get(ask).content, streamed=True)
        whole = model.read_bytes()
        model.unlink()
        assert httpx.get(ask).status_code == 200
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_for_text("reload refused")
        model.write_bytes(whole[:1000])
        assert httpx.get(ask).status_code == 200
        before = server.workers()
        # Another voice under the same name: twice as loud.
        model.unlink()
        other = whole.replace(
            b"\x00\x00\x80\x3e\x00\x00\x00\x3f", b"\x00\x00\x00\x3f\x00\x00\x00\x3f"
        )
        assert other != whole
        model.write_bytes(other)
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_until(lambda: set(server.workers()).isdisjoint(before), "new workers")
        loud = decode(httpx.get(ask).content, streamed=True)
        assert loud.loudness - quiet.loudness == pytest.approx(6.02, abs=0.1)
    row(
        "The model file is deleted, truncated or replaced while the server runs",
        "the loaded voice still speaks; SIGHUP refuses a broken model and loads a valid one",
    )


def test_clock_jumps(tmp_path: Path, row: Row) -> None:
    """Streams are complete while the clock jumps; limits and caches work, and SIGTERM waits."""
    libraries = glob("/usr/lib/*/faketime/libfaketimeMT.so.1")  # noqa: PTH207
    if not libraries:
        pytest.skip("there is no libfaketime (Debian: libfaketime) to make a clock jump with")
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    clock = folder / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": libraries[0],
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    command = ["env", *(f"{name}={value}" for name, value in environment.items()), *_SERVE]
    settings: Settings = {
        "voice": {"name": "pair"},
        "access": {"requests_per_minute": 1000},
        "server": {"graceful_timeout": 20},
    }
    with serving(folder, settings, command=command) as server:
        for jump in ("+0", "+1d", "-1d", "+3650d", "+0"):
            clock.write_text(jump)
            answers = [
                httpx.get(f"{server.url}/tts?text=xin chao"),
                httpx.get(f"{server.url}/tts/stream?text=lan {jump.strip('+-')}"),
                httpx.get(f"{server.url}/readyz"),
            ]
            assert [answer.status_code for answer in answers] == [200, 200, 200], jump
        years = {line["time"][:4] for line in server.lines("request")}
        assert len(years) > 1  # the clock has really jumped
        workers = server.workers()
        clock.write_text("+2d")
        with httpx.stream("GET", f"{server.url}/tts/stream?text={'mot hai ba. ' * 80}") as stream:
            sound = b""
            for chunk in stream.iter_raw():
                if not sound:
                    os.kill(server.process.pid, signal.SIGTERM)
                    clock.write_text("+5d")
                sound += chunk
        assert decode(sound, streamed=True).seconds > 5
        assert server.process.wait(30) == 0
        assert not server.lines("Worker (pid:%s) was sent SIGKILL!")
        assert workers
    row(
        "The clock jumps forwards and back by days and years",
        "every request is answered; no worker crashes; SIGTERM still waits for streams",
    )


def test_no_descriptors(tmp_path: Path, row: Row) -> None:
    """With few file descriptors, clients are served while many connections are held open."""
    program = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); "
        "sys.argv[1:] = ['serve']; runpy.run_module('vits_tts', run_name='__main__')"
    )
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    settings: Settings = {"voice": {"name": "pair"}}
    with serving(folder, settings, command=[sys.executable, "-c", program]) as server:
        workers = server.workers()
        host, port = server.url.removeprefix("http://").split(":")
        with contextlib.ExitStack() as held, httpx.Client(base_url=server.url) as kept:
            assert kept.get("/healthz").status_code == 200
            for _ in range(100):
                held.enter_context(socket.create_connection((host, int(port)), timeout=30))
            begun = time.monotonic()
            for number in range(5):
                query = {"text": f"abc {number}"}
                assert httpx.get(f"{server.url}/tts", params=query, timeout=30).status_code == 200
            seconds = time.monotonic() - begun
            assert kept.get("/tts/stream?text=van noi").status_code == 200
        assert server.workers() == workers
    row(
        "64 file descriptors, and 100 connections that send nothing",
        f"5 of 5 requests to /tts got 200 within {seconds:.1f} s; no worker crashed",
    )


def test_many_begin_at_once(start: Starter, tmp_path: Path, row: Row) -> None:
    """Each of many simultaneous requests gets a complete answer or a proper refusal."""
    install_pair(tmp_path / "server" / "voices")
    with start({"voice": {"name": "pair"}, "limits": {"max_concurrent": 50}}) as server:
        statuses: list[int] = []

        def call(number: int) -> None:
            query = {"text": f"nguoi thu {number} " * 20}
            answer = httpx.get(f"{server.url}/tts/stream", params=query, timeout=60)
            if answer.status_code == 200:
                decode(answer.content, streamed=True)
            else:
                assert int(answer.headers["Retry-After"]) >= 1
            statuses.append(answer.status_code)

        crowd = [threading.Thread(target=call, args=(number,)) for number in range(150)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        assert len(statuses) == 150
        assert set(statuses) <= {200, 503}
        assert 200 in statuses
    row(
        "150 simultaneous listeners, 50 allowed",
        f"{statuses.count(200)} complete streams, {statuses.count(503)} refused (503, Retry-After)",
    )
