"""The paths of other services' interfaces, as far as the settings enable them.

Some paths belong to two interfaces. Such a rule matches only requests with a certain method or
header, and comes before the other rules.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches, Rule, URLSpec

from vits_tts.config import Config
from vits_tts.web.callbacks import Callbacks
from vits_tts.web.handlers.elevenlabs import (
    ElevenLabsModelsHandler,
    ElevenLabsSpeechHandler,
    ElevenLabsStreamHandler,
    ElevenLabsSubscriptionHandler,
    ElevenLabsTimedHandler,
    ElevenLabsTimedStreamHandler,
    ElevenLabsVoiceHandler,
    ElevenLabsVoicesHandler,
)
from vits_tts.web.handlers.elevenlabs_dialogue import (
    ElevenLabsDialogueHandler,
    ElevenLabsDialogueStreamHandler,
)
from vits_tts.web.handlers.foreign import ForeignHandler
from vits_tts.web.handlers.fpt import FptHandler
from vits_tts.web.handlers.piper import PiperHandler
from vits_tts.web.handlers.vbee import (
    VbeeLegacyHandler,
    VbeeLegacyRequestHandler,
    VbeeRequestHandler,
    VbeeSpeechHandler,
)
from vits_tts.web.handlers.viettel import ViettelSpeechHandler, ViettelVoicesHandler
from vits_tts.web.handlers.zalo import ZaloHandler
from vits_tts.web.routes import CARTESIA, SOCKETS

Accepts = Callable[[HTTPServerRequest], bool]


class _SomeRequests(PathMatches):
    """Matches a path, but only the requests that belong to its interface."""

    def __init__(self, path: str, accepts: Accepts) -> None:
        """Match ``path``, a regular expression, where ``accepts`` returns true."""
        super().__init__(path)
        self._accepts = accepts

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return the arguments in the path; None if the request does not match."""
        return super().match(request) if self._accepts(request) else None


def rules(config: Config, callbacks: Callbacks, collaborators: Mapping[str, Any]) -> list[Rule]:
    """Return the routing rules of all interfaces that the settings enable."""
    given = {**collaborators, "callbacks": callbacks}

    def made(
        handler: type[ForeignHandler], path: str, accepts: Accepts | None = None
    ) -> Iterable[Rule]:
        arguments = {**given, "route": handler.route_name}
        if accepts:
            yield Rule(_SomeRequests(path, accepts), handler, arguments)
        else:
            yield URLSpec(path, handler, arguments)

    found: list[Rule] = []
    if config.piper.enabled:
        found += made(PiperHandler, "/synthesize")
        found += made(PiperHandler, "/", accepts=_is_post)
    if config.elevenlabs.voices:
        path = "/v1/text-to-speech/([^/]+)"
        found += made(ElevenLabsSpeechHandler, path)
        found += made(ElevenLabsStreamHandler, f"{path}/stream")
        found += made(ElevenLabsTimedHandler, f"{path}/with-timestamps")
        found += made(ElevenLabsTimedStreamHandler, f"{path}/stream/with-timestamps")
        found += made(ElevenLabsDialogueHandler, "/v1/text-to-dialogue")
        found += made(ElevenLabsDialogueStreamHandler, "/v1/text-to-dialogue/stream")
        found += made(ElevenLabsVoicesHandler, "/v[12]/voices")
        found += made(ElevenLabsVoiceHandler, "/v1/voices/([^/]+)")
        found += made(ElevenLabsModelsHandler, "/v1/models", accepts=_is_elevenlabs)
        found += made(ElevenLabsSubscriptionHandler, "/v1/user/subscription")
    found += [route.rule(given) for route in (*CARTESIA, *SOCKETS)]
    if config.fpt.voices:
        found += made(FptHandler, "/hmi/tts/v5")
    if config.viettel.voices:
        found += made(ViettelSpeechHandler, "/tts/speech_synthesis")
        found += made(ViettelVoicesHandler, "/tts/voices")
    if config.zalo.voices:
        found += made(ZaloHandler, "/v1/tts/synthesize")
    if config.vbee.voices:
        found += made(VbeeSpeechHandler, "/v1/tts")
        found += made(VbeeRequestHandler, "/v1/tts/requests/([^/]+)")
        found += made(VbeeLegacyHandler, "/api/v1/tts")
        found += made(VbeeLegacyRequestHandler, "/api/v1/tts/([^/]+)")
    return found


def _is_elevenlabs(request: HTTPServerRequest) -> bool:
    return "xi-api-key" in request.headers


def _is_post(request: HTTPServerRequest) -> bool:
    return request.method == "POST"
