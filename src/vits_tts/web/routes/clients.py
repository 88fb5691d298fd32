"""Routes of the clients of OpenAI, Piper and Cartesia."""

from typing import Final

from vits_tts.errors import (
    BitRateInvalid,
    ModelUnknown,
    SampleRateInvalid,
    TextMissing,
    VoiceInvalid,
    VoiceUnknown,
)
from vits_tts.web.handlers.cartesia import CartesiaBytesHandler, CartesiaEventsHandler
from vits_tts.web.handlers.openai import (
    OpenAIAudioModelsHandler,
    OpenAIModelHandler,
    OpenAIModelsHandler,
    OpenAISpeechHandler,
    OpenAIVoicesHandler,
)
from vits_tts.web.handlers.piper import PiperHandler
from vits_tts.web.routes.shared import DICTIONARY_ERRORS, SOUND, SOUND_ERRORS
from vits_tts.web.schema.responses import (
    OpenAIModel,
    OpenAIModelList,
    OpenAIModelNames,
    OpenAIVoiceList,
)
from vits_tts.web.schema.route import JSON, Answer, Parameter, Route

OPENAI: Final = (
    Route(
        "/v1/audio/speech",
        OpenAISpeechHandler,
        "OpenAI's paths",
        "Create speech, for OpenAI's clients",
        (Answer("Audio, or events that contain it.", (*SOUND, "text/event-stream")),),
        errors=(*SOUND_ERRORS, *DICTIONARY_ERRORS, VoiceInvalid, ModelUnknown),
        bodies=JSON,
        label="openaispeech",
    ),
    Route(
        "/v1/audio/voices",
        OpenAIVoicesHandler,
        "OpenAI's paths",
        "List the names of voices",
        (Answer("The names.", JSON, OpenAIVoiceList),),
        label="openaivoices",
    ),
    Route(
        "/v1/audio/models",
        OpenAIAudioModelsHandler,
        "OpenAI's paths",
        "List the names of models, for Open WebUI",
        (Answer("The names.", JSON, OpenAIModelNames),),
        label="openaiaudiomodels",
    ),
    Route(
        "/v1/models",
        OpenAIModelsHandler,
        "OpenAI's paths",
        "List the names of models",
        (Answer("The names.", JSON, OpenAIModelList),),
        label="openaimodels",
    ),
    Route(
        "/v1/models/{model}",
        OpenAIModelHandler,
        "OpenAI's paths",
        "Show one model",
        (Answer("The model exists.", JSON, OpenAIModel),),
        errors=(ModelUnknown,),
        parameters=(Parameter("model", "path", "The name of a model.", {"type": "string"}),),
        label="openaimodel",
    ),
)

PIPER: Final = Route(
    "/synthesize",
    PiperHandler,
    "Piper's path",
    "Create a WAV file, for Piper's clients",
    (Answer("A file with its length; a long one is streamed.", ("audio/wav",)),),
    "The same as `POST /`.",
    (*SOUND_ERRORS, TextMissing, VoiceUnknown),
    bodies=JSON,
    label="piper",
)
"""Described if ``piper.enabled`` is set; its routing rules are in ``web/interfaces.py``."""

_CARTESIA_ERRORS: Final = (
    *SOUND_ERRORS,
    *DICTIONARY_ERRORS,
    TextMissing,
    VoiceUnknown,
    SampleRateInvalid,
    BitRateInvalid,
)
CARTESIA: Final = (
    Route(
        "/tts/bytes",
        CartesiaBytesHandler,
        "Cartesia's paths",
        "Create speech, for Cartesia's clients",
        (Answer("A file with its length; a long one is streamed.", SOUND),),
        errors=_CARTESIA_ERRORS,
        bodies=JSON,
        label=CartesiaBytesHandler.route_name,
    ),
    Route(
        "/tts/sse",
        CartesiaEventsHandler,
        "Cartesia's paths",
        "Stream speech as events, for Cartesia's clients",
        (
            Answer(
                "Server-sent events, each named by the `type` of its data: `chunk`, `timestamps` "
                "and `phoneme_timestamps` if requested, `error`, `done`. The data are those of the "
                "WebSocket `/tts/websocket`.",
                ("text/event-stream",),
            ),
        ),
        errors=_CARTESIA_ERRORS,
        bodies=JSON,
        label=CartesiaEventsHandler.route_name,
    ),
)
"""Their routing rules are in ``web/interfaces.py``."""
