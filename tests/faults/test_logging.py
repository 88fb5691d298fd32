"""Logs that cannot be written: no reader, a full disk, or a locked file."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import Row, Starter
from tests.support.ports import free_port
from tests.support.server import Server, Settings, clean_environment, serving, until
from tests.support.voices import install_pair

_END_SECONDS = 8
"""A second in which connections may still bring a request, two for a worker's log, two for the
master's, and some for a busy machine. Without a limit, the end would never come."""
_PIPE_BYTES = 4096


class Piped(Server):
    """A server whose stdout is a pipe."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, reader: int) -> None:
        """Keep the end of the pipe that is read."""
        super().__init__(process, log)
        self.reader = reader

    def explain(self) -> str:
        """Return the state of the process; its log is in the pipe."""
        return f"exit status {self.process.poll()}"


@contextmanager
def piped(folder: Path, settings: Settings) -> Iterator[Piped]:
    """Run a server that logs into a small pipe without a reader."""
    install_pair(folder / "voices")
    port = free_port()
    merged = {"voice": {"name": "pair"}, **settings}
    merged["server"] = {"port": port, **settings.get("server", {})}
    (folder / "config.yaml").write_text(yaml.safe_dump(merged))
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    process = subprocess.Popen(
        [sys.executable, "-m", "vits_tts", "serve"],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    server = Piped(process, folder / "none", reader)
    server.url = f"http://127.0.0.1:{port}"
    try:
        server.wait_ready()
        yield server
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            os.close(reader)


def ask(server: Server, count: int = 40) -> None:
    """Make more lines than a pipe of one page holds; each request is answered at once."""
    with httpx.Client(base_url=server.url, timeout=10) as client:
        for number in range(count):
            assert client.get("/voices", headers={"X-Request-ID": f"{number:0128}"}).is_success


def ended(server: Server) -> float:
    """Send SIGTERM, assert exit status 0, and return the seconds until the end."""
    begun = time.monotonic()
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(_END_SECONDS) == 0
    return time.monotonic() - begun


def records(text: str) -> list[dict[str, Any]]:
    """Return the lines of a log; assert that each is complete."""
    return [json.loads(line) for line in text.splitlines()]


def missing(lines: list[dict[str, Any]]) -> int:
    """Return the number of missing lines that a log states."""
    found = (re.fullmatch(r"(\d+) lines dropped", line["message"]) for line in lines)
    return sum(int(match[1]) for match in found if match)


def dropped(server: Server, log: str) -> float:
    """Return the metric of dropped log lines."""
    found = re.search(
        rf'^vits_tts_log_lines_dropped_total{{log="{log}"}} (.+)$', server.metrics(), re.MULTILINE
    )
    return float(found[1]) if found else 0.0


def alive(process: int) -> bool:
    """Return whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_nobody_reads_the_log(tmp_path: Path, row: Row) -> None:
    """Without a reader of the log, master and workers continue, and SIGTERM ends all in time.

    Workers are replaced as well.
    """
    with piped(tmp_path, {"server": {"workers": 2}}) as server:
        ask(server)
        before = set(server.workers())
        os.kill(server.process.pid, signal.SIGHUP)  # forks while both logs are stuck
        until(lambda: len(set(server.workers()) - before) == 2, "new workers")
        until(lambda: not before & set(server.workers()), "the end of the old ones")
        ask(server)
        workers = server.workers()
        seconds = ended(server)
        assert not any(map(alive, workers))
    row(
        "stdout is a pipe that no process reads",
        "every request is answered; SIGHUP replaces workers; the server ends "
        f"{seconds:.1f} s after SIGTERM",
    )


def test_the_reader_of_the_log_is_gone(tmp_path: Path, row: Row) -> None:
    """EPIPE costs only log lines, which are counted."""
    with piped(tmp_path, {}) as server:
        os.close(server.reader)
        ask(server)
        until(lambda: dropped(server, "stdout") >= 40, "lines counted", server.explain)
        seconds = ended(server)
    row(
        "stdout is a pipe whose reader has ended",
        "every request is answered; lost lines are counted; the server ends "
        f"{seconds:.1f} s after SIGTERM",
    )


