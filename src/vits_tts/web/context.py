"""The context of a request, in any protocol: its caller, its limits, its work and its end.

An HTTP handler creates one for each request. A WebSocket, or a connection of another protocol, does
the same for its own requests. A context needs only :class:`Client` of the connection.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar, cast

from loguru import logger
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from vits_tts.config import Config
from vits_tts.errors import RequestError, RequestTooCostly, Unavailable, VitsTtsError
from vits_tts.jobs import JobService
from vits_tts.speech import Reader, RequestStats, Speech
from vits_tts.telemetry import logging
from vits_tts.telemetry.metrics import ENDED, series
from vits_tts.telemetry.tracing import RequestSpan
from vits_tts.types import SpeechRequest
from vits_tts.usage import Accounts, Amounts
from vits_tts.web.auth.gate import Gate
from vits_tts.web.auth.page_policy import PagePolicy
from vits_tts.web.auth.rate_limits import RateLimitStatus
from vits_tts.web.failures import as_ours
from vits_tts.web.http.cors import Cors
from vits_tts.web.http.forwarded import Proxies
from vits_tts.web.request_log import Account, Delivery, count, logged, traced
from vits_tts.web.state import State

_CLIENT_CLOSED: Final = 499
_CHECK_SECONDS: Final = 0.25
"""Interval at which the connection and the cost of a request are checked."""
_FILE_WAIT: Final = 10
"""The text of a file may wait this many times as long for normalisation as that of a stream."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """The objects that all requests of a process share."""

    config: Config
    speech: Speech
    cors: Cors
    page_policy: PagePolicy
    proxies: Proxies
    guard: Gate
    state: State
    jobs: JobService | None
    """None if this server takes no jobs."""
    usage: Accounts


class Client(Protocol):
    """The client of a request: the interface that a context needs."""

    gone: bool
    """True if the connection is closed, by the client or by ``abort``."""
    sent_bytes: int
    """Bytes of the answer so far."""
    first_byte: float | None
    """Time of ``perf_counter`` at which the answer began; None before."""

    def hung_up(self) -> bool:
        """Return whether the client has closed its end."""

    def abort(self) -> None:
        """Close the connection."""

    def closed(self) -> None:
        """Tell the owner of the connection that its client has left."""

    def seconds_left(self) -> float | None:
        """Return the seconds until the answer is complete; None if unknown."""


class RequestContext:
    """One request, from its admission to its log line."""

    def __init__(
        self,
        services: Services,
        client: Client,
        stats: RequestStats,
        *,
        request_id: str,
        route: str,
        method: str,
        address: str,
    ) -> None:
        """Start the clock of a request; nothing is counted before :meth:`begin`.

        ``route`` is the label of its route, ``method`` the HTTP method or the name that another
        protocol has for it, ``address`` the caller's IP address, or empty for a Unix socket.
        """
        self.request_id = request_id
        self.route = route
        self.method = method
        self.address = address
        self.client = client
        self.stats = stats
        self.key: str | None = None
        """Name of the caller's API key; None if callers need no key."""
        self.span: RequestSpan | None = None
        self.text = ""
        """The beginning of the text to be spoken, for the log if its settings show texts."""
        self.delivery: Delivery = None
        """The way in which the answer delivers speech; the handler sets it."""
        self.error_code: str | None = None
        """Code of the error that was answered."""
        self.characters = 0
        """Characters of the texts to be spoken, as given."""
        self.books = True
        """Whether the end of the request books what it used; else somebody else does."""
        self._booked = Amounts()
        self._services = services
        self._guard = services.guard
        self._speech = services.speech
        self._began = time.perf_counter()
        self._work: asyncio.Task[Any] | None = None

    # --- limits ----------------------------------------------------------------------------------

    def begin(self, headers: Mapping[str, str]) -> None:
        """Count the request as under way, and begin its trace from ``headers``."""
        self._services.state.enter(self)
        self.span = RequestSpan(self.method, self.route, headers)

    async def admit(self, headers: Mapping[str, str]) -> RateLimitStatus | None:
        """Check the caller's key in ``headers``, count the request, return the limit's state.

        Raises:
            KeyMissing, KeyInvalid, TokenExpired: the headers contain no known key.
            ScopeInsufficient: a token does not admit the request.
            RateLimited: the caller has sent too many requests.

        """
        speech = self.delivery is not None
        self.key, status = await self._guard.admit(headers, self.address, speech=speech)
        return status

    @property
    def caller(self) -> str:
        """The name under which limits count the caller: that of its key, else its address."""
        return self._guard.caller(self.address, self.key)

    async def count_written(self, text: str) -> RateLimitStatus | None:
        """Count the characters of a text that is to be spoken; return the limit's state.

        Raises:
            RateLimited: the caller has sent too many.
            BudgetExceeded: the caller's key has used up its budget.

        """
        if len(self.text) < logging.SHOWN_CHARS:  # a socket may be open for days
            self.text += text[: logging.SHOWN_CHARS]
        status = await self._guard.text(self.caller, len(text))
        await self._services.usage.admit(self.key, len(text))
        self.characters += len(text)
        return status

    async def count_spoken(self, written: str, request: SpeechRequest) -> RateLimitStatus | None:
        """Count the characters that the spoken text has beyond ``written``; never refuses."""
        if not self._guard.policy:
            return None
        spoken = sum(len(sentence.text) for sentence in request.sentences)
        return await self._guard.spoken(self.caller, spoken - len(written))

    @contextmanager
    def place(self, *, heard: bool) -> Iterator[None]:
        """Hold one of the places for concurrent requests; each caller may hold only some of them.

        ``heard`` says that the client plays the speech as it arrives.

        Raises:
            Busy: all places, or all places of this caller, are taken.

        """
        holder = self._guard.holder(self.address, self.key)
        with self._speech.slot(heard=heard, caller=holder, left=self.client.seconds_left):
            yield

    def reader(self, *, heard: bool) -> Reader:
        """Return the reader of this request's text: its turn in the queue, and its statistics."""
        return Reader(self.caller, 1 if heard else _FILE_WAIT, self.stats)

    # --- work ------------------------------------------------------------------------------------

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of ``work``; if the client leaves first, cancel it and return None.

        Raises:
            RequestTooCostly: the request has used more than ``limits.request_cpu_seconds``.
            Unavailable: the process ends.

        """
        outer = self._work  # calls may be nested; the innermost work is cancelled
        with logger.contextualize(request_id=self.request_id):
            task = self._work = asyncio.ensure_future(work)
        if self.client.gone:
            task.cancel()
        try:
            while not (await asyncio.wait({task}, timeout=_CHECK_SECONDS))[0]:
                if self.client.hung_up():
                    self.client.closed()
                self.check_cost()
            return cast("T", await task)
        except RequestTooCostly:
            task.cancel()
            raise
        except StreamClosedError:
            self.client.gone = True
        except asyncio.CancelledError:
            task.cancel()
            if not self.client.gone:
                current = asyncio.current_task()
                if current and current.cancelling():
                    raise
                # its threads are closed
                raise Unavailable("this server is shutting down") from None
        finally:
            self._work = outer
        return None

    def check_cost(self) -> None:
        """Check that the request has used less than ``limits.request_cpu_seconds``.

        Raises:
            RequestTooCostly: it has used more.

        """
        work = self.stats.work
        limit = self._services.config.limits.request_cpu_seconds
        if sum(work.values()) > limit:
            raise RequestTooCostly(limit, stage=max(work, key=work.__getitem__))

    def disconnected(self) -> None:
        """Stop the work of a client that has left."""
        self.client.gone = True
        self._services.state.leave(self)
        if self._work:
            self._work.cancel()

    def cut_off(self) -> "asyncio.Future[Any] | None":
        """Stop answering because the process ends; return the task that is ending."""
        self.client.abort()
        self.client.closed()
        return self._work

    # --- the end ---------------------------------------------------------------------------------

    def log_error(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Log why the request failed, without its URL, which may contain a user's text."""
        if isinstance(error, HTTPError | RequestError):
            ours = as_ours(getattr(error, "status_code", 400), error)
            logger.debug("refused: {}", ours.message, request_id=self.request_id, code=ours.code)
        elif isinstance(error, RequestTooCostly):
            self._log_too_costly(error)
        elif isinstance(error, VitsTtsError):
            cause = str(error.__cause__) if error.__cause__ else None
            bound = logger.bind(request_id=self.request_id, code=error.code, cause=cause)
            bound.warning("failed: {}", error.message)
        else:
            bound = logger.bind(request_id=self.request_id)
            bound.opt(exception=cast("Any", (kind, error, traceback))).error("unexpected error")

    def _log_too_costly(self, error: RequestTooCostly) -> None:
        series(ENDED, self.route, error.stage).inc()
        work = self.stats.work.items()
        logger.error(
            "request ended: limits.request_cpu_seconds is used up",
            request_id=self.request_id,
            route=self.route,
            stage=error.stage,
            **{f"{stage}_seconds": round(seconds, 4) for stage, seconds in work},
        )

    def book(self, *, succeeded: bool = True) -> None:
        """Add the use of the request since the last call to the account of its key.

        A request that failed before its first sound is not booked.
        """
        stats, before = self.stats, self._booked
        usage = self._services.usage
        usage.release(self.key, self.characters - before.characters)
        if not self.books or not self.characters or not (succeeded or stats.audio_seconds):
            before.characters = self.characters
            return
        now = Amounts(
            requests=1,
            characters=self.characters,
            seconds=stats.audio_seconds,
            made_seconds=min(stats.synthesised_seconds, stats.audio_seconds),
        )
        self._booked = now
        usage.book(self.key, now.since(before))

    def finished(self) -> None:
        """Count the request as no longer under way."""
        self._services.state.leave(self)

    def log_request(self, status: int, *, quiet: bool = False) -> None:
        """Write the request's log line and metrics, and end its trace.

        A request whose client left has status 499. A ``quiet`` request is logged at DEBUG only.
        """
        now = time.perf_counter()
        stats, client = self.stats, self.client
        status = _CLIENT_CLOSED if client.gone else status
        first = client.first_byte - self._began if client.first_byte else None
        total = now - self._began
        self.book(succeeded=status < HTTPStatus.BAD_REQUEST)
        count(Account(self.route, self.delivery, self.method, status, first, total), stats)
        fields = {
            "request_id": self.request_id,
            "method": self.method,
            "route": self.route,
            "status": status,
            "bytes": client.sent_bytes,
            "first_byte_ms": _ms(first) if first else None,
            "total_ms": _ms(total),
            "caller": self.address,
            **({"key": self.key} if self.key else {}),
            **({"error": self.error_code} if self.error_code else {}),
        }
        if self.span:
            fields |= {"trace_id": self.span.trace_id} if self.span.trace_id else {}
            self.span.end(status, traced(stats))
        if stats.sentences:
            shown = logging.shown_text(self.text, self._services.config.logging)
            fields |= {**logged(stats), **shown}
        logging.say("DEBUG" if quiet else "INFO", "request", fields)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
