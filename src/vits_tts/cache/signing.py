"""Signatures of values in Redis, which show that a server with the same secret stored them.

Layout: ``SIG1``, the HMAC-SHA256 (32 bytes) of the value's name, a zero byte and the value, then
the value. The signature includes the name, so that a value cannot be moved to another name.
"""

import hashlib
import hmac
from typing import Final

from vits_tts.config import RedisCacheSettings

_MARK: Final = b"SIG1"
_START: Final = len(_MARK) + hashlib.sha256().digest_size


class SignatureInvalid(Exception):
    """The signature of a value is missing or wrong."""


class Signer:
    """Signs values with ``cache.redis.secret``; without a secret it leaves them unchanged."""

    def __init__(self, settings: RedisCacheSettings) -> None:
        """Sign with the secret; accept signatures of the previous secret too."""
        secrets = (settings.secret, settings.previous_secret)
        self._keys = [secret.get_secret_value().encode() for secret in secrets if secret]

    def sign(self, name: str, value: bytes) -> bytes:
        """Return ``value`` with its signature, to be stored under ``name``."""
        if not self._keys:
            return value
        return _MARK + _signature(self._keys[0], name, value) + value

    def verified(self, name: str, stored: bytes) -> bytes:
        """Return the value in ``stored``, without its signature.

        Raises:
            SignatureInvalid: the signature is missing, or is not by one of the secrets for this
                name and value.

        """
        if not self._keys:
            return stored
        if not stored.startswith(_MARK):
            raise SignatureInvalid("the value has no signature")
        signature, value = stored[len(_MARK) : _START], stored[_START:]
        valid = [hmac.compare_digest(signature, _signature(key, name, value)) for key in self._keys]
        if not any(valid):
            raise SignatureInvalid("the signature is for another secret, name or value")
        return value


def _signature(key: bytes, name: str, value: bytes) -> bytes:
    message = hmac.new(key, name.encode() + b"\0", hashlib.sha256)
    message.update(value)
    return message.digest()
