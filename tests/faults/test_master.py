"""Failures of a worker, a fork or a reload neither end the server nor cut other streams."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.adversary.processes import Ends, owner
from tests.conftest import Row, Starter
from tests.support.load import VERY_LONG, Listener
from tests.support.server import Server, Settings, serving, start_in
from tests.support.sound import decode
from tests.support.voices import install_pair
from vits_tts.config.voice import Voice
from vits_tts.errors import VoiceError
from vits_tts.server.start import _check_voices
from vits_tts.voice.installed import served

_SERVE = [sys.executable, "-m", "vits_tts", "serve"]

FAULTS = '''
"""Faults of the machine, while there is a file of that name."""

import os
import sys
import threading
from pathlib import Path

FOLDER = Path(os.environ["FAULTS"])
fork, start = os.fork, threading.Thread.start


def failing_fork():
    if (FOLDER / "fork").exists():
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return fork()


def failing_start(thread):
    if (FOLDER / "thread").exists():
        raise RuntimeError("can't start new thread")
    return start(thread)


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "vits_tts.web.app" and (FOLDER / "boot").exists():
            raise MemoryError


os.fork, threading.Thread.start = failing_fork, failing_start
sys.meta_path.insert(0, Finder())
'''


@contextmanager
def faulty(folder: Path, settings: Settings) -> Iterator[tuple[Server, Path]]:
    """Run a server in which forks, threads or boots fail while a file of that name exists."""
    faults = folder / "faults"
    faults.mkdir(parents=True)
    (faults / "sitecustomize.py").write_text(FAULTS)
    environment = {"PYTHONPATH": str(faults), "FAULTS": str(faults)}
    with serving(folder, settings, environment=environment) as server:
        yield server, faults


TWO: Settings = {
    "server": {"workers": 2, "graceful_timeout": 120},
    "voice": {"name": "pair"},
    "limits": {"slow_client_seconds": 120},
}


_UNABLE = {
    "boot": "worker ends by an unexpected error",
    "fork": "no worker can be started: [Errno 11] Resource temporarily unavailable",
    "thread": "worker ends by an unexpected error",
}
"""The message about a worker that cannot start, by the fault."""


def test_a_worker_that_cannot_be(tmp_path: Path, row: Row) -> None:
    """If a killed worker cannot be replaced, the other one serves, and the server recovers."""
    install_pair(tmp_path / "server" / "voices")
    with faulty(tmp_path / "server", TWO) as (server, faults):
        server.wait_for("worker ready", count=2)
        for fault in _UNABLE:
            fail_to_replace(server, faults, fault)
            row(
                f"A new worker cannot start: its {fault} fails",
                "the other worker continues to serve; the master tries again with pauses",
            )
        assert server.stop() == 0


def fail_to_replace(server: Server, faults: Path, fault: str) -> None:
    """Kill one of two workers while no other can start, and wait for its successor after that."""
    listener = Listener(server, VERY_LONG, held=True)
    listener.first.wait(30)
    server.forget()
    told = said(server, _UNABLE[fault])
    (faults / fault).touch()
    speaking = owner(Ends(listener.address, address(server)), server.workers())
    assert speaking
    victim = next(worker for worker in server.workers() if worker != speaking)
    os.kill(victim, signal.SIGKILL)
    server.wait_until(lambda: said(server, _UNABLE[fault]) > told, _UNABLE[fault])
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    listener.release()
    listener.join(60)
    assert listener.problem is None
    assert decode(listener.sound, streamed=True).seconds > 20
    (faults / fault).unlink()
    server.wait_for("worker ready")
    assert httpx.get(f"{server.url}/tts/stream?text=xin").status_code == 200


def said(server: Server, text: str) -> int:
    """Return how often the output of a server has a text."""
    return server.log.read_text(encoding="utf-8").count(text)


def address(server: Server) -> tuple[str, int]:
    """Return the address at which a server listens."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    return host, int(port)


def test_a_reload_that_fails_unexpectedly(tmp_path: Path) -> None:
    """A reload that fails by any exception is refused, and the next one works."""
    install_pair(tmp_path / "server" / "voices")
    with faulty(tmp_path / "server", {"voice": {"name": "pair"}}) as (server, faults):
        for fault in ("fork", "thread"):
            before = set(server.workers())
            (faults / fault).touch()
            os.kill(server.process.pid, signal.SIGHUP)
            if fault == "fork":
                server.wait_for("reload refused, everything stays as it is: unexpected error")
            assert httpx.get(f"{server.url}/tts/stream?text=xin").status_code == 200
            (faults / fault).unlink()
            os.kill(server.process.pid, signal.SIGHUP)
            server.wait_until(partial(renewed, server, before), "new workers")
            assert httpx.get(f"{server.url}/tts/stream?text=xin").status_code == 200


def renewed(server: Server, before: set[int]) -> bool:
    """Return whether none of the workers of before is left."""
    return before.isdisjoint(server.workers())


