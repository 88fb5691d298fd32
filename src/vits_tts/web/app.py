"""The application: every path, and the collaborators that their handlers are given.

``make_app`` also serves ``gunicorn --worker-class tornado 'vits_tts.web.app:make_app()'``. It runs
after the fork; the voices are loaded in the background from then on.
"""

import sys
from pathlib import Path
from typing import Any, Final

from tornado.httputil import HTTPServerRequest
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler

from vits_tts import config as configuration
from vits_tts import logs, tracing
from vits_tts.config import Config
from vits_tts.speech import Speech, build
from vits_tts.web import pages
from vits_tts.web.base import Handler, NotFoundHandler
from vits_tts.web.cors import Cors
from vits_tts.web.guard import Guard
from vits_tts.web.openai import OpenAINotFoundHandler
from vits_tts.web.openapi import Describer
from vits_tts.web.proxy import Proxies
from vits_tts.web.routes import ROUTES
from vits_tts.web.state import State

_BODY_HEADERS: Final = ("Content-Length", "Transfer-Encoding")


class SpeechApplication(Application):
    """A tornado application that also knows its configuration, its speech and its state."""

    def __init__(self, config: Config, speech: Speech) -> None:
        """Wire the handlers to their collaborators."""
        self.config = config
        self.speech = speech
        self.state = State()
        proxies = Proxies(config.server)
        self.guard = Guard(config, proxies)
        self._bodiless: dict[type[RequestHandler], type[RequestHandler]] = {}
        shared: dict[str, Any] = {
            "config": config,
            "speech": speech,
            "cors": Cors(config.server.cors_origins),
            "proxies": proxies,
            "guard": self.guard,
            "state": self.state,
        }
        rules = [route.rule(shared) for route in ROUTES]
        rules.append(URLSpec(r"/v1(?:/.*)?", OpenAINotFoundHandler, shared))
        if config.server.page:
            rules += pages.page(config, shared, keys_needed=self.guard.keys_needed)
        if config.server.docs:
            voices = speech.voices.manifests
            describer = Describer(config, voices, keys_needed=self.guard.keys_needed)
            rules += pages.documentation(describer.document(ROUTES), shared)
        super().__init__(rules, default_handler_class=NotFoundHandler, default_handler_args=shared)

    def get_handler_delegate(
        self,
        request: HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> Any:
        """Let a request without a body begin at once: waiting for one takes turns of the loop."""
        if not any(name in request.headers for name in _BODY_HEADERS):
            if target_class not in self._bodiless:
                self._bodiless[target_class] = _bodiless(target_class)
            target_class = self._bodiless[target_class]
        return super().get_handler_delegate(
            request, target_class, target_kwargs, path_args, path_kwargs
        )

    def log_request(self, handler: RequestHandler) -> None:
        """Write the request's line in the log."""
        if isinstance(handler, Handler):
            handler.log_request()


def _bodiless(handler: type[RequestHandler]) -> type[RequestHandler]:
    """Return the same handler for requests that have no body to be taken as it comes."""
    return type(handler.__name__, (handler,), {"_stream_request_body": False})


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
    tracing.configure(config.tracing)
    application = SpeechApplication(config, build(config))
    application.speech.start()
    return application
