"""A gunicorn worker that drains and reports its state to the master.

gunicorn's own tornado worker ends 1.5 seconds after SIGTERM even if requests are under way. This
one ends when no request is under way, or after ``server.graceful_timeout``.
"""

import asyncio
import contextlib
import math
import mmap
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final

from gunicorn.workers.base import Worker
from loguru import logger

from vits_tts.errors import VitsTtsError
from vits_tts.server.metrics_folder import FOLDER_VARIABLE
from vits_tts.uncollected import uncollected

ENDING: Final = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
"""The signals that tell a worker to end."""
_SPREAD: Final = 0.2


@contextmanager
def _ending_alone() -> Iterator[None]:
    """Exit with status 1 at an error; the master then starts another worker."""
    try:
        yield
    except VitsTtsError as error:
        logger.error("worker cannot start: {}", error.message)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # such as no thread, descriptor or memory left
        logger.exception("worker ends by an unexpected error")
        with contextlib.suppress(OSError):  # also to stderr, in case the log has no thread
            sys.stderr.write(f"worker ends by an unexpected error: {error!r}\n")
        sys.exit(1)


class WorkerState(IntEnum):
    """The state of a worker, in the byte that it shares with the master."""

    STARTING = 0
    ABLE = 1
    TIRED = 2
    """The worker asks to be replaced: it reached ``server.max_requests``, or cannot load a
    voice."""
    REPLACED = 3
    """The master has told the worker to end, because another one replaces it."""


class SpeechWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """A serving process; gunicorn's master creates it, and another one if it dies."""

    def __init__(self, *arguments: Any) -> None:
        """Create the byte for the worker's state; this runs in the master, before the fork."""
        super().__init__(*arguments)
        self._condition = mmap.mmap(-1, 1)
        self.eager = True
        """Whether to accept connections before it is able to speak, because no other worker is."""
        self.place = 0
        """A number that no other living worker has; a successor may get the same."""
        self.started = time.monotonic()

    @property
    def condition(self) -> WorkerState:
        """The worker's state, which the master can read."""
        return WorkerState(self._condition[0])

    @condition.setter
    def condition(self, condition: WorkerState) -> None:
        self._condition[0] = condition

    def init_signals(self) -> None:
        """Install the handlers and unblock the signals that the master blocked before the fork.

        SIGHUP is ignored, because a closed terminal sends it to the master and to all workers.
        SIGABRT, which the master sends to a worker that hangs, ends it at once. gunicorn's handler
        would raise SystemExit in the middle of a request, which then fails with status 500.
        """
        super().init_signals()
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        for number in (signal.SIGHUP, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def load_wsgi(self) -> None:
        """Create the application."""
        with _ending_alone():
            self.app.configure_logs()
            if FOLDER_VARIABLE in os.environ:
                from vits_tts.telemetry import metric_files  # noqa: PLC0415  # never in the master

                # By place, not by process id: a successor continues the counters of its
                # predecessor, and the number of files stays small.
                metric_files.keep_in_reserved_files(lambda: self.place)
            self.wsgi = self.app.wsgi()

    def run(self) -> None:
        """Serve until told to stop."""
        with _ending_alone():
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        with uncollected():
            from vits_tts.server.lifecycle import Stop, serve  # noqa: PLC0415  # see Master.load

        stop = Stop()
        loop = asyncio.get_running_loop()
        state = self.wsgi.state

        def drain() -> None:
            state.replaced = self.condition is WorkerState.REPLACED
            stop.drain.set()

        loop.add_signal_handler(signal.SIGTERM, drain)
        for quick in (signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(quick, stop.now)
        most = self.wsgi.config.server.max_requests
        # Spread, so that not all workers are replaced at once.
        enough = most + int(most * _SPREAD * (self.age % 7) / 7) if most else math.inf

        def beat() -> None:
            self.notify()
            told_early = not self.alive  # SIGTERM came before the handlers above were installed
            orphaned = os.getppid() != self.ppid  # the master has died
            if told_early or orphaned:
                drain()
            if self.condition is WorkerState.STARTING and state.accepting:
                voices = self.wsgi.speech.voices
                if voices.can_speak:
                    self.condition = WorkerState.ABLE
                    logger.info("worker ready")
                elif voices.failure:
                    logger.error("no voice to speak with, asking to be replaced")
                    self.condition = WorkerState.TIRED  # until then, `/readyz` reports the problem
            elif self.condition is WorkerState.ABLE and state.served >= enough:
                logger.info("server.max_requests reached, asking to be replaced")
                self.condition = WorkerState.TIRED

        port = self.app.wyoming_port
        await serve(
            self.wsgi,
            [listener for listener in self.sockets if not is_at(listener, port)],
            stop,
            beat,
            patient=not self.eager,
            wyoming_sockets=[listener for listener in self.sockets if is_at(listener, port)],
        )


def is_at(listener: Any, port: int | None) -> bool:
    """Return whether a listening socket has the port ``port``; no socket matches None."""
    name = listener.getsockname()
    return port is not None and isinstance(name, tuple) and name[1] == port
