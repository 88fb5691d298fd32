"""gunicorn's worker: one that truly drains, and tells its master how it is.

gunicorn's own tornado worker ends 1.5 seconds after SIGTERM whatever is under way; this one ends
when nothing is, or when ``server.graceful_timeout`` is over.
"""

import asyncio
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

ENDING: Final = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
"""The signals that tell a worker to end."""
_SPREAD: Final = 0.2


@contextmanager
def _ending_alone() -> Iterator[None]:
    """End this worker at a failure, not, as gunicorn has it, the server; another is tried."""
    try:
        yield
    except VitsTtsError as error:
        logger.error("worker cannot start: {}", error.message)
        sys.exit(1)


class Condition(IntEnum):
    """How a worker is, in the byte that it shares with the master."""

    STARTING = 0
    ABLE = 1
    TIRED = 2
    """It asks for a successor: it has served as many requests as it should, or cannot speak."""
    REPLACED = 3
    """The master has told it to go, because another has its place."""


class SpeechWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """A process that serves; made by gunicorn's master, which starts another should it die."""

    def __init__(self, *arguments: Any) -> None:
        """Share a byte with the master, in which the worker says how it is; in the master."""
        super().__init__(*arguments)
        self._condition = mmap.mmap(-1, 1)
        self.eager = True
        """Accept at once, able to speak or not, because nobody else is."""
        self.place = 0
        """A number that no other living worker has; who comes after it may have it again."""
        self.started = time.monotonic()

    @property
    def condition(self) -> Condition:
        """How the worker is; known to itself and to the master."""
        return Condition(self._condition[0])

    @condition.setter
    def condition(self, condition: Condition) -> None:
        self._condition[0] = condition

    def init_signals(self) -> None:
        """Hear signals from now on; the master has blocked them before the fork."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def load_wsgi(self) -> None:
        """Make the application."""
        from prometheus_client import values  # noqa: PLC0415  # never in the master

        # By place, not by process: a successor counts on where its predecessor ended, and the
        # metrics' files do not become more and more.
        values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
            lambda: self.place
        )
        with _ending_alone():
            self.wsgi = self.app.wsgi()

    def run(self) -> None:
        """Serve until told to stop."""
        with _ending_alone():
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        from vits_tts.web.server import Stop, serve  # noqa: PLC0415  # see Master.load

        stop = Stop()
        loop = asyncio.get_running_loop()
        state = self.wsgi.state

        def drain() -> None:
            state.replaced = self.condition is Condition.REPLACED
            stop.drain.set()

        loop.add_signal_handler(signal.SIGTERM, drain)
        for quick in (signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(quick, stop.now)
        most = self.wsgi.config.server.max_requests
        # Spread, so that not all workers are replaced at once.
        enough = most + int(most * _SPREAD * (self.age % 7) / 7) if most else math.inf

        def beat() -> None:
            self.notify()
            told_early = not self.alive  # by a SIGTERM before the handlers above were in place
            orphaned = os.getppid() != self.ppid  # nobody would replace or stop us
            if told_early or orphaned:
                drain()
            if self.condition is Condition.STARTING and state.accepting:
                voices = self.wsgi.speech.voices
                if voices.can_speak:
                    self.condition = Condition.ABLE
                    logger.info("worker ready")
                elif voices.failure:
                    logger.error("no voice to speak with, asking to be replaced")
                    self.condition = Condition.TIRED  # and meanwhile tell callers what is wrong
            elif self.condition is Condition.ABLE and state.served >= enough:
                logger.info("server.max_requests reached, asking to be replaced")
                self.condition = Condition.TIRED

        await serve(self.wsgi, self.sockets, stop, beat, patient=not self.eager)
