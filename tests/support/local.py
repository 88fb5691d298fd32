"""Servers in the process of the tests, which cost a twentieth of the time of one of their own.

They are for tests of answers. Tests of processes, workers, signals, reloads and the real log start
``tests.support.server.serving``.
"""

import asyncio
import contextlib
import gc
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loguru import logger
from prometheus_client import generate_latest
from tornado.netutil import bind_sockets

from tests.support.server import STOP_SECONDS, Reachable, Settings, value, write_settings
from tests.support.voices import install_pair
from vits_tts.config import Config, load
from vits_tts.server.lifecycle import Stop, serve
from vits_tts.speech import build
from vits_tts.web.app import SpeechApplication

SERVER_EVENT = "tests.support.local.serving_here"
"""The audit event that reports the start of a server."""
_serving: ContextVar["LocalServer | None"] = ContextVar("serving", default=None)
"""The server whose event loop runs the current code."""

__all__ = ["SERVER_EVENT", "LocalServer", "Settings", "serving_here"]


@dataclass(frozen=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    stop: Stop
    application: SpeechApplication

    def is_ready(self) -> bool:
        """Return whether it speaks and takes requests."""
        return self.application.state.accepting and self.application.speech.voices.can_speak


class LocalServer(Reachable):
    """The serving part of `vits-tts serve`, in a thread with its own event loop."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder of its settings, and collect the log lines of this process."""
        self._folder = folder
        self._before = generate_latest().decode()
        self._lines: list[dict[str, Any]] = []

    @property
    def folder(self) -> Path:
        """The folder of the settings; those of voices and files are in it."""
        return self._folder

    def all_lines(self) -> list[dict[str, Any]]:
        """Return the lines logged so far, without those of other servers of this process."""
        return self._lines.copy()

    def forget(self) -> None:
        """Remove the lines logged so far, for a test that shares its server."""
        self._lines.clear()

    def counted(self, series: str) -> float:
        """Return by how much a counter has grown since the start."""
        return super().counted(series) - value(self._before, series)

    def note(self, message: Any) -> None:
        """Store a log line that is not of another server; loguru calls this where it is logged."""
        if _serving.get() not in {self, None}:  # None in the threads that a server starts
            return
        record = message.record
        told = {"level": record["level"].name.lower(), "message": record["message"]}
        self._lines.append({**told, **record["extra"]})


@contextlib.contextmanager
def serving_here(
    folder: Path, settings: Settings | None = None, *, pair: bool = False
) -> Iterator[LocalServer]:
    """Serve with ``settings`` in ``folder`` until the end of the block, which begins when ready.

    With ``pair``, its only voice is the tiny one. It has no workers, so their number has no effect.
    Its metrics are those of the whole process of the tests, which has counted before; ``counted``
    leaves that out.
    """
    sys.audit(SERVER_EVENT)
    folder.mkdir(parents=True, exist_ok=True)
    given = settings or {}
    if pair:
        install_pair(folder / "voices")
        given = {**given, "voice": {**given.get("voice", {}), "name": "pair"}}
    write_settings(folder / "config.yaml", given)
    config = load(folder / "config.yaml")
    server = LocalServer(folder)
    sink = logger.add(server.note, level=config.logging.level.upper(), format="{message}")
    before = sys.getswitchinterval()
    started: Future[_Running] = Future()
    thread = threading.Thread(target=_run, args=[config, server, started], daemon=True)
    thread.start()
    try:
        running = started.result()
        try:
            server.wait_until(running.is_ready, "ready")
            yield server
        finally:
            running.loop.call_soon_threadsafe(running.stop.now)
            thread.join(STOP_SECONDS)
        assert not thread.is_alive(), server.explain()
    finally:
        sys.setswitchinterval(before)  # which a server shortens
        logger.remove(sink)
        if not pair:
            _free_voices()


def _free_voices() -> None:
    """Free the voices of servers that have ended, which are in cycles.

    A server freezes the objects that exist when it is ready, since in a process of its own they
    live as long as it does. The collector would never visit them.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _run(
    config: Config,
    server: LocalServer,
    started: "Future[_Running]",
) -> None:
    async def run() -> None:
        _serving.set(server)
        stop = Stop()
        application = SpeechApplication(config, build(config))
        sockets = bind_sockets(config.server.port, config.server.host)
        host, port = sockets[0].getsockname()[:2]
        server.url = f"http://{host}:{port}"
        if config.server.operations_port:
            sockets += bind_sockets(config.server.operations_port, config.server.host)
        application.speech.start()
        application.usage.start()
        started.set_result(_Running(asyncio.get_running_loop(), stop, application))
        wyoming = config.wyoming.address
        await serve(
            application,
            sockets,
            stop,
            wyoming_sockets=bind_sockets(wyoming[1], wyoming[0]) if wyoming else (),
        )

    try:
        asyncio.run(run())
    except BaseException as error:
        if not started.done():
            started.set_exception(error)
            return
        raise
