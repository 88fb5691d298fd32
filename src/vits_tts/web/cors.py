"""CORS: which web origins may call, by the rules of https://fetch.spec.whatwg.org/#http-cors."""

import re
from collections.abc import Iterable, Mapping

_ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, If-None-Match, Range, X-API-Key, X-Request-ID, "
    # What OpenAI's client for JavaScript tells of itself with every request.
    "OpenAI-Organization, OpenAI-Project, X-Stainless-Arch, X-Stainless-Lang, X-Stainless-OS, "
    "X-Stainless-Package-Version, X-Stainless-Retry-Count, X-Stainless-Runtime, "
    "X-Stainless-Runtime-Version, X-Stainless-Timeout"
)
_EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Length, Content-Range, ETag, RateLimit-Limit, RateLimit-Policy, "
    "RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID"
)
_PREFLIGHT_SECONDS = "600"


class Cors:
    """The configured origins, exact or with ``*`` for any part of a host."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Compile the origins; none allows nothing."""
        patterns = [
            ".*" if origin == "*" else re.escape(origin).replace(r"\*", r"[^/@]*")
            for origin in origins
        ]
        self._pattern = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    def headers(self, origin: str | None) -> Mapping[str, str]:
        """Return the headers of a response to a page of ``origin``.

        ``Vary`` is there whether or not this origin is allowed, so that no cache mixes them up.
        """
        if self._pattern is None:
            return {}
        if origin is None or not self._pattern.fullmatch(origin):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED_HEADERS,
        }

    def preflight(self, origin: str | None, methods: Iterable[str]) -> Mapping[str, str]:
        """Return the further headers of the answer to a preflight request."""
        if "Access-Control-Allow-Origin" not in self.headers(origin):
            return {}
        return {
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        }
