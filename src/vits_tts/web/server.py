"""The life of one serving process: listen, beat, drain, stop; read it from top to bottom."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from loguru import logger

from vits_tts.config import Server
from vits_tts.voice import memory
from vits_tts.web import vitals
from vits_tts.web.app import SpeechApplication
from vits_tts.web.listener import Listener
from vits_tts.web.prompt import keep_prompt
from vits_tts.web.state import State

_BEAT_SECONDS: Final = 1.0
_LINGER_SECONDS: Final = 1.0
"""How long open connections may still bring the request that was on its way when we stopped."""
_LOOK_SECONDS: Final = 0.05


@dataclass(slots=True)
class Stop:
    """Asks a process to end: to drain (finish what is under way) or to stop at once."""

    drain: asyncio.Event = field(default_factory=asyncio.Event)
    quick: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> None:
        """Stop without waiting for requests."""
        self.quick.set()
        self.drain.set()


async def serve(
    application: SpeechApplication,
    sockets: Iterable[socket.socket],
    stop: Stop,
    beat: Callable[[], None] = lambda: None,
    *,
    patient: bool = False,
) -> None:
    """Serve ``application`` on bound ``sockets`` until ``stop``, then drain and return.

    ``beat`` is called every second for as long as the event loop turns, also while draining. A
    ``patient`` process, which others stand in for meanwhile, accepts nothing before it can speak.

    Raises:
        VoiceError: a patient process cannot load its voices, so that it is of no use.

    """
    memory.keep_little()
    keep_prompt(application.speech.voices.ready)
    settings, state = application.config.server, application.state
    server = Listener(application, settings)
    state.connections = lambda: server.connections

    def pulse() -> None:
        beat()
        vitals.show(state)

    beating = asyncio.create_task(_beat(pulse))
    try:
        if patient:
            await _able(application, stop)
        server.add_sockets(sockets)
        state.accepting = True
        application.speech.watch()
        await stop.drain.wait()
        await _end(application, server, stop)
    finally:
        await application.speech.close()
        await application.guard.close()
        await server.close_all_connections()
        beating.cancel()


async def _end(application: SpeechApplication, server: Listener, stop: Stop) -> None:
    """Accept no more, and finish what is under way as far as there is time."""
    settings, state = application.config.server, application.state

    state.draining = True
    if settings.drain_delay and not state.replaced:
        with contextlib.suppress(TimeoutError):  # a load balancer has to notice first
            await asyncio.wait_for(stop.quick.wait(), settings.drain_delay)
    server.stop()
    if not stop.quick.is_set():
        await _drained(application, server, stop, settings)
    await state.cut_off()


async def _beat(beat: Callable[[], None]) -> None:
    while True:
        beat()
        await asyncio.sleep(_BEAT_SECONDS)


async def _able(application: SpeechApplication, stop: Stop) -> None:
    """Wait until the process can speak, or has to end; raise what keeps it from speaking."""
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
    """Wait until no request is under way or about to come, or it must not take longer."""
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
        why = "told to be quick" if stop.quick.is_set() else "server.graceful_timeout is over"
        logger.warning(f"requests cut off: {why}", requests=left)


async def _idle(state: State, server: Listener) -> None:
    """Return when nothing is under way and no connection has brought anything for a moment."""
    loop = asyncio.get_running_loop()
    lingers_until = loop.time() + _LINGER_SECONDS
    while len(state) or (server.connections and loop.time() < lingers_until):
        if not len(state):
            await asyncio.sleep(_LOOK_SECONDS)
        await state.idle.wait()
