"""The life of the processes: drain, kill, plain gunicorn, a start that cannot be."""

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import Starter
from tests.support.load import LONG, Caller, Listener
from tests.support.server import Server, Settings, clean_environment, serving, start_in, until
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
        listener = Listener(server)
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
        callers = [Caller(server) for _ in range(4)]
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
        callers = [Caller(server) for _ in range(4)]
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


def test_a_worker_that_cannot_start_does_not_end_the_server(start: Starter, tmp_path: Path) -> None:
    """A voice's JSON deleted while running: one worker serves on, another comes later."""
    model = install_pair(tmp_path / "server" / "voices")
    manifest = model.with_name("pair.onnx.json")
    with start({"server": {"workers": 2}, "voice": {"name": "pair"}}) as server:
        kept = manifest.read_text()
        manifest.unlink()
        model.rename(model.with_name("away"))
        killed, lives = server.workers()
        os.kill(killed, signal.SIGKILL)
        server.wait_for_text("worker cannot start")
        for _ in range(10):
            assert httpx.get(f"{server.url}/tts?text=abc").status_code == 200
        manifest.write_text(kept)
        model.with_name("away").rename(model)

        def both() -> bool:
            workers = server.workers()
            return len(workers) == 2 and lives in workers and killed not in workers

        until(both, "two workers", server.explain)
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


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"server": {"prot": 1}}, r"config.yaml: server.prot: unknown setting; .* server.port\?"),
        ({"server": {"port": "eighty"}}, r"config.yaml: server.port: .*integer.*'eighty'"),
        ({"voice": {"name": "pear"}}, r"voice.name: .*/voices/pear.onnx: .*did you mean pair\?"),
        ({"voice": {"name": "garbage"}}, r"voice garbage: .*not a model that can run"),
        ({"voice": {"name": "half"}}, r"voice half: .*not a model that can run"),
        ({"voice": {"name": "nojson"}}, r"voice nojson: .*nojson.onnx.json: .*not JSON"),
        ({"voice": {"name": "wrong"}}, r"voice wrong: .*sample_rate"),
        ({"voice": {"name": "alone"}}, r"voice alone: .*alone.onnx.json: No such file"),
        ({"voice": {"name": "foreign"}}, r"voice foreign: .*not Piper's interface"),
        ({"voice": {"name": "tongue"}}, r"voice tongue: cannot speak: .*voice"),
        ({"voice": {"name": "mute"}}, r"voice mute: says nothing"),
        ({"voice": {"name": "beyond"}}, r"voice beyond: cannot speak: .*"),
        ({"logging": {"file": "/proc/nope/x.log"}}, r"logging.file: /proc/nope/x.log: cannot be"),
        ({"logging": {"file": "voices"}}, r"logging.file: .*/voices: cannot be written"),
        ({"server": {"host": "not a host"}}, r"server.host: cannot listen on not a host"),
    ],
)
def test_a_start_that_cannot_be(tmp_path: Path, settings: Settings, complaint: str) -> None:
    """One line says the key, the file and the reason; the exit status is 2; nothing is served."""
    folder = tmp_path / "voices"
    model = install_pair(folder)
    manifest = model.with_name("pair.onnx.json").read_text()
    for name, content, text in [
        ("garbage", b"not a model", manifest),
        ("half", model.read_bytes()[: model.stat().st_size // 2], manifest),
        ("nojson", model.read_bytes(), manifest[:-20]),
        ("wrong", model.read_bytes(), manifest.replace("8000", '"fast"')),
        ("foreign", model.read_bytes().replace(b"scales", b"scalez"), manifest),
    ]:
        (folder / f"{name}.onnx").write_bytes(content)
        (folder / f"{name}.onnx.json").write_text(text)
    joe = install_joe(folder)
    data = json.loads(joe.with_name("joe.onnx.json").read_text(encoding="utf-8"))
    ids = data["phoneme_id_map"]
    changes: list[tuple[str, dict[str, Any]]] = [
        ("tongue", {"espeak": {"voice": "xx-nonsense"}}),
        ("beyond", {"phoneme_id_map": {phoneme: [10**6] for phoneme in ids}}),
    ]
    for name, changed in changes:
        (folder / f"{name}.onnx").symlink_to(joe.resolve())
        (folder / f"{name}.onnx.json").write_text(json.dumps({**data, **changed}))
    silent = install_pair(folder, "mute")
    silent.write_bytes(silent.read_bytes().replace(struct.pack("<ff", 0.25, 0.5), bytes(8)))
    (folder / "alone.onnx").write_bytes(model.read_bytes())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    done = start_in(tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert re.search(complaint, line), line


def test_a_port_that_is_taken(server: Server, tmp_path: Path) -> None:
    """The address of another server is refused at once, by name."""
    port = server.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "vits_tts", "serve"],
        cwd=tmp_path,
        env={**clean_environment(), "VITS_TTS__SERVER__PORT": port},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"vits-tts: server.port: cannot listen on 127.0.0.1:{port}")
