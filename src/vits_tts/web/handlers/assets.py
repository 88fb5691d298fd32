"""Static files of the package for browsers, read at the start and served from memory."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from vits_tts.errors import NotFound
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
    """One file: its content, its media type, and its ETag in quotes."""

    content: bytes
    media_type: str
    etag: str


Assets = Mapping[str, Asset]


def read(folder: Path, values: Mapping[str, str] | None = None) -> Assets:
    """Return the files of ``folder`` by name; in HTML, ``{{name}}`` becomes ``values[name]``.

    Files of unknown types are skipped. ``values`` are not escaped, so they must be trusted.
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
    """Return ``content`` as an asset, with a digest of it as ETag."""
    digest = hashlib.blake2b(content, digest_size=12).hexdigest()
    return Asset(content, media_type, f'"{digest}"')


class FileHandler(Handler):
    """Sends a file from memory; browsers revalidate it each time, and mostly get 304.

    It needs no API key: a browser sends none when it opens an address, and the file contains no
    data of callers.
    """

    public = True
    quiet = True

    def initialize(  # type: ignore[override]  # tornado passes the arguments of the rule
        self, policy: str, **shared: Any
    ) -> None:
        """Send files with ``policy`` as their Content-Security-Policy."""
        self.policy = policy
        super().initialize(**shared)

    def send_file(self, asset: Asset) -> None:
        """Send the file, or 304 if the client's copy is current."""
        self.set_header("ETag", asset.etag)
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", self.policy)
        if self.check_etag_header():
            self.set_status(HTTPStatus.NOT_MODIFIED)
            return
        self.set_header("Content-Type", asset.media_type)
        self.write(asset.content)


class AssetHandler(FileHandler):
    """Serves ``assets`` by name."""

    def initialize(  # type: ignore[override]  # tornado passes the arguments of the rule
        self, assets: Assets, **shared: Any
    ) -> None:
        """Serve ``assets``."""
        self.assets = assets
        super().initialize(**shared)

    def get(self, name: str = "index.html") -> None:
        """Send the file.

        Raises:
            NotFound: there is no such file.

        """
        asset = self.assets.get(name)
        if asset is None:
            raise NotFound("there is no such path")
        self.send_file(asset)

    head = get
