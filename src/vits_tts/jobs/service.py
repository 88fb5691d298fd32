"""Jobs for the event loop: calls of the queue run in threads, and items are synthesised here."""

import asyncio
import concurrent.futures
import time
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from loguru import logger

from vits_tts.audio.formats import NOT_SPEECH
from vits_tts.config import Audio, Config
from vits_tts.errors import (
    AudioNotFound,
    IdempotencyConflict,
    JobNotFinished,
    JobNotFound,
    QuotaExceeded,
    StorageError,
    VitsTtsError,
)
from vits_tts.jobs.engine import Engine, NoRoom
from vits_tts.jobs.followers import Followers
from vits_tts.jobs.maker import Maker
from vits_tts.jobs.model import (
    UNFINISHED,
    Interrupted,
    ItemResult,
    ItemSpec,
    JobState,
    NewJob,
)
from vits_tts.jobs.object_storage import NAME as STORAGE
from vits_tts.jobs.object_storage import ObjectStorage, StoredObject
from vits_tts.jobs.queue import reason_of
from vits_tts.jobs.queue_calls import NAME as QUEUE
from vits_tts.jobs.queue_calls import QueueCalls
from vits_tts.jobs.spool import SpooledStreamer
from vits_tts.jobs.stored import item_id, whole_id
from vits_tts.speech import RequestStats, Speech
from vits_tts.speech.file_store import OpenFile
from vits_tts.speech.saved_files import free_of_charge
from vits_tts.telemetry.metrics import JOB_ITEMS, JOB_SECONDS, JOBS_RUNNING
from vits_tts.usage import Accounts, Amounts

_LOOK_SECONDS: Final = 2.0
_SETTLE_LOOKS: Final = 5
"""Every fifth check of the queue also records which jobs have ended."""
_AHEAD: Final = 1
"""Items under way beyond one for each inference thread, so that a text is read while others are
synthesised."""
_HOUR: Final = 3600.0
_USES: Final = 8
"""How often files of an unended job are counted as used while they would be kept."""
_ELSEWHERE: Final = "the file is in an object storage that this server does not have"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Running:
    """An item that this process is synthesising."""

    task: "asyncio.Task[ItemResult]"
    stats: RequestStats = field(default_factory=RequestStats)


class Sender(Protocol):
    """Posts messages to callers, if the settings allow it."""

    def check_signed(self, url: str) -> str:
        """Return ``url`` if messages may be posted to it, else raise an error."""

    def send(
        self, url: str, message_id: str, content: Mapping[str, object]
    ) -> Coroutine[Any, Any, bool]:
        """Post a message once; return whether to try again."""


