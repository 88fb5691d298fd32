"""Asking a server, by ``urllib``; whoever waits for an answer can be told to hang up."""

import contextlib
import http.client
import socket
import threading
import urllib.request
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any


class Calls:
    """Requests to one server. Redirects are not followed: a key must not travel elsewhere."""

    def __init__(self) -> None:
        """Begin with none under way."""
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._ended = False
        self._opener = urllib.request.build_opener(_NoRedirects, _Handler(self._note))

    def open(self, request: urllib.request.Request, seconds: float) -> http.client.HTTPResponse:
        """Return the answer, as soon as it begins; nobody may be silent for so many seconds.

        Raises:
            OSError, HTTPException: there is none; ``HTTPError`` if it is a refusal.

        """
        answer: http.client.HTTPResponse = self._opener.open(request, timeout=seconds)
        return answer

    def end(self) -> None:
        """Hang up, on all calls under way and to come: what waits in other threads fails now."""
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
    """Shut a socket down, which wakes who reads from it; closing it would not."""
    with contextlib.suppress(OSError):
        # As TLS's own method would also drop what its reader is using.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Connection(http.client.HTTPConnection):
    """A connection that tells of its socket, which ``urllib`` keeps to itself."""

    def __init__(self, note: Callable[[socket.socket], None], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._note = note

    def connect(self) -> None:
        super().connect()
        self._note(self.sock)


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    """The same with TLS."""


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens connections that tell of their sockets, with TLS or without."""

    def __init__(self, note: Callable[[socket.socket], None]) -> None:
        super().__init__()
        self._note = note

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, self._note), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_TlsConnection, self._note), req)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none: what was answered is an error then."""
