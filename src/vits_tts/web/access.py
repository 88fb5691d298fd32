"""API keys: who may call. Only hashes are kept; the keys themselves are random and long."""

import hashlib
import hmac
import re
import secrets
from pathlib import Path
from typing import Final

from tornado.httputil import HTTPHeaders

from vits_tts.config import Access
from vits_tts.errors import ConfigError, KeyInvalid, KeyMissing

_PREFIX: Final = "vtts_"
_KEY_BYTES: Final = 32
_LINE: Final = re.compile(r"([A-Za-z0-9_.-]{1,64}):([0-9a-f]{64})")
_BEARER: Final = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


def make_key(name: str) -> tuple[str, str]:
    """Return a new key for ``name`` and the line ``NAME:HASH`` that the server is given.

    Raises:
        ConfigError: no key can have that name.

    """
    key = _PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    line = f"{name}:{_digest(key)}"
    if not _LINE.fullmatch(line):
        raise ConfigError(f"{name!r:.70} is no name for a key: up to 64 letters, digits, . _ -")
    return key, line


class Keys:
    """The keys that may call; without any, everybody may."""

    def __init__(self, settings: Access) -> None:
        """Read the keys of the settings and of their file.

        Raises:
            ConfigError: a line is none, a name stands there twice, or the file cannot be read.

        """
        self._hashes: dict[str, bytes] = {}
        for line in settings.keys:
            self._add(line, "access.keys")
        if settings.keys_file:
            self._read(settings.keys_file)

    @property
    def needed(self) -> bool:
        """Whether callers need a key."""
        return bool(self._hashes)

    def owner(self, headers: HTTPHeaders) -> str | None:
        """Return the name of the key that a request carries; None if no keys are needed.

        All hashes are compared, each in constant time, so that nothing is learnt from how long it
        takes. What is hashed needs no salt and no slow function: it is 256 random bits.

        Raises:
            KeyMissing: it carries none.
            KeyInvalid: it carries one that is not known.

        """
        if not self.needed:
            return None
        key = _given(headers)
        if key is None:
            raise KeyMissing("this needs an API key: Authorization: Bearer KEY, or X-API-Key: KEY")
        digest = _digest(key).encode()
        found = None
        for name, known in self._hashes.items():
            if hmac.compare_digest(known, digest):
                found = name
        if found is None:
            raise KeyInvalid("this API key is not known")
        return found

    def _read(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise ConfigError(f"access.keys_file: {path}: cannot be read: {reason}") from None
        lines = [line.partition("#")[0].strip() for line in text.splitlines()]
        for number, line in enumerate(lines, 1):
            if line:
                self._add(line, f"access.keys_file: {path}: line {number}")
        if not any(lines):  # everybody would be let in
            raise ConfigError(f"access.keys_file: {path}: holds no key")

    def _add(self, line: str, source: str) -> None:
        match = _LINE.fullmatch(line)
        if match is None:
            # The line is not shown: somebody may have put the key itself there.
            raise ConfigError(f"{source}: should be NAME:HASH, as `vits-tts keys make` prints it")
        name, digest = match.groups()
        if name in self._hashes:
            raise ConfigError(f"{source}: there are two keys named {name}")
        self._hashes[name] = digest.encode()


def _given(headers: HTTPHeaders) -> str | None:
    if bearer := _BEARER.fullmatch(headers.get("Authorization", "")):
        return bearer[1]
    return headers.get("X-API-Key")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
