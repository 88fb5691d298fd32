"""Servers forked from a process that has imported a part of their modules, to save time.

Each is a process of its own that runs ``python -m vits_tts serve``, as one of ``subprocess.Popen``
does. Only imports and the compilation of patterns, half of a start's processor time, are done once
for all of them.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import IO, Any, Final

from vits_tts.text.normalizer.pipeline import USUAL, Normalizer

IMPORTED: Final = (
    "cachetools",
    "gunicorn.app.base",
    "gunicorn.arbiter",
    "gunicorn.workers.base",
    "limits",
    "loguru",
    "numpy",
    "pydantic",
    "pydantic_settings",
    "soundfile",
    "soxr",
    "tornado.httpserver",
    "tornado.web",
    "tornado.websocket",
    "vits_tts.audio.promises",
    "vits_tts.audio.sweep",
    "vits_tts.books.book",
    "vits_tts.books.cues",
    "vits_tts.cli.commands",
    "vits_tts.config",
    "vits_tts.dictionaries.stores",
    "vits_tts.inference.noise",
    "vits_tts.inference.plan",
    "vits_tts.markup.dialogue",
    "vits_tts.markup.ssml",
    "vits_tts.server.arbiter",
    "vits_tts.text.incremental",
    "vits_tts.voice.manifest",
    "vits_tts.web.auth.tokens",
    "vits_tts.web.schema.messages",
    "vits_tts.web.schema.usage",
    "yaml",
)
_NOT_IMPORTED: Final = {"onnxruntime", "piper", "prometheus_client"}
"""The first two start threads, which a fork would lack; the third reads the environment."""
_MOST: Final = 1 << 20
"""Bytes of a message."""


class ForkedProcess:
    """A process that was forked, with the methods of ``subprocess.Popen`` that tests use."""

    def __init__(self, parent: "_Parent", pid: int) -> None:
        """Watch a child of ``parent``."""
        self.pid = pid
        self.returncode: int | None = None
        self._parent = parent
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return the exit status; None if the process is running."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status; a signal's number is negative.

        Raises:
            subprocess.TimeoutExpired: it has not ended within ``timeout`` seconds.

        """
        status = self._ended(None if timeout is None else timeout * 1000)
        if status is None:
            raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, milliseconds: float | None) -> int | None:
        if self.returncode is None:
            end = select.poll()
            end.register(self._handle, select.POLLIN)
            if end.poll(milliseconds):
                self.returncode = self._parent.ask({"ended": self.pid})
                os.close(self._handle)
        return self.returncode


class _Parent:
    """The process that has imported the libraries; it lives until this one ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(there.fileno())],
                cwd=Path(__file__).parent.parent.parent,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # see vits_tts.cli
                stdin=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
            )
        atexit.register(self._end)

    def ask(self, request: dict[str, Any], files: Sequence[int] = ()) -> int:
        """Send a request, with descriptors of open files, and return the answer."""
        with self._lock:
            socket.send_fds(self._here, [json.dumps(request).encode()], list(files))
            return int(json.loads(self._here.recv(_MOST)))

    def _end(self) -> None:
        self._here.close()
        self._process.wait()


_NUMBERS: Final = cycle(range(2))
"""Servers are forked from two processes in turn.

Those of one parent have the same hashes of strings, so all their sets have the same order. Servers
that share files or Redis would agree on values that differ between processes that were started
separately.
"""


@cache
def _parent(number: int) -> _Parent:
    """Return the parent of a number, which the first call starts."""
    del number
    return _Parent()


def wanted() -> bool:
    """Return whether servers are forked: on Linux, and in tests, not in benchmarks."""
    return hasattr(os, "pidfd_open") and "pytest" in sys.modules


def serve(folder: Path, environment: Mapping[str, str], output: IO[bytes]) -> ForkedProcess:
    """Start ``vits-tts serve`` in ``folder`` with this environment and output."""
    asked = {"folder": str(folder), "environment": dict(environment)}
    parent = _parent(next(_NUMBERS))
    return ForkedProcess(parent, parent.ask(asked, [output.fileno()]))


def _answer(requests: socket.socket) -> dict[str, Any] | None:
    """Fork a process for each request; return the request in it, and None in the parent's end."""
    while True:
        message, files, _, _ = socket.recv_fds(requests, _MOST, 1)
        if not message:
            return None
        request = json.loads(message)
        if "ended" in request:
            status = os.waitstatus_to_exitcode(os.waitpid(request["ended"], 0)[1])
            requests.send(json.dumps(status).encode())
            continue
        pid = os.fork()
        if not pid:
            os.dup2(files[0], sys.stdout.fileno())
            os.dup2(files[0], sys.stderr.fileno())
            os.close(files[0])
            return dict(request)
        os.close(files[0])
        requests.send(json.dumps(pid).encode())


def _main() -> None:
    """Import the libraries, and become the process of each request."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    for name in IMPORTED:
        importlib.import_module(name)
    read = Normalizer()
    for line in USUAL:
        read(line)
    assert not sys.modules.keys() & _NOT_IMPORTED
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        request = _answer(requests)
    if request is None:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    time.tzset()
    sys.argv = ["vits-tts", "serve"]
    runpy.run_module("vits_tts", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
