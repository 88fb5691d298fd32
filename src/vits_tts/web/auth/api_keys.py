"""API keys of callers. The server stores only hashes; the keys are long and random."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loguru import logger

from vits_tts.config import Access
from vits_tts.config.server import KEY_ENTRY
from vits_tts.errors import ConfigError, KeyInvalid, KeyMissing

_PREFIX: Final = "vtts_"
_KEY_BYTES: Final = 32
_BEARER: Final = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
_SCHEME: Final = re.compile(r"^bearer(\s+|$)", re.IGNORECASE)


def make_key(name: str) -> tuple[str, str]:
    """Return a new key for ``name``, and the line ``NAME:HASH`` for the server's settings.

    Raises:
        ConfigError: a key cannot have this name.

    """
    key = _PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    line = f"{name}:{_digest(key)}"
    if not KEY_ENTRY.fullmatch(line):
        raise ConfigError(
            f"{name!r:.70} is no name for a key; use up to 64 letters, digits, . _ or -"
        )
    return key, line


class ApiKeys:
    """The known API keys; if there are none, callers need no key."""

    def __init__(self, settings: Access) -> None:
        """Read the keys from ``access.keys`` and ``access.keys_file``.

        Raises:
            ConfigError: a line is invalid, two keys have the same name, or the file cannot be read.

        """
        self._hashes: dict[str, bytes] = {}
        self._open = settings.open
        for line in settings.keys:
            self._add(line, "access.keys")
        if settings.keys_file:
            self._read(settings.keys_file)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._hashes)

    def settled(self, settings: Access) -> Access:
        """Return the settings with the keys of the file in them, so that workers need no file."""
        lines = tuple(f"{name}:{digest.decode()}" for name, digest in self._hashes.items())
        return settings.model_copy(update={"keys": lines, "keys_file": None})

    def announce(self, *, reachable: bool, **fields: object) -> None:
        """Log whether callers need a key, with ``fields``.

        The line is a warning if they need none, other machines can reach the server
        (``reachable``), and ``access.open`` is not set.
        """
        if self.needed:
            logger.info("callers need an API key", keys=len(self), **fields)
        elif reachable and not self._open:
            logger.warning(
                "callers need no API key: any program that reaches this address may use the "
                "server; set access.keys, or set access.open to true if this is intended",
                **fields,
            )
        else:
            logger.info("callers need no API key", **fields)

    @property
    def needed(self) -> bool:
        """True if callers need a key."""
        return bool(self._hashes)

    def knows(self, name: str | None) -> bool:
        """Return whether there is a key of this name; for None, whether callers need no key."""
        return name in self._hashes if name is not None else not self.needed

    def owner(self, headers: Mapping[str, str]) -> str | None:
        """Return the name of the key in a request's headers; None if callers need no key.

        All hashes are compared, each in constant time, so that the time reveals nothing about the
        keys. A key has 256 random bits, so its hash needs no salt and no slow hash function.

        Raises:
            KeyMissing: the headers contain no key.
            KeyInvalid: the key is unknown.

        """
        if not self.needed:
            return None
        key = given(headers)
        if key is None:
            raise KeyMissing(
                "this request needs an API key: Authorization: Bearer KEY, or X-API-Key: KEY"
            )
        digest = _digest(key).encode()
        found = None
        for name, known in self._hashes.items():
            if hmac.compare_digest(known, digest):
                found = name
        if found is None:
            raise KeyInvalid("this API key is unknown")
        return found

    def _read(self, path: Path) -> None:
        """Add the keys of a file: one in each line, with comments after ``#``.

        Raises:
            ConfigError: the file cannot be read, has an invalid line, or has no key.

        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise ConfigError(f"access.keys_file: {path}: cannot be read: {reason}") from None
        lines = [line.partition("#")[0].strip() for line in text.splitlines()]
        for number, line in enumerate(lines, 1):
            if line:
                self._add(line, f"access.keys_file: {path}: line {number}")
        if not any(lines):  # otherwise callers would need no key, which is probably not intended
            raise ConfigError(f"access.keys_file: {path}: holds no key")

    def _add(self, line: str, source: str) -> None:
        match = KEY_ENTRY.fullmatch(line)
        if match is None:
            # The line is not shown, because it may be the key itself, put there by mistake.
            raise ConfigError(f"{source}: should be NAME:HASH, as `vits-tts keys make` prints it")
        name, digest = match.groups()
        if name in self._hashes:
            raise ConfigError(f"{source}: there are two keys named {name}")
        self._hashes[name] = digest.encode()


def given(headers: Mapping[str, str]) -> str | None:
    """Return the key in ``Authorization`` or ``X-API-Key``; None if there is none.

    Clients that have one field for both, such as ElevenLabs' ``authorization``, may send a key with
    ``Bearer`` before it. Keys have no spaces, so ``X-API-Key`` is understood with and without it.
    """
    if bearer := _BEARER.fullmatch(headers.get("Authorization", "")):
        return bearer[1]
    key = headers.get("X-API-Key")
    return None if key is None else _SCHEME.sub("", key.strip())


def _digest(key: str) -> str:
    # Keys in JSON may have lone surrogates, which UTF-8 does not allow; such a key is unknown.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
