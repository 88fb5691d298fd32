"""The folder of audio files, for the event loop: nothing here waits for a disk that hangs.

Sweeps run in a thread of their own, at the start and then from time to time. A request waits for a
sweep only if files must be deleted for it, and no sweep has found the least recently used ones yet.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from loguru import logger

from vits_tts.audio.disk import DaemonThreads, Disk
from vits_tts.audio.files import AudioFile, AudioFiles, IndexOutdated, NoRoom
from vits_tts.audio.formats import FORMATS, NOT_SPEECH, Encoding
from vits_tts.audio.new_file import NewFile
from vits_tts.errors import Busy, StorageError, StorageTimeout
from vits_tts.telemetry.metrics import REFUSALS

P = ParamSpec("P")
T = TypeVar("T")

NAME: Final = "audio_files"
"""The name of these files in readiness, logs and metrics."""
_THREADS: Final = 4
_SWEEPS: Final = 20
"""The number of sweeps that a request waits for before it fails for lack of space.

Each sweep finds some thousands of files to delete, and a large file may need more.
"""
_COPIED_BYTES: Final = 1024 * 1024
_PAUSE_SECONDS: Final = 60.0
_SHARE: Final = 100
"""The pause after a sweep is at least this many times as long as the sweep."""


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


class OpenFile:
    """A file of `/tts` that is open for reading. Close it."""

    def __init__(self, store: "FileStore", file: AudioFile, media_type: str) -> None:
        """Read through the threads of ``store``."""
        self._store = store
        self._file = file
        self.size = file.size
        self.etag = file.etag
        self.media_type = media_type

    async def read(self, start: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``start``.

        Raises:
            StorageError: the disk cannot be read, or hangs.

        """
        return await self._store.run(self._file.read, start, length)

    def close(self) -> None:
        """Close it, in the background."""
        self._store.later(self._file.close)


