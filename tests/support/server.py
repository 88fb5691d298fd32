"""A real server process on a free port, with its log, which ends cleanly."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from tests.support import forks
from tests.support.forks import ForkedProcess

START_SECONDS = 60
STOP_SECONDS = 30
_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 0.02, 0.1

T = TypeVar("T")
Settings = dict[str, dict[str, Any]]


class AnyServer:
    """A server in a process of its own, or in that of the tests."""

    url = ""
    folder: Path
    """The folder of its files."""

    def lines(self, message: str | None = None) -> list[dict[str, Any]]:
        """Return the lines logged so far, or those with one message."""
        raise NotImplementedError

    def wait_for(self, message: str, count: int = 1, **fields: object) -> list[dict[str, Any]]:
        """Wait for log lines with a message and these fields, and return them."""

        def found() -> list[dict[str, Any]]:
            lines = self.lines(message)
            hits = [line for line in lines if fields.items() <= line.items()]
            return hits if len(hits) >= count else []

        return until(found, f"{count} log lines {message!r} {fields}", self.explain)

    def metrics(self) -> str:
        """Return the text of `/metrics`."""
        return httpx.get(f"{self.url}/metrics").text

    def counted(self, series: str) -> float:
        """Return the value of a counter, named with its labels as in `/metrics`; 0 if absent."""
        found = re.findall(rf"(?m)^{re.escape(series)} (\S+)", self.metrics())
        return float(found[0]) if found else 0.0

    def under_way(self) -> int:
        """Return how many requests are under way, including the one that asks for this number."""
        return int(self.counted("vits_tts_requests_under_way"))

    def wait_ready(self) -> None:
        """Wait until `/readyz` answers 200."""

        def ready() -> bool:
            try:
                return httpx.get(f"{self.url}/readyz").status_code == 200
            except httpx.TransportError:
                return False

        until(ready, "ready", self.explain)

    def wait_until(self, condition: Callable[[], T], what: str) -> T:
        """Return the first true value of ``condition``; a failure shows the log."""
        return until(condition, what, self.explain)

    def explain(self) -> str:
        """Return the state and the log of the server, for a failing test."""
        raise NotImplementedError


class Server(AnyServer):
    """A `vits-tts serve` that is running."""

    def __init__(self, process: subprocess.Popen[bytes] | ForkedProcess, log: Path) -> None:
        """Keep the process and the path of its log."""
        self.process = process
        self.log = log
        self.folder = log.parent
        self._lines: list[dict[str, Any]] = []
        self._read = 0
        """The bytes of the log that are in ``_lines`` or were forgotten."""
        self._reading = threading.Lock()

    def lines(self, message: str | None = None) -> list[dict[str, Any]]:
        """Return the lines logged so far, or those with one message.

        Only what is new in the log is read, since tests ask many times for a line to come.
        """
        with self._reading:
            with self.log.open("rb") as log:
                log.seek(self._read)
                new = log.read()
            complete = new[: new.rfind(b"\n") + 1]
            lines = complete.decode().splitlines()
            self._lines += [json.loads(line) for line in lines if line.startswith("{")]
            self._read += len(complete)
            known = list(self._lines)
        return [line for line in known if message is None or line["message"] == message]

    def forget(self) -> None:
        """Hide the lines logged so far from ``lines``, for a test that shares its server."""
        with self._reading:
            self._lines = []
            self._read = self.log.read_bytes().rfind(b"\n") + 1

    def workers(self) -> list[int]:
        """Return the ids of the worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in children.read_text().split()]

    def wait_for_text(self, text: str) -> None:
        """Wait until the log contains a text."""
        until(lambda: text in self.log.read_text(encoding="utf-8"), text, self.explain)

    def configure(self, settings: Settings) -> None:
        """Write other settings, for a reload."""
        write_settings(self.folder / "config.yaml", settings)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def explain(self) -> str:
        """Return the output of the process, for a failing test."""
        state = self.process.poll()
        return f"exit status {state}\n{self.log.read_text(encoding='utf-8')}"


def until(condition: Callable[[], T], what: str, explain: Callable[[], str] = lambda: "") -> T:
    """Return the first true value of ``condition``, or fail after a long time."""
    begun = time.monotonic()
    pause = threading.Event()
    while (waited := time.monotonic() - begun) < START_SECONDS:
        if value := condition():
            return value
        # Questions take processor time from their answer, so a long wait has fewer of them.
        pause.wait(min(max(_PAUSE_SECONDS, waited / 20), _MOST_PAUSE_SECONDS))
    raise AssertionError(f"timed out waiting for: {what}\n{explain()}")


@contextmanager
def serving(  # noqa: PLR0913  # as many as the ways to start a server differ
    folder: Path,
    settings: Settings | None = None,
    *,
    command: list[str] | None = None,
    folder_of_command: Path | None = None,
    environment: Mapping[str, str] | None = None,
    ready: bool = True,
    pair: bool = False,
    fresh: bool = False,
    at_end: Callable[[], object] = lambda: None,
) -> Iterator[Server]:
    """Run a server with ``settings`` in ``folder``, wait until it is ready, and end it after use.

    With ``pair``, its only voice is the tiny one, which takes a third less processor time to start
    than the bundled voice. Tests fork it from a process that has imported some modules (forks.py),
    but not with ``fresh``, a ``command`` or an ``environment``. ``at_end`` is called
    before it ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = settings or {}
    if pair:
        from tests.support.voices import install_pair

        install_pair(folder / "voices")
        given = {**given, "voice": {**given.get("voice", {}), "name": "pair"}}
    write_settings(folder / "config.yaml", given)
    log = folder / "log.jsonl"
    process: subprocess.Popen[bytes] | ForkedProcess
    with log.open("wb") as output:
        if fresh or command or environment or not forks.wanted():
            process = subprocess.Popen(
                command or [sys.executable, "-m", "vits_tts", "serve"],
                cwd=folder_of_command or folder,
                env={**clean_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        else:
            process = forks.serve(folder_of_command or folder, clean_environment(), output)
    server = Server(process, log)
    try:
        server.url = server.wait_for("serving")[0]["url"]
        if ready:
            server.wait_ready()
        yield server
    finally:
        at_end()
        try:
            server.stop()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def write_settings(path: Path, settings: Settings) -> None:
    """Write a file of settings, with any free port unless they name one.

    Only voices that they name are served: each more takes processor time at the start.
    """
    merged = {
        **settings,
        "server": {"port": 0, **settings.get("server", {})},
        "voice": {"others": [], **settings.get("voice", {})},
    }
    path.write_text(yaml.safe_dump(merged, allow_unicode=True), encoding="utf-8")


def start_in(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a start in ``folder`` that is expected to fail, and return its result."""
    return ended([sys.executable, "-m", "vits_tts", "serve"], folder, **environment)


def ended(
    command: list[str], folder: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command in ``folder`` and return its exit status and output."""
    return subprocess.run(
        command,
        cwd=folder,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def clean_environment() -> dict[str, str]:
    """Return the environment without variables of this project's settings."""
    return {key: value for key, value in os.environ.items() if not key.startswith("VITS_TTS")}
