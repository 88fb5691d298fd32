"""The OpenAPI 3.1 description of the server, generated from the routes and their models.

Format: https://spec.openapis.org/oas/v3.1.1.html.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import groupby
from typing import Any, Final

from vits_tts.config import Config
from vits_tts.errors import (
    BodyTooLarge,
    BudgetExceeded,
    BudgetExceededForNow,
    HostUnknown,
    JsonInvalid,
    KeyInvalid,
    KeyMissing,
    MediaTypeUnsupported,
    OriginRefused,
    RateLimited,
    RequestError,
    ScopeInsufficient,
    TokenExpired,
    VitsTtsError,
)
from vits_tts.voice.manifest import Manifest
from vits_tts.web.base import Handler
from vits_tts.web.handlers import openai
from vits_tts.web.schema import json_schema
from vits_tts.web.schema.json_schema import Json
from vits_tts.web.schema.route import FORMS, JSON, Answer, Messages, Route

_BODY_ERRORS: Final = {JsonInvalid, RequestError, BodyTooLarge, MediaTypeUnsupported}
_QUERY_TOO: Final = {"description": "Parameters that the body omits may be in the query."}
_BUDGET_ERRORS: Final = {BudgetExceeded, BudgetExceededForNow}
_RATES: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy")
_ERROR_HEADERS: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    416: ("Content-Range",),
    426: ("Upgrade",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_HEADERS: Final[Mapping[str, tuple[str, Json]]] = {
    "X-Request-ID": ("The id from the request if it is valid, else a new one.", {"type": "string"}),
    "RateLimit-Limit": ("The requests or characters allowed per minute.", {"type": "integer"}),
    "RateLimit-Remaining": ("The number that is left in this minute.", {"type": "integer"}),
    "RateLimit-Reset": ("Seconds until the current window ends.", {"type": "integer"}),
    "RateLimit-Policy": ("All limits, such as `60;w=60`.", {"type": "string"}),
    "Retry-After": ("Seconds after which to try again.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("The scheme of authentication.", {"type": "string"}),
    "Content-Range": ("The range of bytes in this answer, and the size.", {"type": "string"}),
    "Accept-Ranges": ("`bytes`: ranges may be requested.", {"type": "string"}),
    "Cache-Control": ("How long the answer may be cached.", {"type": "string"}),
    "Link": ("The URL of the file of speech, with `rel=describes`.", {"type": "string"}),
    "X-Characters": ("The characters of the text, as they are booked.", {"type": "integer"}),
    "X-Audio-Seconds": ("The seconds of sound, where they are known.", {"type": "number"}),
    "Upgrade": ("The protocol of WebSockets, `websocket`.", {"type": "string"}),
    "ETag": ("The identifier of this version.", {"type": "string"}),
}
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_ABOUT: Final = """\
Text to speech for Vietnamese. All text is UTF-8. Every answer has `X-Request-ID`; errors and the
server's log contain the same id. Errors have a stable `code`, in the form of their interface. A
WebSocket is a `GET` that is answered with 101; its `x-websocket` refers to the schemas of the
messages of both sides, which are text frames of JSON. Paths of other services that have to be
switched on are described in the manual.

The software is free under the GPL. Each voice has its own licence, which applies to its speech:

