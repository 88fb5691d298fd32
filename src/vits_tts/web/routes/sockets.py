"""Routes of WebSockets, which take a text while it is written."""

from typing import Final

from vits_tts.errors import (
    BitRateInvalid,
    Busy,
    EncodingInvalid,
    FieldInvalid,
    FormatInvalid,
    FormatUnavailable,
    SampleRateInvalid,
    UpgradeRequired,
    VoiceError,
    VoiceUnknown,
)
from vits_tts.web.schema.fields import ONE_OF
from vits_tts.web.schema.messages import (
    CartesiaCancelled,
    CartesiaChunk,
    CartesiaDone,
    CartesiaError,
    CartesiaFlushDone,
    CartesiaHeard,
    CartesiaPhonemeTimestamps,
    CartesiaTimestamps,
    ElevenLabsEnd,
    ElevenLabsError,
    ElevenLabsHeard,
    ElevenLabsSound,
)
from vits_tts.web.schema.route import Answer, Messages, Parameter, Route
from vits_tts.web.sockets.cartesia import CartesiaMessage, CartesiaSocketHandler
from vits_tts.web.sockets.elevenlabs import (
    ElevenLabsMessage,
    ElevenLabsSocketHandler,
    MultiStreamInputHandler,
    StreamInputHandler,
)

_TAG: Final = "WebSockets"
_OPEN: Final = Answer("The WebSocket is open.", headers=("Upgrade",), status=101)
_ABOUT: Final = (
    "The key may also be in the URL, as `{parameter}`, or in the first message, as `{field}`; a "
    "token as `token` in both. After an error that ends the socket, the reason of the closing "
    "frame begins with the error's code."
)
_VOICE: Final = Parameter(
    "voice",
    "path",
    "A name from `/voices`, or of `elevenlabs.voices`.",
    {"type": "string", ONE_OF: "elevenlabs_voices"},
)


def _elevenlabs(handler: type[ElevenLabsSocketHandler], summary: str) -> Route:
    return Route(
        f"/v1/text-to-speech/{{voice}}/{handler.name}",
        handler,
        _TAG,
        summary,
        (_OPEN,),
        _ABOUT.format(parameter="xi-api-key", field="xi_api_key"),
        (
            EncodingInvalid,
            FieldInvalid,
            FormatInvalid,
            FormatUnavailable,
            SampleRateInvalid,
            BitRateInvalid,
            VoiceUnknown,
            VoiceError,
            UpgradeRequired,
            Busy,
        ),
        (_VOICE,),
        part="([^/]+)",
        messages=Messages(
            client=(ElevenLabsMessage,),
            server=(ElevenLabsSound, ElevenLabsEnd, ElevenLabsHeard, ElevenLabsError),
        ),
        label=handler.route_name,
    )


SOCKETS: Final = (
    _elevenlabs(StreamInputHandler, "Speak a text while it is written, for ElevenLabs' clients"),
    _elevenlabs(
        MultiStreamInputHandler, "Speak several texts as they are written, for ElevenLabs' clients"
    ),
    Route(
        "/tts/websocket",
        CartesiaSocketHandler,
        _TAG,
        "Speak several texts while they are written, for Cartesia's clients",
        (_OPEN,),
        _ABOUT.format(parameter="api_key", field="api_key"),
        (EncodingInvalid, UpgradeRequired, Busy),
        messages=Messages(
            client=(CartesiaMessage,),
            server=(
                CartesiaChunk,
                CartesiaTimestamps,
                CartesiaPhonemeTimestamps,
                CartesiaFlushDone,
                CartesiaDone,
                CartesiaCancelled,
                CartesiaHeard,
                CartesiaError,
            ),
        ),
        label=CartesiaSocketHandler.route_name,
    ),
)
"""Their routing rules are in ``web/interfaces.py``."""
