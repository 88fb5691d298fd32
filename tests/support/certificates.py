"""The certificates of httpx, read once: it reads all of them again for each `httpx.get`.

That takes a hundred times as long as the request itself, and who polls a server that is starting
takes a core away from it.
"""

import ssl
from functools import cache
from typing import Any

import httpx
from httpx._transports import default


def read_once() -> None:
    """Have all clients share one context, unless they name certificates of their own."""
    default.create_ssl_context = _context  # type: ignore[attr-defined]


def _context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    if verify is True and cert is None and trust_env:
        return _shared()
    return httpx.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)


@cache
def _shared() -> ssl.SSLContext:
    return httpx.create_ssl_context()
