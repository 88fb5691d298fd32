"""Signed links: URLs of streams that need no key until they expire.

The signature is an HMAC-SHA256 of the path and all other parameters, so that neither the text nor
the time can be changed. It covers the decoded parameters in sorted order, because players and
messengers may encode the same URL differently.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from vits_tts.errors import LinkExpired, LinkInvalid

EXPIRES: Final = "expires"
OWNER: Final = "by"
SIGNATURE: Final = "signature"
_PURPOSE: Final = b"vits-tts link"
_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is valid until ``expires``, in seconds since 1970.

    ``owner`` is the name of the API key that created it; None if callers needed no key.
    """

    expires: int
    owner: str | None


def query(parameters: Mapping[str, str]) -> str:
    """Return the parameters as the query of a URL, without a signature."""
    return urlencode(parameters)


def signed(secret: str, path: str, parameters: Mapping[str, str], link: Link) -> str:
    """Return a signed link: ``path`` with its ``parameters``, the expiry and the signature."""
    given = {**parameters, EXPIRES: str(link.expires)}
    if link.owner is not None:
        given[OWNER] = link.owner
    pairs = [(name, value.encode()) for name, value in given.items()]
    return f"{path}?{urlencode([*pairs, (SIGNATURE, _signature(secret, path, pairs))])}"


def verified(secret: str, path: str, parameters: Mapping[str, Sequence[bytes]], now: float) -> Link:
    """Check the link of a request and return it; ``now`` is in seconds since 1970.

    Raises:
        LinkInvalid: the link was not created with this secret, or was changed.
        LinkExpired: the link has expired.

    """
    given = [
        (name, value)
        for name, values in parameters.items()
        if name != SIGNATURE
        for value in values
    ]
    expected = _signature(secret, path, given).encode()
    if not hmac.compare_digest(expected, parameters[SIGNATURE][-1]):
        raise LinkInvalid(
            "this server did not create this link, or it was changed", field=SIGNATURE
        )
    expires = parameters.get(EXPIRES, [b""])[-1].decode()
    if not (expires.isdecimal() and len(expires) <= _DIGITS):
        raise LinkInvalid("this link does not say when it expires", field=EXPIRES)
    if now >= int(expires):
        raise LinkExpired("this link has expired; request a new one", field=EXPIRES)
    owner = parameters.get(OWNER)
    return Link(int(expires), owner[-1].decode() if owner else None)


def _signature(secret: str, path: str, pairs: Sequence[tuple[str, bytes]]) -> str:
    signed_part = f"{path}?{urlencode(sorted(pairs))}".encode()
    key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
    digest = hmac.digest(key, signed_part, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
