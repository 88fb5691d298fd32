"""Settings of the server: address, access, limits, OpenAI's names, log and traces."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

from pydantic import ByteSize, Field, ValidationInfo, field_serializer, field_validator

from vits_tts.config.types import (
    Count,
    Hosts,
    HttpUrl,
    Networks,
    Origins,
    Seconds,
    Section,
    Strings,
)
from vits_tts.cores import available_cores

KEY_ENTRY: Final = re.compile(r"([A-Za-z0-9_.-]{1,64}):([0-9a-f]{64})")
"""An entry of ``access.keys``: the name of a key, and its SHA-256."""


class Server(Section):
    """Settings of HTTP: address, connections, request sizes, proxies, TLS."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(8888, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: Count | Literal["auto"] = Field(
        "auto",
        description="Number of worker processes. Each loads the voices and has its own memory "
        "cache. `auto` is one for every four cores, since the threads of one process share both.",
    )
    graceful_timeout: Seconds = Field(
        30, description="Seconds after SIGTERM in which requests under way may finish."
    )
    drain_delay: float = Field(
        0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="Seconds after SIGTERM in which new connections are still accepted, while "
        "`/readyz` answers 503: as long as a load balancer needs to notice.",
    )
    keep_alive_seconds: Seconds = Field(
        75, description="Seconds after which an idle connection is closed."
    )
    cors_origins: Origins = Field(
        (),
        description="Other origins whose web pages may call the server: exact "
        "(https://app.example.vn), a pattern (https://*.example.vn), or `*` for all.",
    )
    trusted_proxies: Networks = Field(
        ("127.0.0.1/32", "::1/128"),  # type: ignore[arg-type]  # validate_default parses them
        description="Addresses or networks of proxies whose X-Forwarded-* headers are trusted.",
    )
    allowed_hosts: Hosts = Field(
        (),
        description="Accepted names in the `Host` header: speech.example.vn, or *.example.vn for "
        "all names below it. IP addresses and localhost are always accepted. If the list is empty, "
        "every name is accepted, with one exception against DNS rebinding: on a loopback address, "
        "a name with the server's own port is accepted only if it is that of `server.public_url`.",
    )
    public_url: HttpUrl | Literal["relative"] | None = Field(
        None,
        description="URL in front of the paths as clients see it, such as "
        "https://speech.example.vn; null takes it from the request and from trusted proxies. "
        "`relative`: URLs in responses begin with the path, such as /audio/….",
    )
    page: bool = Field(
        True, description="Whether a page to try the voices is served at `/`, without a key."
    )
    docs: bool = Field(
        True,
        description="Whether `/openapi.json` and `/docs` describe the interface, without a key.",
    )
    max_body_bytes: ByteSize = Field(
        ByteSize(256 * 1024), ge=1024, description="Largest body of a request."
    )
    max_text_chars: Count = Field(
        10_000,
        description="Longest text of one request, in characters. Its spoken form may have four "
        "times as many.",
    )
    max_connections: Count = Field(
        1000,
        description="Maximum connections of one process. To accept another one, it closes the "
        "connection that has waited longest for its client to send or to read.",
    )
    max_connections_per_address: Count | Literal["auto"] = Field(
        "auto",
        description="Maximum connections of one process from one address (of IPv6, the first 64 "
        "bits); `auto` is a quarter of `max_connections`. Addresses in `trusted_proxies` have no "
        "limit, since they carry the connections of many clients.",
    )
    request_seconds: Seconds = Field(
        20,
        description="Seconds that a client may take to send the head of a request, and again for "
        "its body.",
    )
    max_header_bytes: ByteSize = Field(
        ByteSize(256 * 1024),
        ge=4096,
        description="Largest head of a request, including its URL, which may contain a long text.",
    )
    max_requests: int = Field(
        0,
        ge=0,
        description="Number of requests after which a new process replaces the old one, which "
        "first finishes its streams; 0 for never.",
    )
    operations_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Separate port for health, readiness and metrics, with its own connections and "
        "without keys. `server.port` then does not serve them. null serves them on `server.port`.",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file of the certificate and its chain, for HTTPS; null for HTTP."
    )
    tls_key: Path | None = Field(
        None, description="PEM file of the private key; null if it is in the certificate's file."
    )

    @property
    def absolute_url(self) -> str | None:
        """The URL in front of the paths; None if the settings do not give one."""
        return None if self.public_url == "relative" else self.public_url

    @property
    def on_loopback(self) -> bool:
        """True if the host is a loopback address or ``localhost``; other names are not resolved."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def worker_count(self) -> int:
        """The number of worker processes."""
        return self.workers if self.workers != "auto" else max(1, available_cores() // 4)

    @property
    def connections_per_address(self) -> int:
        """The maximum number of connections of one process from one address."""
        if self.max_connections_per_address != "auto":
            return self.max_connections_per_address
        return max(1, self.max_connections // 4)


class Access(Section):
    """Settings of API keys and rate limits."""

    open: bool = Field(  # before the keys, whose validator looks at it
        False,
        description="Whether calls without a key are intended. If false and no keys are set, a "
        "server that other machines can reach logs a warning. A reload that would remove all keys "
        "and an empty environment variable for keys are refused.",
    )
    keys: Strings = Field(
        (),
        description="Accepted API keys, each as NAME:HASH (`vits-tts keys make NAME` prints it). "
        "If this list and `keys_file` are empty, calls need no key.",
    )
    keys_file: Path | None = Field(
        None,
        description="File with more keys, one on each line; # begins a comment. null for none.",
    )
    open_operations: bool = Field(
        True,
        description="Whether health, readiness and metrics need no key and have no rate limit.",
    )
    max_token_seconds: Count = Field(
        3600, description="Longest time for which a token of `/v1/tokens` is valid, in seconds."
    )
    requests_per_minute: Count | None = Field(
        None,
        description="Maximum requests in a minute with one key, or from one address if there are "
        "no keys; null for no limit. Counted in Redis if `cache.redis.url` is set, else by each "
        "process separately.",
    )
    characters_per_minute: Count | None = Field(
        None,
        description="Maximum characters of text in a minute with one key or from one address, at "
        "least `server.max_text_chars`; null for no limit.",
    )

    @field_validator("keys", "keys_file", mode="before")
    @classmethod
    def _not_emptied(cls, value: object, info: ValidationInfo) -> object:
        """Return the value; refuse an empty string unless ``access.open`` is true.

        Scripts and container engines set an empty string when the secret is missing.

        Raises:
            ValueError: The string is empty.

        """
        if not isinstance(value, str) or value.strip(" ,"):
            return value
        if not info.data.get("open"):
            raise ValueError(
                "is empty, so that clients would need no key; unset it, or set access.open to true "
                "to allow that"
            )
        return () if info.field_name == "keys" else None

    @field_serializer("keys", when_used="json")
    def _masked(self, keys: tuple[str, ...]) -> list[str]:
        """Return the entries; mask those that are not NAME:HASH, because they may be keys."""
        return [key if KEY_ENTRY.fullmatch(key) else "**********" for key in keys]


class Limits(Section):
    """Limits of the work of one process."""

    max_concurrent: Count = Field(
        64, description="Maximum speech requests under way in one process; others get 503."
    )
    max_concurrent_per_caller: Count | Literal["auto"] = Field(
        "auto",
        description="Maximum speech requests under way in one process with one key, or from one "
        "address if there are no keys; `auto` is half of `max_concurrent`. An address in "
        "`server.trusted_proxies` that sends no X-Forwarded-For has no limit.",
    )
    max_start_delay: Seconds = Field(
        2,
        description="Longest delay of the first sound, in seconds; a stream that would start later "
        "gets 503. Also the longest wait for a voice that is being loaded.",
    )
    request_cpu_seconds: Seconds = Field(
        3600,
        description="Seconds of processor time, summed over all threads, after which a request is "
        "ended. A text of `server.max_text_chars` takes up to 250 with Piper's medium voice at the "
        "slowest speed, four times as much if it has only numbers, and more on slower cores.",
    )
    slow_client_seconds: Seconds = Field(
        30,
        description="Seconds by which a client may fall behind playback, and behind a quarter of "
        "its speed, before its connection is closed.",
    )

    @property
    def concurrent_per_caller(self) -> int:
        """The maximum number of speech requests of one client under way in one process."""
        if self.max_concurrent_per_caller != "auto":
            return self.max_concurrent_per_caller
        return max(1, self.max_concurrent // 2)


class OpenAI(Section):
    """Names of models and voices that clients of OpenAI's speech API may use."""

    models: Strings = Field(
        ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
        description="Listed names of models, besides the names of voices. Other names are accepted "
        "too, unless `openai.strict_voices` is set. The parameter `voice` selects the voice; if it "
        "is left out, `model` may name one.",
    )
    voices: Mapping[str, str] = Field(
        {},
        description="The installed voice for each name that clients send: NAME or NAME/SPEAKER. "
        "Upper and lower case are equal. If this is empty, OpenAI's names (alloy, nova, …) mean "
        "the default voice. Names that are neither here nor in `/voices` are refused.",
    )
    strict_voices: bool = Field(
        False,
        description="Whether to refuse names of voices and models, also OpenAI's own, that are "
        "neither in these settings nor in `/voices`.",
    )
    open_lists: bool = Field(
        False,
        description="Whether `/v1/models`, `/v1/audio/models` and `/v1/audio/voices` need no key; "
        "Open WebUI requests them without one.",
    )


class Logging(Section):
    """Settings of the log."""

    format: Literal["json", "text"] = Field(
        "json", description="`json`, one object on each line, or `text`, for people."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is written."
    )
    file: Path | None = Field(None, description="File to log to besides stdout; null for none.")
    file_max_bytes: ByteSize = Field(
        ByteSize(16 * 1024 * 1024), ge=1024, description="Size at which the log file is rotated."
    )
    file_count: int = Field(5, ge=1, description="Number of rotated files that are kept.")
    log_text: bool = Field(
        False, description="Whether to log the first 100 characters of texts, which are private."
    )


class Tracing(Section):
    """Settings of OpenTelemetry traces, which need the extra `opentelemetry`."""

    enabled: bool = Field(False, description="Send a span for each stage of each request.")
    endpoint: str | None = Field(
        None,
        description="URL of a collector for OTLP over HTTP, such as "
        "`http://host:4318/v1/traces`; null uses the variable `OTEL_EXPORTER_OTLP_ENDPOINT`.",
    )
