"""Serving in one process without gunicorn, for systems that have none (Windows)."""

import asyncio
import contextlib
import signal
import threading

from loguru import logger
from tornado.netutil import bind_sockets

from vits_tts.config import Config
from vits_tts.server.lifecycle import Stop, serve
from vits_tts.web.app import make_app


def serve_single(config: Config) -> None:
    """Serve in this process until SIGTERM (which drains) or Ctrl-C (which stops at once)."""
    asyncio.run(_serve(config))


async def _serve(config: Config) -> None:
    stop = Stop()
    loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        for number, action in ((signal.SIGTERM, stop.drain.set), (signal.SIGINT, stop.now)):
            # asyncio raises this on Windows, where Ctrl-C raises KeyboardInterrupt instead.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, action)
    sockets = bind_sockets(config.server.port, config.server.host)
    application = make_app(config)
    if config.server.operations_port:
        sockets += bind_sockets(config.server.operations_port, config.server.host)
    host, port = sockets[0].getsockname()[:2]
    scheme = "https" if config.server.tls_certificate else "http"
    logger.info("serving", url=f"{scheme}://{host}:{port}", workers=1)
    address = config.wyoming.address
    wyoming_sockets = bind_sockets(address[1], address[0]) if address else []
    await serve(application, sockets, stop, wyoming_sockets=wyoming_sockets)