class FileStore:
    """Keeps the audio files of one process; use it from one event loop."""

    def __init__(self, files: AudioFiles, timeout: float) -> None:
        """Store ``files``; each access to the disk may take ``timeout`` seconds."""
        self._files = files
        self._disk = Disk(NAME, _THREADS, timeout)
        self._sweeper = DaemonThreads(1, f"{NAME}_sweep")
        self._sweep: asyncio.Task[None] | None = None
        self._watching: list[asyncio.Task[None]] = []
        self._trouble: str | None = None
        self._pause = _PAUSE_SECONDS
        self.folder = files.folder
        self.max_bytes = files.max_bytes
        self.failures = files.failures
        self.promises = files.promises

    @property
    def degraded(self) -> bool:
        """True if files cannot be saved: the disk hangs, is full, read-only or not accessible."""
        return self._trouble is not None or not self._disk.breaker.closed

    async def size(self, audio_hash: str, name: str) -> int | None:
        """Return a file's size in bytes and count that as a use; None if there is no file.

        Raises:
            StorageError: the disk cannot be read, or hangs.

        """
        return await self.run(self._files.size, audio_hash, name)

    async def seconds(self, audio_hash: str, encoding: Encoding) -> float | None:
        """Return how long a file plays, in seconds, and count that as a use.

        Return None if there is no file, or a damaged one.

        Raises:
            StorageError: the disk hangs.

        """
        return await self.run(self._files.seconds, audio_hash, encoding)

    async def open(self, audio_hash: str, name: str) -> OpenFile:
        """Open a file and count that as a use.

        Raises:
            AudioNotFound: there is no such file.
            StorageError: the disk cannot be read, or hangs.

        """
        work = partial(self._files.open, audio_hash, name)
        file = await self.run_or_discard(AudioFile.close, work)
        media_type = NOT_SPEECH.get(name) or FORMATS[name].content_type
        return OpenFile(self, file, media_type)

    # --- making ----------------------------------------------------------------------------------

    async def begin(self, audio_hash: str, name: str, nbytes: int) -> NewFile:
        """Create a file that will have about ``nbytes``; the caller finishes or leaves it.

        Raises:
            Busy: unfinished files have reserved all space.
            StorageError: the disk is full, read-only or hangs.

        """
        work = partial(self._files.begin, audio_hash, name, nbytes)
        return await self._with_room(NewFile.leave, work)

    async def write(self, file: NewFile, data: bytes, place: int | None = None) -> None:
        """Write at the end of a file, or overwrite the bytes from ``place`` on.

        Raises:
            Busy, StorageError: as ``begin`` does.

        """
        await self._with_room(None, partial(file.write, data, place))

    async def finish(self, file: NewFile, encoding: Encoding) -> float:
        """Give a file its name, and return how long it plays, in seconds.

        Raises:
            StorageError: the disk is full, read-only or hangs.

        """

        def finished() -> float:
            seconds = file.seconds(encoding)
            file.finish()
            return seconds

        return await self._making(self.run_or_discard(None, finished))

    async def keep(self, audio_hash: str, name: str, source: Path) -> None:
        """Copy a complete file into the folder.

        Raises:
            Busy, StorageError: as ``begin`` does, or ``source`` cannot be read.

        """
        size = await self.run(lambda: source.stat().st_size)
        file = await self.begin(audio_hash, name, size)
        try:
            for start in range(0, size, _COPIED_BYTES):
                await self.write(file, await self.run(_read, source, start, _COPIED_BYTES))
            await self._making(self.run_or_discard(None, file.finish))
        finally:
            self.leave(file)

    async def keep_bytes(self, audio_hash: str, name: str, content: bytes) -> None:
        """Write a small file of ``content``.

        Raises:
            Busy, StorageError: as ``begin`` does.

        """
        file = await self.begin(audio_hash, name, len(content))
        try:
            await self.write(file, content)
            await self._making(self.run_or_discard(None, file.finish))
        finally:
            self.leave(file)

    def path(self, audio_hash: str, name: str) -> Path:
        """Return the path of a file, whether it exists or not."""
        return self._files.path(audio_hash, name)

    def leave(self, file: NewFile) -> None:
        """Delete a file in the background, unless it was finished."""
        self.later(file.leave)

    async def _with_room(self, discard: Callable[[T], object] | None, work: Callable[[], T]) -> T:
        """Return the result of ``work``; delete files for it while the time limit allows."""
        deadline = time.monotonic() + self._disk.limit
        for _ in range(_SWEEPS):
            try:
                return await self._making(self.run_or_discard(discard, work))
            except IndexOutdated:
                await self._swept()
            except NoRoom:
                break
            if time.monotonic() > deadline:
                break
        REFUSALS.labels("room").inc()
        raise Busy("files that are being made have reserved all of audio.max_bytes")

    async def _making(self, work: Coroutine[None, None, T]) -> T:
        """Return the result of ``work``, which writes, and note whether writing is possible."""
        try:
            made = await work
        except StorageTimeout:  # the circuit breaker of the disk reports this
            raise
        except StorageError as error:
            self._note(error.message)
            raise
        self._note(None)
        return made

    def _note(self, trouble: str | None) -> None:
        """Store the reason why files cannot be saved, and log when it changes."""
        if trouble and not self._trouble:
            logger.warning("audio files cannot be kept", reason=trouble)
        elif self._trouble and not trouble:
            logger.info("audio files can be kept again")
        self._trouble = trouble

    # --- threads ---------------------------------------------------------------------------------

    async def run(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call ``function`` in a thread for the disk, and return its result.

        Raises:
            StorageError: it raised OSError, or the disk hangs.

        """
        return await self.run_or_discard(None, partial(function, *args, **named))

    def later(self, work: Callable[[], object]) -> None:
        """Start ``work`` in a thread for the disk, without waiting for it."""
        self._disk.later(work)

    async def run_or_discard(
        self, discard: Callable[[T], object] | None, work: Callable[[], T]
    ) -> T:
        """Call ``work`` as :meth:`run` does; ``discard`` gets a result that comes too late.

        Raises:
            StorageError: it raised OSError, or the disk hangs.

        """
        try:
            return await self._disk.run_or_discard(discard, work)
        except OSError as error:
            reason = error.strerror or "it is damaged"  # messages of libraries may contain paths
            raise StorageError(f"the audio file cannot be kept or read: {reason}") from error

    # --- in the background -----------------------------------------------------------------------

    def watch(self) -> None:
        """Start to watch the disk and to sweep; later calls do nothing."""
        if not self._watching:
            work = (self._disk.watch(self._files.probe), self._sweep_on())
            self._watching = [asyncio.create_task(each) for each in work]

    async def close(self) -> None:
        """Wait a moment for files that are being written."""
        for task in self._watching:
            task.cancel()
        await self._disk.close()

    async def _sweep_on(self) -> None:
        """Sweep, and test whether files can be saved, until the process ends."""
        while True:
            try:
                with suppress(StorageError):
                    await self._making(self.run_or_discard(None, self._files.probe))
                if self._disk.breaker.closed:
                    await self._swept()
            except StorageError as error:
                logger.debug("no sweep of the audio files: {}", error.message)
            except Exception:  # noqa: BLE001  # the next one may succeed
                logger.exception("sweep of the audio files failed")
            await asyncio.sleep(self._pause)

    async def _swept(self) -> None:
        """Wait for the sweep under way or a new one, up to the time limit of a step.

        Raises:
            StorageError: it fails, or takes longer.

        """
        sweep = self._sweep
        if sweep is None or sweep.done():
            sweep = self._sweep = asyncio.create_task(self._swept_once())
            sweep.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Another caller may start the next sweep as soon as this one has ended.
        await asyncio.wait({sweep}, timeout=self._disk.limit)
        if not sweep.done():
            raise StorageTimeout("the audio files are still being counted")
        try:
            sweep.result()
        except OSError as error:
            raise StorageError(f"the audio files cannot be counted: {error.strerror}") from error

    async def _swept_once(self) -> None:
        began = time.monotonic()
        await asyncio.wrap_future(self._sweeper.submit(self._files.sweep).future)
        self._pause = max(_PAUSE_SECONDS, _SHARE * (time.monotonic() - began))
