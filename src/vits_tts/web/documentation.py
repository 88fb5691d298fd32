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


def rules(description: Json, shared: Mapping[str, Any]) -> list[URLSpec]:
    """Return the rules of both, whose bytes are made here; ``shared`` is every handler's."""
    content = json.dumps(description, ensure_ascii=False).encode()
    described = {"openapi.json": assets.made(content, "application/json; charset=UTF-8")}
    alone = {"assets": described, "policy": _NOTHING, **shared}
    given = {"assets": assets.read(_FOLDER), "policy": _POLICY, **shared}
    return [
        URLSpec(r"/(openapi\.json)", AssetHandler, alone),
        URLSpec(r"/docs", AssetHandler, given),
        URLSpec(r"/docs/([^/]+)", AssetHandler, given),
    ]
