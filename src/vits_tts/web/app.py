"""The application: every path with its handler, and the services that handlers share.

``make_app`` also serves ``gunicorn --worker-class tornado 'vits_tts.web.app:make_app()'``. It runs
in each worker, after the fork, and starts to load the voices in the background.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

from tornado.httputil import HTTPServerRequest
from tornado.routing import Rule, URLSpec
from tornado.web import Application, RequestHandler

from vits_tts.config import Config, Settings
from vits_tts.jobs import JobService
from vits_tts.speech import Speech, build
from vits_tts.telemetry import logging, tracing
from vits_tts.usage import Accounts
from vits_tts.web import interfaces
from vits_tts.web.auth.gate import Gate
from vits_tts.web.auth.page_policy import PagePolicy
from vits_tts.web.background import BrokenPromises
from vits_tts.web.base import Handler, NotFoundHandler
from vits_tts.web.callbacks import Callbacks
from vits_tts.web.context import Services
from vits_tts.web.handlers import pages
from vits_tts.web.handlers.openai import OpenAINotFoundHandler
from vits_tts.web.http.cors import Cors
from vits_tts.web.http.forwarded import Proxies
from vits_tts.web.routes import CARTESIA, JOBS, PIPER, ROUTES, SOCKETS
from vits_tts.web.schema.openapi import Describer
from vits_tts.web.state import State

_BODY_HEADERS: Final = ("Content-Length", "Transfer-Encoding")


class SpeechApplication(Application):
    """A tornado application with its configuration, its speech and its state."""

    def __init__(self, config: Config, speech: Speech) -> None:
        """Create the routing rules of all paths; every handler gets the same services."""
        self.config = config
        self.speech = speech
        self.state = State()
        proxies = Proxies(config.server)
        cors = Cors(config.server.cors_origins)
        self.guard = Gate(config, proxies, speech.link_secret)
        self._bodiless: dict[type[RequestHandler], type[RequestHandler]] = {}
        self.usage = Accounts(config)
        self.jobs = _jobs(config, speech, self.usage) if config.has_jobs else None
        self.services = services = Services(
            config=config,
            speech=speech,
            cors=cors,
            page_policy=PagePolicy(config.server, cors, proxies),
            proxies=proxies,
            guard=self.guard,
            state=self.state,
            jobs=self.jobs,
            usage=self.usage,
        )
        shared: dict[str, Any] = {"services": services}
        callbacks = Callbacks(config.callbacks)
        self.broken_promises = BrokenPromises(speech, callbacks)
        rules: list[Rule] = interfaces.rules(config, callbacks, shared)
        routes = [*ROUTES, *(JOBS if self.jobs else ())]
        rules += [route.rule(shared) for route in routes]
        unknown = shared | {"route": "notfound"}
        unknown_openai = shared | {"route": "openainotfound"}
        rules.append(URLSpec(r"/v1(?:/.*)?", OpenAINotFoundHandler, unknown_openai))
        if config.server.page:
            rules += pages.page(config, shared, keys_needed=self.guard.keys_needed)
        elif config.server.docs:
            rules.append(URLSpec(r"/", pages.ToDocsHandler, shared | {"route": "asset"}))
        if config.server.docs:
            voices = speech.voices.manifests
            describer = Describer(config, voices, keys_needed=self.guard.keys_needed)
            piper = [PIPER] if config.piper.enabled else []
            described = [*routes, *piper, *CARTESIA, *SOCKETS]
            rules += pages.documentation(partial(describer.document, described), shared)
        super().__init__(rules, default_handler_class=NotFoundHandler, default_handler_args=unknown)

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Return the delegate of a request.

        A base URL that ends with a slash, as in Open WebUI's settings, makes requests for
        `/v1//audio/speech`, which are accepted too.
        """
        if request.path.startswith("/v1//"):
            request.path = "/v1/" + request.path.removeprefix("/v1//")
        return super().find_handler(request, **kwargs)

    def get_handler_delegate(
        self,
        request: HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> Any:
        """Return the delegate of a request; one without a body starts at once.

        A handler that streams a body waits for its end, which takes several turns of the event
        loop even if there is none. So requests without a body get a class that does not stream.
        """
        if not any(name in request.headers for name in _BODY_HEADERS):
            if target_class not in self._bodiless:
                self._bodiless[target_class] = _bodiless(target_class)
            target_class = self._bodiless[target_class]
        return super().get_handler_delegate(
            request, target_class, target_kwargs, path_args, path_kwargs
        )

    def log_request(self, handler: RequestHandler) -> None:
        """Write the log line of a request."""
        if isinstance(handler, Handler):
            handler.log_request()


def _jobs(config: Config, speech: Speech, usage: Accounts) -> JobService:
    return JobService(config, speech, usage, Callbacks(config.callbacks))


def _bodiless(handler: type[RequestHandler]) -> type[RequestHandler]:
    """Return a subclass of ``handler`` that does not wait for a body."""
    return type(handler.__name__, (handler,), {"_stream_request_body": False})


def make_app(config: Config | str | None = None) -> SpeechApplication:
    """Return the application for ``config``, an object or a file's path; start to load its voices.

    If ``config`` is None, ``config.yaml`` in the current folder is used, or else the defaults.

    Raises:
        ConfigError: a setting is invalid.
        VoiceError: the manifest of a voice is invalid.

    """
    read = config if isinstance(config, Config) else Settings(Path(config) if config else None)()
    logging.configure(read.logging, sys.stdout)
    tracing.configure(read.tracing)
    application = SpeechApplication(read, build(read, listeners=True))
    if read is not config:  # otherwise the master process has logged it
        application.guard.announce()
    application.speech.start()
    application.usage.start()
    return application
