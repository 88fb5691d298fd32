"""Routes that operate the server: health, metrics, usage and tokens."""

from typing import Final

from vits_tts.errors import (
    BodyTooLarge,
    EncodingInvalid,
    FieldInvalid,
    JsonInvalid,
    RequestError,
    StorageError,
    StorageTimeout,
)
from vits_tts.web.handlers.operations import HealthHandler, MetricsHandler, ReadyHandler
from vits_tts.web.handlers.tokens import TokensHandler
from vits_tts.web.handlers.usage import UsageHandler
from vits_tts.web.schema.responses import HealthAnswer, NamedHealthAnswer, ReadyAnswer, TokenAnswer
from vits_tts.web.schema.route import JSON, Answer, Route
from vits_tts.web.schema.usage import UsageAnswer

_ALIVE: Final = Answer("The process is running.", JSON, HealthAnswer)

OPERATIONS: Final = (
    Route(
        "/v1/usage",
        UsageHandler,
        "Usage",
        "Show the use of an API key",
        (Answer("The use of the caller's key, by day, and its budget.", JSON, UsageAnswer),),
        "Days and months are those of UTC. Without API keys, all callers have one account.",
        (FieldInvalid, StorageError),
        label="usage",
    ),
    Route(
        "/v1/tokens",
        TokensHandler,
        "Tokens",
        "Create a token for a browser",
        (Answer("A token that stands for the caller's key.", JSON, TokenAnswer),),
        "A token admits requests that are answered with speech, as `Authorization: Bearer`, and "
        "WebSockets, as the parameter `token` of their URL or first message. It counts towards the "
        "limits of its key, and all workers and replicas accept it.",
        (
            EncodingInvalid,
            FieldInvalid,
            JsonInvalid,
            BodyTooLarge,
            RequestError,
            StorageError,
            StorageTimeout,
        ),
        bodies=JSON,
        label="tokens",
    ),
    Route(
        "/healthz",
        HealthHandler,
        "Operations",
        "Check that the process is running",
        (_ALIVE,),
        label="health",
    ),
    Route(
        "/health",
        HealthHandler,
        "Operations",
        "Check that the process is running; another form of `/healthz`",
        (Answer("The process is running.", JSON, NamedHealthAnswer),),
        label="health",
    ),
    Route(
        "/readyz",
        ReadyHandler,
        "Operations",
        "Check that the process can speak",
        (
            Answer("It can speak.", JSON, ReadyAnswer),
            Answer("It cannot speak now; `status` says why.", JSON, ReadyAnswer, status=503),
        ),
        label="ready",
    ),
    Route(
        "/metrics",
        MetricsHandler,
        "Operations",
        "Get metrics for Prometheus",
        (Answer("The metrics of all workers, in Prometheus's text format.", ("text/plain",)),),
        label="metrics",
    ),
)
