"""Files that are created after their request was answered, and fetched by the caller later."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from loguru import logger

from vits_tts.audio.formats import Encoding
from vits_tts.audio.promises import Broken
from vits_tts.config import Config
from vits_tts.ending_tasks import end
from vits_tts.errors import Busy, StorageError, VitsTtsError
from vits_tts.speech import RequestStats, Speech
from vits_tts.telemetry.metrics import AUDIO_SECONDS, series
from vits_tts.types import SpeechRequest
from vits_tts.usage import Amounts
from vits_tts.web.callbacks import Callbacks
from vits_tts.web.context import RequestContext, Services
from vits_tts.web.failures import as_ours

_LOOK_SECONDS: Final = 5.0
"""Interval of the checks for broken promises."""
_MOST_AT_ONCE: Final = 16
"""Results of broken promises that one process posts at the same time."""
_BROKEN: Final = "the process that created the file has ended"


@dataclass(frozen=True, slots=True)
class Callback:
    """The results that are posted to a URL: of a complete file, or of one that has failed."""

    url: str
    request_id: str
    done: Mapping[str, object]
    failed: Callable[[str], Mapping[str, object]]
    """Returns the result for the message of an error."""

    def stored(self) -> bytes:
        """Return the JSON from which another process can post the result of a failure."""
        fields = (self.url, self.request_id, self.done, self.failed(_BROKEN))
        return json.dumps(fields, ensure_ascii=False).encode()


class _NoClient:
    """The client of a request that was answered already: nothing is sent, no client leaves."""

    gone = False
    sent_bytes = 0
    first_byte: float | None = None

    def hung_up(self) -> bool:
        """Return False: there is no connection to close."""
        return False

    def abort(self) -> None:
        """Do nothing."""

    closed = abort

    def seconds_left(self) -> float | None:
        """Return None."""
        return None


class BackgroundFile:
    """A file being created; a process that drains waits until it is complete."""

    def __init__(
        self,
        services: Services,
        asked: RequestContext,
        place: ExitStack,
        callbacks: Callbacks,
        callback: Callback | None,
        promise_id: str,
    ) -> None:
        """Prepare to create a file; ``place`` is closed when it is complete or has failed."""
        self._speech = services.speech
        self._state = services.state
        self._place = place
        self._callbacks = callbacks
        self._callback = callback
        self._promise_id = promise_id
        self._stats = RequestStats()
        self._key = asked.key
        self._usage = services.usage
        self._context = RequestContext(
            services,
            _NoClient(),
            self._stats,
            request_id=asked.request_id,
            route=asked.route,
            method=asked.method,
            address=asked.address,
        )
        self._task: asyncio.Task[None] | None = None

    def start(self, request: SpeechRequest, encoding: Encoding, audio_hash: str) -> None:
        """Start to create the file of ``audio_hash``."""
        self._state.enter(self)
        self._task = asyncio.create_task(self._run(request, encoding, audio_hash))

    def cut_off(self) -> "asyncio.Future[Any] | None":
        """Stop because the process ends; return the task that is ending."""
        if self._task:
            self._task.cancel()
        return self._task

    async def _run(self, request: SpeechRequest, encoding: Encoding, audio_hash: str) -> None:
        promised = self._speech.promised_files
        try:
            error = await self._make(request, encoding, audio_hash)
            promised.settle(self._promise_id, failed=error is not None)
            if error is None:
                series(AUDIO_SECONDS, self._context.route).inc(self._stats.audio_seconds)
            if callback := self._callback:
                result = callback.failed(error.message) if error else callback.done
                await self._callbacks.post(callback.url, result, callback.request_id)
        except BaseException:
            promised.leave(self._promise_id)  # another process posts the result
            raise
        else:
            promised.keep(self._promise_id)
        finally:
            self._book()
            self._place.close()
            self._state.leave(self)

    def _book(self) -> None:
        """Add the sound to the account of the key; the request itself has booked its characters."""
        seconds = self._stats.audio_seconds
        made = min(seconds, self._stats.synthesised_seconds)
        self._usage.book(self._key, Amounts(seconds=seconds, made_seconds=made))

    async def _make(
        self, request: SpeechRequest, encoding: Encoding, audio_hash: str
    ) -> VitsTtsError | None:
        """Create the file; return None, or the error that prevented it, which is recorded."""
        failed = self._speech.failed_files
        with self._place:
            try:
                making = self._speech.save(request, self._stats, encoding, self._key)
                await self._context.while_connected(making)
            except asyncio.CancelledError:  # the process ends before the file is complete
                await failed.add(audio_hash, encoding.format)
                raise
            except Exception as problem:  # noqa: BLE001  # whatever it is, the caller is told
                self._context.log_error(type(problem), problem, problem.__traceback__)
                await failed.add(audio_hash, encoding.format)
                return as_ours(HTTPStatus.INTERNAL_SERVER_ERROR, problem)
        return None


class BrokenPromises:
    """Posts the results of files whose processes have ended, as the first process that notices."""

    def __init__(self, speech: Speech, callbacks: Callbacks) -> None:
        """Store the collaborators."""
        self._promised = speech.promised_files
        self._is_complete = speech.is_there
        self._callbacks = callbacks
        self._looking: asyncio.Task[None] | None = None
        self._posting: set[asyncio.Task[None]] = set()

    def watch(self, settings: Config) -> None:
        """Start to look for broken promises, if an interface that makes promises is enabled."""
        if settings.fpt.voices or settings.vbee.voices:
            self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Stop; other processes post the results that are left."""
        if self._looking:
            await end(self._looking)
        for task in list(self._posting):
            await end(task)

    async def _look(self) -> None:
        while True:
            try:
                # One receiver that does not answer must not delay the results for the others.
                while len(self._posting) < _MOST_AT_ONCE and (
                    broken := await self._promised.take_broken()
                ):
                    task = asyncio.create_task(self._dealt_with(broken))
                    self._posting.add(task)
                    task.add_done_callback(self._posting.discard)
            except StorageError as error:
                logger.debug("cannot look for broken promises: {}", error.message)
            except Exception:  # noqa: BLE001  # the next one may succeed
                logger.exception("looking for broken promises failed")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _dealt_with(self, broken: Broken) -> None:
        try:
            if broken.content:
                await self._post(broken)
        except Exception:  # noqa: BLE001  # it would fail again and again
            logger.exception("no callback for a file of an ended process")
        except BaseException:
            self._promised.leave_broken(broken)
            raise
        self._promised.finish(broken)

    async def _post(self, broken: Broken) -> None:
        """Post the result of a file, which may have been completed before its process ended."""
        try:
            url, request_id, done, failed = json.loads(broken.content)
            url = await self._checked(url)  # the settings may have changed meanwhile
        except (ValueError, TypeError, AttributeError, VitsTtsError) as error:
            logger.warning("no callback for a file of an ended process: {}", error)
            return
        there = await self._is_there(broken)
        logger.info("a process has ended before its callback", request_id=request_id)
        await self._callbacks.post(url, done if there else failed, request_id)

    async def _checked(self, url: str) -> str:
        """Return ``url`` as :meth:`Callbacks.check` does; while too many are posted, wait."""
        while True:
            try:
                return self._callbacks.check(url)
            except Busy:
                await asyncio.sleep(_LOOK_SECONDS)

    async def _is_there(self, broken: Broken) -> bool:
        """Return whether the file is complete; while the disk does not answer, wait for it."""
        while True:
            try:
                return await self._is_complete(broken.audio_hash, broken.format)
            except StorageError:
                await asyncio.sleep(_LOOK_SECONDS)
