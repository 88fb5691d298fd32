"""Settings of the server: where it listens, who may call, what it takes on, what it tells."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field

from vits_tts.config.values import (
    Count,
    HttpUrl,
    Networks,
    Origins,
    Seconds,
    Section,
    Strings,
)
from vits_tts.cores import available_cores


class Server(Section):
    """Where the server listens, for whom, and how much it reads."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(8888, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: Count | Literal["auto"] = Field(
        "auto",
        description="Processes. Each loads the voice and keeps a cache of its own; `auto` is one "
        "for every four cores, for threads share what processes cannot.",
    )
    graceful_timeout: Seconds = Field(
        30, description="Seconds that requests under way may still take after SIGTERM."
    )
    drain_delay: float = Field(
        0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="Seconds after SIGTERM during which new connections are still taken, while "
        "readiness says 503: as long as a load balancer needs to notice.",
    )
    keep_alive_seconds: Seconds = Field(
        75, description="Seconds after which an idle connection is closed."
    )
    cors_origins: Origins = Field(
        (),
        description="Web origins whose pages may call the server: exact "
        "(https://app.example.vn), a pattern (https://*.example.vn), or `*` for all. None by "
        "default.",
    )
    trusted_proxies: Networks = Field(
        ("127.0.0.1/32", "::1/128"),  # type: ignore[arg-type]  # validate_default parses them
        description="Addresses or networks of proxies whose X-Forwarded-* headers are believed.",
    )
    public_url: HttpUrl | None = Field(
        None,
        description="What callers see in front of the paths, such as https://speech.example.vn; "
        "null takes it from the request and from trusted proxies.",
    )
    page: bool = Field(
        True, description="Whether there is a page to try the voices on, at `/`, open to everybody."
    )
    docs: bool = Field(
        True,
        description="Whether the interface is described at `/openapi.json` and shown at `/docs`, "
        "to everybody.",
    )
    max_body_bytes: ByteSize = Field(
        ByteSize(256 * 1024), ge=1024, description="Largest request body."
    )
    max_text_chars: Count = Field(10_000, description="Longest text of one request, in characters.")
    max_connections: Count = Field(
        1000,
        description="Connections that one process holds; further ones wait until one is closed.",
    )
    request_seconds: Seconds = Field(
        20,
        description="Seconds that a caller may take to send the head of a request, and as long "
        "again for its body.",
    )
    max_header_bytes: ByteSize = Field(
        ByteSize(256 * 1024),
        ge=4096,
        description="Largest head of a request, URL included: a GET may carry a long text in it.",
    )
    max_requests: int = Field(
        0,
        ge=0,
        description="Requests after which a process is replaced by a new one, streams under way "
        "finished first; 0 for never.",
    )
    operations_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="A port of its own for health, readiness and metrics, without keys, which are "
        "then nowhere else; null leaves them on `server.port`.",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file of the certificate and its chain, for HTTPS; null for HTTP."
    )
    tls_key: Path | None = Field(
        None, description="PEM file of its private key; null if that is in the same file."
    )

    @property
    def worker_count(self) -> int:
        """How many worker processes to run."""
        return self.workers if self.workers != "auto" else max(1, available_cores() // 4)


class Access(Section):
    """Who may call, and how much."""

    keys: Strings = Field(
        (),
        description="API keys that may call, each as NAME:HASH (`vits-tts keys make NAME` prints "
        "it). Without any, here and in the file, everybody may.",
    )
    keys_file: Path | None = Field(
        None, description="A file of further ones, one a line, # before comments; null for none."
    )
    open_operations: bool = Field(
        True, description="Health, readiness and metrics need no key and are not limited."
    )
    requests_per_minute: Count | None = Field(
        None,
        description="Requests that one key, or one address where there are no keys, may make in a "
        "minute; null for any number. Counted in Redis if `cache.redis.url` is set, else by each "
        "process for itself.",
    )
    characters_per_minute: Count | None = Field(
        None,
        description="Characters of text that it may have said in a minute, no fewer than "
        "`server.max_text_chars`; null for any number.",
    )


class Limits(Section):
    """What one process takes on at once."""

    max_concurrent: Count = Field(
        64, description="Speech requests under way in one process; further ones get 503."
    )
    max_start_delay: Seconds = Field(
        2,
        description="Seconds after which sound has to start, else a listener gets 503; also how "
        "long a request waits for a voice that is being loaded.",
    )
    slow_client_seconds: Seconds = Field(
        30, description="Seconds without reading after which a slow caller is dropped."
    )


class OpenAI(Section):
    """What clients of OpenAI's speech API may call things by."""

    models: Strings = Field(
        ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
        description="Names of models that are accepted, besides those of voices; the voice is "
        "chosen by `voice`, and is the default one where that is left out.",
    )
    voices: Mapping[str, str] = Field(
        {},
        description="OpenAI's names of voices (alloy, nova, …) and which of ours: NAME or "
        "NAME/SPEAKER. Names that stand neither here nor in `/voices` are refused.",
    )


class Logging(Section):
    """What is logged, and how."""

    format: Literal["json", "text"] = Field(
        "json", description="`json`, one object a line, or `text`, for people."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important level that is written."
    )
    file: Path | None = Field(None, description="A file to log to as well; null for none.")
    file_max_bytes: ByteSize = Field(
        ByteSize(16 * 1024 * 1024), ge=1024, description="Size at which the file is rotated."
    )
    file_count: int = Field(5, ge=1, description="Rotated files that are kept.")
    log_text: bool = Field(
        False, description="Log the first 100 characters of what is said. Users' texts are private."
    )


class Tracing(Section):
    """Traces of requests, by OpenTelemetry; needs the extra `opentelemetry`."""

    enabled: bool = Field(False, description="Send a span for each stage of each request.")
    endpoint: str | None = Field(
        None,
        description="Where a collector takes OTLP over HTTP, such as `http://host:4318/v1/traces`; "
        "null for what `OTEL_EXPORTER_OTLP_ENDPOINT` says.",
    )
