"""The recorder's page and its small HTTP interface, on this machine only.

Other pages that are open in the browser must not reach the takes. So each request needs the token
of the page's address, the name of this machine as ``Host``, and no foreign ``Origin``.
"""

import asyncio
import hmac
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from training.recording.takes import LONGEST, RATES, Recording, Refused

ADDRESS: Final = "127.0.0.1"
_PAGE: Final = Path(__file__).with_name("page")
_TYPES: Final = {
    "index.html": "text/html; charset=utf-8",
    "record.js": "text/javascript; charset=utf-8",
    "microphone.js": "text/javascript; charset=utf-8",
    "words.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
}
_BYTES: Final = 4  # of a sample, a float
LARGEST: Final = LONGEST * RATES[-1] * _BYTES
"""Bytes of the longest take, at the highest rate."""

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "media-src blob:; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Value = TypeVar("Value")


@stream_request_body
class _Handler(RequestHandler):
    """Base of the handlers: safe headers, bounded bodies, errors as JSON, files in a thread."""

    application: "Recorder"
    largest_body: int = 1000
    """Bytes of the body; more are dropped, and the request is refused."""

    def set_default_headers(self) -> None:
        """Set the headers that all responses have."""
        for name, value in _HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")

    def prepare(self) -> None:
        """Note whether the request is refused; :meth:`admit` tells it when the body was read.

        An answer before that could be lost: the connection closes while the client still sends.
        """
        self._body = bytearray()
        self._refusal: Refused | None = None
        try:
            self.check()
        except Refused as refusal:
            self._refusal = refusal

    def check(self) -> None:
        """Check the sender of the request.

        Raises:
            Refused: it comes from another page, or by another name of this machine.

        """
        if self.request.host not in self.application.hosts:
            raise Refused("host_invalid", "this recorder answers only on this machine", 403)
        origin = self.request.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self.application.hosts:
            raise Refused("origin_invalid", "other pages may not use this recorder", 403)

    def data_received(self, chunk: bytes) -> None:
        """Collect a piece of the body, or drop it if the request is refused."""
        if self._refusal is None and len(self._body) + len(chunk) > self.largest_body:
            message = f"the body may have {self.largest_body} bytes"
            self._refusal = Refused("body_too_large", message, 413)
        if self._refusal is None:
            self._body += chunk

    def admit(self) -> bytes:
        """Return the body of a request that is not refused. All methods begin with it.

        Raises:
            Refused: the request is refused.

        """
        if self._refusal:
            raise self._refusal
        return bytes(self._body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ARG002  # tornado's
        """Answer an error as JSON: ``{"error": {"code", "message"}}``."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        code, message = "internal_error", "the recorder failed; its terminal shows why"
        if isinstance(error, Refused):
            code, message = error.code, str(error)
        elif isinstance(error, OSError):
            code, message = "disk_failed", f"the folder cannot be used: {error.strerror}"
        elif isinstance(error, HTTPError):
            code, message = "request_invalid", self._reason
        self.answer({"error": {"code": code, "message": message}})

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Give errors of the recorder their status."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refused):
            status_code = error.status
        super().send_error(status_code, **kwargs)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log errors, but not those that are answered by a reason."""
        if not isinstance(value, Refused):
            super().log_exception(typ, value, tb)

    def answer(self, value: Any) -> None:
        """Finish with a JSON body."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(value, ensure_ascii=False))

    async def in_thread(self, function: Callable[..., Value], *arguments: Any) -> Value:
        """Run a function that touches the disk, one at a time."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.application.thread, function, *arguments)


class _Page(_Handler):
    """The files of the page."""

    def get(self, name: str) -> None:
        """Send a file of the page; they are in memory."""
        self.admit()
        name = name or "index.html"
        if name not in self.application.page:
            raise HTTPError(404)
        self.set_header("Content-Type", _TYPES[name])
        self.finish(self.application.page[name])


class _Interface(_Handler):
    """Base of the handlers that need the token."""

    def check(self) -> None:
        """Check the sender and the token.

        Raises:
            Refused: they are wrong.

        """
        super().check()
        given = self.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.application.token.encode()):
            raise Refused("token_invalid", "open the address that the recorder has printed", 403)

    def known(self, name: str) -> str:
        """Return the id of a prompt.

        Raises:
            Refused: there is no such prompt.

        """
        if name not in self.application.recording.prompts:
            raise Refused("prompt_unknown", "there is no such sentence", 404)
        return name


