"""How a path is described: a route is its path, its handler and what is said of both."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tornado.routing import URLSpec

from vits_tts.errors import VitsTtsError
from vits_tts.web.base import Handler

_PLACE: Final = re.compile(r"\\{(\w+)\\}")
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
JSON: Final = ("application/json",)


@dataclass(frozen=True)
class Answer:
    """What a request may get: ``media`` says what may be in it, ``shape`` its type in JSON.

    Those of one status stand side by side.
    """

    description: str
    media: tuple[str, ...] = ()
    shape: Any = None
    headers: tuple[str, ...] = ()
    status: int = 200
    links: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Parameter:
    """A part of the path, or a header; ``schema`` is JSON Schema."""

    name: str
    place: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Route:
    """A path and its handler, which knows the methods and the model of what is asked.

    ``errors`` are those of this path alone; what every request may get is not repeated.
    """

    path: str
    handler: type[Handler]
    tag: str
    summary: str
    answers: tuple[Answer, ...]
    description: str = ""
    errors: tuple[type[VitsTtsError], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    bodies: tuple[str, ...] = (*JSON, *FORMS)
    name: str | None = None
    """What tornado's ``reverse_url`` knows it by."""

    def rule(self, collaborators: Mapping[str, Any]) -> URLSpec:
        """Return tornado's rule; a handler gets the parts in braces as arguments."""
        pattern = _PLACE.sub("([^/]*)", re.escape(self.path))
        return URLSpec(pattern, self.handler, dict(collaborators), self.name)
