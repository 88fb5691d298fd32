"""Traces: the spans of a request that a collector gets from the real exporter."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import Starter
from tests.support.server import ended

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SAID = "Câu này không nên có trong vết."


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP, and stores the spans."""

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Intake)
        self.spans: list[Any] = []
        self.received = b""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The URL to which spans are sent."""
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def of(self, trace: str) -> dict[str, Any]:
        """Return the spans of a trace by name."""
        return {span.name: span for span in self.spans if span.trace_id.hex() == trace}


class _Intake(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        sent = ExportTraceServiceRequest.FromString(data)
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.server.received += data
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a collector of traces."""
    with Collector() as running:
        yield running
        running.shutdown()


def attributes(span: Any) -> dict[str, object]:
    """Return the attributes of a span."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes
    }


def test_a_request_and_its_stages(start: Starter, collector: Collector) -> None:
    """The client's trace continues here; each stage is a span; the server's end sends all."""
    with start({"tracing": {"enabled": True, "endpoint": collector.url}}) as server:
        carried = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        answer = httpx.get(f"{server.url}/tts/stream", params={"text": SAID}, headers=carried)
        line = server.wait_for("request", route="stream")[0]
        own = httpx.get(f"{server.url}/tts/stream", params={"text": SAID})
        refused = httpx.get(f"{server.url}/tts/stream", params={"speed": "x"})
        assert server.stop() == 0
    spans = collector.of(TRACE)
    request = spans["GET stream"]
    assert set(spans) == {"GET stream", "read text", "synthesise"}
    assert request.parent_span_id.hex() == PARENT
    assert {spans[name].parent_span_id for name in ("read text", "synthesise")} == {request.span_id}
    assert all(request.start_time_unix_nano <= span.start_time_unix_nano for span in spans.values())
    assert answer.headers["traceparent"] == f"00-{TRACE}-{request.span_id.hex()}-01"
    assert line["trace_id"] == TRACE
    said = attributes(request)
    assert said["http.response.status_code"] == 200
    assert said["vits_tts.audio_seconds"] == pytest.approx(line["audio_seconds"], abs=0.01)
    assert spans["synthesise"].events[0].name == "window"
    # Cached sentences are not made, and a trace that began here has an id of its own.
    _, other, parent, _ = own.headers["traceparent"].split("-")
    assert other != TRACE
    assert {name: span.span_id.hex() for name, span in collector.of(other).items()} == {
        "GET stream": parent
    }
    error = collector.of(refused.headers["traceparent"].split("-")[1])["GET stream"]
    assert attributes(error)["http.response.status_code"] == 400
    assert "không".encode() not in collector.received


def test_a_collector_that_is_not_there(start: Starter) -> None:
    """Without its collector the server speaks, and the log says that spans are lost."""
    gone = {"enabled": True, "endpoint": "http://127.0.0.1:9/v1/traces"}
    with start({"tracing": gone}, pair=True) as server:
        assert httpx.get(f"{server.url}/tts/stream?text=xin").status_code == 200
        assert server.stop() == 0
        assert any("export" in str(line["message"]).lower() for line in server.lines())


def test_off_says_nothing(client: httpx.Client) -> None:
    """Without tracing, answers have no trace header."""
    carried = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    assert "traceparent" not in client.get("/voices", headers=carried).headers


def test_the_extra_is_missing(tmp_path: Path) -> None:
    """A start without the packages for tracing is refused in one line that names them."""
    (tmp_path / "config.yaml").write_text("tracing: {enabled: true}")
    program = (
        "import runpy, sys; sys.modules['opentelemetry'] = None; sys.argv[1:] = ['serve']; "
        "runpy.run_module('vits_tts', run_name='__main__')"
    )
    done = ended([sys.executable, "-c", program], tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("needs an extra; install vits-tts-vietnamese[opentelemetry]")
