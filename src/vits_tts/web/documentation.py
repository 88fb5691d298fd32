"""The description at `/openapi.json` and the page that shows it at `/docs`, both from memory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tornado.routing import URLSpec

from vits_tts.web import assets
from vits_tts.web.assets import AssetHandler
from vits_tts.web.guard import SECURITY_HEADERS
from vits_tts.web.schemas import Json

_FOLDER: Final = Path(__file__).parent / "docs"
_NOTHING: Final = SECURITY_HEADERS["Content-Security-Policy"]
# RapiDoc styles its elements one by one; audio that was asked for is played from a blob.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def rules(description: Json, collaborators: Mapping[str, Any]) -> list[URLSpec]:
    """Return the rules of both; the description is made, and the page's files are read, here."""
    content = json.dumps(description, ensure_ascii=False).encode()
    described = {"openapi.json": assets.made(content, "application/json; charset=UTF-8")}
    page = {"assets": assets.read(_FOLDER), "policy": _POLICY, **collaborators}
    return [
        URLSpec(
            r"/(openapi\.json)",
            AssetHandler,
            {"assets": described, "policy": _NOTHING, **collaborators},
        ),
        URLSpec(r"/docs", AssetHandler, page),
        URLSpec(r"/docs/([^/]+)", AssetHandler, page),
    ]
