"""What all requests share: id, CORS, one shape of errors, one line in the log, leaving early."""

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Coroutine, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

from loguru import logger
from pydantic import BaseModel
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from vits_tts import logs
from vits_tts.config import Config
from vits_tts.errors import NotFound, RequestError, VitsTtsError
from vits_tts.speech import Speech, Tally
from vits_tts.tracing import RequestSpan
from vits_tts.web import failures
from vits_tts.web.account import Account, count, logged, traced
from vits_tts.web.answers import ErrorAnswer, Problem
from vits_tts.web.body import Body
from vits_tts.web.cors import Cors
from vits_tts.web.failures import as_ours
from vits_tts.web.guard import SECURITY_HEADERS, Guard
from vits_tts.web.listener import hung_up, unsent
from vits_tts.web.proxy import Proxies
from vits_tts.web.rates import Standing
from vits_tts.web.state import State

_REQUEST_ID: Final = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
_CLIENT_CLOSED: Final = 499
_HEADERS: Final = {"Server": "vits-tts", **SECURITY_HEADERS}
_BLOCK_BYTES: Final = 64 * 1024
_LEAST_TAKEN_BYTES: Final = 4096
"""Who takes less than that in `limits.slow_client_seconds` is dropped."""
_LOOK_SECONDS: Final = 0.25


