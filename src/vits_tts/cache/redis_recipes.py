"""Recipes of files in Redis, and values that all replicas share.

Keys: ``r<version>:<hash>`` holds the request for a file, ``secret`` the secret from which hashes of
files are computed.
"""

import json
from typing import Any, Final

from vits_tts.cache.redis_client import RedisClient, reason_of
from vits_tts.cache.signing import SignatureInvalid

_VERSION: Final = 1
_MOST_BYTES: Final = 1024 * 1024
_STORING_AT_ONCE: Final = 32


class RedisRecipes:
    """Stores recipes, so that every replica can create the file of a hash."""

    def __init__(self, client: RedisClient, max_recipe_chars: int) -> None:
        """Use the connection of ``client``.

        A recipe has up to ``max_recipe_chars`` characters of text, the maximum of a request.
        """
        self.max_recipe_chars = max_recipe_chars
        self._client = client

    def keep_recipe_later(self, audio_hash: str, recipe: dict[str, Any]) -> None:
        """Store the recipe of a file, in the background."""
        text = json.dumps(recipe, ensure_ascii=False)
        self._client.later(self._keep(audio_hash, text), _STORING_AT_ONCE)

    async def _keep(self, audio_hash: str, recipe: str) -> None:
        name = self._name(audio_hash)
        client = self._client
        data = client.signer.sign(name, recipe.encode())
        await client.write(
            lambda: client.connection.set(name, data, px=client.ttl_ms), client.patience()
        )

    async def recipe(self, audio_hash: str) -> dict[str, Any] | None:
        """Return the recipe of a file; None if it is missing or damaged."""
        name = self._name(audio_hash)
        client = self._client
        data = await client.value(name, _MOST_BYTES, client.patience())
        try:
            recipe = json.loads(client.signer.verified(name, data)) if data else None
        except SignatureInvalid as error:
            client.unsigned(str(error), name)
            return None
        except (ValueError, RecursionError) as error:
            client.damaged(reason_of(error), name)
            return None
        return recipe if isinstance(recipe, dict) else None

    def recipe_damaged(self, audio_hash: str, reason: str) -> None:
        """Report and remove a recipe that is not a valid request."""
        self._client.damaged(reason, self._name(audio_hash))

    async def shared(self, what: str, proposed: str | None = None) -> str | None:
        """Return a value that all replicas share; store ``proposed`` first if there is none.

        If several replicas propose one at the same time, all get the same. Returns None if there
        is no value, or Redis fails.
        """
        client = self._client
        name = f"{client.prefix}:{what}"
        patience = client.patience()
        known = await client.read(lambda: client.connection.get(name), patience)
        if known is None and proposed is not None:
            await client.write(lambda: client.connection.set(name, proposed, nx=True), patience)
            known = await client.read(lambda: client.connection.get(name), patience)
        return known.decode(errors="replace") if known else None

    def _name(self, audio_hash: str) -> str:
        return f"{self._client.prefix}:r{_VERSION}:{audio_hash}"
