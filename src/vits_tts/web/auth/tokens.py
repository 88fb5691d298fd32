"""Tokens that replace an API key for a short time, so that no key has to be in a browser.

A token has its scope, the time at which it expires and the name of the key that created it, and an
HMAC-SHA256 of these by the secret that all workers and replicas share. So each of them can check a
token without storing it. A token is invalid once its key does not exist any more.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final, Literal

from vits_tts.errors import KeyInvalid, TokenExpired

PREFIX: Final = "vttk_"
Scope = Literal["speech"]
"""The kind of requests that a token admits: ``speech`` is requests that return speech."""
_PURPOSE: Final = b"vits-tts token"
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is valid until ``expires``, in seconds since 1970.

    ``owner`` is the name of the API key that created it; None if callers needed no key.
    """

    scope: Scope
    expires: int
    owner: str | None


def signed(secret: str, token: Token) -> str:
    """Return a token as text."""
    content = json.dumps([token.scope, token.expires, token.owner], separators=(",", ":"))
    payload = _text(content.encode())
    return f"{PREFIX}{payload}.{_signature(secret, payload)}"


def verified(secret: str, text: str, now: float) -> Token:
    """Check a token and return it; ``now`` is in seconds since 1970.

    Raises:
        KeyInvalid: the token was not created with this secret, or was changed.
        TokenExpired: the token has expired.

    """
    payload, _, signature = text[:_LONGEST].removeprefix(PREFIX).partition(".")
    expected = _signature(secret, payload)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass")):
        raise KeyInvalid("this server did not create this token, or it was changed")
    content = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    token = Token(*json.loads(content))
    if now >= token.expires:
        raise TokenExpired("this token has expired; request a new one")
    return token


def _signature(secret: str, payload: str) -> str:
    key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
    content = payload.encode("utf-8", "surrogatepass")
    return _text(hmac.digest(key, content, hashlib.sha256))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