class JobService:
    """Accepts jobs, runs them, and reports their state. Use it from one event loop."""

    def __init__(self, config: Config, speech: Speech, usage: Accounts, callbacks: Sender) -> None:
        """Store the collaborators; nothing is opened before :meth:`watch` or the first call."""
        self._settings = config.jobs
        self._speech = speech
        self._usage = usage
        self.callbacks = callbacks
        folder = config.jobs.folder / "unfinished"
        store = speech.store(_results(config))
        self._streamer = SpooledStreamer(
            speech.stream, self._rate, store, folder, config.inference_threads
        )
        self._store = store
        self._files = speech.saved_files_in(store, self._streamer)
        self._engine = Engine(
            config.jobs, config.inference_threads + _AHEAD, self._make, self._assemble, self._post
        )
        self._queue = self._engine.queue
        self._objects = ObjectStorage(config.jobs) if config.jobs.storage else None
        self._link_seconds = config.audio.link_seconds
        self._maker = Maker(speech, self._files, store, self._streamer, folder, self._objects)
        self._calls = QueueCalls(self._queue, config.jobs)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._watching_objects: asyncio.Task[None] | None = None
        self.followers = Followers(self.find, config.jobs.max_listeners)
        """The listeners to the progress of jobs."""
        self._adding = asyncio.Lock()
        self._running: dict[str, _Running] = {}
        self._closing = False
        self._worked_lately = False
        self._used = time.monotonic()
        """When the files of unended jobs were last counted as used, by the monotonic clock."""

    def _rate(self, voice: str) -> int:
        return self._speech.voices.find(voice).sample_rate

    # --- life ------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Start to run the jobs in the queue, and those that are added later."""
        self._loop = asyncio.get_running_loop()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        if self._objects and self._watching_objects is None:
            self._watching_objects = asyncio.create_task(self._objects.watch())

    @property
    def degraded(self) -> str | None:
        """Names of the queue and the object storage if they cannot be used; None otherwise."""
        troubles = [
            None if self._calls.breaker.closed else QUEUE,
            STORAGE if self._objects and self._objects.degraded else None,
        ]
        return ", ".join(filter(None, troubles)) or None

    async def close(self) -> None:
        """Stop running jobs, and return unfinished items to the queue."""
        self._closing = True
        self._queue.take_no_more()
        self._maker.hand_over()
        for task in filter(None, (self._watching, self._watching_objects)):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        running = list(self._running)
        for each in self._running.values():
            each.task.cancel()
        try:
            await self._calls.in_thread(self._queue.close, running)
        except Exception as error:  # noqa: BLE001  # the next process recovers them
            logger.warning("jobs: the queue was not closed in order", reason=reason_of(error))
        await asyncio.to_thread(self._queue.abandon_threads)
        await self._calls.close()
        self._maker.close()
        await self._files.close()
        if self._objects:
            await self._objects.close()

    async def _watch(self) -> None:
        looks = 0
        while True:
            if self._calls.breaker.may_try():
                idle = self._worked_lately and not self._running  # a job may have ended with it
                self._worked_lately = self._worked_lately and not idle
                try:
                    await self._look(settle=idle or looks % _SETTLE_LOOKS == 0)
                    self._calls.breaker.succeeded()
                except Exception as error:  # noqa: BLE001  # the next look may succeed
                    self._calls.breaker.failed(reason_of(error))
                looks += 1
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, *, settle: bool) -> None:
        """Return the items of dead processes to the queue, and stop items that were lost."""
        if not self._queue.launched:
            if not await self._calls.in_thread(lambda: self._queue.is_there):
                return
            await self._opened()
        await self._calls.in_thread(self._queue.recover)
        running = dict(self._running)
        for item in await self._calls.in_thread(self._queue.lost, list(running)):
            running[item].task.cancel()
        if settle:
            expired: list[str] = []
            keep_seconds = self._settings.keep_hours * _HOUR
            self._streamer.sweep(keep_seconds)
            await self._use_unended(keep_seconds / _USES)
            steps = self._engine.settle(keep_seconds)
            while (step := await self._calls.in_thread(lambda: next(steps, None))) is not None:
                expired += step[0]
                if step[1]:
                    await self._use(step[1])
            with suppress(StorageError):  # repeated later; the storage reports itself
                for job_id in expired:
                    await self._remove(job_id)

    async def _use_unended(self, interval: float) -> None:
        """Count the files of jobs that last long as used, once in ``interval`` seconds.

        Otherwise the first ones would expire before the job ends.
        """
        now = time.monotonic()
        if now - self._used < interval:
            return
        self._used = now
        states = self._engine.unended()
        while (state := await self._calls.in_thread(lambda: next(states, None))) is not None:
            await self._use(state)

    async def _use(self, state: JobState) -> None:
        """Count the files of a job as used now, from when on they are kept as long as the job."""
        with suppress(StorageError):  # the folder reports itself
            for result in _results_of(state).values():
                await self._store.size(result["hash"], result["format"])

    async def _lost(self, state: JobState) -> set[str]:
        """Return the ids of items, and of the document, of which a file is not kept any more.

        The parts of a document are made again with it.

        Raises:
            StorageError: the disk cannot be read.

        """
        lost = set()
        for (name, _), result in _results_of(state).items():
            part = state.document is not None and name != whole_id(state.id)
            if part or result.get("object"):
                continue
            if await self._store.size(result["hash"], result["format"]) is None:
                lost.add(name)
        return lost

    async def _remove(self, job_id: str) -> None:
        """Remove a job: first its objects, so that a failure leaves the job to be removed again.

        Raises:
            StorageError: the objects cannot be removed.

        """
        if self._objects:
            await self._objects.remove(job_id)
        await self._calls.in_thread(self._engine.delete, job_id)
        self._maker.forget(whole_id(job_id))

    async def _opened(self) -> None:
        self._loop = asyncio.get_running_loop()
        if await self._calls.launch():
            self._files.watch()

    async def _asked(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call a method of the engine in a thread, and return its result.

        Raises:
            JobsUnavailable: the queue cannot be opened, read or written.

        """
        async with self._calls.usable():
            await self._opened()
            return await self._calls.in_thread(function, *args, **named)

    async def _stepped(self, steps: Iterator[T]) -> AsyncGenerator[T, None]:
        """Yield the items of an iterator of the engine, each from a call of its own.

        Raises:
            JobsUnavailable: the queue cannot be opened, read or written.

        """
        while (step := await self._asked(lambda: next(steps, None))) is not None:
            yield step

    # --- jobs ------------------------------------------------------------------------------------

    async def add(self, job: NewJob) -> tuple[JobState, bool]:
        """Store a job; return it, and whether it is new.

        Raises:
            IdempotencyConflict: its idempotency key was used for another request.
            QuotaExceeded: its owner has too many unfinished items.
            JobsUnavailable: the queue cannot be used.

        """
        async with self._adding:  # jobs that arrive at the same time count towards the same quota
            try:
                new = await self._asked(self._engine.admit, job, self._settings.max_waiting)
            except NoRoom as error:
                raise self._quota_exceeded(error.args[0]) from None
            except ValueError:
                raise IdempotencyConflict(
                    "this Idempotency-Key was used for another job", field="Idempotency-Key"
                ) from None
        return await self.find(job.id, job.owner), new

    def _quota_exceeded(self, waiting: int) -> QuotaExceeded:
        return QuotaExceeded(
            f"{waiting} items of unfinished jobs wait; jobs.max_waiting allows "
            f"{self._settings.max_waiting}"
        )

    async def find(self, job_id: str, owner: str) -> JobState:
        """Return the state of a job.

        Raises:
            JobNotFound: the owner has no such job.
            JobsUnavailable: the queue cannot be used.

        """
        state = None
        if await self._calls.has_queue():
            state = await self._asked(self._engine.find, job_id, owner)
        if state is None:
            raise JobNotFound("there is no such job")
        return state

    async def jobs(self, owner: str, limit: int, offset: int) -> AsyncGenerator[JobState, None]:
        """Yield the jobs of an owner, the newest first.

        Raises:
            JobsUnavailable: the queue cannot be used.

        """
        if await self._calls.has_queue():
            async for state in self._stepped(self._engine.jobs(owner, limit, offset)):
                yield state

    async def cancel(self, job_id: str, owner: str) -> JobState:
        """Cancel the unfinished items of a job, and return its state.

        Raises:
            JobNotFound, JobsUnavailable: as :meth:`find` does.

        """
        state = await self.find(job_id, owner)
        await self._asked(self._engine.cancel, job_id)
        for item in state.items:
            self._stop(item_id(job_id, item.index))
        return await self.find(job_id, owner)

    async def retry(self, job_id: str, owner: str) -> JobState:
        """Enqueue failed and cancelled items again, and return the state of the job.

        So are items whose files are not kept any more.

        Raises:
            QuotaExceeded: its owner would have too many unfinished items.
            StorageError: the disk cannot be read.
            JobNotFound, JobsUnavailable: as :meth:`find` does.

        """
        state = await self.find(job_id, owner)
        lost = set() if state.status in UNFINISHED else await self._lost(state)
        async with self._adding:  # as above
            try:
                await self._asked(self._engine.retry, job_id, self._settings.max_waiting, lost)
            except NoRoom as error:
                raise self._quota_exceeded(error.args[0]) from None
        return await self.find(job_id, owner)

    async def delete(self, job_id: str, owner: str) -> None:
        """Remove a job that has ended, and its objects.

        Files in the folder stay until their space is needed.

        Raises:
            JobNotFinished: it has not ended.
            StorageError: the objects cannot be removed; the job stays.
            JobNotFound, JobsUnavailable: as :meth:`find` does.

        """
        state = await self.find(job_id, owner)
        if state.status in UNFINISHED:
            raise JobNotFinished("the job has not ended; cancel it first")
        if self._objects:
            await self._objects.remove(job_id)
        await self._asked(self._engine.delete, job_id)
        self._maker.forget(whole_id(job_id))

    async def links(self, keys: Sequence[str], method: str = "GET") -> list[str]:
        """Return addresses of objects that need no credentials, for ``audio.link_seconds``.

        Raises:
            AudioNotFound: the settings have no object storage any more.
            StorageError: there are no credentials.

        """
        if self._objects is None:
            if keys:
                raise AudioNotFound(_ELSEWHERE)
            return []
        return await self._objects.links(keys, self._link_seconds, method)

    async def open(self, result: ItemResult) -> OpenFile | StoredObject:
        """Open the file of an item, wherever it is.

        Raises:
            AudioNotFound: it is not kept any more.
            StorageError: the disk or the object storage cannot be read.

        """
        if key := result.get("object"):
            if self._objects is None:
                raise AudioNotFound(_ELSEWHERE)
            return await self._objects.open(key)
        return await self.open_file(result)

    async def open_file(self, result: ItemResult) -> OpenFile:
        """Open the file of an item in the folder.

        Raises:
            AudioNotFound: it is not kept any more.
            StorageError: the disk cannot be read.

        """
        if result["format"] in NOT_SPEECH:
            return await self._store.open(result["hash"], result["format"])
        stats = RequestStats()
        return await self._files.open_file(result["hash"], result["format"], stats, free_of_charge)

    def seconds_under_way(self, state: JobState) -> float:
        """Return the seconds of sound that items under way in this process have so far."""
        names = (item_id(state.id, item.index) for item in state.items)
        found = (self._running.get(name) for name in names)
        return sum(running.stats.audio_seconds for running in found if running)

    # --- items -----------------------------------------------------------------------------------

    def _make(self, name: str, spec: ItemSpec) -> ItemResult:
        """Create the file of an item; called in a thread of the queue.

        Raises:
            VitsTtsError: it cannot be created.
            Interrupted: the process ends, or the item was cancelled.

        """
        return self._worked(self._made(name, partial(self._booked, name, spec)))

    def _assemble(self, name: str, state: JobState) -> ItemResult:
        """Create the file of a document; called in a thread of the queue.

        Raises:
            VitsTtsError: it cannot be created.
            Interrupted: the process ends, or the job was cancelled.

        """
        return self._worked(self._made(name, partial(self._maker.whole, name, state)))

    def _worked(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work on the event loop and return its result; called in a thread of the queue.

        Raises:
            Interrupted: the process ends, or the work was cancelled.

        """
        loop = self._loop
        if loop is None or self._closing or loop.is_closed():
            work.close()
            raise Interrupted
        done = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return done.result()
        except concurrent.futures.CancelledError:
            raise Interrupted from None

    def _post(self, url: str, message_id: str, content: Mapping[str, object]) -> bool:
        """Post the end of a job once; return whether to try again.

        Called in a thread of the queue.
        """
        return self._worked(self.callbacks.send(url, message_id, content))

    async def _made(
        self, name: str, make: Callable[[RequestStats], Coroutine[Any, Any, ItemResult]]
    ) -> ItemResult:
        self._stop(name)  # it was cancelled and retried within a moment
        running = _Running(asyncio.current_task())  # type: ignore[arg-type]  # we are in one
        self._running[name] = running
        JOBS_RUNNING.inc()
        try:
            result = await make(running.stats)
        except VitsTtsError as error:
            JOB_ITEMS.labels("failed").inc()
            logger.warning("jobs: an item failed", item=name, code=error.code)
            raise
        except Exception as error:
            JOB_ITEMS.labels("failed").inc()
            logger.opt(exception=error).error("jobs: an item failed unexpectedly", item=name)
            raise
        finally:
            JOBS_RUNNING.dec()
            if self._running.get(name) is running:
                del self._running[name]
            self._worked_lately = True
        JOB_ITEMS.labels("succeeded").inc()
        JOB_SECONDS.inc(result["seconds"])
        return result

    async def _booked(self, name: str, spec: ItemSpec, stats: RequestStats) -> ItemResult:
        """Create an item within its key's budget, and record its use before its result is stored.

        If the process is killed in between, another one of this machine does not record the use
        again. One of another machine does; so the use is never lost.

        Raises:
            VitsTtsError: it cannot be created.
            Interrupted: the item was cancelled, or another process has taken it.

        """
        key, characters = spec["key"], len(spec["text"])
        await self._usage.admit(key, characters)
        try:
            result = await self._maker.file(name, spec, stats)
        finally:
            self._usage.release(key, characters)
        seconds = result["seconds"]
        made = min(stats.synthesised_seconds, seconds)
        amounts = Amounts(items=1, characters=characters, seconds=seconds, made_seconds=made)
        once = await self._use_of(name)
        if once is None:
            raise Interrupted
        self._usage.book(key, amounts, once)
        if not await self._usage.saved():
            logger.warning("jobs: an item was booked in memory only", item_key=key)
        return result

    async def _use_of(self, name: str) -> str | None:
        """Return the id for the use of an item, even if the queue cannot be reached for a while.

        The item is complete then, and an error would let it fail.
        """
        while True:
            try:
                return await self._calls.in_thread(self._queue.holds, name)
            except Exception as error:  # noqa: BLE001  # the library has many
                self._calls.breaker.failed(reason_of(error))
            await asyncio.sleep(_LOOK_SECONDS)

    def _stop(self, name: str) -> None:
        if running := self._running.get(name):
            running.task.cancel()


def _results_of(state: JobState) -> dict[tuple[str, str], ItemResult]:
    """Return the results of a job that have a file, by the id of the item and the format."""
    found = [(item_id(state.id, item.index), item.result) for item in state.items]
    if state.whole:
        found.append((whole_id(state.id), state.whole.result))
    return {
        (name, one["format"]): one
        for name, result in found
        if result
        for one in (result, result.get("times"))
        if one and one["hash"]
    }


def _results(config: Config) -> Audio:
    """Return the settings of the files of jobs, which have a folder and limits of their own."""
    return config.audio.model_copy(
        update={
            "folder": config.jobs.folder / "files",
            "max_bytes": config.jobs.max_bytes,
            "max_age_seconds": config.jobs.keep_hours * _HOUR,
        }
    )
