"""An HTTP client over urllib3 whose requests can be aborted from another thread."""

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable, Mapping
from http import HTTPMethod
from typing import Any

import urllib3

from vits_tts.catalogue.sources import pool_manager


class Calls:
    """Sends requests to one server.

    Redirects are not followed, because the API key must not be sent to another server.
    """

    def __init__(self, url: str) -> None:
        """Create a client for the server at ``url``; it opens no connection yet."""
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._ended = False
        self._manager = pool_manager(url)
        pool = self._manager.connection_from_url(url)
        pool.ConnectionCls = _reporting(pool.ConnectionCls, self._note)

    def open(
        self, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and return the response, of any status, as soon as its head has arrived.

        The method is POST if there is a ``body``, else GET. ``seconds`` is the longest time
        without data from the server.

        Raises:
            OSError, urllib3.exceptions.HTTPError: The connection failed.

        """
        return self._manager.request(
            HTTPMethod.GET if body is None else HTTPMethod.POST,
            url,
            body=body,
            headers=headers,
            timeout=seconds,
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def end(self) -> None:
        """Close all connections, now and in the future, so that waiting threads fail at once."""
        with self._lock:
            self._ended = True
            sockets = list(self._sockets)
        for connected in sockets:
            _hang_up(connected)

    def _note(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.add(connected)
            ended = self._ended
        if ended:
            _hang_up(connected)


def _hang_up(connected: socket.socket) -> None:
    """Shut a socket down, which wakes a thread that reads from it; closing would not."""
    with contextlib.suppress(OSError):
        # The method of a TLS socket would also free objects that the reader is using.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _reporting(kind: type[Any], note: Callable[[socket.socket], None]) -> type[Any]:
    """Return a class of connections that pass their socket to ``note`` once they have one.

    In urllib3 another thread can shut a response down, but it cannot end the wait for a response.
    """

    def connect(self: Any) -> None:
        kind.connect(self)
        note(self.sock)

    return type(kind.__name__, (kind,), {"connect": connect})
