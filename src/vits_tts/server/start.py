"""The start of the server: check settings, address and voices, then run gunicorn's master."""

import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NoReturn

from loguru import logger

from vits_tts.config import Config, RedisCacheSettings, Server, Settings
from vits_tts.config.file_modes import loose_files
from vits_tts.config.jobs import check_storage
from vits_tts.errors import ConfigError, VitsTtsError, VoiceError
from vits_tts.server.signals import EarlySignal
from vits_tts.server.tls import tls_context
from vits_tts.telemetry import logging, tracing
from vits_tts.uncollected import uncollected
from vits_tts.voice import installed
from vits_tts.voice.manifest import Manifest
from vits_tts.web.auth.api_keys import ApiKeys
from vits_tts.wyoming import discovery

_CHECK_SECONDS: Final = 300.0
"""Time limit for loading all voices once, in seconds."""
_LOOK_SECONDS: Final = 0.2


def start(load: Settings) -> None:
    """Serve with the settings that ``load`` returns, until told to stop; SIGHUP calls it again.

    Raises:
        ConfigError: A setting cannot be used, such as a missing voice or an address in use.
        VoiceError: A voice is damaged.

    """
    # Gunicorn handles signals only later. Until then the first process of a container would ignore
    # SIGTERM.
    signal.signal(signal.SIGTERM, _leave)
    if sys.platform != "win32":  # the arbiter reloads later if SIGHUP came
        signal.signal(signal.SIGHUP, EarlySignal())
    config = load()
    _check_addresses(config)
    if sys.platform == "win32":
        from vits_tts.server.single_process import serve_single  # noqa: PLC0415

        Preparation(load)()
        serve_single(config)
    else:
        with uncollected():
            from vits_tts.server.arbiter import Master  # noqa: PLC0415

        Master(Preparation(load)).run()


class Preparation:
    """Reads and checks settings and voices, at the start and at every reload."""

    def __init__(self, load: Settings) -> None:
        """Store the function that reads the settings."""
        self._load = load
        self._before: Config | None = None
        self._bound: Server | None = None

    def __call__(
        self, interrupted: Callable[[], bool] = lambda: False
    ) -> tuple[Config, dict[str, Manifest]]:
        """Return the settings and the manifests of their voices, after all possible checks.

        Args:
            interrupted: Called several times a second; when it returns true, the check ends.

        Raises:
            ConfigError: A setting cannot be used, or a reload would switch off API keys or HTTPS.
            VoiceError: A voice is damaged.

        """
        config = self._load()
        loose = list(loose_files(config, self._load.file))
        voices = installed.served(config.voice)
        keys = ApiKeys(config.access)
        # Workers that start later get these keys, even if the file has changed since.
        config = config.model_copy(update={"access": keys.settled(config.access)})
        if self._before:
            _check_reload(self._before, config)
        tracing.check(config.tracing)
        discovery.check(config.wyoming)
        check_storage(config.jobs, config.audio.link_seconds)
        tls_context(config.server)
        _check_redis(config.cache.redis)
        _check_voices(list(voices.values()), config.voice.pieces_folder, interrupted)
        logging.configure(config.logging, sys.stdout)
        self._tell(config, keys, loose)
        self._before = config
        return config, voices

    def _tell(self, config: Config, keys: ApiKeys, loose: list[tuple[Path, str]]) -> None:
        """Log whether calls need a key, and which files other users may read or change."""
        self._bound = self._bound or config.server  # the address changes only at a restart
        file = self._load.file
        keys.announce(
            reachable=not self._bound.on_loopback,
            host=self._bound.host,
            settings=str(file.absolute()) if file else None,
        )
        for path, allowed in loose:
            logger.warning("others may {} this file", allowed, file=str(path.absolute()))


def _check_reload(before: Config, after: Config) -> None:
    """Check that a reload does not switch off API keys or HTTPS.

    Raises:
        ConfigError: It would switch one of them off.

    """
    if before.access.keys and not (after.access.keys or after.access.open):
        raise ConfigError(
            "access: clients need a key now and would need none; to allow that, set access.open to "
            "true"
        )
    if before.server.tls_certificate and not after.server.tls_certificate:
        raise ConfigError("server.tls_certificate: switching HTTPS off needs a restart")


def _check_addresses(config: Config) -> None:
    """Check that the addresses can be bound; gunicorn would otherwise try again and again.

    Raises:
        ConfigError: An address cannot be bound.

    """
    server = config.server
    _check_address(server.host, server.port, "server.port")
    if address := config.wyoming.address:
        _check_address(*address, "wyoming.uri")
    if server.operations_port:
        _check_address(server.host, server.operations_port, "server.operations_port")


def _check_address(host: str, port: int, setting: str) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        named = isinstance(error, socket.gaierror) and setting.startswith("server.")
        key = "server.host" if named else setting
        raise ConfigError(f"{key}: cannot listen on {host}:{port}: {error.strerror}") from None


def _check_redis(settings: RedisCacheSettings) -> None:
    if settings.url is not None:
        from vits_tts.cache import redis_address  # noqa: PLC0415  # imports redis-py only if used

        redis_address.check(settings)


def _check_voices(
    voices: list[Manifest],
    pieces: Path | None,
    interrupted: Callable[[], bool] = lambda: False,
    limit: float = _CHECK_SECONDS,
) -> None:
    """Load every voice that is new on this machine once, in a child process.

    The master must not load onnxruntime, whose sessions do not survive a fork. If a disk hangs, the
    master must still be able to replace workers and end. So the check ends after ``limit`` seconds,
    or when ``interrupted`` returns true. The child ends together with this process.

    Raises:
        VoiceError: A voice cannot be loaded, or the check was interrupted or did not end in time.

    """
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(theirs, voices, pieces), daemon=True)
    try:
        with _signals_held():
            process.start()
        theirs.close()
        deadline = time.monotonic() + limit
        while not ours.poll(_LOOK_SECONDS):
            if interrupted():
                raise VoiceError("the check of the voices was interrupted by a signal")
            if time.monotonic() > deadline:
                raise VoiceError(f"the voices could not be loaded within {limit:.0f} seconds")
        problem: str | None = ours.recv()
    except EOFError:
        problem = f"voice {voices[0].name}: loading it ends the process"
    finally:
        if process.pid is not None:
            process.kill()  # its result was received, or is no longer needed
            process.join()
    if problem:
        raise VoiceError(problem)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Block SIGTERM and SIGINT during a fork, where their exceptions would be lost."""
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
    # Import these only in the child process.
    with uncollected():
        from vits_tts.inference.loading import tried  # noqa: PLC0415
        from vits_tts.text.phonemes.espeak import Phonemizer  # noqa: PLC0415

    try:
        for manifest in voices:
            tried(manifest, Phonemizer(), pieces)
    except VitsTtsError as error:
        return error.message
    return None


def _be_quiet() -> None:
    """Ignore Ctrl-C, which the parent handles, and log nothing; the parent reports the problem."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _mask(signal.SIG_UNBLOCK)  # the parent blocked them before the fork
    logger.remove()
