"""The page at `/`, where the voices can be tried: its files and the policy they are shown under."""

from pathlib import Path
from typing import Any, Final

from tornado.routing import URLSpec

from vits_tts.audio import formats
from vits_tts.config import Config
from vits_tts.web import assets
from vits_tts.web.assets import AssetHandler

_FOLDER: Final = Path(__file__).parent / "page"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def rules(config: Config, shared: dict[str, Any]) -> list[URLSpec]:
    """Return the paths of the page, whose files are read here; ``shared`` is every handler's."""
    values = {
        "max_text_chars": str(config.server.max_text_chars),
        "formats": " ".join(formats.offered()),
        "keys": "yes" if config.access.keys or config.access.keys_file else "no",
    }
    given = {"assets": assets.read(_FOLDER, values), "policy": _POLICY, **shared}
    return [URLSpec(r"/", AssetHandler, given), URLSpec(r"/page/([^/]+)", AssetHandler, given)]