@stream_request_body
class Handler(RequestHandler):
    """Base of all handlers."""

    quiet: ClassVar[bool] = False
    """Logged at debug only: asked every few seconds by a machine."""
    operations: ClassVar[bool] = False
    """For operators: may be open to all, or on a port of its own."""
    public: ClassVar[bool] = False
    """For everybody: needs no key and counts towards no limit."""
    model: ClassVar[type[BaseModel] | None] = None
    """What may be asked, if anything."""
    error_shape: ClassVar[Any] = ErrorAnswer
    """What errors look like."""

    def initialize(  # tornado's own name
        self,
        config: Config,
        speech: Speech,
        cors: Cors,
        proxies: Proxies,
        guard: Guard,
        state: State,
    ) -> None:
        """Take the collaborators."""
        self.config = config
        self.speech = speech
        self.cors = cors
        self.proxies = proxies
        self.guard = guard
        self.state = state
        self.tally = Tally()
        self.log_text = ""
        self.key: str | None = None
        self.span: RequestSpan | None = None
        self._body = Body(int(config.server.max_body_bytes))
        self._prepared = False
        self._sent_bytes = 0
        self._first_byte: float | None = None
        self._work: asyncio.Future[None] | None = None
        self._gone = False
        self._error_code: str | None = None

    def set_default_headers(self) -> None:
        """Give every response, errors included, its id and what browsers want to know."""
        if not hasattr(self.request, "id"):
            given = self.request.headers.get("X-Request-ID", "")
            good = _REQUEST_ID.fullmatch(given)
            self.request.id = given if good else _new_id()  # type: ignore[attr-defined]
        self._headers["X-Request-ID"] = self.request_id
        self._headers.update(_HEADERS)

    @property
    def route(self) -> str:
        """The short name of the path, for logs and metrics."""
        return type(self).__name__.removesuffix("Handler").lower()

    @property
    def request_id(self) -> str:
        """The id given by the caller or made for the request."""
        return str(self.request.id)  # type: ignore[attr-defined]

    async def prepare(self) -> None:
        """Count the request as under way, and refuse at once who may not call or sends too much."""
        if self._gone:  # before it began: a pipelined request of a caller who has left
            return
        self.state.enter(self)
        self.span = RequestSpan(self.request.method or "", self.route, self.request.headers)
        self._add_common_headers()
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(sys.maxsize)  # we count ourselves
        self._body.expect(self.request.headers.get("Content-Length", "0"))
        self.guard.check_port(self.request, self.operations)
        if self.request.method != "OPTIONS" and not self._open:
            self.key, standing = await self.guard.admit(self.request)
            self.say(standing)
        self._prepared = True

    @property
    def _open(self) -> bool:
        return self.public or (self.operations and self.guard.open_operations)

    def say(self, standing: Standing | None) -> None:
        """Say in the headers how the caller stands with a rate limit."""
        if standing is None:
            return
        remaining = self._headers.get("RateLimit-Remaining")
        if remaining is None or standing.nearer_than(self._headers):
            for name, value in standing.headers.items():
                self.set_header(name, value)
        self.set_header("RateLimit-Policy", self.guard.policy)

    def _add_common_headers(self) -> None:
        for name, value in self.cors.headers(self.request.headers.get("Origin")).items():
            self.set_header(name, value)
        if self.proxies.is_https(self.request):
            self.set_header("Strict-Transport-Security", "max-age=31536000")
        if self.state.draining:
            self.set_header("Connection", "close")
        if self.span and self.span.traceparent:
            self.set_header("traceparent", self.span.traceparent)

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body; refuse one that does not end."""
        self._body.receive(chunk)
        if self._body.is_endless and not self._finished:
            error = self._body.too_large()
            self.send_error(error.status, exc_info=(type(error), error, None))

    @property
    def body(self) -> bytes:
        """The whole body.

        Raises:
            BodyTooLarge: it is larger than ``server.max_body_bytes``.

        """
        return self._body.content

    @property
    def _body_unread(self) -> bool:
        """Whether the answer comes before the whole request was read."""
        return not self._prepared or self._body.is_endless

    def options(self, *_: str) -> None:
        """Answer a preflight request, or say which methods there are."""
        origin = self.request.headers.get("Origin")
        for name, value in self.cors.preflight(origin, self.methods()).items():
            self.set_header(name, value)
        self.set_header("Allow", ", ".join(self.methods()))
        self.set_status(HTTPStatus.NO_CONTENT)

    @classmethod
    def methods(cls) -> list[str]:
        """Return the methods that this path takes."""
        unimplemented = RequestHandler._unimplemented_method  # noqa: SLF001
        names = (method.lower() for method in cls.SUPPORTED_METHODS)
        return [name.upper() for name in names if getattr(cls, name) is not unimplemented]

    def write_json(self, data: Mapping[str, object]) -> None:
        """Write an object as JSON, in UTF-8."""
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        if not self._headers.get("Cache-Control"):
            self.set_header("Cache-Control", "no-store")
        self.write(json.dumps(data, ensure_ascii=False))

    # --- the way out -----------------------------------------------------------------------------

    def compute_etag(self) -> None:
        """Leave ETags to the handlers that have files."""

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        """Count what is sent."""
        super().write(chunk)
        self._sent_bytes += len(self._write_buffer[-1])

    def flush(self, include_footers: bool = False) -> "asyncio.Future[None]":
        """Note when the first byte is sent."""
        if self._first_byte is None and self.request.method != "HEAD":
            self._first_byte = time.perf_counter()
        return super().flush(include_footers)

    async def send(self, data: bytes) -> None:
        """Send ``data`` and wait until the connection has taken it.

        A caller who takes next to nothing for ``limits.slow_client_seconds`` is dropped; one who
        reads slowly but steadily is not.
        """
        for start in range(0, len(data), _BLOCK_BYTES):
            self.write(data[start : start + _BLOCK_BYTES])
            await self._flush_in_time()

    async def _flush_in_time(self) -> None:
        flushed = self.flush()
        while not flushed.done():
            before = self._taken()
            await asyncio.wait([flushed], timeout=self.config.limits.slow_client_seconds)
            if not flushed.done() and self._taken() - before < _LEAST_TAKEN_BYTES:
                logger.warning("caller reads too slowly, dropped", request_id=self.request_id)
                self.abort()
                raise StreamClosedError
        await flushed

    def _taken(self) -> int:
        """Return how many bytes of the connection's the caller has taken so far.

        The kernel wakes a writer only when a third of its buffer is free, which takes a slow reader
        a while; so what it still holds is asked for.
        """
        stream = getattr(self.request.connection, "stream", None)
        if stream is None or stream.closed():
            return 0
        given: int = stream._total_write_done_index  # noqa: SLF001  # tornado says it nowhere else
        return given - unsent(stream.fileno())

    def abort(self) -> None:
        """Cut the connection, so that nobody takes half an answer for a whole one."""
        self._gone = True
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.close()

    def cut_off(self) -> "asyncio.Future[None] | None":
        """Stop answering, since the process ends; return the work that is being stopped."""
        self.abort()
        self.on_connection_close()
        return self._work

    async def while_connected(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work``, and stop it when the caller goes away."""
        with logger.contextualize(request_id=self.request_id):
            self._work = asyncio.ensure_future(work)
        if self._gone:
            self._work.cancel()
        try:
            while not (await asyncio.wait({self._work}, timeout=_LOOK_SECONDS))[0]:
                self._look_for_caller()
            await self._work
        except StreamClosedError:
            self._gone = True
        except asyncio.CancelledError:
            if not self._gone:
                raise

    def _look_for_caller(self) -> None:
        """Notice a caller who left; tornado does not while bytes after the request are unread."""
        connection = self.request.connection
        stream = connection.stream if isinstance(connection, HTTP1Connection) else None
        if stream is None or stream.closed() or hung_up(stream.fileno()):
            self.on_connection_close()

    def on_connection_close(self) -> None:
        """Stop the work of a caller who went away."""
        super().on_connection_close()
        self._gone = True
        self.state.leave(self)
        if self._work:
            self._work.cancel()

    # --- errors ----------------------------------------------------------------------------------

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with the error's own status; cut the connection if an answer is under way."""
        error = as_ours(status_code, kwargs.get("exc_info", sys.exc_info())[1])
        if self._headers_written:
            self.abort()
            if not self._finished:
                self.finish()
            return
        super().send_error(error.status, error=error)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the one shape that all errors have."""
        error: VitsTtsError = kwargs["error"]
        self._error_code = error.code
        self._add_common_headers()
        for name, value in failures.headers(error).items():
            self.set_header(name, value)
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(self.methods()))
        if self._body_unread:
            self.set_header("Connection", "close")  # tornado closes it, callers should know
        self.write_json({"error": self.described(error)})

    def described(self, error: VitsTtsError) -> Mapping[str, object]:
        """Return what an answer says of an error, as ``error_shape`` has it."""
        return Problem(
            code=error.code, message=error.message, field=error.field, request_id=self.request_id
        )

    @classmethod
    def code(cls, error: type[VitsTtsError]) -> str:
        """Return the code by which answers call an error."""
        return error.code

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Log what went wrong, without the URL: the text of a user may be in it."""
        if isinstance(value, HTTPError | RequestError):
            error = as_ours(getattr(value, "status_code", 400), value)
            logger.debug("refused: {}", error.message, request_id=self.request_id, code=error.code)
        elif isinstance(value, VitsTtsError):
            cause = str(value.__cause__) if value.__cause__ else None
            bound = logger.bind(request_id=self.request_id, code=value.code, cause=cause)
            bound.warning("failed: {}", value.message)
        else:
            bound = logger.bind(request_id=self.request_id)
            bound.opt(exception=(typ, value, tb)).error("unexpected error")

    # --- the log line ----------------------------------------------------------------------------

    def on_finish(self) -> None:
        """Count the request as done."""
        self.state.leave(self)

    def log_request(self) -> None:
        """Write the request's one line."""
        now = time.perf_counter()
        start = now - self.request.request_time()
        tally = self.tally
        status = _CLIENT_CLOSED if self._gone else self.get_status()
        route = self.route
        first = self._first_byte - start if self._first_byte else None
        count(Account(route, self.request.method or "", status, first, now - start), tally)
        fields = {
            "request_id": self.request_id,
            "method": self.request.method,
            "route": route,
            "status": status,
            "bytes": self._sent_bytes,
            "first_byte_ms": _ms(first) if first else None,
            "total_ms": _ms(now - start),
            "caller": self.proxies.caller(self.request),
            **({"key": self.key} if self.key else {}),
            **({"error": self._error_code} if self._error_code else {}),
        }
        if self.span:
            fields |= {"trace_id": self.span.trace_id} if self.span.trace_id else {}
            self.span.end(status, traced(tally))
        if tally.sentences:
            fields |= {**logged(tally), **logs.shown_text(self.log_text, self.config.logging)}
        logs.say("DEBUG" if self.quiet else "INFO", "request", fields)


def _new_id() -> str:
    return f"{random.getrandbits(128):032x}"  # a name, not a secret


class NotFoundHandler(Handler):
    """Every path that is no other's."""

    def get(self, *_: str) -> None:
        """Refuse it, as every other method does."""
        raise NotFound("there is no such path")

    head = post = put = patch = delete = options = get


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
