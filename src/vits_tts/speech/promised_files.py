"""The files that callers were told of before they exist, for the event loop."""

from functools import partial

from vits_tts.audio.promises import Broken, Promise
from vits_tts.errors import StorageError
from vits_tts.speech.file_store import FileStore


class PromisedFiles:
    """Promises files, and tells which promises were broken by processes that share the folder."""

    def __init__(self, store: FileStore) -> None:
        """Keep the promises in the folder of ``store``."""
        self._store = store
        self._promises = store.promises

    async def make(
        self, audio_hash: str, name: str, promise_id: str, content: bytes
    ) -> Promise | None:
        """Promise a file; ``content`` is for the process that finds the promise broken.

        Return None if the promise cannot be stored. Then other processes cannot know that it was
        broken.
        """
        work = partial(self._promises.make, audio_hash, name, promise_id, content)
        try:
            return await self._store.run_or_discard(Promise.keep, work)
        except StorageError:
            return None

    def keep(self, promise: Promise) -> None:
        """Remove a promise in the background, because its caller knows how it ended."""
        self._store.later(promise.keep)

    async def is_broken(self, audio_hash: str, name: str, promise_id: str) -> bool:
        """Return whether the process that promised a file has ended before it was complete.

        Raises:
            StorageError: the disk hangs.

        """
        return await self._store.run(self._promises.is_broken, audio_hash, name, promise_id)

    async def take_broken(self) -> Broken | None:
        """Return a promise of a process that has ended; each is returned to one process only.

        Raises:
            StorageError: the disk cannot be read, or hangs.

        """

        def too_late(broken: Broken | None) -> None:
            if broken:
                self._promises.give_back(broken)

        return await self._store.run_or_discard(too_late, self._promises.take_broken)
