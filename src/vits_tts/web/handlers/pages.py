"""The pages for browsers, served from memory: `/`, `/docs`, and `/openapi.json` for the latter."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tornado.routing import URLSpec

from vits_tts.audio import formats
from vits_tts.config import Config
from vits_tts.web.auth.gate import SECURITY_HEADERS
from vits_tts.web.base import Handler
from vits_tts.web.handlers import assets
from vits_tts.web.handlers.assets import AssetHandler
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


def documentation(description: Json, collaborators: Mapping[str, Any]) -> list[URLSpec]:
    """Return tornado's rules for `/openapi.json` and `/docs`; read and serialise their files."""
    content = json.dumps(description, ensure_ascii=False).encode()
    described = {"openapi.json": assets.made(content, "application/json; charset=UTF-8")}
    shared = {"route": _LABEL, **collaborators}
    given = {"assets": assets.read(_FOLDER / "docs"), "policy": _DOCS_POLICY, **shared}
    return [
        URLSpec(
            r"/(openapi\.json)",
            AssetHandler,
            {"assets": described, "policy": _NOTHING, **shared},
        ),
        URLSpec(r"/docs", AssetHandler, given),
        URLSpec(r"/docs/([^/]+)", AssetHandler, given),
    ]
