"""Files for browsers that ship with the package: read once, served from memory to everybody."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from vits_tts.errors import NotFound
from vits_tts.web import ranges
from vits_tts.web.base import Handler

_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=UTF-8",
    ".css": "text/css; charset=UTF-8",
    ".js": "text/javascript; charset=UTF-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=UTF-8",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: what it holds, what that is, and its ETag, in quotes."""

    content: bytes
    media_type: str
    etag: str


Assets = Mapping[str, Asset]


def read(folder: Path, values: Mapping[str, str] | None = None) -> Assets:
    """Return the files of ``folder`` by name; in HTML, ``{{name}}`` becomes ``values[name]``.

    Only kinds that browsers are to get are read. ``values`` are trusted: nothing is escaped.
    """
    return {
        path.name: _asset(path, values or {})
        for path in sorted(folder.iterdir())
        if path.suffix in _MEDIA_TYPES
    }


def _asset(path: Path, values: Mapping[str, str]) -> Asset:
    content = path.read_bytes()
    if path.suffix == ".html":
        for name, value in values.items():
            content = content.replace(f"{{{{{name}}}}}".encode(), value.encode())
    return made(content, _MEDIA_TYPES[path.suffix])


def made(content: bytes, media_type: str) -> Asset:
    """Return ``content`` as a file; its ETag follows from it."""
    digest = hashlib.blake2b(content, digest_size=12).hexdigest()
    return Asset(content, media_type, f'"{digest}"')


class AssetHandler(Handler):
    """Serves ``assets`` by name; browsers ask again each time and mostly hear 304.

    Open to everybody, keys or not: a browser sends none when it opens an address, and there is
    nothing of a caller's in these files.
    """

    public = True
    quiet = True

    def initialize(  # type: ignore[override]  # tornado hands over what the rule says
        self, assets: Assets, policy: str, **shared: Any
    ) -> None:
        """Take the files and the Content-Security-Policy that they are shown under."""
        self.assets = assets
        self.policy = policy
        super().initialize(**shared)

    def get(self, name: str = "index.html") -> None:
        """Send the file, or word that the caller's copy is still good."""
        asset = self.assets.get(name)
        if asset is None:
            raise NotFound("there is no such path")
        self.set_header("ETag", asset.etag)
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", self.policy)
        if ranges.matches(self.request.headers.get("If-None-Match"), asset.etag):
            self.set_status(HTTPStatus.NOT_MODIFIED)
            return
        self.set_header("Content-Type", asset.media_type)
        self.write(asset.content)

    head = get
