"""Protection against foreign web pages: the allowed origins, and the allowed host names.

A browser lets every page send simple requests to any server that it can reach, also on the same
machine, and play the answer. So any page could make the server write files and play speech. Two
properties distinguish such requests from those of programs:

- The browser names the origin of the page, or its relation to the server. No page can set these
  headers: https://www.w3.org/TR/fetch-metadata/, https://fetch.spec.whatwg.org/#origin-header.
- An attacker can let a host name point to this machine (DNS rebinding). Then the browser takes the
  attacker's page for the server's own. But ``Host`` contains the attacker's name and the port to
  which the browser connects.
"""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from vits_tts.config import Server
from vits_tts.errors import HostUnknown, OriginRefused
from vits_tts.web.http.cors import Cors
from vits_tts.web.http.forwarded import Proxies, local_address

_FOREIGN: Final = {"cross-site", "same-site"}
"""Values of ``Sec-Fetch-Site`` for pages of other origins."""
_READING: Final = {"GET", "HEAD"}
_SIMPLE_METHODS: Final = {*_READING, "POST"}
_SIMPLE_TYPES: Final = {
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
}
_KEY_HEADERS: Final = ("Authorization", "X-API-Key")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PORT: Final = re.compile(r":([0-9]{1,5})$")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+(?=[/?#]|$)")
_HOSTS_REMEMBERED: Final = 128
_LONGEST_HOST: Final = 300


class PagePolicy:
    """Refuses requests of foreign pages, and on a loopback address those with a foreign host."""

    def __init__(self, settings: Server, cors: Cors, proxies: Proxies) -> None:
        """Read the host names of the server from the settings; ``cors`` has the allowed origins."""
        self._cors = cors
        self._proxies = proxies
        self._names = settings.allowed_hosts
        self._own = {settings.host.lower()}
        if settings.absolute_url:
            self._own.add((urlsplit(settings.absolute_url).hostname or "").lower())
        self._loopback = settings.on_loopback
        self._default_port = 443 if settings.tls_certificate else 80
        self._known = lru_cache(_HOSTS_REMEMBERED)(self._is_known)

    def check_host(self, request: HTTPServerRequest) -> None:
        """Check that the host name in ``Host`` is the server's.

        With ``server.allowed_hosts``, other names are always refused. Without it, they are refused
        only on a loopback address, and only if ``Host`` has the port of the connection. Another
        port means that there is a program in between, such as a proxy that passes on the ``Host``
        of its clients.

        Raises:
            HostUnknown: the name is not the server's.

        """
        host = request.headers.get("Host")
        if not host or (len(host) < _LONGEST_HOST and self._known(host)):
            return
        if not self._names:
            address, port = local_address(request)
            if not (self._loopback and address and ip_address(address).is_loopback):
                return
            if (_split(host)[1] or self._default_port) != port:
                return
        raise HostUnknown("this server has no such host name; add it to server.allowed_hosts")

    def check_page(self, request: HTTPServerRequest, *, linkable: bool) -> None:
        """Check that a request is not from a page of a foreign origin that is not allowed.

        Where ``linkable``, a foreign page may link to the address and the user may follow the link.
        Browsers send ``Sec-Fetch-Site`` only with HTTPS and to loopback addresses. With plain HTTP
        they send ``Origin``, except with GET.

        Raises:
            OriginRefused: the page's origin is foreign and not in ``server.cors_origins``.

        """
        headers = request.headers
        site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
        if site is None:
            if origin is None or _asked_before(request) or self._is_own(request, origin):
                return
        elif site not in _FOREIGN:
            return
        elif origin is None:
            origin = _origin(headers.get("Referer", ""))
            if linkable and _is_followed_link(request):
                return
        if not self._cors.allows(origin):
            raise OriginRefused(
                "pages of this origin may not send requests; server.cors_origins lists the allowed "
                "origins"
            )

    def _is_known(self, host: str) -> bool:
        """Return whether ``host`` is a name of this server, a name of loopback, or an address.

        An IP address is safe, because DNS rebinding needs a name.
        """
        name, _ = _split(host)
        if name in self._own or name == "localhost" or name.endswith(".localhost"):
            return True
        for pattern in self._names:
            if name == pattern or (pattern.startswith("*.") and name.endswith(pattern[1:])):
                return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True

    def _is_own(self, request: HTTPServerRequest, origin: str) -> bool:
        """Return whether an origin is that of our own page, here or at the proxy's public URL."""
        scheme, _, host = origin.partition("://")
        port = _DEFAULT_PORTS.get(scheme)
        seen = self._proxies.base_url(request).split("/")[2]
        return _split(host, port) in {_split(request.host, port), _split(seen, port)}


def _split(host: str, default: int | None = None) -> tuple[str, int | None]:
    """Return the name or address of a ``Host`` in lower case, and its port, else ``default``."""
    match = _PORT.search(host)
    name = host[: match.start()] if match else host
    name = name.lower().removesuffix(".").removeprefix("[").removesuffix("]")
    return name, int(match[1]) if match else default


def _origin(url: str) -> str | None:
    """Return the origin of a URL: scheme, host and port; None if it has none."""
    match = _ORIGIN.match(url)
    return match[0] if match else None


def _asked_before(request: HTTPServerRequest) -> bool:
    """Return whether the request is one that browsers send only after a preflight has allowed it.

    See https://fetch.spec.whatwg.org/#cors-safelisted-request-header.
    """
    headers = request.headers
    media = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return (
        request.method not in _SIMPLE_METHODS
        or media not in _SIMPLE_TYPES
        or any(name in headers for name in _KEY_HEADERS)
    )


def _is_followed_link(request: HTTPServerRequest) -> bool:
    """Return whether the user followed a link, so that the answer replaces the page."""
    headers = request.headers
    return (
        request.method in _READING
        and headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document"
    )
