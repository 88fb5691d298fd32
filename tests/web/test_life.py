"""The life of the processes: drain, kill, reload, plain gunicorn."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import Starter
from tests.support.load import LONG, Caller, Listener
from tests.support.server import Server, Settings, clean_environment, serving, until
from tests.support.sound import assert_speech, decode
from tests.support.voices import install_joe, install_pair


def test_sigterm_finishes_what_is_under_way(start: Starter, tmp_path: Path) -> None:
    """A stream that began before SIGTERM is whole; new callers are refused; the exit is clean."""
    install_joe(tmp_path / "server" / "voices")
    settings: Settings = {"voice": {"name": "joe", "threads": 1}}
    with start(settings) as server:
        listener = Listener(server)
        listener.first.wait(30)
        os.kill(server.process.pid, signal.SIGTERM)
        server.wait_for("draining", requests=1)
        with pytest.raises(httpx.ConnectError):
            until(lambda: not httpx.get(f"{server.url}/healthz"), "refused")
        assert server.process.wait(30) == 0
        listener.join(30)
        assert listener.problem is None
        last = server.lines("request")[-1]
        assert (last["sentences"], last["status"]) == (12, 200)
        sound = decode(listener.sound, streamed=True)
        assert sound.seconds == pytest.approx(last["audio_seconds"], abs=0.01)


def test_sigterm_waits_no_longer_than_configured(start: Starter, tmp_path: Path) -> None:
    """When the time is over, what is still under way is cut, not sent as if it were whole."""
    install_joe(tmp_path / "server" / "voices")
    settings: Settings = {
        "server": {"graceful_timeout": 0.5},
        "voice": {"name": "joe", "threads": 1},
    }
    with start(settings) as server:
        listener = Listener(server, LONG * 2)
        listener.first.wait(30)
        assert server.stop() == 0
        listener.join(30)
        assert isinstance(listener.problem, httpx.RemoteProtocolError)
        assert server.lines("requests cut off: server.graceful_timeout is over")


def test_keep_alive_connections_are_closed_while_draining(start: Starter, tmp_path: Path) -> None:
    """A connection that stays open is answered once more and told to close."""
    install_joe(tmp_path / "server" / "voices")
    with (
        start({"voice": {"name": "joe", "threads": 1}}) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert client.get("/readyz").status_code == 200
        listener = Listener(server, LONG[: len(LONG) // 2])
        listener.first.wait(30)
        os.kill(server.process.pid, signal.SIGTERM)
        server.wait_for("draining")
        response = client.get("/readyz")
        assert (response.status_code, response.json()["status"]) == (503, "draining")
        assert response.headers["Connection"] == "close"
        listener.join(30)
        assert listener.problem is None


def test_callers_who_left_hold_nothing_up(start: Starter) -> None:
    """However callers go away, nothing of them is counted as under way when the end comes."""
    with start({"server": {"graceful_timeout": 20}}) as server:
        host, port = server.url.removeprefix("http://").split(":")
        get = b"GET /tts?text=xin HTTP/1.1\r\nHost: x\r\n\r\n"
        post = b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n"
        for sent in (get, get * 5, get[:20], post, post + b"half", get + post, b"", get + get[:30]):
            for _ in range(8):
                with socket.create_connection((host, int(port))) as connection:
                    connection.sendall(sent)
        assert httpx.get(f"{server.url}/tts?text=xin").status_code == 200
        only_us = {"vits_tts_connections 1.0", "vits_tts_requests_under_way 1.0"}

        def all_gone() -> bool:
            return only_us <= set(httpx.get(f"{server.url}/metrics").text.splitlines())

        until(all_gone, "all gone", server.explain)
        assert server.stop() == 0
        assert not server.lines("requests cut off: server.graceful_timeout is over")
        assert server.lines("draining")[-1]["requests"] == 0


def test_reload_takes_settings_and_voices_and_drops_nothing(start: Starter, tmp_path: Path) -> None:
    """SIGHUP under load: a stream is whole, no request fails, then the new settings hold."""
    install_joe(tmp_path / "server" / "voices")
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {
        "server": {"workers": 2},
        "voice": {"name": "joe", "others": ["pair"], "threads": 1},
    }
    with start(settings) as server:
        before = set(server.workers())
        listener = Listener(server)
        listener.first.wait(30)
        callers = [Caller(server.url) for _ in range(4)]
        install_pair(tmp_path / "server" / "voices", "duo")
        settings["voice"]["others"] = ["pair", "duo"]
        server.configure(settings)
        os.kill(server.process.pid, signal.SIGHUP)
        until(lambda: not before & set(server.workers()), "new workers", server.explain)
        listener.join(60)
        for caller in callers:
            caller.stop()
        assert listener.problem is None
        assert decode(listener.sound, streamed=True).seconds > 20
        assert sum(caller.answered for caller in callers) > 20
        assert [problem for caller in callers for problem in caller.problems] == []
        names = [voice["name"] for voice in httpx.get(f"{server.url}/voices").json()["voices"]]
        assert names == ["joe", "pair", "duo"]
        assert not server.lines("requests cut off: server.graceful_timeout is over")


@pytest.mark.parametrize("broken", ["sever: {}", "voice: {name: gone}", "access: {keys: [x]}"])
def test_a_reload_that_cannot_be(start: Starter, tmp_path: Path, broken: str) -> None:
    """Settings that cannot be used change nothing; the log says why, and the server serves on."""
    install_pair(tmp_path / "server" / "voices")
    with start({"voice": {"name": "pair"}}) as server:
        before = server.workers()
        (tmp_path / "server" / "config.yaml").write_text(broken)
        os.kill(server.process.pid, signal.SIGHUP)
        until(lambda: "reload refused" in server.log.read_text(), "refusal", server.explain)
        assert httpx.get(f"{server.url}/tts?text=abc").status_code == 200
        assert server.workers() == before


def test_workers_are_replaced_after_so_many_requests(start: Starter, tmp_path: Path) -> None:
    """`server.max_requests`: other processes take over, no stream is cut and no request fails."""
    install_joe(tmp_path / "server" / "voices")
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {
        "server": {"workers": 2, "max_requests": 30},
        "voice": {"name": "joe", "others": ["pair"], "threads": 1},
    }
    with start(settings) as server:
        before = set(server.workers())
        listener = Listener(server)
        listener.first.wait(30)
        callers = [Caller(server.url) for _ in range(4)]
        until(lambda: not before & set(server.workers()), "new workers", server.explain)
        listener.join(60)
        for caller in callers:
            caller.stop()
        assert listener.problem is None
        assert decode(listener.sound, streamed=True).seconds > 20
        assert [problem for caller in callers for problem in caller.problems] == []


def metric_places(server: Server) -> set[str]:
    """Return for whom there are files of metrics, as their names say."""
    maps = "".join(Path(f"/proc/{worker}/maps").read_text() for worker in server.workers())
    (folder,) = {Path(found).parent for found in re.findall(r"/\S+\.db$", maps, re.MULTILINE)}
    return {file.stem.rpartition("_")[2] for file in folder.iterdir()}


@pytest.mark.parametrize("suffix", [".onnx", ".onnx.json"])
def test_a_worker_that_cannot_start_does_not_end_the_server(
    start: Starter, tmp_path: Path, suffix: str
) -> None:
    """A voice's file is taken away while running: one worker serves on, another comes later."""
    voices = tmp_path / "server" / "voices"
    install_pair(voices)
    file, away = voices / f"pair{suffix}", voices / "away"
    with start({"server": {"workers": 2}, "voice": {"name": "pair"}}) as server:
        server.wait_for("worker ready", count=2)
        file.rename(away)
        killed, lives = server.workers()
        os.kill(killed, signal.SIGKILL)
        server.wait_for_text("worker cannot start")
        for _ in range(10):
            assert httpx.get(f"{server.url}/tts?text=abc").status_code == 200
        away.rename(file)

        def both() -> bool:
            workers = server.workers()
            return len(workers) == 2 and lives in workers and killed not in workers

        until(both, "two workers", server.explain)
        server.wait_for("worker ready", count=3)
        assert server.process.poll() is None


