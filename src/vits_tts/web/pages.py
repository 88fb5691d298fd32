"""What browsers are shown, from memory: the page at `/`, and `/docs` over `/openapi.json`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tornado.routing import URLSpec

from vits_tts.audio import formats
from vits_tts.config import Config
from vits_tts.web import assets
from vits_tts.web.assets import AssetHandler
from vits_tts.web.guard import SECURITY_HEADERS
from vits_tts.web.schemas import Json

_FOLDER: Final = Path(__file__).parent
_NOTHING: Final = SECURITY_HEADERS["Content-Security-Policy"]
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# RapiDoc styles its elements one by one; audio that was asked for is played from a blob.
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(config: Config, collaborators: Mapping[str, Any], *, keys_needed: bool) -> list[URLSpec]:
    """Return the rules of the page, whose files are read here."""
    values = {
        "max_text_chars": str(config.server.max_text_chars),
        "formats": " ".join(formats.offered()),
        "keys": str(keys_needed).lower(),
        "docs": str(config.server.docs).lower(),
    }
    given = {"assets": assets.read(_FOLDER / "page", values), "policy": _PAGE_POLICY}
    given |= collaborators
    return [URLSpec(r"/", AssetHandler, given), URLSpec(r"/page/([^/]+)", AssetHandler, given)]


def documentation(description: Json, collaborators: Mapping[str, Any]) -> list[URLSpec]:
    """Return the rules of the description and of what shows it; both are made ready here."""
    content = json.dumps(description, ensure_ascii=False).encode()
    described = {"openapi.json": assets.made(content, "application/json; charset=UTF-8")}
    given = {"assets": assets.read(_FOLDER / "docs"), "policy": _DOCS_POLICY, **collaborators}
    return [
        URLSpec(
            r"/(openapi\.json)",
            AssetHandler,
            {"assets": described, "policy": _NOTHING, **collaborators},
        ),
        URLSpec(r"/docs", AssetHandler, given),
        URLSpec(r"/docs/([^/]+)", AssetHandler, given),
    ]
