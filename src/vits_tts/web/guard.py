"""Who is let in, and how much of it: keys, then rates, in one place for all requests."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest

from vits_tts.config import Config
from vits_tts.errors import KeyInvalid, KeyMissing, NotFound, RateLimited
from vits_tts.metrics import LIMITED
from vits_tts.web.access import Keys
from vits_tts.web.proxy import Proxies
from vits_tts.web.rates import Rates, Standing

_IPV6_PREFIX: Final = 64
"""What one customer has, so what one caller is, of IPv6."""
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Guard:
    """Keys, rates and the headers that keep browsers out of trouble."""

    def __init__(self, config: Config, proxies: Proxies) -> None:
        """Read the keys.

        Raises:
            ConfigError: the keys cannot be used.

        """
        self._keys = Keys(config.access)
        self._rates = Rates(config.access, config.cache.redis)
        self._proxies = proxies
        self._operations_port = config.server.operations_port
        self.open_operations = config.access.open_operations or self._operations_port is not None

    def check_port(self, request: HTTPServerRequest, operations: bool) -> None:
        """Refuse what belongs on the other port, where operations have one of their own.

        Raises:
            NotFound: it does.

        """
        if self._operations_port is None:
            return
        connection = request.connection
        stream = connection.stream if isinstance(connection, HTTP1Connection) else None
        name = stream.socket.getsockname() if stream and stream.socket else ()
        here = isinstance(name, tuple) and name[1:2] == (self._operations_port,)
        if here != operations:
            raise NotFound("there is no such path")

    async def admit(self, request: HTTPServerRequest) -> tuple[str | None, Standing | None]:
        """Return the name of the caller's key, if keys are needed, and how it stands with limits.

        Who has no valid key is counted by address, so that trying keys is limited as well.

        Raises:
            KeyMissing, KeyInvalid: it has no key that is known.
            RateLimited: there were too many requests.

        """
        try:
            owner = self._keys.owner(request.headers)
        except (KeyMissing, KeyInvalid):
            await self._request(request, None)
            raise
        return owner, await self._request(request, owner)

    async def _request(self, request: HTTPServerRequest, owner: str | None) -> Standing | None:
        try:
            return await self._rates.request(self._caller(request, owner))
        except RateLimited:
            LIMITED.labels("requests").inc()
            raise

    @property
    def keys_needed(self) -> bool:
        """Whether callers need a key."""
        return self._keys.needed

    async def text(
        self, request: HTTPServerRequest, owner: str | None, text: str
    ) -> Standing | None:
        """Count the characters of a text.

        Raises:
            RateLimited: there were too many.

        """
        try:
            return await self._rates.text(self._caller(request, owner), len(text))
        except RateLimited:
            LIMITED.labels("characters").inc()
            raise

    @property
    def policy(self) -> str:
        """What ``RateLimit-Policy`` says; empty without limits."""
        return self._rates.policy

    async def close(self) -> None:
        """Let go of Redis."""
        await self._rates.close()

    def _caller(self, request: HTTPServerRequest, owner: str | None) -> str:
        return f"key/{owner}" if owner else f"address/{_place(self._proxies.caller(request))}"


@lru_cache(maxsize=1024)
def _place(text: str) -> str:
    """Return the address, or the network of an IPv6 one, that a caller is counted under."""
    address = ip_address(text) if text else None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        network = ip_network((int(address), _IPV6_PREFIX), strict=False)
        return str(network.network_address)
    return str(address or "local")