{voices}"""


class Describer:
    """Describes routes; the description depends on the settings and on the voices."""

    def __init__(
        self, config: Config, voices: Mapping[str, Manifest], *, keys_needed: bool
    ) -> None:
        """Collect the names that parameters may have; the default voice comes first."""
        self._config = config
        self._voices = voices
        models = openai.model_names(config.openai, voices)
        strict = config.openai.strict_voices
        own = [*voices, *config.voice.aliases]
        self._names = {
            "voices": _one_of([*own, ""]),  # an empty name means the default voice
            "models": _one_of(models) if strict else {"examples": models[:1]},
            "openai_voices": _one_of([*openai.voice_names(config, voices), ""]),
            "cartesia_voices": _one_of([*config.cartesia.voices, *own]),
            "elevenlabs_voices": _one_of([*config.elevenlabs.voices, *own]),
        }
        self._keys_needed = keys_needed
        access = config.access
        self._limited = bool(access.requests_per_minute or access.characters_per_minute)

    def document(self, routes: Iterable[Route]) -> Json:
        """Return the whole document for the routes on the server's own port."""
        apart = self._config.server.operations_port is not None
        routes = [route for route in routes if not (apart and route.handler.operations)]
        models = self._schemas(routes)
        return {
            "openapi": "3.1.1",
            "info": self._info(),
            "servers": [{"url": self._config.server.absolute_url or "."}],
            "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
            "paths": {route.path: dict(self._operations(route, models)) for route in routes},
            "components": {
                "schemas": {name: json_schema.plain(model) for name, model in models.items()},
                "headers": {
                    name: {"description": about, "schema": schema}
                    for name, (about, schema) in _HEADERS.items()
                },
                **({"securitySchemes": _SCHEMES} if self._keys_needed else {}),
            },
        }

    def _info(self) -> Json:
        terms = [f"- `{voice.name}`: {voice.licence.name}" for voice in self._voices.values()]
        return {
            "title": "vits-tts",
            "version": version("vits-tts-vietnamese"),
            "description": _ABOUT.format(voices="\n".join(terms)),
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        }

    def _schemas(self, routes: Iterable[Route]) -> Json:
        """Return the schemas of all models and shapes, by name."""
        shapes: list[Any] = []
        for route in routes:
            shapes += [route.handler.model] if route.handler.model else []
            shapes += [route.handler.query_model] if route.handler.query_model else []
            shapes += [answer.shape for answer in route.answers if answer.shape]
            shapes += [route.handler.error_shape]
            if route.messages:
                shapes += [*route.messages.client, *route.messages.server]
        return json_schema.described(shapes, self._config.server.max_text_chars, self._names)

    # --- operations ------------------------------------------------------------------------------

    def _operations(self, route: Route, models: Json) -> Iterator[tuple[str, Json]]:
        for method in route.handler.methods():
            model = route.handler.model
            if method != "POST" and route.handler.query_model:
                model = route.handler.query_model
            asked = models[model.__name__] if model else {}
            if method != "OPTIONS":
                yield method.lower(), self._operation(route, method, asked)

    def _operation(self, route: Route, method: str, asked: Json) -> Json:
        """Return the operation of a method; ``asked`` is the schema of its parameters."""
        operation: Json = {
            "operationId": operation_id(route, method),
            "tags": [route.tag],
            "summary": route.summary,
            "responses": dict(self._responses(route, method)),
        }
        if route.description:
            operation["description"] = route.description
        if route.messages:
            operation["x-websocket"] = _messages(route.messages)
        if parameters := [
            *self._parts(route, method),
            *(json_schema.parameters(asked) if method != "POST" else ()),
        ]:
            operation["parameters"] = parameters
        if method == "POST" and asked:
            operation["requestBody"] = {
                "required": bool(asked.get("required")),
                **(_QUERY_TOO if set(FORMS) <= set(route.bodies) else {}),
                "content": {
                    media: {"schema": _body(asked, media), "example": json_schema.example(asked)}
                    for media in route.bodies
                },
            }
        if self._keys_needed:
            known: list[Json] = [{name: []} for name in _SCHEMES]
            operation["security"] = [] if self._open(route) else known
            if route.messages:  # the key may come in the first message
                operation["security"].append({})
        return operation

    def _parts(self, route: Route, method: str) -> Iterator[Json]:
        for part in route.parameters:
            if part.method not in {None, method}:
                continue
            yield {
                "name": part.name,
                "in": part.place,
                "required": part.place == "path",
                "description": part.description,
                "schema": json_schema.with_names(part.schema, self._names),
            }

    def _open(self, route: Route) -> bool:
        lists = issubclass(route.handler, openai.OpenAIListHandler)
        return (route.handler.operations and self._config.access.open_operations) or (
            lists and self._config.openai.open_lists
        )

    def _responses(self, route: Route, method: str) -> Iterator[tuple[str, Json]]:
        bare = method == "HEAD"
        common = () if self._open(route) or not self._limited else _RATES
        given = [answer for answer in route.answers if answer.method in {None, method}]
        for status, answers in groupby(given, key=lambda answer: answer.status):
            yield str(status), _response(list(answers), common, bare=bare)
        answered = {answer.status for answer in given}
        for status, errors in groupby(self._errors(route, method), key=lambda error: error.status):
            if status not in answered:
                yield str(status), _refusal(list(errors), route.handler, common, bare=bare)

    def _errors(self, route: Route, method: str) -> list[type[VitsTtsError]]:
        errors = {*route.errors, VitsTtsError, OriginRefused, HostUnknown}
        if not self._config.usage.has_budgets:
            errors -= _BUDGET_ERRORS
        if method != "POST":
            errors -= _BODY_ERRORS
        if not self._open(route):
            errors |= self._key_errors(route) if self._keys_needed else set()
            errors |= {RateLimited} if self._limited else set()
        return sorted(errors, key=lambda error: (error.status, error.code))

    @staticmethod
    def _key_errors(route: Route) -> set[type[VitsTtsError]]:
        """Return the errors of API keys and tokens."""
        speech = route.handler.delivery is not None
        return {KeyMissing, KeyInvalid, TokenExpired, *(() if speech else (ScopeInsufficient,))}


