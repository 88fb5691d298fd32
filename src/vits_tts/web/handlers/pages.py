"""The pages for browsers, served from memory: `/`, `/docs`, and `/openapi.json` for the latter."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tornado.routing import URLSpec

from vits_tts.audio import formats
from vits_tts.config import Config
from vits_tts.web.auth.gate import SECURITY_HEADERS
from vits_tts.web.base import Handler
from vits_tts.web.handlers import assets
from vits_tts.web.handlers.assets import Asset, AssetHandler, FileHandler
from vits_tts.web.schema.json_schema import Json

_FOLDER: Final = Path(__file__).parent.parent
_NOTHING: Final = SECURITY_HEADERS["Content-Security-Policy"]
_LABEL: Final = "asset"
"""The value of ``route`` in metrics and logs for all these files."""
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# RapiDoc uses inline styles, and plays the audio of a request from a blob.
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(config: Config, collaborators: Mapping[str, Any], *, keys_needed: bool) -> list[URLSpec]:
    """Return tornado's rules for the page; read its files."""
    values = {
        "max_text_chars": str(config.server.max_text_chars),
        "formats": " ".join(formats.offered()),
        "keys": str(keys_needed).lower(),
        "docs": str(config.server.docs).lower(),
    }
    given = {"assets": assets.read(_FOLDER / "page", values), "policy": _PAGE_POLICY}
    given |= {"route": _LABEL, **collaborators}
    return [URLSpec(r"/", AssetHandler, given), URLSpec(r"/page/([^/]+)", AssetHandler, given)]


class ToDocsHandler(Handler):
    """`/` if the page is disabled: redirects to `/docs`."""

    public = True
    quiet = True

    def get(self) -> None:
        """Redirect the client to `/docs`."""
        self.redirect(f"{self.services.proxies.link_base(self.request)}/docs", status=307)

    head = get


class Description:
    """The OpenAPI description, created in a thread at the first request, then kept.

    Creating it takes a fifth of a worker's start, and few workers are asked for the description.
    """

    def __init__(self, describe: Callable[[], Json]) -> None:
        """Keep the function that creates the document."""
        self._describe = describe
        self._created: asyncio.Task[Asset] | None = None

    async def asset(self) -> Asset:
        """Return the document as a file. Callers that come at the same time wait for one thread."""
        if self._created is None or _failed(self._created):
            self._created = asyncio.create_task(asyncio.to_thread(self._create))
        return await asyncio.shield(self._created)  # not ended by a caller who leaves

    def _create(self) -> Asset:
        content = json.dumps(self._describe(), ensure_ascii=False).encode()
        return assets.made(content, "application/json; charset=UTF-8")


def _failed(task: "asyncio.Task[Asset]") -> bool:
    """Return whether a task has ended without a result, such as when no thread could start."""
    return task.done() and (task.cancelled() or task.exception() is not None)


class DescriptionHandler(FileHandler):
    """`/openapi.json`."""

    def initialize(  # type: ignore[override]  # tornado passes the arguments of the rule
        self, description: Description, **shared: Any
    ) -> None:
        """Serve ``description``."""
        self.description = description
        super().initialize(policy=_NOTHING, **shared)

    async def get(self) -> None:
        """Send the document."""
        self.send_file(await self.description.asset())

    head = get


def documentation(describe: Callable[[], Json], collaborators: Mapping[str, Any]) -> list[URLSpec]:
    """Return tornado's rules for `/openapi.json`, created by ``describe``, and `/docs`."""
    shared = {"route": _LABEL, **collaborators}
    given = {"assets": assets.read(_FOLDER / "docs"), "policy": _DOCS_POLICY, **shared}
    description = {"description": Description(describe), **shared}
    return [
        URLSpec(r"/openapi\.json", DescriptionHandler, description),
        URLSpec(r"/docs", AssetHandler, given),
        URLSpec(r"/docs/([^/]+)", AssetHandler, given),
    ]