def test_drain_delay_takes_callers_who_do_not_know_yet(start: Starter, tmp_path: Path) -> None:
    """For `server.drain_delay` after SIGTERM it is not ready, yet whoever comes is served."""
    install_pair(tmp_path / "server" / "voices")
    with start({"server": {"drain_delay": 2}, "voice": {"name": "pair"}}) as server:
        os.kill(server.process.pid, signal.SIGTERM)
        until(lambda: httpx.get(f"{server.url}/readyz").status_code == 503, "not ready")
        late = httpx.get(f"{server.url}/tts?text=abc")
        assert late.status_code == 200
        assert late.headers["Connection"] == "close"
        assert server.process.wait(30) == 0


def test_ctrl_c_stops_at_once(start: Starter) -> None:
    """SIGINT does not wait, and leaves no worker behind."""
    with start({"server": {"workers": 2}}) as server:
        workers = server.workers()
        assert server.stop(signal.SIGINT) == 0
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_killed_worker_is_replaced(start: Starter) -> None:
    """SIGKILL to a worker costs no more than what it was doing."""
    with start({"server": {"workers": 2}}) as server:
        before = server.workers()
        server.wait_until(lambda: len(metric_places(server)) == 2, "both counting")
        for _ in range(10):
            assert httpx.get(f"{server.url}/tts?text=xin", timeout=30).status_code == 200
        server.wait_for("request", count=10, route="tts")
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(set(server.workers()) - {before[0]}) == 2, "another worker")
        server.wait_ready()
        for _ in range(10):
            assert httpx.get(f"{server.url}/tts?text=xin", timeout=30).status_code == 200
        # It counts on in the files of the one before.
        counted = 'requests_total{method="GET",route="tts",status="200"} 20.0'
        server.wait_until(lambda: counted in server.metrics(), "all counted")
        assert len(metric_places(server)) == 2