def _one_of(names: list[str]) -> Json:
    return {"enum": names, "examples": names[:1]}


def operation_id(route: Route, method: str) -> str:
    """Return the id of an operation, such as ``get_tts_stream``: its method and its path."""
    return "_".join([method.lower(), *re.findall(r"\w+", route.path)])


def _messages(messages: Messages) -> Json:
    """Return the schemas of the messages of both sides of a WebSocket."""
    sides = (("client", messages.client), ("server", messages.server))
    return {
        side: {"anyOf": [json_schema.reference(shape.__name__) for shape in shapes]}
        for side, shapes in sides
    }


def _body(asked: Json, media: str) -> Json:
    return json_schema.form(asked) if media in FORMS else json_schema.reference(asked["title"])


def _response(answers: Sequence[Answer], headers: Iterable[str], *, bare: bool) -> Json:
    """Return the description of all answers with one status; ``bare`` ones have no body."""
    own = [name for answer in answers for name in answer.headers]
    response: Json = {
        "description": "\n\n".join(answer.description for answer in answers),
        "headers": _headers(dict.fromkeys([*headers, *own])),
    }
    if not bare and (content := dict(item for answer in answers for item in _content(answer))):
        response["content"] = content
    if links := {name: link for answer in answers for name, link in answer.links.items()}:
        response["links"] = links
    return response


def _content(answer: Answer) -> Iterator[tuple[str, Json]]:
    schema = {"schema": json_schema.reference(answer.shape.__name__)} if answer.shape else {}
    return ((media, schema) for media in answer.media)


def _refusal(
    errors: list[type[VitsTtsError]], handler: type[Handler], headers: Iterable[str], *, bare: bool
) -> Json:
    """Return the description of all errors with one status; ``bare`` ones have no body."""
    lines = [f"- `{handler.code(error)}`: {_first_line(error)}" for error in errors]
    own = _ERROR_HEADERS.get(errors[0].status, ())
    response: Json = {"description": "\n".join(lines), "headers": _headers([*headers, *own])}
    if not bare:
        codes: Json = {"enum": [handler.code(error) for error in errors]}
        for name in reversed(handler.code_place):
            codes = {"properties": {name: codes}}
        schema = {"allOf": [json_schema.reference(handler.error_shape.__name__), codes]}
        response["content"] = {media: {"schema": schema} for media in JSON}
    return response


def _first_line(error: type[VitsTtsError]) -> str:
    return (error.__doc__ or "").partition("\n")[0].replace("``", "`")


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ["X-Request-ID", *names]}
