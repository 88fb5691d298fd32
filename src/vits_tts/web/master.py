"""gunicorn's master: starts workers, replaces them one for one, and reloads without a gap.

A worker that is to go (an old configuration's after SIGHUP, or one that has served
``server.max_requests``) is told so only when its successor can speak and accepts connections. The
master never imports onnxruntime, whose threads do not survive a fork.
"""

import itertools
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gunicorn import sock
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from loguru import logger

from vits_tts.config import Config
from vits_tts.errors import VitsTtsError
from vits_tts.voice.manifest import Manifest
from vits_tts.web.worker import ENDING, Condition, SpeechWorker

_KILL_AFTER_SECONDS: Final = 5
"""What the master grants a worker beyond ``server.graceful_timeout`` before it kills it."""
_HUNG_SECONDS: Final = 30
_BACKLOG: Final = 2048
_LONGEST_PAUSE: Final = 30.0
_METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it when it is first imported, so the master must not import it before."""


class SpeechArbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """Replaces workers only when their successors are able."""

    _past = 0
    """Workers up to this age are of a configuration that is no more."""
    _failures = 0
    _not_before = 0.0

    def reload(self) -> None:
        """Read the settings again and have new workers take over; none if they cannot be used."""
        try:
            self.app.renew()
        except VitsTtsError as error:
            logger.error("reload refused, everything stays as it is: {}", error.message)
            return
        self._stats["reloads"] += 1
        self.setup(self.app)
        self._past = self.worker_age
        self._failures, self._not_before = 0, 0.0
        logger.info("reloading", workers=self.num_workers)
        self.manage_workers()

    def manage_workers(self) -> None:
        """Start what is missing and tell those to go whose successors are able."""
        workers = sorted(self.WORKERS.values(), key=lambda worker: worker.age)
        staying = [worker for worker in workers if worker.condition is not Condition.REPLACED]
        current = [worker for worker in staying if self._stays(worker)]
        while len(current) > self.num_workers:
            self._replace(current.pop(0))
        for _ in range(self.num_workers - len(current)):
            if time.monotonic() >= self._not_before:
                self.spawn_worker()
        leaving = [worker for worker in staying if not self._stays(worker)]
        able = sum(worker.condition is Condition.ABLE for worker in current)
        for worker in leaving[: max(0, len(leaving) + able - self.num_workers)]:
            self._replace(worker)

    def spawn_worker(self) -> Any:
        """Start a worker; signals that come before it can hear them are kept until it can."""
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return super().spawn_worker()  # in the worker this never returns
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def stop(self, graceful: bool = True) -> None:
        """End all workers; the time they have is not the wall clock's, which may jump."""
        listeners: list[Any] = self.LISTENERS
        sock.close_sockets(listeners, unlink=False)
        listeners.clear()
        self.kill_workers(signal.SIGTERM if graceful else signal.SIGQUIT)
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while self.WORKERS and time.monotonic() < deadline:
            if {signal.SIGINT, signal.SIGQUIT} & set(self.wait_for_signals(timeout=0.1)):
                self.kill_workers(signal.SIGQUIT)
                deadline = min(deadline, time.monotonic() + 2)
            self.reap_workers()
        self.kill_workers(signal.SIGKILL)
        self.reap_workers()

    def _stays(self, worker: SpeechWorker) -> bool:
        return worker.age > self._past and worker.condition in {Condition.STARTING, Condition.ABLE}

    def _replace(self, worker: SpeechWorker) -> None:
        worker.condition = Condition.REPLACED
        self.kill_worker(worker.pid, signal.SIGTERM)

    def before_fork(self, worker: SpeechWorker) -> None:
        """Give a worker a place; have it wait until it can speak if others stand in for it."""
        taken = {other.place for other in self.WORKERS.values()}
        worker.place = next(place for place in itertools.count() if place not in taken)
        able = {Condition.ABLE, Condition.TIRED}
        worker.eager = not any(other.condition in able for other in self.WORKERS.values())

    def after_end(self, worker: SpeechWorker) -> None:
        """Take more and more time before the next try when workers end before they are able."""
        if worker.condition is not Condition.STARTING:
            self._failures = 0
            return
        self._failures += 1
        pause = min(2.0 ** (self._failures - 2), _LONGEST_PAUSE) if self._failures > 1 else 0
        self._not_before = time.monotonic() + pause


