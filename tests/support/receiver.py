"""A server that receives results, as callers of asynchronous interfaces run it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Store the requests that are posted; the first answers are ``statuses``, then 200."""

    def __init__(self, statuses: list[int]) -> None:
        """Listen on a free port of the loopback interface."""
        self.posted: list[Any] = []
        self.paths: list[str] = []
        self.arrived = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = statuses.pop(0) if statuses else 200
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.paths.append(self.path)
                receiver.posted.append(json.loads(body))
                if status == 200:
                    receiver.arrived.set()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def wait(self) -> Any:
        """Wait until a request was accepted, and return the latest one."""
        assert self.arrived.wait(60), self.posted
        return self.posted[-1]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """Run a receiver whose first answers are ``statuses``."""
    receiver = Receiver(list(statuses))
    try:
        yield receiver
    finally:
        receiver.close()
