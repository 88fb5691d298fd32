"""Posting results to URLs that callers name (webhooks), if the settings allow the host.

Without a check, a caller could make the server send requests into its own network (server-side
request forgery). So the address of a host is looked up once for each attempt and checked before the
connection, and redirects are not followed.
"""

import asyncio
import hmac
import json
import re
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from loguru import logger
from tornado.httpclient import HTTPClientError
from tornado.netutil import DefaultLoopResolver, Resolver
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from vits_tts.config import CallbackSettings
from vits_tts.config.interfaces import SECRET_PREFIX
from vits_tts.errors import Busy, CallbackRefused
from vits_tts.telemetry.metrics import CALLBACKS, series

_MOST_WAITING: Final = 256
"""The maximum number of results that one process posts at the same time."""
_MAX_URL_CHARS: Final = 2000
_INNER: Final = tuple(
    map(
        ip_network,
        ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96", "::ffff:0:0:0/96", "fec0::/10"),
    )
)
"""IPv6 networks that Python counts as public, though their addresses may lead to inner ones.

All but the last contain IPv4 addresses: NAT64, 6to4, IPv4-compatible and IPv4-translated addresses.
The last are the site-local addresses of old networks.
"""
_MAX_ANSWER_BYTES: Final = 64 * 1024
_STATUS: Final = re.compile(r"HTTP/\d\.\d (\d{3})")
_SUCCESSES: Final = range(200, 300)
_NO_STATUS: Final = 599
"""Tornado's code for an answer that did not come, or not whole."""


class _CheckedResolver(Resolver):
    """Resolves host names, and returns only addresses that callbacks may use."""

    def initialize(self, settings: CallbackSettings) -> None:  # tornado's name for its constructor
        """Allow public addresses, and those in ``callbacks.private_networks``."""
        self._networks = settings.private_networks
        self._resolver = DefaultLoopResolver()

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """Return the allowed addresses of a host.

        Raises:
            OSError: the host cannot be resolved, or none of its addresses is allowed.

        """
        found = await self._resolver.resolve(host, port, family)
        allowed = [address for address in found if self._may(ip_address(address[1][0]))]
        if not allowed:
            raise OSError("the host has no public address")
        return allowed

    def _may(self, address: IPv4Address | IPv6Address) -> bool:
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address in network for network in self._networks):
            return True
        inner = any(address in network for network in _INNER)
        return address.is_global and not address.is_multicast and not inner


class Callbacks:
    """Posts results, and repeats failed attempts up to ``callbacks.attempts``."""

    def __init__(self, settings: CallbackSettings) -> None:
        """Store the settings; the first result creates the HTTP client."""
        self._settings = settings
        self._client: SimpleAsyncHTTPClient | None = None
        self._waiting = 0

    def check(self, url: str, field: str = "callback") -> str:
        """Return ``url`` if results may be posted to it.

        Raises:
            Busy: too many results are being posted already.
            CallbackRefused: it is not a valid URL, or its host is not in ``callbacks.hosts``.

        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        host = (parts.hostname or "").lower()
        plain = url.isascii() and url.isprintable() and " " not in url
        whole = parts.scheme in {"http", "https"} and host and port != 0 and "@" not in parts.netloc
        if not whole or not plain or len(url) > _MAX_URL_CHARS:
            raise CallbackRefused("the callback is not a valid http or https URL", field=field)
        if not any(_matches(host, pattern) for pattern in self._settings.hosts):
            message = "this server posts no results to that host; see callbacks.hosts"
            raise CallbackRefused(message, field=field)
        if self._waiting >= _MOST_WAITING:
            raise Busy("too many results are being posted to callbacks already")
        return url

    async def post(self, url: str, result: Mapping[str, object], request_id: str) -> bool:
        """Post a result as JSON; return whether the receiver accepted it."""
        self._waiting += 1
        try:
            for attempt in range(self._settings.attempts):
                if attempt:
                    await asyncio.sleep(2 ** (attempt - 1))
                body = json.dumps(result, ensure_ascii=False).encode()
                again, reason = await self._attempt(url, body)
                if reason is None:
                    series(CALLBACKS, "taken").inc()
                    return True
                host = urlsplit(url).hostname
                logger.info("callback failed", host=host, reason=reason, request_id=request_id)
                if not again:
                    break
        finally:
            self._waiting -= 1
        series(CALLBACKS, "failed").inc()
        logger.warning("callback given up", host=urlsplit(url).hostname, request_id=request_id)
        return False

    def check_signed(self, url: str) -> str:
        """Return ``url`` if signed messages may be posted to it.

        Raises:
            Busy, CallbackRefused: as :meth:`check` does, or there is no secret to sign with.

        """
        if self._settings.secret is None:
            message = "this server signs no callbacks; see callbacks.secret"
            raise CallbackRefused(message, field="callback_url")
        return self.check(url, "callback_url")

    async def send(self, url: str, message_id: str, content: Mapping[str, object]) -> bool:
        """Post a signed message once, as in Standard Webhooks; return whether to try again."""
        body = json.dumps(content, ensure_ascii=False).encode()
        reason: str | None
        try:
            self.check_signed(url)
        except (Busy, CallbackRefused) as error:  # the settings may have changed meanwhile
            again, reason = isinstance(error, Busy), error.message
        else:
            again, reason = await self._attempt(url, body, self._signed(message_id, body))
        if reason is None:
            series(CALLBACKS, "taken").inc()
            return False
        logger.info("callback failed", host=urlsplit(url).hostname, reason=reason, again=again)
        if not again:
            series(CALLBACKS, "failed").inc()
        return again

    def _signed(self, message_id: str, body: bytes) -> dict[str, str]:
        """Return the headers of a message: one signature for each secret."""
        now = str(int(time.time()))
        signed = f"{message_id}.{now}.".encode() + body
        signatures = []
        for secret in (self._settings.secret, self._settings.previous_secret):
            if secret is not None:
                key = b64decode(secret.get_secret_value().removeprefix(SECRET_PREFIX))
                signature = hmac.digest(key, signed, "sha256")
                signatures.append(f"v1,{b64encode(signature).decode()}")
        return {
            "webhook-id": message_id,
            "webhook-timestamp": now,
            "webhook-signature": " ".join(signatures),
        }

    async def _attempt(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[bool, str | None]:
        """Post once; return whether to try again, and the reason of the failure (None: success)."""
        if self._client is None:
            self._client = SimpleAsyncHTTPClient(
                force_instance=True,
                resolver=_CheckedResolver(settings=self._settings),
                max_clients=_MOST_WAITING,
                max_body_size=_MAX_ANSWER_BYTES,
            )
        seconds = self._settings.timeout_seconds
        told: list[int] = []

        def header(line: str) -> None:
            if found := _STATUS.match(line):
                told[:] = [int(found[1])]

        try:
            await self._client.fetch(
                url,
                method="POST",
                body=body,
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": "vits-tts",
                    **(headers or {}),
                },
                follow_redirects=False,
                connect_timeout=seconds,
                request_timeout=seconds,
                header_callback=header,
            )
        except HTTPClientError as error:
            if told and told[0] in _SUCCESSES:
                return False, None  # the rest of the answer is of no interest, and may be too large
            if error.code == _NO_STATUS:
                return True, error.message or "no answer"
            later = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
            again = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code in later
            return again, f"status {error.code}"
        except (OSError, ValueError) as error:
            return True, str(error)[:200] or type(error).__name__
        return False, None


def _matches(host: str, pattern: str) -> bool:
    return host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))