def test_signals_that_mean_nothing(start: Starter, tmp_path: Path) -> None:
    """Only SIGTERM, SIGINT and SIGQUIT end a server."""
    install_pair(tmp_path / "server" / "voices")
    with start({"voice": {"name": "pair"}}) as server:
        for name in (
            "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGPIPE", "SIGCHLD", "SIGURG",
            "SIGWINCH", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGHUP",
        ):  # fmt: skip
            server.process.send_signal(getattr(signal, name))
            assert httpx.get(f"{server.url}/healthz").status_code == 200
        server.wait_for("reloading")
        server.wait_ready()
        assert httpx.get(f"{server.url}/tts/stream?text=xin").status_code == 200
        assert server.process.poll() is None
        assert server.stop() == 0


def test_a_stop_while_a_reload_hangs(start: Starter, tmp_path: Path) -> None:
    """Workers serve and can be stopped while the check of the voices hangs."""
    install_pair(tmp_path / "server" / "voices")
    with start({"server": {"workers": 1}, "voice": {"name": "pair"}}) as server:
        workers = set(server.workers())
        server.process.send_signal(signal.SIGHUP)
        checker = server.wait_until(
            lambda: next(iter(set(server.workers()) - workers), 0), "the process that checks"
        )
        os.kill(checker, signal.SIGSTOP)
        assert httpx.get(f"{server.url}/tts/stream?text=xin").status_code == 200
        assert server.stop() == 0
        assert "interrupted by a signal" in server.log.read_text(encoding="utf-8")
        assert not _lives(checker)


