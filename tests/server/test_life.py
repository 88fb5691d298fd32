"""The life of the processes: drain, kill, reload, plain gunicorn."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.conftest import Starter
from tests.support import forks
from tests.support.load import VERY_LONG, Caller, Listener
from tests.support.ports import free_port
from tests.support.server import (
    Server,
    Settings,
    clean_environment,
    serving,
    until,
    write_settings,
)
from tests.support.sound import assert_speech, decode
from tests.support.voices import install_pair

HOLD: Settings = {
    "server": {"graceful_timeout": 120},
    "voice": {"name": "pair"},
    "limits": {"slow_client_seconds": 120},
}
"""Settings of a server that waits for listeners which do not read on."""


def held(server: Server) -> Listener:
    """Return a listener of a stream that is under way until it is released."""
    listener = Listener(server, VERY_LONG, held=True)
    assert listener.first.wait(30)
    assert listener.problem is None
    return listener


def test_sigterm_finishes_what_is_under_way(start: Starter, tmp_path: Path) -> None:
    """A stream that began before SIGTERM is complete; new clients are refused; exit is clean.

    While draining, an open connection gets one more answer and is told to close.
    """
    install_pair(tmp_path / "server" / "voices")
    with start(HOLD) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/readyz").status_code == 200
        listener = held(server)
        os.kill(server.process.pid, signal.SIGTERM)
        server.wait_for("draining", requests=1)
        response = client.get("/readyz")
        assert (response.status_code, response.json()["status"]) == (503, "draining")
        assert response.headers["Connection"] == "close"
        with pytest.raises(httpx.ConnectError):
            until(lambda: not httpx.get(f"{server.url}/healthz"), "refused")
        listener.release()
        assert server.process.wait(30) == 0
        listener.join(30)
        assert listener.problem is None
        last = server.lines("request")[-1]
        assert (last["sentences"], last["status"]) == (48, 200)
        sound = decode(listener.sound, streamed=True)
        assert sound.seconds == pytest.approx(last["audio_seconds"], abs=0.01)


def test_sigterm_waits_no_longer_than_configured(start: Starter, tmp_path: Path) -> None:
    """After the configured time, requests under way are cut, without looking complete."""
    install_pair(tmp_path / "server" / "voices")
    with start({**HOLD, "server": {"graceful_timeout": 0.5}}) as server:
        listener = held(server)
        assert server.stop() == 0
        listener.release()
        listener.join(30)
        assert isinstance(listener.problem, httpx.RemoteProtocolError)
        assert server.lines("requests cut off: server.graceful_timeout is over")


def test_callers_who_left_hold_nothing_up(start: Starter) -> None:
    """Clients that left in any way do not count as under way at the end."""
    with start({"server": {"graceful_timeout": 20}}, pair=True) as server:
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
    """SIGHUP under load: a stream is complete, no request fails, then the new settings apply."""
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {**HOLD, "server": {**HOLD["server"], "workers": 2}}
    with start(settings) as server:
        server.wait_for("worker ready", count=2)
        before = set(server.workers())
        listener = held(server)
        callers = [Caller(server.url) for _ in range(4)]
        install_pair(tmp_path / "server" / "voices", "duo")
        server.configure({**settings, "voice": {"name": "pair", "others": ["duo"]}})
        os.kill(server.process.pid, signal.SIGHUP)
        # The worker of the held stream ends only after that stream.
        server.wait_for("worker ready", count=4)
        listener.release()
        until(lambda: not before & set(server.workers()), "new workers alone", server.explain)
        listener.join(60)
        for caller in callers:
            caller.stop()
        assert listener.problem is None
        assert decode(listener.sound, streamed=True).seconds > 20
        assert sum(caller.answered for caller in callers) > 20
        assert [problem for caller in callers for problem in caller.problems] == []
        names = [voice["name"] for voice in httpx.get(f"{server.url}/voices").json()["voices"]]
        assert names == ["pair", "duo"]
        assert not server.lines("requests cut off: server.graceful_timeout is over")


def refused(server: Server, count: int) -> bool:
    """Return whether a server has refused at least ``count`` reloads."""
    return server.log.read_text().count("reload refused") >= count


def test_a_reload_that_cannot_be(start: Starter, tmp_path: Path) -> None:
    """Invalid settings change nothing; the log says why, and the server continues."""
    install_pair(tmp_path / "server" / "voices")
    with start({"voice": {"name": "pair"}}) as server:
        before = server.workers()
        for number, broken in enumerate(
            ("sever: {}", "voice: {name: gone}", "access: {keys: [x]}"), start=1
        ):
            (tmp_path / "server" / "config.yaml").write_text(broken)
            os.kill(server.process.pid, signal.SIGHUP)
            server.wait_until(partial(refused, server, number), f"refusal of {broken}")
            assert httpx.get(f"{server.url}/tts?text=abc").status_code == 200
            assert server.workers() == before


def test_workers_are_replaced_after_so_many_requests(start: Starter, tmp_path: Path) -> None:
    """With `server.max_requests` workers are replaced; no stream is cut and no request fails."""
    install_pair(tmp_path / "server" / "voices")
    workers = {"workers": 2, "max_requests": 60}
    with start({**HOLD, "server": {**HOLD["server"], **workers}}) as server:
        server.wait_for("worker ready", count=2)
        before = set(server.workers())
        listener = held(server)
        callers = [Caller(server.url) for _ in range(4)]
        server.wait_for("server.max_requests reached, asking to be replaced", count=2)
        server.wait_for("worker ready", count=4)
        for caller in callers:
            caller.stop()
        listener.release()
        until(lambda: not before & set(server.workers()), "new workers", server.explain)
        listener.join(60)
        assert listener.problem is None
        assert decode(listener.sound, streamed=True).seconds > 20
        assert [problem for caller in callers for problem in caller.problems] == []


def metric_places(server: Server) -> set[str]:
    """Return the process ids in the names of the metrics files."""
    maps = "".join(Path(f"/proc/{worker}/maps").read_text() for worker in server.workers())
    (folder,) = {Path(found).parent for found in re.findall(r"/\S+\.db$", maps, re.MULTILINE)}
    return {file.stem.rpartition("_")[2] for file in folder.iterdir()}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server of two workers."""
    folder = tmp_path_factory.mktemp("two")
    with serving(folder, {"server": {"workers": 2}}, pair=True) as server:
        server.wait_for("worker ready", count=2)
        yield server


