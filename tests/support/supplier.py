"""A web server that offers voices, and that can fail like real servers."""

import hashlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_BLOCK = 4096


@dataclass
class Fault:
    """A failure of one request of a file.

    Only ``sent`` bytes of the body are sent. Then the connection is closed, or stays open and
    silent if ``stall`` is set. ``status`` is answered in place of the file; ``flip`` damages a
    byte.
    """

    sent: int | None = None
    stall: bool = False
    drip: bool = False
    status: int | None = None
    location: str | None = None
    flip: bool = False


@dataclass
class Request:
    """A request: its path, its headers, and how many bytes of body were sent in answer."""

    path: str
    range: str | None
    if_range: str | None
    authorization: str | None = None
    status: int = 0
    sent: int = 0


@dataclass
class Supplier:
    """The files that are served, by path, their faults, and the requests for them."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    ranges: bool = True
    etags: bool = True
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def catalogue(self) -> dict[str, Any]:
        """The content of the catalogue."""
        content: dict[str, Any] = json.loads(self.files["voices.json"])
        return content

    def say(self, catalogue: dict[str, Any]) -> None:
        """Change the content of the catalogue."""
        self.files["voices.json"] = json.dumps(catalogue).encode()

    def offer(self, model: Path, key: str, licence: str = "CC0", digest: str = "md5") -> str:
        """Offer a voice of the test's; return the model's path."""
        folder = f"vi/vi_VN/{key}"
        card = f"# Model card\n\n* Language: vi_VN\n\n## Dataset\n\n* License: {licence}\n"
        manifest = model.with_name(f"{model.name}.json").read_bytes()
        contents = {
            f"{folder}/{key}.onnx": model.read_bytes(),
            f"{folder}/{key}.onnx.json": manifest,
            f"{folder}/MODEL_CARD": card.encode(),
        }
        self.files |= contents
        name = "sha256" if digest == "sha256" else "md5_digest"
        entry = {
            "key": key,
            "name": key,
            "language": {"code": "vi_VN", "family": "vi", "name_english": "Vietnamese"},
            "quality": "x_low",
            "num_speakers": 2,
            "speaker_id_map": {"lan": 0, "minh": 1},
            "files": {
                path: {"size_bytes": len(body), name: hashlib.new(digest, body).hexdigest()}
                for path, body in contents.items()
            },
            "aliases": [f"old-{key}"],
        }
        listed = self.catalogue if "voices.json" in self.files else {}
        self.say({**listed, key: entry})
        return f"{folder}/{key}.onnx"

    def fail(self, path: str, *faults: Fault) -> None:
        """Let the next requests of a file fail, one for each fault; later ones succeed."""
        self.faults[path] = deque(faults)

    def asked(self, path: str) -> list[Request]:
        """Return the requests of a file so far."""
        return [request for request in self.requests if request.path == path]


@contextmanager
def supplying() -> Iterator[Supplier]:
    """Run a server on a free port."""
    supplier = Supplier()

    class Handler(_Handler):
        supply = supplier

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        supplier.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield supplier
        finally:
            supplier.ended.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    supply: Supplier

    def do_GET(self) -> None:
        """Answer a request, with its fault if it has one."""
        path = urlsplit(self.path).path.lstrip("/")  # a proxy is asked for a whole URL
        faults = self.supply.faults.get(path)
        fault = faults.popleft() if faults else Fault()
        said = self.headers
        request = Request(path, said["Range"], said["If-Range"], said["Authorization"])
        self.supply.requests.append(request)
        body = self.supply.files.get(path)
        if fault.status or body is None:
            request.status = fault.status or 404
            self.send_response(request.status)
            if fault.location:
                self.send_header("Location", fault.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault.flip:
            body = body[:-1] + bytes([body[-1] ^ 1])
        self._send(body, fault, request)

    def _send(self, body: bytes, fault: Fault, request: Request) -> None:
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        start = 0
        same = self.supply.etags and request.if_range == etag
        if request.range and self.supply.ranges and same:
            start = int(request.range.removeprefix("bytes=").removesuffix("-"))
            request.status = 206
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            request.status = 200
            self.send_response(200)
        if self.supply.etags:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        part = body[start : None if fault.sent is None else start + fault.sent]
        for begin in range(0, len(part), 1 if fault.drip else _BLOCK):
            block = part[begin : begin + (1 if fault.drip else _BLOCK)]
            try:
                self.wfile.write(block)
            except OSError:
                return
            request.sent += len(block)
            if fault.drip and self.supply.ended.wait(0.02):
                return
        if fault.stall:
            self.supply.ended.wait(30)

    def log_message(self, *_: object) -> None:
        """Print nothing."""