def test_a_check_that_takes_too_long(tmp_path: Path) -> None:
    """A reload is refused when its voices cannot be loaded in time, as from a disk that hangs."""
    model = install_pair(tmp_path)
    voices = list(served(Voice(name="pair", folder=tmp_path)).values())
    model.unlink()
    os.mkfifo(model)  # reading waits for a writer
    with pytest.raises(VoiceError, match="within 0 seconds"):
        _check_voices(voices, tmp_path / "pieces", limit=0.0)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server of one worker, which tests may replace."""
    with serving(tmp_path_factory.mktemp("lasting"), pair=True) as server:
        yield server


def test_signals_to_workers_that_mean_nothing(lasting: Server) -> None:
    """SIGHUP from a closed terminal reaches the whole group; no worker ends, no stream is cut."""
    (worker,) = lasting.workers()
    with httpx.Client(base_url=lasting.url) as kept:
        for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCHLD", "SIGPIPE"):
            os.kill(worker, getattr(signal, name))
            assert kept.get("/tts/stream?text=xin").status_code == 200, name
    assert lasting.workers() == [worker]


def test_reloads_during_the_start(tmp_path: Path) -> None:
    """A SIGHUP during the start does not end the server, and is executed after the start."""
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    hurry = (
        "import os, runpy, signal, sys\n"
        "from vits_tts.server import start\n"
        "check = start._check_voices\n"
        "def checked(*arguments):\n"
        "    start._check_voices = check\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    check(*arguments)\n"
        "start._check_voices = checked\n"
        "sys.argv[1:] = ['serve']; runpy.run_module('vits_tts', run_name='__main__')"
    )
    settings: Settings = {"voice": {"name": "pair"}}
    with serving(folder, settings, command=[sys.executable, "-c", hurry]) as server:
        server.wait_for("reloading")
        assert server.stop() == 0


def test_reloads_during_the_end(start: Starter, tmp_path: Path) -> None:
    """SIGHUPs during the end do not change the exit status."""
    install_pair(tmp_path / "server" / "voices")
    with start({"voice": {"name": "pair"}}) as server:
        os.kill(server.process.pid, signal.SIGTERM)
        while server.process.poll() is None:
            server.process.send_signal(signal.SIGHUP)
        assert server.process.returncode == 0


def test_a_reload_during_a_reload(start: Starter, tmp_path: Path) -> None:
    """Workers that serve stay until a successor is able, also when the first successors do not."""
    install_pair(tmp_path / "server" / "voices")
    with start({"server": {"workers": 2}, "voice": {"name": "pair"}}) as server:
        server.wait_for("worker ready", count=2)
        old = server.workers()
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("reloading")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("reloading", count=2)

        def first_to_leave() -> str:
            lines = server.lines("draining")
            return min((line["time"] for line in lines if line["process"] in old), default="")

        left = server.wait_until(first_to_leave, "a worker that leaves")
        assert sum(line["time"] <= left for line in server.lines("worker ready")) >= 3
        server.wait_for("worker ready", count=4)


def test_many_reloads_at_once(lasting: Server, row: Row) -> None:
    """Many SIGHUPs lead to at most three sets of workers."""
    server = lasting
    most = 0
    first = server.workers()
    for _ in range(60):
        server.process.send_signal(signal.SIGHUP)
        most = max(most, len(server.workers()))
        assert httpx.get(f"{server.url}/healthz").status_code == 200

    def settled() -> bool:
        nonlocal most
        workers = server.workers()
        most = max(most, len(workers))
        return len(workers) == 1 and not set(workers) & set(first)

    server.wait_until(settled, "a new worker")
    assert most <= 3 + 1  # and the process that tries the voices
    assert httpx.get(f"{server.url}/tts/stream?text=xin").status_code == 200
    row(
        "60 SIGHUPs in a row",
        f"at most {most} processes besides the master; all requests are answered",
    )


def test_metrics_of_a_killed_server_are_removed(tmp_path: Path) -> None:
    """The next server removes the folder that a killed one left behind, and no other."""
    install_pair(tmp_path / "voices")
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    environment = {"TMPDIR": str(scratch)}
    settings: Settings = {"voice": {"name": "pair", "folder": str(tmp_path / "voices")}}

    def folders() -> set[Path]:
        return set(scratch.glob("vits-tts-metrics-*"))

    with serving(tmp_path / "killed", settings, environment=environment) as killed:
        (left,) = folders()
        workers = killed.workers()
        killed.process.kill()
        killed.process.wait()
        for worker in workers:
            killed.wait_until(lambda worker=worker: not _lives(worker), "orphans end")  # type: ignore[misc]
    foreign = scratch / "vits-tts-metrics-foreign"
    foreign.mkdir()
    with serving(tmp_path / "other", settings, environment=environment):
        (running,) = folders() - {left, foreign}
        for folder in (left, foreign, running):
            os.utime(folder, (0, 0))
        with serving(tmp_path / "next", settings, environment=environment) as server:
            assert not left.exists()
            assert {running, foreign} < folders()
            assert "vits_tts_requests_total" in server.metrics()
    assert folders() == {foreign}


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def on_a_temporary_disk(folder: Path, before: str) -> Iterator[tuple[Server, Path]]:
    """Run a server with a temporary disk of 300 KiB; yield its path as seen from here."""
    unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    probe = [*unshare, "mount", "-t", "tmpfs", "none", "/mnt"]
    if not shutil.which("unshare") or subprocess.run(probe, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    install_pair(folder / "voices")
    disk = folder / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=300k none disk && {before} exec "$@"'
    settings: Settings = {"voice": {"name": "pair"}}
    command = [*unshare, "sh", "-c", mount, "sh", *_SERVE]
    environment = {"TMPDIR": str(disk)}
    with serving(folder, settings, command=command, environment=environment) as server:
        yield server, Path(f"/proc/{server.process.pid}/root{disk}")


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def _speak_in_many_ways(server: Server) -> None:
    """Create new labels of metrics: formats, refusals, methods, paths."""
    for number in range(6):
        assert httpx.get(f"{server.url}/tts/stream?text=cau {number}").status_code == 200
        assert httpx.post(f"{server.url}/tts", json={"text": ""}).status_code == 400
        assert httpx.get(f"{server.url}/nothing").status_code == 404
        assert httpx.delete(f"{server.url}/tts").status_code == 405
        assert httpx.get(f"{server.url}/voices").status_code == 200
        assert httpx.get(f"{server.url}/v1/models").status_code == 200
        assert httpx.get(f"{server.url}/metrics").status_code == 200


def test_a_temporary_disk_that_fills(tmp_path: Path, row: Row) -> None:
    """No worker crashes at a new label; readiness and the log say that metrics are incomplete."""
    with on_a_temporary_disk(tmp_path / "server", "") as (server, disk):
        server.wait_for("worker ready")
        _fill(disk / "full")
        before = server.workers()
        _speak_in_many_ways(server)
        for worker in before:
            os.kill(worker, signal.SIGKILL)  # new workers find no space for files of their own
        server.wait_for("worker ready", count=2)
        _speak_in_many_ways(server)
        assert set(server.workers()).isdisjoint(before)
    row(
        "The temporary disk becomes full",
        "no worker crashes; metrics are incomplete, and /readyz reports degraded",
    )


def test_a_start_on_a_full_temporary_disk(tmp_path: Path, row: Row) -> None:
    """The server starts, speaks, and says that it counts without its files."""
    # Two pages are left, so that Python finds the folder writable.
    fill = "dd if=/dev/zero of=disk/full bs=4k count=73 2>/dev/null;"
    with on_a_temporary_disk(tmp_path / "server", fill) as (server, _):
        _speak_in_many_ways(server)
        ready = httpx.get(f"{server.url}/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["degraded"] == "metrics"
        assert any("metrics are incomplete" in line["message"] for line in server.lines())
        assert server.stop() == 0
    row("Start on a full temporary disk", "ready; /readyz reports degraded: metrics incomplete")


def test_an_operations_port_that_is_taken(tmp_path: Path) -> None:
    """One line names the setting of a port that is in use, without further attempts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start_in(tmp_path, VITS_TTS__SERVER__OPERATIONS_PORT=str(port))
    assert done.returncode == 2
    assert f"server.operations_port: cannot listen on 127.0.0.1:{port}" in done.stderr
