"""Access to the server, for all protocols: first the API key is checked, then the rate limits."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tornado.httputil import HTTPServerRequest

from vits_tts.config import Config
from vits_tts.errors import (
    KeyInvalid,
    KeyMissing,
    NotFound,
    RateLimited,
    ScopeInsufficient,
    TokenExpired,
)
from vits_tts.telemetry.metrics import LIMITED
from vits_tts.web.auth import tokens
from vits_tts.web.auth.api_keys import ApiKeys, given
from vits_tts.web.auth.rate_limits import RateLimits, RateLimitStatus
from vits_tts.web.http.forwarded import Proxies, local_address, network

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Gate:
    """Checks the keys of callers, and counts their requests and characters."""

    def __init__(
        self, config: Config, proxies: Proxies, secret: Callable[[], Awaitable[str]]
    ) -> None:
        """Read the keys and prepare the limits of the settings; ``secret`` signs tokens.

        Raises:
            ConfigError: the keys are invalid, or their file cannot be read.

        """
        self._keys = ApiKeys(config.access)
        self._rates = RateLimits(config.access, config.cache.redis, config.audio.misses_per_minute)
        self._proxies = proxies
        self._secret = secret
        self._operations_port = config.server.operations_port
        self.open_operations = config.access.open_operations or self._operations_port is not None

    def check_port(self, request: HTTPServerRequest, operations: bool) -> None:
        """Refuse a request on the wrong port, where operations have a port of their own.

        Raises:
            NotFound: the path belongs to the other port.

        """
        if self._operations_port is None:
            return
        if (local_address(request)[1] == self._operations_port) != operations:
            raise NotFound("there is no such path")

    async def admit(
        self, headers: Mapping[str, str], address: str, *, speech: bool = False
    ) -> tuple[str | None, RateLimitStatus | None]:
        """Count a request; return the name of the caller's key and the state of its limit.

        The name is None if callers need no key. A caller without a valid key is counted by its
        address, which limits the guessing of keys. A token admits only requests for ``speech``.

        Raises:
            KeyMissing, KeyInvalid, TokenExpired: the headers contain no known key.
            ScopeInsufficient: a token does not admit the request.
            RateLimited: the caller has sent too many requests.

        """
        try:
            owner = await self._owner(headers, speech=speech)
        except (KeyMissing, KeyInvalid, TokenExpired, ScopeInsufficient):
            await self.request(self.caller(address, None))
            raise
        return owner, await self.request(self.caller(address, owner))

    async def _owner(self, headers: Mapping[str, str], *, speech: bool) -> str | None:
        key = given(headers) or ""
        if not (self._keys.needed and key.startswith(tokens.PREFIX)):
            return self._keys.owner(headers)
        token = tokens.verified(await self._secret(), key, time.time())
        if not self._keys.knows(token.owner):
            raise KeyInvalid("the API key that created this token does not exist any more")
        if not speech:
            raise ScopeInsufficient(f"a token for {token.scope} does not admit this request")
        return token.owner

    def knows(self, owner: str | None) -> bool:
        """Return whether there is a key of this name; for None, whether callers need no key."""
        return self._keys.knows(owner)

    async def request(self, caller: str) -> RateLimitStatus | None:
        """Count a request; return the state of the limit, None if there is no limit.

        Raises:
            RateLimited: the caller has sent too many requests.

        """
        try:
            return await self._rates.request(caller)
        except RateLimited:
            LIMITED.labels("requests").inc()
            raise

    @property
    def keys_needed(self) -> bool:
        """True if callers need a key."""
        return self._keys.needed

    def announce(self) -> None:
        """Log whether callers need a key, as if any machine could reach the server."""
        self._keys.announce(reachable=True)

    async def text(self, caller: str, characters: int) -> RateLimitStatus | None:
        """Count the characters of a text; return the state of the limit, None if there is no limit.

        Raises:
            RateLimited: the caller has sent too many characters.

        """
        try:
            return await self._rates.text(caller, characters)
        except RateLimited:
            LIMITED.labels("characters").inc()
            raise

    async def spoken(self, caller: str, more: int) -> RateLimitStatus | None:
        """Count the ``more`` characters that the spoken text has beyond the written one.

        Never refuses a request. The number is known only after the text was admitted and
        normalised, so it counts against the next request.
        """
        return await self._rates.spoken(caller, more) if more > 0 else None

    def check_misses(self, caller: str) -> None:
        """Check that the caller has not requested too many files that do not exist.

        Raises:
            RateLimited: it has requested too many.

        """
        try:
            self._rates.check_misses(caller)
        except RateLimited:
            LIMITED.labels("misses").inc()
            raise

    async def missed(self, caller: str) -> None:
        """Count a request for a file that does not exist.

        Raises:
            RateLimited: the caller has requested too many.

        """
        try:
            await self._rates.missed(caller)
        except RateLimited:
            LIMITED.labels("misses").inc()
            raise

    @property
    def policy(self) -> str:
        """The value of the header ``RateLimit-Policy``; empty without limits."""
        return self._rates.policy

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._rates.close()

    def holder(self, address: str, owner: str | None) -> str | None:
        """Return the name under which the concurrent requests of a caller are limited.

        Returns None for a trusted proxy that does not name its client: the proxy stands for many
        callers, so it has no limit.
        """
        if not owner and self._proxies.trusts(address):
            return None
        return self.caller(address, owner)

    def caller(self, address: str, owner: str | None) -> str:
        """Return the name under which a caller is counted: that of its key, else its address."""
        return f"key/{owner}" if owner else f"address/{network(address)}"
