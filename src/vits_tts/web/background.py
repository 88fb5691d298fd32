"""Files that are created after their request was answered, and fetched by the caller later."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

from vits_tts.audio.formats import Encoding
from vits_tts.errors import VitsTtsError
from vits_tts.speech import RequestStats
from vits_tts.telemetry.metrics import AUDIO_SECONDS, series
from vits_tts.types import SpeechRequest
from vits_tts.usage import Amounts
from vits_tts.web.context import RequestContext, Services
from vits_tts.web.failures import as_ours

Told = Callable[[VitsTtsError | None], Awaitable[object]]
"""A function that is called with None when the file is complete, or with the error."""


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
        told: Told | None,
    ) -> None:
        """Prepare to create a file; ``place`` is closed when it is complete or has failed."""
        self._speech = services.speech
        self._state = services.state
        self._place = place
        self._told = told
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
        try:
            error = await self._make(request, encoding, audio_hash)
            if error is None:
                series(AUDIO_SECONDS, self._context.route).inc(self._stats.audio_seconds)
            if self._told:
                await self._told(error)
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
