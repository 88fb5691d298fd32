"""Requests through a proxy: the caller's address and the public URL, as a trusted proxy says."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest

from vits_tts.config import Server

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_IPV6_PREFIX: Final = 64
"""Length in bits of the prefix that counts as one caller; providers give each customer one."""


class Proxies:
    """Reads ``X-Forwarded-*``, only from the proxies in ``server.trusted_proxies``.

    If a header lists several values, the last one is used: the trusted proxy itself has added it,
    while the client may have sent the others.
    """

    def __init__(self, settings: Server) -> None:
        """Read the networks of trusted proxies and the public URL from the settings."""
        self._trusted = settings.trusted_proxies
        self.trusts = lru_cache(maxsize=1024)(self._is_trusted)
        """Returns whether an IP address is that of a trusted proxy; it remembers results."""
        self._public_url = settings.absolute_url
        self._relative = settings.public_url == "relative"

    def base_url(self, request: HTTPServerRequest) -> str:
        """Return the URL before our paths, such as ``https://speech.example.vn/tts-api``.

        It is ``server.public_url``, else as a trusted proxy says, else from the request's ``Host``.
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

    def link_base(self, request: HTTPServerRequest) -> str:
        """Return the beginning of links in answers: ``base_url``, or only its path."""
        base = self.base_url(request)
        return urlsplit(base).path if self._relative else base

    def is_https(self, request: HTTPServerRequest) -> bool:
        """Return whether the caller uses HTTPS, as a trusted proxy or the connection says."""
        proto = self._forwarded(request, "Proto")
        return (proto if proto in _DEFAULT_PORTS else request.protocol) == "https"

    def caller(self, request: HTTPServerRequest) -> str:
        """Return the IP address of the caller; empty for a Unix socket."""
        forwarded = self._forwarded(request, "For")
        return forwarded if forwarded and _is_address(forwarded) else _peer(request)

    def _forwarded(self, request: HTTPServerRequest, name: str) -> str:
        """Return the last value of ``X-Forwarded-<name>``; empty if missing or not trusted."""
        value = request.headers.get(f"X-Forwarded-{name}")
        if value is None or not self.trusts(_peer(request)):
            return ""
        return value.rpartition(",")[2].strip()

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:  # a Unix socket: its permissions say which programs may connect
            return True
        if isinstance(address, IPv6Address) and address.ipv4_mapped:  # IPv4 on an IPv6 socket
            address = address.ipv4_mapped
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=1024)
def network(text: str) -> str:
    """Return the address that limits count for a caller: its IPv4 address or its IPv6 network.

    ``text`` is an IP address; an empty one, of a Unix socket, gives ``local``.
    """
    address = ip_address(text) if text else None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        whole = ip_network((int(address), _IPV6_PREFIX), strict=False)
        return str(whole.network_address)
    return str(address or "local")


def local_address(request: HTTPServerRequest) -> tuple[str, int]:
    """Return the address and port of the server's end of a connection; ("", 0) of a Unix socket."""
    connection = request.connection
    stream = connection.stream if isinstance(connection, HTTP1Connection) else None
    name = stream.socket.getsockname() if stream and stream.socket else ()
    return (name[0], name[1]) if isinstance(name, tuple) and len(name) > 1 else ("", 0)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _peer(request: HTTPServerRequest) -> str:
    """Return the IP address of the client or proxy that is connected; empty for a Unix socket."""
    address = getattr(getattr(request.connection, "context", None), "address", None)
    return str(address[0]) if isinstance(address, tuple) else ""
