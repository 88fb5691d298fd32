"""The description of the interface: OpenAPI 3.1, made from the routes and their models.

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
    JsonInvalid,
    KeyInvalid,
    KeyMissing,
    MediaTypeUnsupported,
    RateLimited,
    RequestError,
    VitsTtsError,
)
from vits_tts.voice.manifest import Manifest
from vits_tts.web import openai, schemas
from vits_tts.web.base import Handler
from vits_tts.web.describing import FORMS, JSON, Answer, Route
from vits_tts.web.schemas import Json

_BODY_ERRORS: Final = {JsonInvalid, RequestError, BodyTooLarge, MediaTypeUnsupported}
_RATES: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy")
_ERROR_HEADERS: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    416: ("Content-Range",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_HEADERS: Final[Mapping[str, tuple[str, Json]]] = {
    "X-Request-ID": ("The request's own, if it has a good one, or a new one.", {"type": "string"}),
    "RateLimit-Limit": ("What a caller may have in a minute.", {"type": "integer"}),
    "RateLimit-Remaining": ("What is left of it.", {"type": "integer"}),
    "RateLimit-Reset": ("Seconds until the present window is over.", {"type": "integer"}),
    "RateLimit-Policy": ("All limits, such as `60;w=60`.", {"type": "string"}),
    "Retry-After": ("Seconds after which to ask again.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to identify oneself.", {"type": "string"}),
    "Content-Range": ("Which bytes these are, of how many.", {"type": "string"}),
    "Accept-Ranges": ("`bytes`: parts may be asked for.", {"type": "string"}),
    "Cache-Control": ("How long it may be kept.", {"type": "string"}),
    "Link": ("Where the file of speech is: `describes`.", {"type": "string"}),
    "ETag": ("What this version is known by.", {"type": "string"}),
}
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_ABOUT: Final = """\
Text to speech for Vietnamese. Text is UTF-8 everywhere. Every answer carries `X-Request-ID`; the
same id stands in errors and in the server's log. All errors have one shape, with a stable `code`.

The software is free under the GPL. A voice has terms of its own, which hold for what it says:

{voices}"""


class Describer:
    """Describes routes, as the settings and the voices make them be."""

    def __init__(
        self, config: Config, voices: Mapping[str, Manifest], *, keys_needed: bool
    ) -> None:
        """Keep what the description depends on; the default voice is the first."""
        self._config = config
        self._voices = voices
        self._names = {
            "voices": [*voices, ""],  # empty is as if it were left out
            "models": openai.model_names(config.openai, voices),
            "openai_voices": [*openai.voice_names(config.openai, voices), ""],
        }
        self._keys_needed = keys_needed
        access = config.access
        self._limited = bool(access.requests_per_minute or access.characters_per_minute)

    def document(self, routes: Iterable[Route]) -> Json:
        """Return the whole description of the routes that are at the server's own port."""
        apart = self._config.server.operations_port is not None
        routes = [route for route in routes if not (apart and route.handler.operations)]
        models = self._schemas(routes)
        return {
            "openapi": "3.1.1",
            "info": self._info(),
            "servers": [{"url": self._config.server.public_url or "."}],
            "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
            "paths": {route.path: dict(self._operations(route, models)) for route in routes},
            "components": {
                "schemas": {name: schemas.plain(model) for name, model in models.items()},
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
            shapes += [answer.shape for answer in route.answers if answer.shape]
            shapes += [route.handler.error_shape]
        return schemas.described(shapes, self._config.server.max_text_chars, self._names)

    # --- operations ------------------------------------------------------------------------------

    def _operations(self, route: Route, models: Json) -> Iterator[tuple[str, Json]]:
        asked = models[route.handler.model.__name__] if route.handler.model else {}
        for method in route.handler.methods():
            if method != "OPTIONS":
                yield method.lower(), self._operation(route, method, asked)

    def _operation(self, route: Route, method: str, asked: Json) -> Json:
        operation: Json = {
            "operationId": operation_id(route, method),
            "tags": [route.tag],
            "summary": route.summary,
            "responses": dict(self._responses(route, method)),
        }
        if route.description:
            operation["description"] = route.description
        if parameters := [*_parts(route), *(schemas.parameters(asked) if method != "POST" else ())]:
            operation["parameters"] = parameters
        if method == "POST" and asked:
            operation["requestBody"] = {
                "required": True,
                "description": "What it leaves open, the query may say.",
                "content": {
                    media: {"schema": _body(asked, media), "example": schemas.example(asked)}
                    for media in route.bodies
                },
            }
        if self._keys_needed:
            operation["security"] = [] if self._open(route) else [{name: []} for name in _SCHEMES]
        return operation

    def _open(self, route: Route) -> bool:
        return route.handler.operations and self._config.access.open_operations

    def _responses(self, route: Route, method: str) -> Iterator[tuple[str, Json]]:
        bare = method == "HEAD"
        common = () if self._open(route) or not self._limited else _RATES
        for status, answers in groupby(route.answers, key=lambda answer: answer.status):
            yield str(status), _response(list(answers), common, bare=bare)
        answered = {answer.status for answer in route.answers}
        for status, errors in groupby(self._errors(route, method), key=lambda error: error.status):
            if status not in answered:
                yield str(status), _refusal(list(errors), route.handler, common, bare=bare)

    def _errors(self, route: Route, method: str) -> list[type[VitsTtsError]]:
        errors = {*route.errors, VitsTtsError}
        if method != "POST":
            errors -= _BODY_ERRORS
        if not self._open(route):
            errors |= {KeyMissing, KeyInvalid} if self._keys_needed else set()
            errors |= {RateLimited} if self._limited else set()
        return sorted(errors, key=lambda error: (error.status, error.code))


def operation_id(route: Route, method: str) -> str:
    """Return the name of an operation: its method and its path, in letters."""
    return "_".join([method.lower(), *re.findall(r"\w+", route.path)])


def _parts(route: Route) -> Iterator[Json]:
    for part in route.parameters:
        yield {
            "name": part.name,
            "in": part.place,
            "required": part.place == "path",
            "description": part.description,
            "schema": dict(part.schema),
        }


def _body(asked: Json, media: str) -> Json:
    return schemas.form(asked) if media in FORMS else schemas.reference(asked["title"])


def _response(answers: Sequence[Answer], headers: Iterable[str], *, bare: bool) -> Json:
    """Return what one status may come with."""
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
    schema = {"schema": schemas.reference(answer.shape.__name__)} if answer.shape else {}
    return ((media, schema) for media in answer.media)


def _refusal(
    errors: list[type[VitsTtsError]], handler: type[Handler], headers: Iterable[str], *, bare: bool
) -> Json:
    lines = [f"- `{handler.code(error)}`: {_first_line(error)}" for error in errors]
    own = _ERROR_HEADERS.get(errors[0].status, ())
    response: Json = {"description": "\n".join(lines), "headers": _headers([*headers, *own])}
    if not bare:
        codes = {"properties": {"code": {"enum": [handler.code(error) for error in errors]}}}
        schema = {
            "allOf": [
                schemas.reference(handler.error_shape.__name__),
                {"properties": {"error": codes}},
            ]
        }
        response["content"] = {media: {"schema": schema} for media in JSON}
    return response


def _first_line(error: type[VitsTtsError]) -> str:
    return (error.__doc__ or "").partition("\n")[0].replace("``", "`")


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ["X-Request-ID", *names]}
