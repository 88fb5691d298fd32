"""gunicorn's master: starts workers, replaces them one by one, and reloads without interruption.

A worker is replaced after SIGHUP, because its settings are old, or after ``server.max_requests``.
It is told to end only when its successor is able to speak and accepts connections. The master never
imports onnxruntime, whose threads do not survive a fork.
"""

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from gunicorn import sock, util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from loguru import logger

from vits_tts.config import Config, changed
from vits_tts.errors import VitsTtsError
from vits_tts.server.metrics_folder import MetricsFolder
from vits_tts.server.signals import EarlySignal
from vits_tts.server.worker import ENDING, SpeechWorker, WorkerState, is_at
from vits_tts.telemetry import logging
from vits_tts.uncollected import uncollected
from vits_tts.voice.manifest import Manifest

_KILL_AFTER_SECONDS: Final = 5
"""Seconds after ``server.graceful_timeout`` before the master kills a worker."""
_HUNG_SECONDS: Final = 30
_BACKLOG: Final = 2048
_LONGEST_PAUSE: Final = 30.0
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # gunicorn's files for heartbeats
_IGNORED: Final = ("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGUSR2")
"""Signals that would end the master, or make gunicorn start a second one."""


class SpeechArbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """Replaces workers only when their successors are able to speak."""

    # gunicorn ends the server if a worker exits with one of these. -1 is never an exit status.
    WORKER_BOOT_ERROR: ClassVar[int] = -1
    APP_LOAD_ERROR: ClassVar[int] = -1

    _past = 0
    """Workers up to this age have old settings. gunicorn numbers workers by age."""
    _failures = 0
    _not_before = 0.0
    _reload_asked = False
    _ending_asked = False

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or SIGQUIT; log any other error and continue."""
        self.start()
        util._setproctitle(f"master [{self.proc_name}]")  # noqa: SLF001
        while True:
            try:
                self._reload_if_asked()
                self.manage_workers()
                for number in self.wait_for_signals(timeout=1.0):
                    self._handle(number)
                self.murder_workers()
            except (StopIteration, KeyboardInterrupt):
                self.halt()
            except Exception:  # noqa: BLE001  # workers keep serving; the next turn may succeed
                logger.exception("unexpected error in the master, which goes on")
                self._pause()

    def _handle(self, number: int) -> None:
        """Call the handler of a signal; log its errors, so that later signals are still handled.

        Raises:
            StopIteration: The signal ends the server.

        """
        handler = getattr(self, f"handle_{self.SIG_NAMES.get(number)}", None)
        try:
            if handler:
                handler()
        except StopIteration:
            raise
        except Exception:  # noqa: BLE001  # as in `run`
            logger.exception("a signal could not be handled", signal=number)

    def init_signals(self) -> None:
        """Install gunicorn's handlers, and ignore other signals that would end the server.

        A SIGHUP that came during the start causes a reload.
        """
        early = signal.getsignal(signal.SIGHUP)
        super().init_signals()
        for name in _IGNORED:
            if number := getattr(signal, name, None):
                signal.signal(number, signal.SIG_IGN)
        self._reload_asked = isinstance(early, EarlySignal) and early.came

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End the server; ignore later signals, so that they do not change the exit status."""
        try:
            super().halt(reason, exit_status)
        finally:
            for number in self.SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    def signal(self, sig: int, frame: object) -> None:
        """Queue a signal for the main loop, and remember one that ends, to interrupt a reload."""
        self._ending_asked = self._ending_asked or sig in ENDING
        super().signal(sig, frame)

    def handle_hup(self) -> None:
        """Request a reload; several signals before it starts count as one."""
        self._reload_asked = True

    def _reload_if_asked(self) -> None:
        """Reload if requested, but not while too many workers of earlier reloads exist.

        So there are at most three sets of workers, however many signals arrive: serving, ending and
        starting.
        """
        if self._reload_asked and len(self.WORKERS) <= 2 * self.num_workers:
            self._reload_asked = False
            self.reload()

    def reload(self) -> None:
        """Read the settings again and start new workers; change nothing if they cannot be used."""
        try:
            self.app.renew(lambda: self._ending_asked)
        except VitsTtsError as error:
            logger.error("reload refused, everything stays as it is: {}", error.message)
            return
        except Exception:  # noqa: BLE001  # such as no process, thread or descriptor left
            logger.exception("reload refused, everything stays as it is: unexpected error")
            return
        self._stats["reloads"] += 1
        self.setup(self.app)
        self._past = self.worker_age
        self._failures, self._not_before = 0, 0.0
        logger.info("reloading", workers=self.num_workers, changed=self.app.changed)
        self.manage_workers()

    def manage_workers(self) -> None:
        """Start missing workers, and end the workers whose successors are able to speak."""
        workers = sorted(self.WORKERS.values(), key=lambda worker: worker.age)
        staying = [worker for worker in workers if worker.condition is not WorkerState.REPLACED]
        # Three disjoint groups, formed before any worker is told to end, which changes its
        # condition.
        current = [worker for worker in staying if self._stays(worker)]
        superseded = [worker for worker in staying if self._is_superseded(worker)]
        leaving = [worker for worker in staying if worker not in (*current, *superseded)]
        while len(current) > self.num_workers:
            self._replace(current.pop(_least_needed(current)))
        for _ in range(self.num_workers - len(current)):
            if time.monotonic() >= self._not_before:
                self._spawn_or_pause()
        for worker in superseded:
            self._replace(worker)
        # A worker that serves leaves only when a successor is able to: together there are never
        # fewer than ``num_workers`` of them.
        able = sum(worker.condition is WorkerState.ABLE for worker in current)
        for worker in leaving[: max(0, len(leaving) + able - self.num_workers)]:
            self._replace(worker)

    def _spawn_or_pause(self) -> None:
        """Start a worker; if the machine has no process or file left, try again later."""
        try:
            self.spawn_worker()
        except Exception as error:  # noqa: BLE001  # such as no process or descriptor left
            if os.getpid() != self.pid:  # the worker must not become a second master
                os._exit(1)
            logger.error("no worker can be started: {}", error)
            self._pause()

    def _is_superseded(self, worker: SpeechWorker) -> bool:
        """Return whether a worker is still starting although its settings are old."""
        return worker.age <= self._past and worker.condition is WorkerState.STARTING

    def spawn_worker(self) -> Any:
        """Start a worker; signals stay pending until its handlers are installed."""
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return super().spawn_worker()  # does not return in the worker
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def stop(self, graceful: bool = True) -> None:
        """End all workers; the grace period uses the monotonic clock, which does not jump."""
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
        return worker.age > self._past and worker.condition in {
            WorkerState.STARTING,
            WorkerState.ABLE,
        }

    def _replace(self, worker: SpeechWorker) -> None:
        worker.condition = WorkerState.REPLACED
        self.kill_worker(worker.pid, signal.SIGTERM)

    def before_fork(self, worker: SpeechWorker) -> None:
        """Set the worker's place, and whether it accepts connections before it is able to speak."""
        taken = {other.place for other in self.WORKERS.values()}
        worker.place = next(place for place in itertools.count() if place not in taken)
        able = {WorkerState.ABLE, WorkerState.TIRED}
        worker.eager = not any(other.condition in able for other in self.WORKERS.values())

    def after_end(self, worker: SpeechWorker) -> None:
        """Update the pause before the next start; it grows while workers end during their start."""
        if worker.condition is WorkerState.STARTING:
            self._pause()
        elif worker.condition is not WorkerState.REPLACED:
            self._failures = 0

    def _pause(self) -> None:
        """Delay the next start of a worker, for longer after each failure in a row."""
        self._failures += 1
        pause = min(2.0 ** (self._failures - 2), _LONGEST_PAUSE) if self._failures > 1 else 0
        self._not_before = time.monotonic() + pause


