"""The base of all HTTP handlers: headers, body, errors in one form, and the request context."""

import json
import re
import sys
import time
from collections.abc import Coroutine, Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from pydantic import BaseModel
from tornado.http1connection import HTTP1Connection
from tornado.web import RequestHandler, stream_request_body

from vits_tts.errors import NotFound, VitsTtsError
from vits_tts.speech import Reader, RequestStats
from vits_tts.types import SpeechRequest
from vits_tts.web import failures
from vits_tts.web.auth.gate import SECURITY_HEADERS
from vits_tts.web.auth.rate_limits import RateLimitStatus
from vits_tts.web.context import RequestContext, Services
from vits_tts.web.failures import as_ours
from vits_tts.web.http.body import Body
from vits_tts.web.http.client_connection import ClientConnection
from vits_tts.web.http.exchange import new_request_id
from vits_tts.web.request_log import Delivery
from vits_tts.web.schema.responses import ErrorAnswer, Problem

if TYPE_CHECKING:
    import asyncio

_REQUEST_ID: Final = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
_HEADERS: Final = {"Server": "vits-tts", **SECURITY_HEADERS}
_BLOCK_BYTES: Final = 64 * 1024

T = TypeVar("T")


@stream_request_body
class Handler(RequestHandler):
    """Base of all handlers."""

    quiet: ClassVar[bool] = False
    """True for paths that machines request every few seconds; they are logged at DEBUG only."""
    operations: ClassVar[bool] = False
    """True for paths for operators, which may need no key or be on a port of their own."""
    public: ClassVar[bool] = False
    """True for paths that need no key and count towards no limit."""
    linkable: ClassVar[bool] = True
    """True if foreign pages may link to the path, because a GET of it changes nothing."""
    delivery: ClassVar[Delivery] = None
    """The way in which the answer delivers speech, for the metrics; None if it has none."""
    model: ClassVar[type[BaseModel] | None] = None
    """Model of the parameters; None for a path without parameters."""
    query_model: ClassVar[type[BaseModel] | None] = None
    """Model of the query for methods other than POST, if it is not ``model``."""
    error_shape: ClassVar[Any] = ErrorAnswer
    """Type of an error's JSON."""
    code_place: ClassVar[tuple[str, ...]] = ("error", "code")
    """The fields that lead to the code in an error's JSON."""

    def initialize(self, services: Services, route: str) -> None:  # tornado's name
        """Create the context of the request; ``route`` is the label of its route."""
        self.services = services
        self.config = services.config
        self.speech = services.speech
        self.guard = services.guard
        self.state = services.state
        self.tally = RequestStats()
        patience = self.config.limits.slow_client_seconds
        self.client = ClientConnection(
            self.request.connection, self.tally, patience, self.on_connection_close
        )
        self.context = RequestContext(
            services,
            self.client,
            self.tally,
            request_id=self.request_id,
            route=route,
            method=self.request.method or "",
            address=services.proxies.caller(self.request),
        )
        self.context.delivery = self.delivery
        self._body = Body(int(self.config.server.max_body_bytes))
        self._prepared = False

    def set_default_headers(self) -> None:
        """Set the request id and the security headers of every response, also of errors."""
        if not hasattr(self.request, "id"):
            given = self.request.headers.get("X-Request-ID", "")
            good = _REQUEST_ID.fullmatch(given)
            self.request.id = given if good else new_request_id()  # type: ignore[attr-defined]
        self._headers["X-Request-ID"] = self.request_id
        self._headers.update(_HEADERS)

    @property
    def request_id(self) -> str:
        """The id from the header ``X-Request-ID`` if it is valid, else a new one."""
        return str(self.request.id)  # type: ignore[attr-defined]

    async def prepare(self) -> None:
        """Count the request as under way, and check access and the size of the body.

        Raises:
            VitsTtsError: the request is refused.

        """
        if self.client.gone:  # a pipelined request, whose client has left meanwhile
            return
        self.context.begin(self.request.headers)
        self._add_common_headers()
        if isinstance(self.request.connection, HTTP1Connection):
            # No limit of tornado's: Body counts the bytes.
            self.request.connection.set_max_body_size(sys.maxsize)
        self._body.expect(self.request.headers.get("Content-Length", "0"))
        self.guard.check_port(self.request, self.operations)
        page_policy = self.services.page_policy
        page_policy.check_host(self.request)
        admitted = self.request.method == "OPTIONS"  # browsers send preflights without a key
        admitted = admitted or await self.admitted_by_address()
        if not admitted and not self.public:
            page_policy.check_page(self.request, linkable=self.linkable)
        if not admitted and not self._needs_no_key:
            self.say(await self.context.admit(self.credentials))
        self._prepared = True

    async def admitted_by_address(self) -> bool:
        """Return whether the URL admits the request without an API key, as a signed link does."""
        return False

    @property
    def credentials(self) -> Mapping[str, str]:
        """The headers that carry the key."""
        return self.request.headers

    @property
    def _needs_no_key(self) -> bool:
        return self.public or (self.operations and self.guard.open_operations)

    def say(self, status: RateLimitStatus | None) -> None:
        """Set the headers of a limit, unless another limit with a smaller share left is set."""
        if status is None:
            return
        remaining = self._headers.get("RateLimit-Remaining")
        if remaining is None or status.nearer_than(self._headers):
            for name, value in status.headers.items():
                self.set_header(name, value)
        self.set_header("RateLimit-Policy", self.guard.policy)

    def _add_common_headers(self) -> None:
        """Set the headers of all answers that depend on the request, the proxy or the process."""
        cors, proxies = self.services.cors, self.services.proxies
        for name, value in cors.headers(self.request.headers.get("Origin")).items():
            self.set_header(name, value)
        self.set_header("Cross-Origin-Resource-Policy", cors.resource_policy)
        if proxies.is_https(self.request):
            self.set_header("Strict-Transport-Security", "max-age=31536000")
        if self.state.draining:
            self.set_header("Connection", "close")
        span = self.context.span
        if span and span.traceparent:
            self.set_header("traceparent", span.traceparent)

    # --- the request -----------------------------------------------------------------------------

    def data_received(self, chunk: bytes) -> None:
        """Collect a part of the body; answer with an error if the body is far too large."""
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

    def options(self, *_: str) -> None:
        """Answer a preflight request, or list the methods of this path."""
        origin = self.request.headers.get("Origin")
        asked = self.request.headers.get("Access-Control-Request-Headers")
        preflight = self.services.cors.preflight(origin, self.methods(), asked)
        for name, value in preflight.items():
            self.set_header(name, value)
        self.set_header("Allow", ", ".join(self.methods()))
        self.set_status(HTTPStatus.NO_CONTENT)

    @classmethod
    def methods(cls) -> list[str]:
        """Return the methods that this path supports."""
        unimplemented = RequestHandler._unimplemented_method  # noqa: SLF001
        names = (method.lower() for method in cls.SUPPORTED_METHODS)
        return [name.upper() for name in names if getattr(cls, name) is not unimplemented]

    # --- the context, for handlers ---------------------------------------------------------------

    async def count_written(self, text: str) -> None:
        """Count a text that is to be spoken towards the caller's characters.

        Raises:
            RateLimited: the caller has sent too many.
            BudgetExceeded: the caller's key has used up its budget.

        """
        self.say(await self.context.count_written(text))
        self._headers["X-Characters"] = str(self.context.characters)

    def tell_seconds(self, seconds: float) -> None:
        """Set the header with the seconds of sound in the answer."""
        self._headers["X-Audio-Seconds"] = f"{seconds:.3f}"

    async def count_spoken(self, written: str, request: SpeechRequest) -> None:
        """Count the characters that the spoken text has beyond ``written``; never refuses."""
        self.say(await self.context.count_spoken(written, request))

    def place(self, *, heard: bool) -> AbstractContextManager[None]:
        """Hold a place for speech; see :meth:`RequestContext.place`."""
        return self.context.place(heard=heard)

    def reader(self, *, heard: bool) -> Reader:
        """Return the reader of this request's text; see :meth:`RequestContext.reader`."""
        return self.context.reader(heard=heard)

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of ``work``; see :meth:`RequestContext.while_connected`."""
        return await self.context.while_connected(work)

    # --- the answer ------------------------------------------------------------------------------

    def write_json(self, data: Mapping[str, object] | str) -> None:
        """Write an object, or a text that is the JSON of one, as JSON in UTF-8."""
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        if not self._headers.get("Cache-Control"):
            self.set_header("Cache-Control", "no-store")
        self.write(data if isinstance(data, str) else as_json(data))

    def compute_etag(self) -> None:
        """Return no ETag: handlers of files set their own."""

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        """Append to the answer, and count the bytes."""
        super().write(chunk)
        self.client.sent_bytes += len(self._write_buffer[-1])

    def flush(self, include_footers: bool = False) -> "asyncio.Future[None]":
        """Send the parts written so far; record the time of the first byte."""
        if self.client.first_byte is None and self.request.method != "HEAD":
            self.client.first_byte = time.perf_counter()
        return super().flush(include_footers)

    async def send(self, data: bytes) -> None:
        """Send ``data``, and wait until the kernel has accepted it.

        Raises:
            StreamClosedError: the client has left, or reads too slowly and was dropped.

        """
        for start in range(0, len(data), _BLOCK_BYTES):
            self.write(data[start : start + _BLOCK_BYTES])
            flushed = self.flush()
            if not flushed.done():
                await self.client.wait_until_taken(flushed, self.request_id)
            await flushed

    # --- errors ----------------------------------------------------------------------------------

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error; if an answer has begun already, close the connection instead."""
        error = as_ours(status_code, kwargs.get("exc_info", sys.exc_info())[1])
        if self._headers_written:
            self.client.abort()
            if not self._finished:
                self.finish()
            return
        super().send_error(error.status, error=error)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the answer with an error in this handler's form."""
        error: VitsTtsError = kwargs["error"]
        self.context.error_code = error.code
        self._add_common_headers()
        for name, value in failures.headers(error).items():
            self.set_header(name, value)
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(self.methods()))
        if not self._prepared or self._body.is_endless:  # the request was not read to its end
            self.set_header("Connection", "close")  # tornado closes it, so tell the client
        self.write_json(self.error_body(error))

    def error_body(self, error: VitsTtsError) -> Mapping[str, object]:
        """Return the complete JSON of an answer with an error."""
        return {"error": self.described(error)}

    def described(self, error: VitsTtsError) -> Mapping[str, object]:
        """Return the JSON object of an error, of the type in ``error_shape``."""
        return Problem(
            code=error.code, message=error.message, field=error.field, request_id=self.request_id
        )

    @classmethod
    def code(cls, error: type[VitsTtsError]) -> str:
        """Return the code of an error in answers."""
        return error.code

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Log why the request failed, without its URL, which may contain a user's text."""
        self.context.log_error(typ, value, tb)

    # --- the end ---------------------------------------------------------------------------------

    def on_connection_close(self) -> None:
        """Stop the work of a client that has left."""
        super().on_connection_close()
        self.context.disconnected()

    def on_finish(self) -> None:
        """Count the request as no longer under way."""
        self.context.finished()
        self.client.forget_owner()

    def log_request(self) -> None:
        """Write the request's log line and metrics."""
        self.context.log_request(self.get_status(), quiet=self.quiet)


def as_json(data: Mapping[str, object]) -> str:
    """Return an object as JSON."""
    return json.dumps(data, ensure_ascii=False)


class NotFoundHandler(Handler):
    """Answers 404 on every path without a route."""

    def get(self, *_: str) -> None:
        """Refuse the request; all methods do so.

        Raises:
            NotFound: always.

        """
        raise NotFound("there is no such path")

    head = post = put = patch = delete = options = get
