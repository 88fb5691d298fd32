"""A server in the process of its tests, which start no other process and run with ``--quick``.

It is the application as a serving process runs it, from the listener to its end, in a thread.
There is no master, no log file and no signal.
"""

import asyncio
import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import dbos  # noqa: F401  # its import starts a process, which quick tests may not do
from loguru import logger
from tornado.netutil import bind_sockets

from tests.support.server import AnyServer, Settings
from tests.support.voices import install_pair
from vits_tts.config import Config
from vits_tts.jobs import queue
from vits_tts.server.lifecycle import Stop, serve
from vits_tts.speech import build
from vits_tts.telemetry import logging
from vits_tts.web.app import SpeechApplication

if TYPE_CHECKING:
    from loguru import Message

_POLL_SECONDS = 0.1
"""How often the queue of jobs is asked for work: five times as often as elsewhere."""
_FOLDERS = ("audio", "dictionaries", "jobs", "usage", "voice")


class LocalServer(AnyServer):
    """An application that a thread serves."""

    def __init__(self, config: Config, folder: Path) -> None:
        """Bind a free port, and the address of the Wyoming protocol if it is switched on."""
        self._config = config
        self.folder = folder
        self._sockets = bind_sockets(0, "127.0.0.1")
        address = config.wyoming.address
        self._wyoming = bind_sockets(address[1], address[0]) if address else []
        self.url = "http://{}:{}".format(*self._sockets[0].getsockname())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Stop | None = None
        self._thread = threading.Thread(target=self._run, name="local-server")
        self._failure: BaseException | None = None
        self._lines: list[dict[str, Any]] = []

    def lines(self, message: str | None = None) -> list[dict[str, Any]]:
        """Return the lines logged so far, or those with one message."""
        return [line for line in self._lines if message is None or line["message"] == message]

    def heard(self, message: "Message") -> None:
        """Keep a line of the log."""
        record = message.record
        level = record["level"].name.lower()
        self._lines.append({**record["extra"], "message": record["message"], "level": level})

    def start(self) -> None:
        """Serve, and return when the voices can speak."""
        self._thread.start()
        self.wait_ready()

    def stop(self) -> None:
        """Stop at once; raise the error if the server ended by one."""
        if self._loop and self._stop and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.now)
        self._thread.join()
        if self._failure:
            raise self._failure

    def explain(self) -> str:
        """Return the error by which the server ended, and its lines."""
        return "\n".join(map(repr, [self._failure, *self._lines]))

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # the thread of the test raises it
            self._failure = error

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), Stop()
        application = SpeechApplication(self._config, build(self._config))
        application.speech.start()
        application.usage.start()
        try:
            await serve(application, self._sockets, self._stop, wyoming_sockets=self._wyoming)
        finally:
            jobs: Any = application.jobs
            if jobs and jobs._queue.launched:  # one process has only one registry of workflows
                jobs._queue.dbos.destroy(destroy_registry=True)


@contextmanager
def serving_here(folder: Path, settings: Settings | None = None) -> Iterator[LocalServer]:
    """Run a server in ``folder`` and end it after use.

    Its voice is that of two speakers, unless the settings name others.
    """
    if not (folder / "voices").exists():
        install_pair(folder / "voices")
    given = {
        name: {"folder": folder / ("voices" if name == "voice" else name)} for name in _FOLDERS
    }
    given["voice"] |= {"name": "pair", "others": ()}  # type: ignore[dict-item]
    for name, values in (settings or {}).items():
        given[name] = {**given.get(name, {}), **values}
    server = LocalServer(Config.model_validate(given), folder)
    interval = sys.getswitchinterval()
    with _all_lines_to(server), mock.patch.object(queue, "_POLL_SECONDS", _POLL_SECONDS):
        try:
            server.start()
            yield server
        finally:
            server.stop()
            sys.setswitchinterval(interval)
            gc.unfreeze()


@contextmanager
def _all_lines_to(server: LocalServer) -> Iterator[None]:
    """Let loguru have all lines, also those that bypass it once a process has set up its log."""
    straight = logging._straight
    before, straight.level = straight.level, logging._NEVER
    logger.enable("vits_tts")  # other tests may have disabled it
    sink = logger.add(server.heard, level="DEBUG", format="")
    try:
        yield
    finally:
        with suppress(ValueError):  # a command in the test has removed all sinks
            logger.remove(sink)
        straight.level = before