def _least_needed(workers: Sequence[SpeechWorker]) -> int:
    """Return the index of the worker to end first, in a list with the oldest worker first.

    That is the youngest worker that cannot speak yet, or else the oldest one. Otherwise signals for
    more and fewer workers in quick succession would leave no worker that serves.
    """
    starting = [
        index for index, worker in enumerate(workers) if worker.condition is WorkerState.STARTING
    ]
    return starting[-1] if starting else 0


def _before_fork(arbiter: SpeechArbiter, worker: SpeechWorker) -> None:
    arbiter.before_fork(worker)


class RoutedLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger without its own handlers, so that records reach the root logger."""

    def setup(self, cfg: Any) -> None:
        """Pass all records to the root logger; there is no access log."""
        self.cfg = cfg
        self.error_log.propagate = True
        self._access_log_enabled = False


Prepare = Callable[[Callable[[], bool]], tuple[Config, dict[str, Manifest]]]
"""A function that reads and checks settings and voices, until its argument returns true."""


class Master(BaseApplication):  # type: ignore[misc]
    """Configures gunicorn's master from the settings."""

    def __init__(self, prepare: Prepare) -> None:
        """Call ``prepare``, which reads and checks settings and voices, now and at every reload."""
        self._prepare = prepare
        self._config, self._voices = prepare(lambda: False)
        address = self._config.wyoming.address
        self.wyoming_port = address and address[1]
        """The port that was bound for the Wyoming protocol; None if there was none."""
        self.changed: list[str] = []
        """The names of the settings that the last reload changed."""
        super().__init__()

    def renew(self, interrupted: Callable[[], bool]) -> None:
        """Read and check settings and voices again.

        Args:
            interrupted: Returns true once the server has been told to end.

        Raises:
            ConfigError, VoiceError: They cannot be used, or the check was interrupted; the old ones
                stay.

        """
        bound = self.cfg.settings["bind"].get()
        before = self._config
        self._config, self._voices = self._prepare(interrupted)
        self.changed = changed(before, self._config)
        self.reload()
        if self.cfg.settings["bind"].get() != bound:
            logger.warning(
                "another server.host or port, operations_port or wyoming.uri needs a restart"
            )

    def load_config(self) -> None:
        """Set gunicorn's settings from ours."""
        server = self._config.server
        ports = [server.port, *([server.operations_port] if server.operations_port else [])]
        addresses = [(server.host, port) for port in ports]
        if self._config.wyoming.address:
            addresses.append(self._config.wyoming.address)
        for name, value in {
            "bind": [_written(host, port) for host, port in addresses],
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
            "child_exit": self._after_end,
            "worker_tmp_dir": _heartbeat_folder(),
        }.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """Serve until told to end; create the folder of metrics, and remove it at the end."""
        self._metrics = MetricsFolder()
        try:
            SpeechArbiter(self).run()
        finally:
            self._metrics.remove()

    def _after_end(self, arbiter: SpeechArbiter, worker: SpeechWorker) -> None:
        arbiter.after_end(worker)
        self._metrics.forget(worker.place)

    def configure_logs(self) -> None:
        """Start logging in a worker; the log thread of the master does not survive the fork."""
        logging.configure(self._config.logging, sys.stdout)

    def load(self) -> Any:
        """Return the application; gunicorn calls this in each worker, after the fork.

        The import is here because it loads onnxruntime, whose threads do not survive a fork.
        """
        with uncollected():
            from vits_tts.web.app import make_app  # noqa: PLC0415

            return make_app(self._config)

    def _announce(self, arbiter: Arbiter) -> None:
        scheme = "https" if self._config.server.tls_certificate else "http"
        for listener in arbiter.LISTENERS:
            if is_at(listener, self.wyoming_port):
                logger.info("serving Wyoming", url=str(listener).replace("http", "tcp", 1))
                continue
            url = str(listener).replace("http", scheme, 1)
            logger.info("serving", url=url, workers=self._config.server.worker_count)
        for name, manifest in self._voices.items():
            licence = manifest.licence
            told = {"attribution": licence.attribution, "advice": licence.advice}
            known = {key: value for key, value in told.items() if value}
            logger.info("voice", voice=name, licence=licence.name, **known)


def _written(host: str, port: int) -> str:
    """Return an address as gunicorn reads it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _heartbeat_folder() -> str | None:
    """Return a folder in memory for gunicorn's heartbeat files, or None if it does not exist.

    With None, gunicorn uses the temporary folder, where a full disk keeps workers from starting.
    """
    usable = _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK | os.X_OK)
    return str(_SHARED_MEMORY) if usable else None
