"""Results of jobs in object storage (S3 and compatible servers), for the event loop.

The objects of a job are below its id, so that they are removed with it. No other module imports
obstore, which is optional. Its calls run in threads: they read files, and may wait for credentials.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from vits_tts.audio.disk import DaemonThreads
from vits_tts.circuit_breaker import CircuitBreaker
from vits_tts.config.jobs import Jobs
from vits_tts.errors import AudioNotFound, StorageError
from vits_tts.telemetry.metrics import JOB_STORAGE_CALLS

if TYPE_CHECKING:
    from typing import Literal

    from obstore.store import S3Config, S3Store

T = TypeVar("T")

NAME: Final = "job_storage"
"""The name of this storage in readiness, logs and metrics."""
_THREADS: Final = 4
_RETRIES: Final = 2
_LONGEST_PAUSE: Final = 10.0
_LOOK_SECONDS: Final = 0.5
_CLOSE_SECONDS: Final = 1.0
_PARTS_AT_ONCE: Final = 2
"""Parts of a large file that are sent at once; each has 5 MiB in memory."""
_BLOCK: Final = 4 * 1024 * 1024
_STATUS: Final = re.compile(r"non-2xx status code: ([0-9]{3})")


def key_of(name: str, suffix: str) -> str:
    """Return the key of a result; ``name`` is that of its item, such as ``job-1.0``."""
    return f"{name.replace('.', '/', 1)}.{suffix}"


class StoredObject:
    """An object that is read in blocks, as ``OpenFile``."""

    def __init__(self, storage: "ObjectStorage", key: str, size: int) -> None:
        """Read through ``storage``."""
        self._storage = storage
        self._key = key
        self.size = size
        self._start = 0
        self._block = b""

    async def read(self, start: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``start``.

        Raises:
            AudioNotFound: the object was removed meanwhile.
            StorageError: the storage cannot be read.

        """
        stop = min(start + length, self.size)
        if not self._start <= start <= stop <= self._start + len(self._block):
            end = min(max(stop, start + _BLOCK), self.size)
            self._block = await self._storage.read(self._key, start, end - start)
            self._start = start
        return self._block[start - self._start : stop - self._start]

    def close(self) -> None:
        """Drop the block in memory."""
        self._block = b""