def _before_fork(arbiter: SpeechArbiter, worker: SpeechWorker) -> None:
    arbiter.before_fork(worker)


def _after_end(arbiter: SpeechArbiter, worker: SpeechWorker) -> None:
    """Drop what a worker that has ended showed of its present state; its counts stay."""
    arbiter.after_end(worker)
    for file in Path(os.environ[_METRICS_FOLDER]).glob(f"gauge_live*_{worker.place}.db"):
        file.unlink(missing_ok=True)  # prometheus_client's mark_process_dead does the same


class RoutedLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger without handlers of its own: its records reach the root's."""

    def setup(self, cfg: Any) -> None:
        """Leave everything to the root logger."""
        self.cfg = cfg
        self.error_log.propagate = True
        self._access_log_enabled = False


class Master(BaseApplication):  # type: ignore[misc]
    """gunicorn's master, set up from our configuration."""

    def __init__(self, prepare: Callable[[], tuple[Config, dict[str, Manifest]]]) -> None:
        """Take what reads and checks the settings and voices, now and at every reload."""
        self._prepare = prepare
        self._config, self._voices = prepare()
        super().__init__()

    def renew(self) -> None:
        """Read and check settings and voices again.

        Raises:
            ConfigError, VoiceError: they cannot be used; those before stay.

        """
        bound = self.cfg.settings["bind"].get()
        self._config, self._voices = self._prepare()
        self.reload()
        if self.cfg.settings["bind"].get() != bound:
            logger.warning("another server.host or port, or operations_port, needs a restart")

    def load_config(self) -> None:
        """Translate our settings into gunicorn's."""
        server = self._config.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        ports = [server.port, *([server.operations_port] if server.operations_port else [])]
        for name, value in {
            "bind": [f"{host}:{port}" for port in ports],
            "workers": server.worker_count,
            "worker_class": SpeechWorker,
            "logger_class": RoutedLogger,
            "graceful_timeout": int(server.graceful_timeout + server.drain_delay)
            + _KILL_AFTER_SECONDS,
            "timeout": _HUNG_SECONDS,
            "backlog": _BACKLOG,
            "proc_name": "vits-tts",
            "control_socket_disable": True,
            "when_ready": self._announce,
            "pre_fork": _before_fork,
            "child_exit": _after_end,
        }.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """Serve; the workers' metrics are files in a folder that lasts as long as the server."""
        folder, master = tempfile.mkdtemp(prefix="vits-tts-metrics-"), os.getpid()
        os.environ[_METRICS_FOLDER] = folder
        try:
            SpeechArbiter(self).run()
        finally:
            if os.getpid() == master:  # workers, forked in there, come by here too
                shutil.rmtree(folder, ignore_errors=True)

    def load(self) -> Any:
        """Return the application; called in each worker, after the fork.

        Only workers import what loads onnxruntime, whose threads do not survive a fork.
        """
        from vits_tts.web.app import make_app  # noqa: PLC0415

        return make_app(self._config)

    def _announce(self, arbiter: Arbiter) -> None:
        scheme = "https" if self._config.server.tls_certificate else "http"
        for listener in arbiter.LISTENERS:
            url = str(listener).replace("http", scheme, 1)
            logger.info("serving", url=url, workers=self._config.server.worker_count)
        for name, manifest in self._voices.items():
            licence = manifest.licence
            told = {"attribution": licence.attribution, "advice": licence.advice}
            known = {key: value for key, value in told.items() if value}
            logger.info("voice", voice=name, licence=licence.name, **known)