def test_a_killed_worker_is_replaced(two: Server) -> None:
    """SIGKILL of a worker costs only the requests of that worker."""
    server = two
    before = server.workers()
    server.wait_until(lambda: len(metric_places(server)) == 2, "both counting")
    for _ in range(10):
        assert httpx.get(f"{server.url}/tts?text=xin", timeout=30).status_code == 200
    server.wait_for("request", count=10, route="tts")
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(set(server.workers()) - {before[0]}) == 2, "another worker")
    server.wait_for("worker ready", count=3)
    for _ in range(10):
        assert httpx.get(f"{server.url}/tts?text=xin", timeout=30).status_code == 200
    # The metrics continue in the files of the worker before.
    counted = 'requests_total{method="GET",route="tts",status="200"} 20.0'
    server.wait_until(lambda: counted in server.metrics(), "all counted")
    assert len(metric_places(server)) == 2


def test_a_worker_that_cannot_start_does_not_end_the_server(two: Server) -> None:
    """If a new worker cannot start without a file of its voice, the other one serves.

    A new worker starts when the file is back.
    """
    for name in ("pair.onnx", "pair.onnx.json"):
        lose_for_a_while(two, two.log.parent / "voices" / name)


def lose_for_a_while(server: Server, file: Path) -> None:
    """Kill one of two workers while a file is missing, and wait for its successor after that."""
    server.forget()
    away = file.rename(file.with_name("away"))
    killed, lives = server.workers()
    os.kill(killed, signal.SIGKILL)

    def unable() -> bool:
        return any(line["message"].startswith("worker cannot start") for line in server.lines())

    server.wait_until(unable, "a worker that cannot start")
    for _ in range(10):
        assert httpx.get(f"{server.url}/tts?text=abc").status_code == 200
    away.rename(file)

    def both() -> bool:
        workers = server.workers()
        return len(workers) == 2 and lives in workers and killed not in workers

    until(both, "two workers", server.explain)
    server.wait_for("worker ready")
    assert server.process.poll() is None


def test_drain_delay_takes_callers_who_do_not_know_yet(start: Starter, tmp_path: Path) -> None:
    """For `server.drain_delay` after SIGTERM it is not ready, yet new requests are served."""
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
    with start({"server": {"workers": 2}}, pair=True) as server:
        workers = server.workers()
        assert server.stop(signal.SIGINT) == 0
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_sigterm_while_starting(start: Starter) -> None:
    """A worker that gets SIGTERM during its start ends."""
    with start({"server": {"workers": 2}}, pair=True, ready=False) as server:
        until(lambda: len(server.workers()) == 2, "both workers", server.explain)
        assert server.stop() == 0
        assert not server.lines("Worker (pid:%s) was sent SIGKILL!")


def test_the_master_is_clean() -> None:
    """The master imports neither onnxruntime, which does not survive a fork, nor metrics."""
    program = (
        "import sys, vits_tts.server.start, vits_tts.server.arbiter; "
        "print({'onnxruntime', 'prometheus_client'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"


def test_a_worker_without_redis_imports_no_client_of_it() -> None:
    """The modules of a worker do not import redis-py, which takes long, unless it is configured."""
    program = (
        "import sys, vits_tts.web.app, vits_tts.server.lifecycle; print('redis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_workers_end_with_their_master(start: Starter) -> None:
    """Workers end when their master is killed."""
    with start(pair=True) as server:
        (worker,) = server.workers()
        server.process.kill()
        until(lambda: not Path(f"/proc/{worker}/exe").exists(), "the worker's end")


def test_plain_gunicorn(tmp_path: Path) -> None:
    """`gunicorn --worker-class tornado 'vits_tts.web.app:make_app()'` works as well."""
    port = free_port()
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
    """Without gunicorn, one process serves alone, and drains as well."""
    program = (
        "from vits_tts import config; from vits_tts.server.single_process import serve_single; "
        "serve_single(config.load())"
    )
    with serving(tmp_path, command=[sys.executable, "-c", program]) as server:
        sound = httpx.get(f"{server.url}/tts/stream", params={"text": "Xin chào"}).content
        assert_speech(decode(sound, streamed=True), shortest=0.3, longest=3)
        assert server.stop() == 0
        assert server.lines("draining")


@pytest.mark.skipif(not forks.wanted(), reason="servers are forked on Linux only")
def test_servers_of_tests_have_different_parents(tmp_path: Path) -> None:
    """Two servers do not share the seed of hashes, which would hide values that depend on it."""
    write_settings(tmp_path / "config.yaml", {"server": {"nonsense": 1}})
    with (tmp_path / "log").open("wb") as output:
        both = [forks.serve(tmp_path, clean_environment(), output) for _ in range(2)]
    stats = [Path(f"/proc/{each.pid}/stat").read_text() for each in both]
    assert all(each.wait(60) == 2 for each in both)
    assert len({stat.rpartition(")")[2].split()[1] for stat in stats}) == 2