class ObjectStorage:
    """Keeps, links and removes results; use it from one event loop.

    A failed call opens the circuit breaker. While it is open, calls for callers fail at once, calls
    that keep results wait for the next trial, and :meth:`watch` finds out when the storage is back.
    """

    def __init__(self, settings: Jobs) -> None:
        """Use the bucket of the settings; no request is sent yet."""
        self._settings = settings
        self._timeout = settings.storage_timeout_seconds
        self._threads = DaemonThreads(_THREADS, NAME)
        self._breaker = CircuitBreaker(NAME, failures=1, longest_pause=_LONGEST_PAUSE)
        self._opened: S3Store | None = None

    @property
    def degraded(self) -> bool:
        """True if the last calls have failed."""
        return not self._breaker.closed

    def _store(self) -> "S3Store":
        """Return the client; called in threads, since it reads the environment and certificates."""
        if self._opened is None:
            from obstore.store import S3Store  # noqa: PLC0415  # optional

            bucket, _, prefix = (self._settings.storage or "").removeprefix("s3://").partition("/")
            limit = timedelta(seconds=self._timeout)
            endpoint = self._settings.storage_endpoint
            config: S3Config = {"endpoint": endpoint} if endpoint else {}
            self._opened = S3Store(
                bucket,
                prefix=prefix or None,
                client_options={"allow_http": True, "timeout": limit, "connect_timeout": limit},
                retry_config={"max_retries": _RETRIES, "retry_timeout": limit},
                config=config,
            )
        return self._opened

    # --- results ---------------------------------------------------------------------------------

    async def keep(self, key: str, path: Path, media_type: str) -> None:
        """Copy a file into the storage, replacing an existing object.

        Raises:
            StorageError: it cannot be written, or ``path`` cannot be read.

        """

        def kept() -> None:
            import obstore  # noqa: PLC0415  # optional

            try:
                file = path.open("rb")
            except OSError as error:
                raise StorageError(f"the file cannot be read: {error.strerror}") from error
            with file:
                obstore.put(
                    self._store(),
                    key,
                    file,
                    attributes={"Content-Type": media_type},
                    max_concurrency=_PARTS_AT_ONCE,
                )

        await self._trial()
        await self._call(kept)

    async def open(self, key: str) -> StoredObject:
        """Return an object to be read.

        Raises:
            AudioNotFound: there is none.
            StorageError: the storage cannot be read.

        """

        def size() -> int:
            import obstore  # noqa: PLC0415  # optional

            return obstore.head(self._store(), key)["size"]

        return StoredObject(self, key, await self._call(size, read=True))

    async def read(self, key: str, start: int, length: int) -> bytes:
        """Return ``length`` bytes of an object from ``start``.

        Raises:
            AudioNotFound, StorageError: as :meth:`open` does.

        """

        def found() -> bytes:
            import obstore  # noqa: PLC0415  # optional

            return bytes(obstore.get_range(self._store(), key, start=start, length=length))

        return await self._call(found, read=True)

    async def fetch(self, key: str, path: Path) -> None:
        """Copy an object into a file.

        Raises:
            AudioNotFound, StorageError: as :meth:`open` does.

        """
        found = await self.open(key)
        for start in range(0, found.size, _BLOCK):
            block = await found.read(start, _BLOCK)
            await self._call(partial(_append, path, block))

    async def links(self, keys: Sequence[str], seconds: float, method: str = "GET") -> list[str]:
        """Return addresses that fetch objects without credentials and are valid for ``seconds``.

        Raises:
            StorageError: the credentials cannot be obtained.

        """
        if not keys:
            return []

        def signed() -> list[str]:
            import obstore  # noqa: PLC0415  # optional

            verb: Literal["GET", "HEAD"] = "HEAD" if method == "HEAD" else "GET"
            expiry = timedelta(seconds=seconds)
            return list(obstore.sign(self._store(), verb, list(keys), expiry))

        return await self._call(signed, always=True)

    async def remove(self, job_id: str) -> None:
        """Remove all objects of a job.

        Raises:
            StorageError: the storage cannot be read or written.

        """

        def removed() -> None:
            import obstore  # noqa: PLC0415  # optional

            for found in obstore.list(self._store(), f"{job_id}/"):
                obstore.delete(self._store(), [each["path"] for each in found])

        await self._call(removed)

    # --- failures --------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Ask once whether the bucket can be read, and again while the breaker is open."""
        await self._probe()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._breaker.closed and self._breaker.may_try():
                await self._probe()

    async def close(self) -> None:
        """Wait a moment for calls under way; others end with the process."""
        await self._threads.close(_CLOSE_SECONDS if self._breaker.closed else 0)

    async def _probe(self) -> None:
        def listed() -> None:
            import obstore  # noqa: PLC0415  # optional

            obstore.list_with_delimiter(self._store(), f"{NAME}/")

        try:
            await self._call(listed, always=True)
        except StorageError:
            return  # the breaker has recorded it

    async def _trial(self) -> None:
        """Wait until the breaker is closed, for as long as a request may take."""
        for _ in range(int(self._timeout / _LOOK_SECONDS)):
            if self._breaker.closed:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _call(self, work: Callable[[], T], *, read: bool = False, always: bool = False) -> T:
        """Return the result of a call in a thread, and note whether the storage works.

        ``read`` says that an object may be missing. With ``always`` the call is made even if the
        breaker is open.

        Raises:
            AudioNotFound: the object is missing.
            StorageError: the storage cannot be used.

        """
        if not (always or self._breaker.closed):
            raise StorageError("the storage of the results does not work now")
        try:
            found: T = await asyncio.wrap_future(self._threads.submit(work).future)
        except StorageError:  # an error of the local file
            raise
        except Exception as error:  # noqa: BLE001  # the library has many, with details of AWS
            if read and isinstance(error, FileNotFoundError):
                self._breaker.succeeded()
                raise AudioNotFound("the file is not kept any more") from None
            JOB_STORAGE_CALLS.labels("failed").inc()
            reason = _reason(error)
            self._breaker.failed(reason)
            raise StorageError(f"the storage of the results does not work: {reason}") from None
        JOB_STORAGE_CALLS.labels("succeeded").inc()
        self._breaker.succeeded()
        return found


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise StorageError(f"the file cannot be written: {error.strerror}") from error


def _reason(error: Exception) -> str:
    """Return the reason of a failure, without the quoted response, which may name keys."""
    if status := _STATUS.search(str(error)):
        return f"status {status[1]}"
    return "no answer" if "HTTP error" in str(error) else type(error).__name__
