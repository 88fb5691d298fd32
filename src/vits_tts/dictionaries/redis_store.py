"""Dictionaries in Redis, which all replicas share.

Keys: ``{dictionaries}:index`` holds the index, ``{dictionaries}:revision`` its revision alone, and
``{dictionaries}:<version>`` the rules of a version. None of them expires.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from vits_tts.cache.redis_client import FAILED, Effect, RedisClient, reason_of
from vits_tts.cache.signing import SignatureInvalid
from vits_tts.dictionaries.model import Index, index_of
from vits_tts.dictionaries.stores import Changed
from vits_tts.errors import DictionariesUnavailable

_MOST_BYTES: Final = 32 * 1024 * 1024
_REPLACE: Final = """
local revision = redis.call('get', KEYS[1]) or ''
if revision ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[2])
redis.call('set', KEYS[2], ARGV[3])
if ARGV[4] ~= '' then redis.call('set', KEYS[3], ARGV[4]) end
return 1
"""


class RedisStore:
    """Dictionaries in Redis, without an expiry."""

    def __init__(self, client: RedisClient) -> None:
        """Use the connection of ``client``."""
        self._client = client
        self._seen: tuple[str, Index] | None = None

    async def index(self) -> Index | None:
        """Return the index; an empty one if there is none, None if Redis fails."""
        client, name = self._client, self._name("index")
        revision = await self._read(lambda: client.connection.get(self._name("revision")))
        if revision is FAILED:
            return None
        current = bytes(revision or b"").decode(errors="replace")
        if self._seen and self._seen[0] == current:
            return self._seen[1]
        if not current:
            return Index()
        data = await client.value(name, _MOST_BYTES, client.patience())
        try:
            found = index_of(client.signer.verified(name, data)) if data else None
        except SignatureInvalid as error:
            client.unsigned(str(error), name)
            return None
        except ValueError as error:
            client.damaged(reason_of(error), name)
            return None
        if found:
            self._seen = (found.revision, found)
        return found

    async def rules(self, version: str) -> bytes | None:
        """Return the rules of a version; None if they are not there, or Redis fails."""
        client, name = self._client, self._name(version)
        data = await client.value(name, _MOST_BYTES, client.patience())
        try:
            return client.signer.verified(name, data) if data else None
        except SignatureInvalid as error:
            client.unsigned(str(error), name)
            return None

    async def replace(self, expected: str, index: Index, version: str | None, rules: bytes) -> None:
        """Replace the index if its revision is ``expected``, and store the rules of a new version.

        Raises:
            Changed: the index has another revision.
            DictionariesUnavailable: Redis cannot be written.

        """
        client = self._client
        names = [self._name("revision"), self._name("index"), self._name(version or "none")]
        values = [
            expected,
            index.revision,
            client.signer.sign(names[1], index.dumps()),
            client.signer.sign(names[2], rules) if version else b"",
        ]
        done = await client.write(
            lambda: client.connection.eval(_REPLACE, len(names), *names, *values),
            client.patience(),
        )
        if done is FAILED:
            raise DictionariesUnavailable("dictionaries cannot be changed now: Redis fails")
        if not done:
            raise Changed
        self._seen = (index.revision, index)

    async def keep_rules(self, version: str, rules: bytes) -> None:
        """Put back the rules of a version that Redis has lost."""
        client, name = self._client, self._name(version)
        data = client.signer.sign(name, rules)
        await client.write(lambda: client.connection.set(name, data), client.patience())

    async def forget(self, versions: Iterable[str]) -> None:
        """Delete the rules of versions that the index no longer has."""
        client = self._client
        for name in map(self._name, versions):
            await client.write(
                lambda name=name: client.connection.unlink(name),  # type: ignore[misc]
                client.patience(),
                Effect.REMOVES,
            )

    async def _read(self, command: Callable[[], Any]) -> Any:
        """Return the answer to a command; ``FAILED`` if it failed, None if there is no value."""

        async def wrapped() -> tuple[Any]:
            return (await command(),)

        answer = await self._client.read(wrapped, self._client.patience())
        return answer[0] if answer else FAILED

    def _name(self, what: str) -> str:
        """Return a key; the braces keep all of them on one node of a cluster."""
        return f"{self._client.prefix}:{{dictionaries}}:{what}"
