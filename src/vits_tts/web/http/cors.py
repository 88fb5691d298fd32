"""Cross-origin requests: the origins that may send them, and the headers of their answers.

Specification: https://fetch.spec.whatwg.org/#http-cors.
"""

import re
from collections.abc import Iterable, Mapping

_ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, If-None-Match, Range, X-API-Key, X-Request-ID, "
    # OpenAI's client for JavaScript sends these with every request.
    "OpenAI-Organization, OpenAI-Project, X-Stainless-Arch, X-Stainless-Lang, X-Stainless-OS, "
    "X-Stainless-Package-Version, X-Stainless-Retry-Count, X-Stainless-Runtime, "
    "X-Stainless-Runtime-Version, X-Stainless-Timeout"
)
_EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Length, Content-Range, ETag, RateLimit-Limit, RateLimit-Policy, "
    "RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Audio-Seconds, X-Characters, X-Request-ID"
)
_PREFLIGHT_SECONDS = "600"
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,2000}", re.ASCII)


class Cors:
    """Decides about origins by the settings, where ``*`` stands for any part of a host name."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Allow ``origins``; if there are none, no page of another origin may send requests."""
        patterns = [
            ".*" if origin == "*" else re.escape(origin).replace(r"\*", r"[^/@]*")
            for origin in origins
        ]
        self._pattern = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    @property
    def resource_policy(self) -> str:
        """The value of ``Cross-Origin-Resource-Policy``: may other origins embed answers?

        It does not depend on the origin, so that caches need not distinguish origins. Each request
        is checked as well.
        """
        return "same-origin" if self._pattern is None else "cross-origin"

    def allows(self, origin: str | None) -> bool:
        """Return whether pages of ``origin`` may send requests; None is an unknown origin."""
        return self._pattern is not None and bool(self._pattern.fullmatch(origin or ""))

    def headers(self, origin: str | None) -> Mapping[str, str]:
        """Return the CORS headers of a response to a page of ``origin``.

        ``Vary`` is always sent, also to origins that are not allowed. So a cache never gives the
        response for one origin to another.
        """
        if self._pattern is None:
            return {}
        if origin is None or not self.allows(origin):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED_HEADERS,
        }

    def preflight(
        self, origin: str | None, methods: Iterable[str], asked: str | None = None
    ) -> Mapping[str, str]:
        """Return the further headers of the answer to a preflight request.

        ``asked`` names the headers that the page is about to send. All of them are allowed: clients
        add headers of their own, which have no effect here.
        """
        if "Access-Control-Allow-Origin" not in self.headers(origin):
            return {}
        more = f", {asked}" if asked and _HEADER_NAMES.fullmatch(asked) else ""
        return {
            "Vary": "Origin, Access-Control-Request-Headers",
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS + more,
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        }
