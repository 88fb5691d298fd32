"""Behind a proxy: who really called, and under which URL, as far as the proxy is trusted."""

import re
from ipaddress import IPv6Address, ip_address
from typing import Final

from tornado.httputil import HTTPServerRequest

from vits_tts.config import Server

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class Proxies:
    """Reads ``X-Forwarded-*`` from the proxies that the settings trust, and from nobody else.

    Where a header lists several values, the last is what the trusted proxy itself has added.
    """

    def __init__(self, settings: Server) -> None:
        """Keep the networks of trusted proxies and the configured public URL."""
        self._trusted = settings.trusted_proxies
        self._public_url = settings.public_url

    def base_url(self, request: HTTPServerRequest) -> str:
        """Return what stands in front of our paths, such as ``https://speech.example.vn/tts-api``.

        That is ``server.public_url``, else what a trusted proxy says, else the request's own host.
        """
        if self._public_url:
            return self._public_url
        proto = self._forwarded(request, "Proto")
        scheme = proto if proto in _DEFAULT_PORTS else request.protocol
        host = self._forwarded(request, "Host")
        if not _HOST.fullmatch(host):
            host = request.host if _HOST.fullmatch(request.host) else "localhost"
        port = self._forwarded(request, "Port")
        bare = not re.search(r":\d+$", host)
        if bare and _PORT.fullmatch(port) and port != _DEFAULT_PORTS[scheme]:
            host = f"{host}:{port}"
        prefix = self._forwarded(request, "Prefix").rstrip("/")
        return f"{scheme}://{host}{prefix if _PREFIX.fullmatch(prefix) else ''}"

    def is_https(self, request: HTTPServerRequest) -> bool:
        """Return whether the caller's own connection is encrypted, as far as we are told."""
        proto = self._forwarded(request, "Proto")
        return (proto if proto in _DEFAULT_PORTS else request.protocol) == "https"

    def caller(self, request: HTTPServerRequest) -> str:
        """Return the address of the caller, for logs."""
        forwarded = self._forwarded(request, "For")
        return forwarded if forwarded and _is_address(forwarded) else _peer(request)

    def _forwarded(self, request: HTTPServerRequest, name: str) -> str:
        value = request.headers.get(f"X-Forwarded-{name}")
        if value is None or not self._trusts(request):
            return ""
        return value.rpartition(",")[2].strip()

    def _trusts(self, request: HTTPServerRequest) -> bool:
        try:
            address = ip_address(_peer(request))
        except ValueError:  # a Unix socket: whoever may open it is trusted
            return True
        if isinstance(address, IPv6Address) and address.ipv4_mapped:  # of a socket for both
            address = address.ipv4_mapped
        return any(address in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _peer(request: HTTPServerRequest) -> str:
    """Return the address at the other end of the connection itself."""
    address = getattr(getattr(request.connection, "context", None), "address", None)
    return str(address[0]) if isinstance(address, tuple) else ""
