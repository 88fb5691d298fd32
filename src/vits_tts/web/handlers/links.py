"""Signed links: handlers that accept them in place of an API key, and their creation."""

import math
import time
from collections.abc import Mapping
from typing import ClassVar

from vits_tts.errors import LinkInvalid
from vits_tts.web.auth import links
from vits_tts.web.auth.links import Link
from vits_tts.web.base import Handler


class LinkedHandler(Handler):
    """Base of the handlers to which `audio.links` applies: files of `/tts`, and streams."""

    is_file: ClassVar[bool] = False
    """True for files. Their speech was requested with a key before, so they may be public."""
    _link: Link | None = None

    @property
    def is_open(self) -> bool:
        """True if the URL needs no key and no signature: every client that knows it is admitted."""
        return self.is_file and self.config.audio.links == "open"

    @property
    def by_link(self) -> bool:
        """True if a signed link has admitted the request."""
        return self._link is not None

    @property
    def link_seconds_left(self) -> int:
        """The seconds until the link that has admitted the request expires; 0 without a link."""
        return max(0, math.floor(self._link.expires - time.time())) if self._link else 0

    async def admitted_by_address(self) -> bool:
        """Return whether the address admits the request: it is open, or has a valid signature.

        Raises:
            LinkInvalid, LinkExpired: the signature is invalid, or the link has expired.
            RateLimited: the caller has sent too many requests.

        """
        if self.request.method not in {"GET", "HEAD"}:
            return False
        if not self.is_open:
            parameters = self.request.query_arguments
            if self.config.audio.links != "signed" or links.SIGNATURE not in parameters:
                return False
            secret = await self.speech.link_secret()
            link = links.verified(secret, self.request.path, parameters, time.time())
            if not self.guard.knows(link.owner):
                raise LinkInvalid("the API key that created this link does not exist any more")
            self._link, self.context.key = link, link.owner
        self.say(await self.guard.request(self.context.caller))
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        if "Access-Control-Allow-Origin" not in self._headers:
            self.set_header("Access-Control-Allow-Origin", "*")
        return True


async def address(
    handler: Handler, path: str, parameters: Mapping[str, str], *, absolute: bool = False
) -> tuple[str, int | None]:
    """Return the URL of a path for a caller, and its expiry in seconds since 1970.

    The URL is signed if ``audio.links`` is ``signed``; otherwise the expiry is None.
    With ``absolute``, the URL contains the host even if ``server.public_url`` is ``relative``.
    """
    settings = handler.config.audio
    expires = None
    if settings.links == "signed":
        expires = math.ceil(time.time() + settings.link_seconds)
        secret = await handler.speech.link_secret()
        path = links.signed(secret, path, parameters, Link(expires, handler.context.key))
    elif parameters:
        path = f"{path}?{links.query(parameters)}"
    proxies = handler.services.proxies
    base = proxies.base_url if absolute else proxies.link_base
    return f"{base(handler.request)}{path}", expires