def test_sigterm_while_starting(start: Starter) -> None:
    """A worker that is told to end before it has begun ends too."""
    with start({"server": {"workers": 2}}, ready=False) as server:
        until(lambda: len(server.workers()) == 2, "both workers", server.explain)
        assert server.stop() == 0
        assert not server.lines("Worker (pid:%s) was sent SIGKILL!")


def test_the_master_is_clean() -> None:
    """What the master imports has neither onnxruntime, which no fork survives, nor metrics."""
    program = (
        "import sys, vits_tts.web.start, vits_tts.web.master; "
        "print({'onnxruntime', 'prometheus_client'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"


def test_workers_end_with_their_master(start: Starter) -> None:
    """When the master is killed, its workers do not stay behind."""
    with start() as server:
        (worker,) = server.workers()
        server.process.kill()
        until(lambda: not Path(f"/proc/{worker}/exe").exists(), "the worker's end")


def test_plain_gunicorn(tmp_path: Path) -> None:
    """`gunicorn --worker-class tornado 'vits_tts.web.app:make_app()'` serves as well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    gunicorn = shutil.which("gunicorn", path=Path(sys.executable).parent)
    assert gunicorn
    command = [gunicorn, "--worker-class", "tornado", "--bind", f"127.0.0.1:{port}"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "vits_tts.web.app:make_app()"],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=output,
            stderr=output,
        )
    server = Server(process, log)
    server.url = f"http://127.0.0.1:{port}"
    try:
        server.wait_ready()
        sound = httpx.get(f"{server.url}/tts/stream", params={"text": "Xin chào"}).content
        assert_speech(decode(sound, streamed=True), shortest=0.3, longest=3)
        assert httpx.get(f"{server.url}/nope").json()["error"]["code"] == "not_found"
    finally:
        assert server.stop() == 0


def test_without_gunicorn(tmp_path: Path) -> None:
    """Where there is no gunicorn one process serves by itself, and drains as well."""
    program = (
        "from vits_tts import config; from vits_tts.web.single import serve_single; "
        "serve_single(config.load())"
    )
    with serving(tmp_path, command=[sys.executable, "-c", program]) as server:
        sound = httpx.get(f"{server.url}/tts/stream", params={"text": "Xin chào"}).content
        assert_speech(decode(sound, streamed=True), shortest=0.3, longest=3)
        assert server.stop() == 0
        assert server.lines("draining")
