"""Starting the server: check everything that can be checked, then hand over to gunicorn."""

import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from loguru import logger

from vits_tts import logs, tracing
from vits_tts.config import Config, RedisCacheSettings
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice import catalogue
from vits_tts.voice.manifest import Manifest
from vits_tts.web.access import Keys
from vits_tts.web.listener import tls_context


def start(load: Callable[[], Config]) -> None:
    """Serve what ``load`` returns until told to stop; SIGHUP makes it be called again.

    Raises:
        ConfigError: a setting cannot be used: a voice is not there, the address is taken.
        VoiceError: a voice is broken.

    """
    # Until gunicorn listens: a container's first process would not even die of SIGTERM.
    signal.signal(signal.SIGTERM, _leave)
    config = load()
    _check_address(config)
    if sys.platform == "win32":
        from vits_tts.web.single import serve_single  # noqa: PLC0415

        prepared(load)
        serve_single(config)
    else:
        from vits_tts.web.master import Master  # noqa: PLC0415

        Master(partial(prepared, load)).run()


def prepared(load: Callable[[], Config]) -> tuple[Config, dict[str, Manifest]]:
    """Return the settings and the voices that they name, with all checked that can be.

    Raises:
        ConfigError, VoiceError: something cannot be used.

    """
    config = load()
    voices = catalogue.served(config.voice)
    Keys(config.access)
    tracing.check(config.tracing)
    tls_context(config.server)
    _check_redis(config.cache.redis)
    _check_voices(list(voices.values()), config.voice.pieces_folder)
    logs.configure(config.logging, sys.stdout)
    return config, voices


def _check_address(config: Config) -> None:
    """Refuse an address that cannot be bound, which gunicorn would try again and again."""
    host, port = config.server.host, config.server.port
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        key = "server.host" if isinstance(error, socket.gaierror) else "server.port"
        raise ConfigError(f"{key}: cannot listen on {host}:{port}: {error.strerror}") from None


def _check_redis(settings: RedisCacheSettings) -> None:
    if settings.url is not None:
        from vits_tts.cache import connection  # noqa: PLC0415  # nobody else needs redis-py

        connection.check(settings)


def _check_voices(voices: list[Manifest], pieces: Path | None) -> None:
    """Try every voice that is new here, in a process of its own: sessions do not survive a fork.

    It ends with this process, and by itself: nobody would end it after a SIGKILL.
    """
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(theirs, voices, pieces), daemon=True)
    try:
        with _signals_held():
            process.start()
        theirs.close()
        problem: str | None = ours.recv()
    except EOFError:
        problem = f"voice {voices[0].name}: loading it ends the process"
    finally:
        if process.pid is not None:
            process.kill()  # it has told what it found, or is not wanted any more
            process.join()
    if problem:
        raise VoiceError(problem)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Have signals wait: what they raise inside of a fork is lost, and locks that it holds."""
    _mask(signal.SIG_BLOCK)
    try:
        yield
    finally:
        _mask(signal.SIG_UNBLOCK)


def _mask(how: "signal.Sigmasks") -> None:
    if sys.platform != "win32":
        signal.pthread_sigmask(how, {signal.SIGTERM, signal.SIGINT})


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


def _tell(answer: Connection, voices: list[Manifest], pieces: Path | None) -> None:
    _be_quiet()
    answer.send(_problem(voices, pieces))


def _problem(voices: list[Manifest], pieces: Path | None) -> str | None:
    # Not in the process that forks.
    from vits_tts.text.phonemise import Phonemiser  # noqa: PLC0415
    from vits_tts.voice.loading import tried  # noqa: PLC0415

    try:
        for manifest in voices:
            tried(manifest, Phonemiser(), pieces)
    except VoiceError as error:
        return error.message
    return None


def _be_quiet() -> None:
    """Leave Ctrl-C, which reaches every process at the terminal, and the log to the parent.

    What is worth a line is said again by each worker, in the log's own format.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _mask(signal.SIG_UNBLOCK)  # held by the parent as it forked
    logger.remove()
