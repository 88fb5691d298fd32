"""OpenTelemetry traces, with one span for each stage of a request. They need an optional extra.

If tracing is off, a stage costs one call that does nothing. Trace context is received and sent as
W3C Trace Context (https://www.w3.org/TR/trace-context/). Spans never contain texts.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from vits_tts.config import Tracing
from vits_tts.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Value: TypeAlias = str | bool | int | float

_PACKAGE: Final = "vits-tts-vietnamese"
_NEEDED: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_EXPORT_SECONDS: Final = 2.0
_FAULTS: Final = 500


class Span(Protocol):
    """The span of a stage."""

    def set_attributes(self, attributes: Mapping[str, Value]) -> None:
        """Set attributes by name."""

    def add_event(self, name: str) -> None:
        """Add an event at the present time."""


class _Silent:
    """A span that records nothing, for when tracing is off."""

    def set_attributes(self, attributes: Mapping[str, Value]) -> None:
        """Ignore the attributes."""

    def add_event(self, name: str) -> None:
        """Ignore the event."""


_SILENT: Final = _Silent()
_tracer: "Tracer | None" = None


def check(settings: Tracing) -> None:
    """Check that the packages for tracing are installed, if tracing is on.

    Raises:
        ConfigError: The extra is not installed.

    """
    if not settings.enabled:
        return
    try:
        there = all(map(find_spec, _NEEDED))
    except ModuleNotFoundError:
        there = False
    if not there:
        raise ConfigError(f"tracing.enabled: needs an extra; install {_PACKAGE}[opentelemetry]")


def configure(settings: Tracing) -> None:
    """Start tracing if the settings say so; call it in each worker, after the fork.

    A thread sends spans in batches to a collector, as OTLP over HTTP. If the collector does not
    answer, spans are lost and a line is logged. OpenTelemetry's environment variables apply where
    the settings have no value.

    Raises:
        ConfigError: The extra is not installed.

    """
    global _tracer  # noqa: PLW0603  # one for each process, as for logs and metrics
    if not settings.enabled:
        _tracer = None
        return
    check(settings)
    from opentelemetry.exporter.otlp.proto.http import trace_exporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": "vits-tts", "service.version": version(_PACKAGE)})
    )
    exporter = trace_exporter.OTLPSpanExporter(settings.endpoint, timeout=_EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer(_PACKAGE)


@contextmanager
def stage(name: str, **attributes: Value) -> Iterator[Span]:
    """Record a span for a stage of the present request, and yield it."""
    if _tracer is None:
        yield _SILENT
        return
    span = _tracer.start_span(name, attributes=attributes)
    try:
        yield span
    except Exception as error:
        span.set_attributes({"error.type": type(error).__name__})
        raise
    finally:
        span.end()


class RequestSpan:
    """The span of one request; spans of its stages are its children."""

    def __init__(self, method: str, route: str, headers: Mapping[str, str]) -> None:
        """Start the span, as a child of the client's ``traceparent`` header if there is one."""
        self.trace_id = self.traceparent = ""
        self._span = None
        if _tracer is None:
            return
        from opentelemetry import context, trace  # noqa: PLC0415
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

        propagator = tracecontext.TraceContextTextMapPropagator()
        carried = {name.lower(): value for name, value in headers.items()}
        self._span = _tracer.start_span(
            f"{method} {route}",
            context=propagator.extract(carried),
            kind=trace.SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
        )
        # The context ends with the task of the request, so it need not be detached.
        context.attach(trace.set_span_in_context(self._span))
        answered: dict[str, str] = {}
        propagator.inject(answered)
        self.traceparent = answered.get("traceparent", "")
        self.trace_id = trace.format_trace_id(self._span.get_span_context().trace_id)

    def end(self, status: int, attributes: Mapping[str, Value]) -> None:
        """End the span with the status of the response and further attributes."""
        if self._span is None:
            return
        self._span.set_attributes({"http.response.status_code": status, **attributes})
        if status >= _FAULTS:
            from opentelemetry.trace import StatusCode  # noqa: PLC0415

            self._span.set_status(StatusCode.ERROR)
        self._span.end()