def test_the_log_file_is_locked(start: Starter, tmp_path: Path, row: Row) -> None:
    """While another process holds the lock, no request waits and lines are late.

    SIGTERM ends the server in time.
    """
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {
        "server": {"workers": 2},
        "voice": {"name": "pair"},
        "logging": {"file": "logs/x.log"},
    }
    folder = tmp_path / "server" / "logs"
    with start(settings) as server:
        with (folder / ".__x.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ask(server)
            server.wait_for("request", 40)
            held = len(records((folder / "x.log").read_text()))
        until(lambda: (folder / "x.log").read_text().count('"request"') == 40, "late lines")
        late = len(records((folder / "x.log").read_text())) - held
        assert late >= 40
        with (folder / ".__x.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ask(server)
            server.wait_for("request", 80)
            seconds = ended(server)
    row(
        "Another process holds the lock of the log file",
        "every request is answered; lines are written once the lock is free; the server ends "
        f"{seconds:.1f} s after SIGTERM while the lock is held",
    )


def test_the_disk_of_the_log_is_full(tmp_path: Path, row: Row) -> None:
    """On a full disk no line is truncated; later, log and metric state how many are missing."""
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    (folder / "logs").mkdir()
    settings: Settings = {"voice": {"name": "pair"}, "logging": {"file": "logs/x.log"}}
    with serving(folder, settings, command=mounting("logs", "size=64k")) as server:
        (worker,) = server.workers()
        log = Path(f"/proc/{worker}/root{folder}/logs")  # as the server sees it
        (log / "ballast").write_bytes(bytes(56 * 1024))
        ask(server, 100)
        until(lambda: dropped(server, "file") >= 50, "lines counted", server.explain)
        records((log / "x.log").read_text())
        (log / "ballast").unlink()
        ask(server, 1)

        def accounted() -> int:
            lines = records((log / "x.log").read_text())
            requests = sum(line["message"] == "request" for line in lines)
            return missing(lines) and requests + missing(lines)

        until(lambda: accounted() >= 101, "a line or a count for each request", server.explain)
        assert accounted() == 101
        lines = records((log / "x.log").read_text())
        assert dropped(server, "file") == missing(lines)
    row(
        "The disk of the log file is full",
        "every request is answered; no line is truncated; log and metric count the missing ones",
    )


def mounting(name: str, options: str) -> list[str]:
    """Return a command that serves with a folder that is a separate small disk."""
    unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    probe = [*unshare, "mount", "-t", "tmpfs", "none", "/mnt"]
    if not shutil.which("unshare") or subprocess.run(probe, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    mount = f'mount -t tmpfs -o {options} none {name} && exec "$@"'
    return [*unshare, "sh", "-c", mount, "sh", sys.executable, "-m", "vits_tts", "serve"]


def program(code: str, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a program that logs."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=clean_environment(), **options
    )


FLOOD = """
import sys
from pathlib import Path
from vits_tts.telemetry import logging as logs
from vits_tts.config import Logging
logs.configure(Logging(), sys.stdout)
def memory(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 10**6
before = memory()
for number in range(int(sys.argv[1])):
    logs.say("INFO", "flood", {"number": number, "x": "x" * 400})
print(memory() - before, file=sys.stderr, flush=True)
sys.stdin.read()
logs.say("INFO", "on again", {})
"""


def test_lines_that_nobody_takes_are_limited() -> None:
    """The memory for unwritten lines is limited; one line in their place states the number."""
    count = 200_000
    reader, writer = os.pipe()
    flood = program(FLOOD, str(count), stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    lines: list[dict[str, Any]] = []
    with flood, open(reader, encoding="utf-8") as pipe:  # noqa: PTH123  # a descriptor
        assert flood.stderr
        assert flood.stdin
        assert int(flood.stderr.readline()) < 40  # megabytes; all lines are 100
        while not lines or not missing(lines[-1:]):
            lines += records(pipe.readline())
        flood.stdin.close()
        lines += records(pipe.read())
    assert flood.returncode == 0
    numbers = [line["number"] for line in lines if line["message"] == "flood"]
    assert numbers == list(range(len(numbers)))
    told, last = lines[-2:]
    assert told["message"] == f"{count - len(numbers)} lines dropped"
    assert (told["level"], told["log"]) == ("warning", "stdout")
    assert last["message"] == "on again"


FORKS = """
import os, sys, time
from pathlib import Path
from vits_tts.telemetry import logging as logs
from vits_tts.config import Logging
from loguru import logger
settings = Logging(file=Path("x.log"))
logs.configure(settings, sys.stdout)
for number in range(100):
    logger.info("parent " + "x" * 200, number=number)
time.sleep(0.3)  # the thread has found the pipe full by now
begun = time.monotonic()
child = os.fork()
if not child:
    logger.info("child")
    sys.exit(0)
status = os.waitpid(child, 0)[1]
print(status, time.monotonic() - begun, file=sys.stderr, flush=True)
sys.stdin.read()
"""


def test_a_fork_while_the_log_is_stuck(tmp_path: Path) -> None:
    """A forked child can log and end without a reader, and does not repeat its parent's lines."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    forking = program(
        FORKS, stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path
    )
    os.close(writer)
    with forking, open(reader, encoding="utf-8") as pipe:  # noqa: PTH123  # a descriptor
        assert forking.stderr
        assert forking.stdin
        status, seconds = forking.stderr.readline().split()
        assert int(status) == 0
        assert float(seconds) < _END_SECONDS
        # Read before the end: a log that was stuck for two seconds by then is given up.
        text = "".join(pipe.readline() for _ in range(100))
        forking.stdin.close()
        lines = records(text + pipe.read())
    assert forking.returncode == 0
    numbers = [line["number"] for line in lines if line["message"].startswith("parent")]
    assert numbers == list(range(100))
    lines = records((tmp_path / "x.log").read_text())
    assert [line["message"].split()[0] for line in lines] == ["parent"] * 100 + ["child"]


NO_THREAD = """
import sys, threading
from vits_tts.telemetry import logging as logs
from vits_tts.config import Logging
from loguru import logger
start = threading.Thread.start
def fail(thread):
    raise RuntimeError("can't start new thread")
logs.configure(Logging(), sys.stdout)
threading.Thread.start = fail
logger.info("first")
threading.Thread.start = start
logger.info("second")
"""


def test_a_log_without_a_thread(tmp_path: Path) -> None:
    """Lines wait until the thread that writes them can start; none is lost."""
    logging = program(NO_THREAD, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path)
    text, _ = logging.communicate(timeout=60)
    lines = records(text.decode() if isinstance(text, bytes) else text)
    assert [line["message"] for line in lines] == ["first", "second"]


ROTATION = """
import sys
from pathlib import Path
from vits_tts.telemetry import logging as logs
from vits_tts.config import Logging
logs.configure(Logging(file=Path("x.log"), file_max_bytes=20_000, file_count=500), None)
for number in range(2000):
    logs.say("INFO", "line", {"by": sys.argv[1], "number": number})
sys.stdin.read()
"""


def test_rotation_by_several_processes(tmp_path: Path) -> None:
    """No line is lost, repeated or truncated while four processes write and rotate one file."""
    several = [
        program(ROTATION, str(number), stdin=subprocess.PIPE, cwd=tmp_path) for number in range(4)
    ]

    def written() -> set[bytes]:
        lines: set[bytes] = set()
        with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
            for file in tmp_path.glob("x.log*"):
                lines.update(file.read_bytes().splitlines())
        return lines

    # They end after their lines are written: a process that ends waits two seconds for its log.
    until(lambda: len(written()) == 8000, "all lines")
    for one in several:
        one.communicate(timeout=60)
    assert [one.returncode for one in several] == [0] * 4
    files = list(tmp_path.glob("x.log*"))
    assert len(files) > 20
    lines = [line for file in files for line in records(file.read_text())]
    assert max(file.stat().st_size for file in files) <= 20_000
    assert sorted((int(line["by"]), line["number"]) for line in lines) == [
        (by, number) for by in range(4) for number in range(2000)
    ]


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    """Only the server can read the log, its rotated files, and its lock, with every umask."""
    code = "import os; os.umask(0)" + ROTATION
    assert program(code, "0", stdin=subprocess.DEVNULL, cwd=tmp_path).wait(60) == 0
    files = list(tmp_path.iterdir())
    assert len(files) > 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