class _State(_Interface):
    async def get(self) -> None:
        """Answer all prompts, with the number of their takes."""
        self.admit()
        recording = self.application.recording
        prompts = await self.in_thread(recording.state)
        seconds = await self.in_thread(recording.kept_seconds)
        self.answer({"prompts": prompts, "seconds": seconds, "longest": LONGEST})


class _Takes(_Interface):
    largest_body = LARGEST

    async def post(self, name: str) -> None:
        """Store a take: the body has its samples, as little-endian floats of 32 bits."""
        body = self.admit()
        self.known(name)
        rate = self.get_query_argument("rate", "")
        if not re.fullmatch(r"[0-9]{1,6}", rate, re.ASCII):
            raise Refused("rate_invalid", "rate must be the number of samples a second")
        if len(body) % _BYTES:
            raise Refused("samples_invalid", "the body must have samples of four bytes each")
        samples = np.frombuffer(body, "<f4")
        recording = self.application.recording
        self.answer(await self.in_thread(recording.add, name, samples, int(rate)))


class _Kept(_Interface):
    async def get(self, name: str) -> None:
        """Send the chosen take."""
        self.admit()
        await _send_sound(self, self.known(name), None)

    async def put(self, name: str) -> None:
        """Choose a take: the body is ``{"take": NUMBER}``."""
        body = self.admit()
        self.known(name)
        try:
            number = json.loads(body)["take"]
        except (ValueError, KeyError, TypeError, RecursionError):
            number = None
        if type(number) is not int:
            raise Refused("take_invalid", 'the body must be {"take": NUMBER}')
        await self.in_thread(self.application.recording.keep, name, number)
        seconds = await self.in_thread(self.application.recording.kept_seconds)
        self.answer({"kept": number, "seconds": seconds})


class _Take(_Interface):
    async def get(self, name: str, number: str) -> None:
        """Send a take."""
        self.admit()
        await _send_sound(self, self.known(name), int(number))


async def _send_sound(handler: _Interface, name: str, number: int | None) -> None:
    content = await handler.in_thread(handler.application.recording.sound, name, number)
    handler.set_header("Content-Type", "audio/wav")
    handler.finish(content)


class _Unknown(_Handler):
    def answer_unknown(self, *_: str) -> None:
        """Answer that there is no such path."""
        raise HTTPError(404)

    get = post = put = delete = answer_unknown


class Recorder(Application):
    """The recorder's page and interface for one folder."""

    def __init__(self, recording: Recording, token: str) -> None:
        """Serve the takes of ``recording`` to the page that knows ``token``."""
        name = r"([A-Za-z0-9_-]{1,64})"
        super().__init__(
            [
                (r"/api/prompts", _State),
                (rf"/api/prompts/{name}/takes", _Takes),
                (rf"/api/prompts/{name}/takes/([0-9]{{1,4}})", _Take),
                (rf"/api/prompts/{name}/kept", _Kept),
                (r"/([a-z.]*)", _Page),
            ],
            default_handler_class=_Unknown,
            log_function=_log,
        )
        self.recording = recording
        self.token = token
        self.hosts: frozenset[str] = frozenset()
        self.page = {name: (_PAGE / name).read_bytes() for name in _TYPES}
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="takes")

    def start(self, port: int) -> str:
        """Listen on ``port`` of this machine, 0 for a free one; return the page's address.

        Raises:
            OSError: the port is taken.

        """
        sockets = bind_sockets(port, ADDRESS)
        port = sockets[0].getsockname()[1]
        self.hosts = frozenset({f"{ADDRESS}:{port}", f"localhost:{port}"})
        # The handlers have limits of their own, whose answers give the reason.
        server = HTTPServer(self, max_body_size=2**40)
        server.add_sockets(sockets)
        return f"http://{ADDRESS}:{port}/#{self.token}"


def _log(handler: RequestHandler) -> None:
    """Log nothing of a request; a failed one has logged its exception."""
    _ = handler
