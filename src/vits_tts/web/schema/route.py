"""The type of a route: a path with its handler, its label in metrics and its description."""

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
    """A response of a path: its media types, and the type of its JSON as ``shape``.

    A path may have several answers with one status.
    """

    description: str
    media: tuple[str, ...] = ()
    shape: Any = None
    headers: tuple[str, ...] = ()
    status: int = 200
    links: Mapping[str, Any] = field(default_factory=dict)
    method: str | None = None
    """The only method that gives this answer; None if all do."""


@dataclass(frozen=True)
class Parameter:
    """A part of the path, or a header; ``schema`` is JSON Schema."""

    name: str
    place: str
    description: str
    schema: Mapping[str, Any]
    method: str | None = None
    """The only method that takes it; None if all do."""


@dataclass(frozen=True)
class Messages:
    """The types of the messages of a WebSocket, which are text frames with a JSON object."""

    client: tuple[Any, ...]
    server: tuple[Any, ...]


@dataclass(frozen=True)
class Route:
    """A path and its handler; the handler has the methods and the model of the parameters.

    ``errors`` are those of this path, without the errors that any request may get.
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
    """Name for tornado's ``reverse_url``."""
    part: str = "([^/]*)"
    """The regular expression of the parts in braces."""
    messages: Messages | None = None
    """Of a WebSocket; None for other paths."""
    label: str = field(kw_only=True)
    """The value of ``route`` in metrics, logs and traces; dashboards and alerts select by it."""

    def rule(self, collaborators: Mapping[str, Any]) -> URLSpec:
        """Return tornado's rule; the handler gets the parts in braces as arguments."""
        pattern = _PLACE.sub(lambda _: self.part, re.escape(self.path))
        return URLSpec(pattern, self.handler, {**collaborators, "route": self.label}, self.name)
