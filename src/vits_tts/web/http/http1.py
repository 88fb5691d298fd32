"""A parser of HTTP/1.1 requests (RFC 9112): heads, bodies, and their ends.

tornado has a parser too, but a few bytes can cost it much time. It searches a whole head again for
each packet of it, and parses any number of header lines. It also refuses chunk extensions and
trailers. This parser searches each byte of a head once, and counts the lines before it parses them.

A request that two servers could understand differently is refused, because an attacker could hide
a second request in it (request smuggling). Examples are line ends without CR, folded lines, and a
Content-Length beside chunks.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine, parse_request_start_line
from tornado.iostream import IOStream

from vits_tts.errors import HeadTooLarge, RequestError, TargetTooLong

MAX_HEADER_LINES: Final = 200
READ_BYTES: Final = 16 * 1024
_MAX_EMPTY_LINES: Final = 8
"""Empty lines that are skipped before a request; RFC 9112, section 2.2, recommends at least one."""
_DELIVERED_BYTES: Final = 64 * 1024
_YIELD_BYTES: Final = 256 * 1024
"""Bytes of a body after which other tasks may run; each chunk counts as ``_CHUNK_COST`` more."""
_CHUNK_COST: Final = 1024
_MAX_CHUNK_LINE: Final = 1024
_CHUNK_ENDS: Final = 4
"""Bytes of the two line ends of a chunk: after its size and after its data."""
_MAX_OVERHEAD: Final = 64 * 1024
"""Bytes of chunk sizes, extensions and trailers that a body may have in addition to its data."""
_LENGTH_DIGITS: Final = 15
"""A longer number stands for any number that is too large, and is not converted."""

_TOKEN: Final = frozenset(
    b"!#$%&'*+-.^_`|~0123456789" + bytes(range(65, 91)) + bytes(range(97, 123))
)
_DIGITS: Final = re.compile(r"[0-9]+")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_ENDLESS_PORT: Final = re.compile(r":\d{4000,}$")
_ABSOLUTE: Final = re.compile(r"https?://([^/?#@]+)([/?].*)?", re.IGNORECASE)

Deliver: TypeAlias = Callable[[bytes], Awaitable[None]]


class Incoming:
    """Reads requests from a stream, and holds the bytes that arrived beyond the current part."""

    def __init__(self, stream: IOStream) -> None:
        """Read from ``stream``; no other code may read from it until :meth:`take`."""
        self._stream = stream
        self._held = bytearray()

    def __len__(self) -> int:
        """Return the number of held bytes."""
        return len(self._held)

    def take(self) -> bytes:
        """Remove and return the held bytes, for the code that reads the stream from now on."""
        held = bytes(self._held)
        self._held.clear()
        return held

    async def head(self, limit: int, begun: Callable[[], None]) -> bytes:
        """Return the next head, of at most ``limit`` bytes, without the empty line at its end.

        ``begun`` is called after each part, if the head arrives in parts.

        Raises:
            RequestError: the bytes are not the head of a request, or it is too large.
            StreamClosedError: the client has disconnected.

        """
        held = self._held
        # Invariants: no "\r\n\r\n" begins before `searched`, and `lines` is the number of "\n"
        # before `counted`. So each byte is searched and counted once, however small the packets
        # are, and a client cannot make the work grow with the square of the head's size.
        searched = lines = counted = empty = 0
        while True:
            while held.startswith(b"\r\n"):
                del held[:2]
                searched = counted = lines = 0
                empty += 1
            end = held.find(b"\r\n\r\n", searched)
            if 0 <= end <= limit:
                head = bytes(held[:end])
                del held[: end + 4]
                return head
            if held or empty:
                begun()
            lines += held.count(b"\n", counted)
            counted = len(held)
            self._check(searched, lines, limit)
            if empty > _MAX_EMPTY_LINES:
                raise RequestError("there are too many empty lines before the request")
            searched = max(0, counted - 3)  # up to three bytes of "\r\n\r\n" may be here already
            held += await self._more(READ_BYTES)

    def _check(self, searched: int, lines: int, limit: int) -> None:
        """Check the part of a head that has arrived, so that an invalid one is refused early.

        Raises:
            RequestError: no valid head begins like this.

        """
        held = self._held
        if not held or held == b"\r":
            return
        if held[0] not in _TOKEN:
            raise RequestError("this is not HTTP")  # for example the first bytes of TLS
        if lines > MAX_HEADER_LINES + 1:
            raise _too_many_lines()
        if held.find(b"\n\n", searched) >= 0:
            raise _bare_line_end()
        if len(held) > limit:
            if not 0 <= held.find(b"\n") <= limit:  # the first line exceeds the limit
                raise TargetTooLong(f"the request line is longer than {limit} bytes")
            raise HeadTooLarge(f"the head of the request is larger than {limit} bytes")

    async def body(self, length: int | None, deliver: Deliver) -> None:
        """Read a body and deliver it in parts; its length is in bytes, or None if it has chunks.

        Raises:
            RequestError: a chunk is invalid.
            StreamClosedError: the client has disconnected.

        """
        work = _Turns()
        if length is not None:
            await self._fixed(length, deliver, work)
        else:
            await self._chunks(_Gathered(deliver), work)

    async def forget(self) -> None:
        """Read and discard all bytes until the connection is closed.

        Raises:
            StreamClosedError: always, when it is closed.

        """
        work = _Turns()
        self._held.clear()
        while True:
            await work.done(len(await self._more(_DELIVERED_BYTES)))

    async def _fixed(self, left: int, deliver: Deliver, work: "_Turns") -> None:
        """Read exactly ``left`` bytes and deliver them."""
        while left:
            most = min(left, _DELIVERED_BYTES)
            if self._held:
                part = bytes(self._held[:most])
                del self._held[:most]
            else:
                part = await self._more(most)
            left -= len(part)
            await deliver(part)
            await work.done(len(part))

    async def _chunks(self, gathered: "_Gathered", work: "_Turns") -> None:
        """Read a body in chunks, and its trailers, and deliver the data (RFC 9112, section 7.1)."""
        # The number of bytes of chunk lines that may still come. Each byte of data allows one more,
        # so a body of many tiny chunks is refused: it costs much time for little data.
        allowed = _MAX_OVERHEAD
        while True:
            line = await self._line(gathered)
            if not (match := _CHUNK.fullmatch(line)):
                raise RequestError("the body has a chunk with an invalid size")
            size = int(match[1], 16)
            allowed += size - len(line) - _CHUNK_ENDS
            if allowed < 0:
                raise RequestError("the body is sent in too many small chunks")
            if not size:
                break
            await self._fixed(size, gathered.add, work)
            if await self._line(gathered):
                raise RequestError("the body has a chunk that is longer than its size")
            await work.done(_CHUNK_COST)
        for _ in range(MAX_HEADER_LINES + 1):
            line = await self._line(gathered)  # a trailer, which is ignored
            if not line:
                await gathered.flush()
                return
            if not _TRAILER.fullmatch(line):
                raise RequestError("the body has an invalid trailer")
        raise _too_many_lines()

    async def _line(self, gathered: "_Gathered") -> bytes:
        """Return the next line of a chunked body, without its end."""
        searched = 0
        while (end := self._held.find(b"\r\n", searched)) < 0:
            searched = max(0, len(self._held) - 1)
            if searched > _MAX_CHUNK_LINE:
                break
            await gathered.flush()  # deliver before waiting, which may take long
            self._held += await self._more(READ_BYTES)
        if not 0 <= end <= _MAX_CHUNK_LINE:
            raise RequestError("the body has a line that is too long")
        line = bytes(self._held[:end])
        del self._held[: end + 2]
        return line

    async def _more(self, most: int) -> bytes:
        return await self._stream.read_bytes(most, partial=True)


class _Turns:
    """Lets other tasks run while a body arrives faster than it is processed."""

    def __init__(self) -> None:
        self._work = 0

    async def done(self, cost: int) -> None:
        """Count ``cost`` bytes of work, and let other tasks run after every ``_YIELD_BYTES``."""
        self._work += cost
        if self._work >= _YIELD_BYTES:
            self._work = 0
            await asyncio.sleep(0)


class _Gathered:
    """Joins small chunks before it delivers them, so that many cost little more than one large."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._bytes = bytearray()

    async def add(self, data: bytes) -> None:
        """Append ``data``; deliver all once there are ``_DELIVERED_BYTES``."""
        self._bytes += data
        if len(self._bytes) >= _DELIVERED_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Deliver the collected bytes, if there are any."""
        if self._bytes:
            data = bytes(self._bytes)
            self._bytes.clear()
            await self._deliver(data)


def parsed(head: bytes) -> tuple[RequestStartLine, HTTPHeaders]:
    """Return the request line and the headers of a head.

    A target in absolute form (RFC 9112, section 3.2.2) is returned in origin form, and its host
    replaces the header ``Host``.

    Raises:
        RequestError: the request line or a header is invalid.

    """
    lines = head.count(b"\n")
    if lines > MAX_HEADER_LINES:
        raise _too_many_lines()
    if lines != head.count(b"\r\n"):
        raise _bare_line_end()
    if b"\r\n " in head or b"\r\n\t" in head:  # tornado would join such lines
        raise RequestError("the head has folded lines, which are not allowed")
    first, _, rest = head.decode("latin-1").partition("\r\n")
    try:
        start_line = parse_request_start_line(first)
        headers = HTTPHeaders.parse(rest)
    except HTTPInputError:
        raise RequestError("the head of the request is invalid") from None
    if start_line.path[0] != "/":
        start_line = _in_origin_form(start_line, headers)
    # tornado converts the port to a number. For thousands of digits Python raises an error there.
    if _ENDLESS_PORT.search(headers.get("Host", "")):
        raise RequestError("the host has a port that is too large")
    return start_line, headers


def _in_origin_form(start_line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
    """Return the request line with ``/path`` for ``http://host/path``; put the host into headers.

    Other targets are returned unchanged.
    """
    target = _ABSOLUTE.fullmatch(start_line.path)
    if not target or start_line.method == "CONNECT":
        return start_line
    if "," not in headers.get("Host", ","):  # with no or several hosts the request is refused later
        headers["Host"] = target[1]
    path = target[2] or "/"
    return start_line._replace(path=path if path[0] == "/" else f"/{path}")


def body_length(start_line: RequestStartLine, headers: HTTPHeaders) -> int | None:
    """Return the length of the body in bytes; None if it is sent in chunks.

    Raises:
        RequestError: the headers are invalid or contradict each other.

    """
    if "Transfer-Encoding" in headers:
        chunked = headers["Transfer-Encoding"].lower() == "chunked"
        if not chunked or "Content-Length" in headers or start_line.version == "HTTP/1.0":
            raise RequestError("the length of the body is not clear: Transfer-Encoding")
        return None
    if "Content-Length" not in headers:
        return 0
    lengths = {length.strip(" \t") for length in headers["Content-Length"].split(",")}
    length = lengths.pop()
    if lengths or not _DIGITS.fullmatch(length):
        raise RequestError("the length of the body is not clear: Content-Length")
    headers["Content-Length"] = length
    return int(length) if len(length) <= _LENGTH_DIGITS else 10**_LENGTH_DIGITS


def _bare_line_end() -> RequestError:
    return RequestError("the lines of a request must end with CR LF")


def _too_many_lines() -> HeadTooLarge:
    return HeadTooLarge(f"the request has more than {MAX_HEADER_LINES} header lines")
