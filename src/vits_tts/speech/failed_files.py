"""The files that could not be created after their request was answered, for the event loop."""

from contextlib import suppress
from typing import Final

from vits_tts.errors import StorageError
from vits_tts.speech.file_store import FileStore

_MOST_UNRECORDED: Final = 1000


class FailedFiles:
    """Tells which files could not be created, by any process that shares the folder.

    If the record cannot be written, only this process remembers the failure.
    """

    def __init__(self, store: FileStore) -> None:
        """Keep the records in the folder of ``store``."""
        self._store = store
        self._records = store.failures
        self._unrecorded: dict[tuple[str, str], None] = {}

    async def has(self, audio_hash: str, name: str) -> bool:
        """Return whether the last attempt to create a file failed, less than an hour ago.

        Raises:
            StorageError: the disk cannot be read, or hangs.

        """
        if (audio_hash, name) in self._unrecorded:
            return True
        return await self._store.run(self._records.has, audio_hash, name)

    async def add(self, audio_hash: str, name: str) -> None:
        """Record that a file could not be created."""
        try:
            await self._store.run(self._records.add, audio_hash, name)
        except StorageError:
            self._unrecorded[audio_hash, name] = None
            if len(self._unrecorded) > _MOST_UNRECORDED:
                del self._unrecorded[next(iter(self._unrecorded))]

    async def discard(self, audio_hash: str, name: str) -> None:
        """Forget the failure of a file, because it is being created again."""
        self._unrecorded.pop((audio_hash, name), None)
        with suppress(StorageError):
            await self._store.run(self._records.discard, audio_hash, name)
