"""Plain connections to a server: raw bytes in both directions."""

import contextlib
import re
import socket

from tests.support.server import Reachable

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def connect(
    server: Reachable, *, source: str = "", port: int | None = None, receives: int | None = None
) -> socket.socket:
    """Return a connection, from the address ``source`` if it is given.

    ``receives`` is about how many bytes our kernel buffers before they are read.
    """
    host, own = server.url.rpartition("/")[2].split(":")
    connection = socket.socket()
    if receives:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    if source:
        connection.bind((source, 0))
    connection.settimeout(30)
    connection.connect((host, port or int(own)))
    return connection


def request(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """Return a request without a body."""
    lines = [f"{method} {path} HTTP/{version}", "Host: x", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


LAST = request("/healthz", "Connection: close")
"""A request after which the connection is closed."""


def received(connection: socket.socket) -> bytes:
    """Return all bytes until the other end closes, or resets, the connection."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            answer += data
    return answer


def answer_to(server: Reachable, sent: bytes) -> bytes:
    """Send bytes over a new connection; return the whole answer."""
    with connect(server) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        return received(connection)


def statuses(answer: bytes) -> list[int]:
    """Return the status of each response in a stream of them."""
    return [int(status) for status in _STATUS.findall(answer)]


def closed(connection: socket.socket) -> bool:
    """Return whether the other end has closed a connection that is otherwise silent."""
    connection.settimeout(0.001)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    finally:
        connection.settimeout(30)
