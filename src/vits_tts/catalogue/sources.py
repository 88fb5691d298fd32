"""Sources of files: a web server, or a folder on this machine.

Both can start at a given byte. Both name the version of a file by a *validator*, so that a download
resumes only if the file has not changed (RFC 9110, sections 8.8, 13.1.5 and 14).
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass, url2pathname

import urllib3
from pydantic import SecretStr

from vits_tts.errors import ConfigError

CATALOGUE: Final = "voices.json"
_BLOCK: Final = 64 * 1024
_REDIRECTS: Final = 8
_CONNECT_SECONDS: Final = 10.0
_LEAST_BYTES: Final = 1024
"""A transfer of fewer bytes than this within ``stall_seconds`` has stalled."""
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_LATER: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class Failed(Exception):
    """A file cannot be read; ``lasting`` is true if a retry would not help."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        """Keep the reason, which completes a message of the form "NAME: …"."""
        super().__init__(reason)
        self.lasting = lasting


class Moved(Failed):
    """The source has another version of the file than the one begun: start again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of a file from ``start`` on, and the validator of its version.

    ``size`` is the size of the whole file in bytes, if the source states it.
    """

    start: int
    validator: str | None
    blocks: Iterator[bytes]
    size: int | None = None


class Source(Protocol):
    """A place that has a catalogue and its files."""

    @property
    def address(self) -> str:
        """The address for messages, without secrets."""

    @contextmanager
    def open(self, path: str, start: int = 0, validator: str | None = None) -> Iterator[Answer]:
        """Yield the file ``path`` from byte ``start`` on, or whole if it has changed.

        Raises:
            Failed: it cannot be read.

        """


class Folder:
    """A source in a local folder."""

    def __init__(self, folder: Path) -> None:
        """Read files below ``folder``."""
        self.folder = folder
        self.address = f"{folder}{os.sep}"

    @contextmanager
    def open(self, path: str, start: int = 0, validator: str | None = None) -> Iterator[Answer]:
        """Yield a file of the folder; see :class:`Source`."""
        try:
            file = (self.folder / path).open("rb")
        except OSError as error:
            raise Failed(error.strerror or "cannot be read", lasting=True) from None
        with file:
            now = f"{os.fstat(file.fileno()).st_mtime_ns}"
            begin = start if validator == now else 0
            file.seek(begin)
            size = os.fstat(file.fileno()).st_size
            yield Answer(begin, now, iter(partial(file.read, _BLOCK), b""), size)


class Web:
    """A source on a web server."""

    def __init__(
        self,
        address: str,
        stall_seconds: float,
        query: str = "",
        token: SecretStr | None = None,
    ) -> None:
        """Read files below ``address``, which ends with a slash.

        A transfer that stalls for ``stall_seconds`` fails. ``query`` is added to every URL, and
        ``token`` sent as a bearer token, unless a redirect leads to another host.
        """
        self.address, self._headers = _without_secrets(address)
        if token:
            self._headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        self._query = f"?{query}" if query else ""
        self._stall = stall_seconds
        self._pool = pool_manager(address)

    @contextmanager
    def open(self, path: str, start: int = 0, validator: str | None = None) -> Iterator[Answer]:
        """Yield a file of the server, or its missing part; see :class:`Source`."""
        headers = {"Accept-Encoding": "identity", **self._headers}
        if start and validator:
            headers |= {"Range": f"bytes={start}-", "If-Range": validator}
        try:
            response = self._request(f"{self.address}{quote(path)}{self._query}", headers)
            with response:
                begin = _begin(response, start, validator)
                size = None if begin else response.length_remaining
                yield Answer(begin, _validator(response), self._steadily(response), size)
        except urllib3.exceptions.HTTPError as error:
            raise Failed(fault(error)) from None

    def _request(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        retries = urllib3.Retry(None, connect=0, read=0, status=0, other=0, redirect=_REDIRECTS)
        timeout = urllib3.Timeout(connect=min(_CONNECT_SECONDS, self._stall), read=self._stall)
        try:
            response = self._pool.request(
                "GET", url, headers=headers, retries=retries, timeout=timeout, preload_content=False
            )
        except ValueError as error:  # urllib3 joins the address of a redirect with urllib's parser
            if isinstance(error, urllib3.exceptions.HTTPError):
                raise
            raise Failed(f"redirected to no address: {error}", lasting=True) from None
        last = response.geturl() or url
        if url.startswith("https:") and urlsplit(last).scheme not in {"https", ""}:
            response.close()
            raise Failed("redirected from https to http", lasting=True)
        return response

    def _steadily(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        """Yield the received blocks.

        Raises:
            Failed: the transfer has stalled.

        """
        since, taken = time.monotonic(), 0
        while block := response.read1(_BLOCK, decode_content=False):
            taken += len(block)
            now = time.monotonic()
            if taken >= _LEAST_BYTES:
                since, taken = now, 0
            elif now - since > self._stall:
                raise Failed(f"almost nothing was received for {self._stall:g} seconds")
            yield block


def source(address: str, stall_seconds: float) -> Source:
    """Return the source of an address: an http, https or file URL, or a path.

    The address is that of a ``voices.json`` or of the folder that has it.

    Raises:
        ConfigError: the address has another form.

    """
    parts = parsed(address)
    if parts.scheme in {"http", "https"} and parts.hostname:
        base = address.removesuffix(CATALOGUE)
        return Web(base if base.endswith("/") else f"{base}/", stall_seconds)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        path = Path(url2pathname(parts.path))
    elif "://" in address:
        raise ConfigError(
            f"voice.catalogue.urls: {address!r:.100}: should begin with https://, http:// or "
            "file://, or be a folder"
        )
    else:
        path = Path(address)
    return Folder(path.parent if path.name == CATALOGUE else path)


def parsed(address: str) -> SplitResult:
    """Return the parts of a URL or path.

    Raises:
        ConfigError: it begins like a URL of the web, and is none.

    """
    try:
        parts = urlsplit(address)
        if parts.scheme in {"http", "https"}:
            urllib3.util.parse_url(address)
    except ValueError as error:  # also that of urllib3
        raise ConfigError(f"{address!r:.100}: not a URL: {error}") from None
    return parts


def _without_secrets(address: str) -> tuple[str, dict[str, str]]:
    """Return an address without user and password, and the header that carries them."""
    url = urllib3.util.parse_url(address)
    if url.auth is None:
        return address, {}
    headers = urllib3.util.make_headers(basic_auth=unquote(url.auth))
    return url._replace(auth=None).url, {name.title(): value for name, value in headers.items()}


def pool_manager(address: str) -> urllib3.PoolManager:
    """Return a connection pool that uses the proxy of the environment for this address, if any."""
    parts = urlsplit(address)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.hostname or ""):
        return urllib3.PoolManager()
    auth = urllib3.util.parse_url(proxy).auth
    headers = urllib3.util.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers)


def _begin(response: urllib3.BaseHTTPResponse, start: int, validator: str | None) -> int:
    """Return the position in the file at which the response's content begins, in bytes.

    Raises:
        Failed: the server refused the request.
        Moved: the file has changed since the download began.

    """
    status = response.status
    if status == HTTPStatus.OK:
        return 0
    if status == HTTPStatus.PARTIAL_CONTENT:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != start or _validator(response) != validator:
            raise Moved("the server sent another part than requested")
        return start
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise Moved("the file is shorter now")
    later = status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    raise Failed(f"the server answered {status} {response.reason or ''}".strip(), lasting=not later)


def _validator(response: urllib3.BaseHTTPResponse) -> str | None:
    """Return a validator for If-Range: a strong ETag or a date."""
    etag = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def fault(error: urllib3.exceptions.HTTPError) -> str:
    """Return the reason of a connection error in a few words."""
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        why = getattr(cause.__cause__, "strerror", None) or "no connection"
        return f"the server cannot be reached: {why}"
    if isinstance(cause, urllib3.exceptions.ConnectTimeoutError):
        return "the server cannot be reached in time"
    if isinstance(cause, urllib3.exceptions.ReadTimeoutError):
        return "the server has stopped sending"
    if isinstance(cause, urllib3.exceptions.ProtocolError):
        return "the connection broke off"
    return " ".join(str(cause).split())[:160]
