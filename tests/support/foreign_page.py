"""A web server of a foreign origin, which answers every request with an empty page."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _EmptyPage(BaseHTTPRequestHandler):
    """Answer every request with an empty page."""

    def do_GET(self) -> None:
        """Send the empty page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><body></body>")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def foreign_page() -> Iterator[int]:
    """Run the server, which answers under every name; yield its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
