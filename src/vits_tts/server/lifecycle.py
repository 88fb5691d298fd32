"""The life of one serving process, from top to bottom: listen, report, drain, stop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from loguru import logger

from vits_tts.config import Server
from vits_tts.inference import memory
from vits_tts.server.interpreter import tune_interpreter
from vits_tts.server.listener import Listener
from vits_tts.thread_pool import ThreadPool
from vits_tts.web import process_metrics
from vits_tts.web.app import SpeechApplication
from vits_tts.web.state import State
from vits_tts.wyoming.server import WyomingServer

_BEAT_SECONDS: Final = 1.0
_LINGER_SECONDS: Final = 1.0
"""Seconds in which open connections may still deliver a request that was sent before the end."""
_LOOK_SECONDS: Final = 0.05
_DEFAULT_THREADS: Final = 6
"""Threads of ``asyncio.to_thread``: they decode values of Redis and add up metrics."""


@dataclass(slots=True)
class Stop:
    """Tells a process to end: ``drain`` to finish requests under way, ``quick`` to stop at once."""

    drain: asyncio.Event = field(default_factory=asyncio.Event)
    quick: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> None:
        """Stop without waiting for requests under way."""
        self.quick.set()
        self.drain.set()


async def serve(
    application: SpeechApplication,
    sockets: Iterable[socket.socket],
    stop: Stop,
    beat: Callable[[], None] = lambda: None,
    *,
    patient: bool = False,
    wyoming_sockets: Iterable[socket.socket] = (),
) -> None:
    """Serve ``application`` on bound ``sockets`` until ``stop``, then drain and return.

    ``wyoming_sockets`` are those of the Wyoming protocol, if it is switched on.

    ``beat`` is called every second while the event loop runs, also while draining. A ``patient``
    process accepts no connections before it is able to speak; other processes serve meanwhile.

    Raises:
        VoiceError: A patient process cannot load its voices.

    """
    memory.keep_little()
    application.speech.start_threads()
    _start_default_executor()
    tune_interpreter(application.speech.voices.ready)
    settings, state = application.config.server, application.state
    server = Listener(application, settings, application.config.limits.slow_client_seconds)
    state.connections = lambda: server.connections
    wyoming = WyomingServer(application.services)

    def pulse() -> None:
        beat()
        process_metrics.show(state)

    beating = asyncio.create_task(_beat(pulse))
    try:
        if patient:
            await _able(application, stop)
        server.add_sockets(sockets)
        await wyoming.start(wyoming_sockets)
        state.accepting = True
        application.speech.watch()
        application.speech.watch_files()
        application.broken_promises.watch(application.config)
        if application.jobs:
            application.jobs.watch()
        await stop.drain.wait()
        await _end(application, server, wyoming, stop)
    finally:
        await wyoming.close()
        await application.broken_promises.close()
        if application.jobs:
            await application.jobs.close()
        await application.speech.close()
        await application.guard.close()
        await server.close_all_connections()
        await state.cut_off()  # requests that came on open connections meanwhile
        await application.usage.close()  # last, so that all of them are booked
        beating.cancel()


def _start_default_executor() -> None:
    """Start all threads of ``asyncio.to_thread``.

    Raises:
        RuntimeError: The system cannot start this number of threads.

    """
    pool = ThreadPool(_DEFAULT_THREADS, "default")
    pool.start()
    asyncio.get_running_loop().set_default_executor(pool)


async def _end(
    application: SpeechApplication, server: Listener, wyoming: WyomingServer, stop: Stop
) -> None:
    """Stop accepting connections, and finish requests under way within the grace period."""
    settings, state = application.config.server, application.state

    state.draining = True
    if settings.drain_delay and not state.replaced:
        with contextlib.suppress(TimeoutError):  # give a load balancer time to notice
            async with asyncio.timeout(settings.drain_delay):
                await stop.quick.wait()
    server.stop()
    wyoming.stop()
    if not stop.quick.is_set():
        await _drained(application, server, stop, settings)
    await state.cut_off()


async def _beat(beat: Callable[[], None]) -> None:
    while True:
        beat()
        await asyncio.sleep(_BEAT_SECONDS)


async def _able(application: SpeechApplication, stop: Stop) -> None:
    """Wait until the voices are loaded or the process is told to end.

    Raises:
        VoiceError: A voice cannot be loaded.

    """
    loaded: asyncio.Future[None] = asyncio.wrap_future(application.speech.voices.ready)
    told = asyncio.create_task(stop.drain.wait())
    either: tuple[asyncio.Future[Any], ...] = (loaded, told)
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if loaded.done():
        loaded.result()


async def _drained(
    application: SpeechApplication, server: Listener, stop: Stop, settings: Server
) -> None:
    """Wait until no request is under way or arriving, at most for the grace period."""
    state = application.state
    logger.info("draining", requests=len(state))
    idle = asyncio.create_task(_idle(state, server))
    quick = asyncio.create_task(stop.quick.wait())
    await asyncio.wait(
        {idle, quick}, timeout=settings.graceful_timeout, return_when=asyncio.FIRST_COMPLETED
    )
    idle.cancel()
    quick.cancel()
    if left := len(state):
        why = "told to stop at once" if stop.quick.is_set() else "server.graceful_timeout is over"
        logger.warning(f"requests cut off: {why}", requests=left)


async def _idle(state: State, server: Listener) -> None:
    """Return when no request is under way and open connections have had time to send one."""
    loop = asyncio.get_running_loop()
    lingers_until = loop.time() + _LINGER_SECONDS
    while len(state) or (server.connections and loop.time() < lingers_until):
        if not len(state):
            await asyncio.sleep(_LOOK_SECONDS)
        await state.idle.wait()
