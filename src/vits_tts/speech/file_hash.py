"""The hash in the address of a file of `/tts`. Computing it requires the server's secret."""

import asyncio
from contextlib import suppress
from dataclasses import astuple
from typing import TYPE_CHECKING, Final

from loguru import logger

from vits_tts.audio.formats import FORMATS, Encoding, plain
from vits_tts.audio.secret import SHORTEST, keep_secret, kept_secret, new_secret
from vits_tts.cache.key import encoded_hash, file_hash, speech_hash, with_rate
from vits_tts.config import Audio
from vits_tts.errors import StorageError
from vits_tts.speech.file_store import FileStore
from vits_tts.types import KeyedSentence, SpeechRequest

if TYPE_CHECKING:
    from vits_tts.cache.redis_recipes import RedisRecipes

_SHARED_NAME: Final = "secret"
_AGREE_SECONDS: Final = 60.0


class FileHashes:
    """Computes the hashes of files.

    The secret comes from the settings; without a setting it is random, created once and stored.
    Replicas agree on it through Redis. Each stores a copy in its folder of audio files, in case
    Redis fails or has lost it.
    """

    def __init__(
        self,
        settings: Audio,
        store: FileStore,
        redis: "RedisRecipes | None",
    ) -> None:
        """Store the collaborators; the secret is read when it is first needed."""
        self._configured = settings.secret.get_secret_value() if settings.secret else None
        self._per_key = settings.hash_per_key
        self._store = store
        self._redis = redis
        self._secret: str | None = None
        self._lock = asyncio.Lock()

    def owner(self, key: str | None) -> str | None:
        """Return the name of a caller's API key if hashes depend on it, else None."""
        return key if self._per_key else None

    async def of(
        self, request: SpeechRequest, encoding: Encoding, voice_rate: int, owner: str | None
    ) -> str:
        """Return the hash of a file; with an ``owner``, one that only this owner's files have.

        The hash of plain WAV at the voice's own sample rate is computed from the samples alone,
        since it is older than the other formats. The hash of a format without a header contains the
        sample rate.

        Raises:
            StorageError: the secret cannot be read or kept.

        """
        audio_hash = await self._without_rate(request, encoding, voice_rate, owner)
        if FORMATS[encoding.format].headerless:
            return with_rate(audio_hash, encoding.sample_rate)
        return audio_hash

    async def names(
        self,
        audio_hash: str,
        request: SpeechRequest,
        encoding: Encoding,
        voice_rate: int,
        owner: str | None,
    ) -> bool:
        """Return whether a hash belongs to a file; older hashes do not contain the sample rate.

        Raises:
            StorageError: the secret cannot be read or kept.

        """
        plainly = await self._without_rate(request, encoding, voice_rate, owner)
        return audio_hash in (plainly, await self.of(request, encoding, voice_rate, owner))

    async def _without_rate(
        self, request: SpeechRequest, encoding: Encoding, voice_rate: int, owner: str | None
    ) -> str:
        content = sound_hash(request, voice_rate)
        if encoding != plain(voice_rate):
            content = encoded_hash(content, *astuple(encoding))
        return file_hash(await self.secret(), content, owner)

    async def secret(self) -> str:
        """Return the secret of all replicas.

        Raises:
            StorageError: it cannot be read or kept.

        """
        if self._secret is None:
            async with self._lock:
                if self._secret is None:
                    self._secret = self._configured or await self._found()
        return self._secret

    async def agree(self) -> None:
        """Compare the secret with that of other processes from time to time, and adopt theirs."""
        while not self._configured:
            await asyncio.sleep(_AGREE_SECONDS)
            if self._secret is not None:
                with suppress(StorageError):
                    self._adopt(await self._agreed(self._secret))

    async def _found(self) -> str:
        """Return the secret of other processes, or a new one.

        Raises:
            StorageError: the secret cannot be read or kept.

        """
        if shared := await self._shared(None):
            return await self._agreed(shared)
        try:
            kept = await self._store.run(kept_secret, self._store.folder)
        except StorageError:
            if shared := await self._shared(new_secret()):
                return shared
            raise
        return await self._agreed(kept)

    async def _agreed(self, mine: str) -> str:
        """Return the secret of all replicas, else the one in the folder, else ``mine``.

        Raises:
            StorageError: the secret could only be in the folder, which cannot be read or written.

        """
        if shared := await self._shared(mine):
            with suppress(StorageError):  # the folder is read-only, but Redis has the secret
                await self._store.run(keep_secret, self._store.folder, shared)
            return shared
        return await self._store.run(kept_secret, self._store.folder, mine)

    def _adopt(self, secret: str) -> None:
        if secret != self._secret:
            logger.warning("hashes of audio files change: other processes have another secret")
        self._secret = secret

    async def _shared(self, proposed: str | None) -> str | None:
        shared = await self._redis.shared(_SHARED_NAME, proposed) if self._redis else None
        return shared if shared and len(shared) >= SHORTEST else None


def sound_hash(request: SpeechRequest, voice_rate: int) -> str:
    """Return a hash of the samples of a request: its sentences, volumes and pauses."""
    parts = [(_sounding(sentence), sentence.pause) for sentence in request.sentences]
    if request.lead:
        parts.insert(0, ("", request.lead))
    return speech_hash(parts, voice_rate)


def _sounding(sentence: KeyedSentence) -> str:
    """Return the key of a sentence, with its volume if that is not 1."""
    return sentence.key if sentence.volume == 1 else f"{sentence.key}*{sentence.volume:.6g}"
