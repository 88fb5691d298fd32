"""The application: every path, and the collaborators that their handlers are given.

``make_app`` also serves ``gunicorn --worker-class tornado 'vits_tts.web.app:make_app()'``. It runs
after the fork; the voices are loaded in the background from then on.
"""

import sys
from pathlib import Path
from typing import Any, Final

from tornado.web import Application, RequestHandler

from vits_tts import config as configuration
from vits_tts import logs
from vits_tts.config import Config
from vits_tts.speech import Speech, build
from vits_tts.web import assets
from vits_tts.web.assets import AssetHandler
from vits_tts.web.base import Handler, NotFoundHandler
from vits_tts.web.cors import Cors
from vits_tts.web.guard import Guard
from vits_tts.web.handlers import (
    AudioHandler,
    NormalizeHandler,
    StreamHandler,
    TtsHandler,
    VoicesHandler,
)
from vits_tts.web.operations import HealthHandler, MetricsHandler, ReadyHandler
from vits_tts.web.proxy import Proxies
from vits_tts.web.state import State

_PAGE: Final = Path(__file__).parent / "page"
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SpeechApplication(Application):
    """A tornado application that also knows its configuration, its speech and its state."""

    def __init__(self, config: Config, speech: Speech) -> None:
        """Wire the handlers to their collaborators."""
        self.config = config
        self.speech = speech
        self.state = State()
        proxies = Proxies(config.server)
        self.guard = Guard(config, proxies)
        shared: dict[str, Any] = {
            "config": config,
            "speech": speech,
            "cors": Cors(config.server.cors_origins),
            "proxies": proxies,
            "guard": self.guard,
            "state": self.state,
        }
        super().__init__(
            [
                (r"/tts", TtsHandler, shared),
                (r"/tts/stream", StreamHandler, shared),
                (r"/normalize", NormalizeHandler, shared),
                (r"/voices", VoicesHandler, shared),
                (r"/health|/healthz", HealthHandler, shared),
                (r"/readyz", ReadyHandler, shared),
                (r"/metrics", MetricsHandler, shared),
                (r"/audio/([^/]*)\.wav", AudioHandler, shared, "audio"),
                *(_page(config, shared) if config.server.page else []),
            ],
            default_handler_class=NotFoundHandler,
            default_handler_args=shared,
        )

    def log_request(self, handler: RequestHandler) -> None:
        """Write the request's line in the log."""
        if isinstance(handler, Handler):
            handler.log_request()


def _page(config: Config, shared: dict[str, Any]) -> list[tuple[str, type, dict[str, Any]]]:
    """Return the paths of the page, whose files are read here."""
    values = {
        "max_text_chars": str(config.server.max_text_chars),
        "formats": "wav",
        "keys": str(bool(config.access.keys or config.access.keys_file)).lower(),
    }
    given = {"assets": assets.read(_PAGE, values), "policy": _PAGE_POLICY, **shared}
    return [(r"/", AssetHandler, given), (r"/page/([^/]+)", AssetHandler, given)]


def make_app(config: Config | str | None = None) -> SpeechApplication:
    """Return the application for ``config``, an object or a file's path, and begin to load voices.

    Without one it is ``config.yaml`` in the current folder, or the defaults.

    Raises:
        ConfigError: a setting cannot be used.
        VoiceError: a voice's JSON is broken.

    """
    if not isinstance(config, Config):
        config = configuration.load(Path(config) if config else None)
    logs.configure(config.logging, sys.stdout)
    application = SpeechApplication(config, build(config))
    application.speech.start()
    return application
