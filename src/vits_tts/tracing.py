"""Traces: one span for each stage of a request, by OpenTelemetry, which is an optional extra.

Where tracing is off a stage costs one call that does nothing. Context comes and goes as W3C Trace
Context has it (https://www.w3.org/TR/trace-context/). Of what is said nothing is told, only how
long it is.
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
    """What a stage may say of itself."""

    def set_attributes(self, attributes: Mapping[str, Value]) -> None:
        """Say something."""

    def add_event(self, name: str) -> None:
        """Say that something happened now."""


class _Silent:
    """The span of a process that traces nothing."""

    def set_attributes(self, attributes: Mapping[str, Value]) -> None:
        """Forget it."""

    def add_event(self, name: str) -> None:
        """Forget it."""


_SILENT: Final = _Silent()
_tracer: "Tracer | None" = None


def check(settings: Tracing) -> None:
    """Refuse to trace without what it takes.

    Raises:
        ConfigError: the extra is not installed.

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
    """Begin to trace, if the settings say so; call it in the process that will speak.

    Spans go to a collector as OTLP over HTTP, from a thread and in batches; one that does not
    answer costs spans and log lines, nothing else. What the settings leave open, OpenTelemetry's
    own environment variables say.

    Raises:
        ConfigError: the extra is not installed.

    """
    global _tracer  # noqa: PLW0603  # as with the logs and the metrics, a process has one
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
    """Trace a stage of the request that is under way."""
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
    """The span of one request; the stages that its task goes through are its children."""

    def __init__(self, method: str, route: str, headers: Mapping[str, str]) -> None:
        """Begin it, as a part of the trace that the caller's headers name, if they do."""
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
        # For the rest of the request's own task, with which it goes: nothing to detach.
        context.attach(trace.set_span_in_context(self._span))
        answered: dict[str, str] = {}
        propagator.inject(answered)
        self.traceparent = answered.get("traceparent", "")
        self.trace_id = trace.format_trace_id(self._span.get_span_context().trace_id)

    def end(self, status: int, attributes: Mapping[str, Value]) -> None:
        """End it, with the answer's status."""
        if self._span is None:
            return
        self._span.set_attributes({"http.response.status_code": status, **attributes})
        if status >= _FAULTS:
            from opentelemetry.trace import StatusCode  # noqa: PLC0415

            self._span.set_status(StatusCode.ERROR)
        self._span.end()
