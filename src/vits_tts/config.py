"""Settings: ``config.yaml`` and the environment, read into one frozen, validated object.

A setting has one name, ``section.name`` (``server.port``, ``cache.memory.max_bytes``), one default
and one description, all of them below and nowhere else. Its value is, first found first taken: the
environment variable ``VITS_TTS__SECTION__NAME``, the file, the default. What cannot be used stops
the start with one line that names the key, where it was set and what was expected.
"""

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    PlainSerializer,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from vits_tts.cores import available_cores
from vits_tts.errors import ConfigError

DEFAULT_FILE = Path("config.yaml")
ENVIRONMENT_PREFIX = "VITS_TTS__"
EMBEDDED_VOICE = "vi_VN-vais1000-compact"


def _listed(value: object) -> object:
    """Let an environment variable give a list as ``a,b`` as well as in JSON."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('should be a list: a, b or ["a", "b"]') from None


def _http_url(value: str) -> str:
    """Accept ``http(s)://host[:port][/prefix]`` and drop a trailing slash."""
    parts = urlsplit(value)
    plain = re.fullmatch(r"[!-~]+", value) and not (parts.query or parts.fragment)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise ValueError("should be a URL such as https://speech.example.vn")
    return value.rstrip("/")


def _origin(value: str) -> str:
    """Accept ``*`` or ``scheme://host[:port]``, where ``*`` stands for any part of the host."""
    if value != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", value):
        raise ValueError("should be an origin such as https://app.example.vn, without a path")
    return value


def _without_password(url: str) -> str:
    return re.sub(r"(//[^/@]*:)[^/@]*@", r"\1**********@", url)


def _without_passwords(urls: tuple[str, ...]) -> list[str]:
    return [_without_password(url) for url in urls]


Strings = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_listed)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_listed)
]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_listed)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Scale = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
LengthScale = Annotated[float, Field(ge=0.1, le=10, allow_inf_nan=False)]


class Section(BaseModel):
    """What every section shares: frozen, no unknown keys, no ``yes`` where a number is meant."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, data: object) -> object:
        """Read an empty section as no settings."""
        return {} if data is None else data

    @field_validator("*", mode="before")
    @classmethod
    def _no_booleans(cls, value: object, info: ValidationInfo) -> object:
        """Refuse booleans where numbers are meant, which Python would take for 0 and 1."""
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("should be no boolean")
        return value


class Text(Section):
    """How written Vietnamese is read."""

    region: Literal["north", "south"] = Field(
        "north",
        description="Whose words numbers are read with: `north` says linh, nghìn, hai mươi tư; "
        "`south` says lẻ, ngàn, hai mươi bốn.",
    )
    emoji: Literal["drop", "read"] = Field(
        "drop", description="Whether emoji are left out or read by their names."
    )
    lexicon: Paths = Field(
        (),
        description="YAML files of words and how they are said (`Zalo: da lô`; a key between "
        "slashes is a regular expression). Read again when they change.",
    )


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


class Speeds(Section):
    """What the named speeds mean, as `length_scale`: 2 takes twice as long."""

    very_slow: LengthScale = Field(1.5, description="`length_scale` of `very_slow`.")
    slow: LengthScale = Field(1.2, description="`length_scale` of `slow`.")
    normal: LengthScale = Field(1.0, description="`length_scale` of `normal`.")
    fast: LengthScale = Field(0.6, description="`length_scale` of `fast`.")
    very_fast: LengthScale = Field(0.4, description="`length_scale` of `very_fast`.")


class Catalogue(Section):
    """Where `vits-tts voices` installs voices from."""

    urls: Annotated[Strings, PlainSerializer(_without_passwords)] = Field(
        ("https://huggingface.co/rhasspy/piper-voices/resolve/main/voices.json",),
        description="Addresses of a catalogue in Piper's format: a voices.json by https, http or "
        "file, or a folder of voices. The first one that answers is used; the others are asked "
        "for files that it does not give.",
    )
    stall_seconds: Seconds = Field(
        20, description="Seconds without news from a server after which a download has failed."
    )
    attempts: int = Field(
        5, ge=1, le=100, description="Times that each address is tried; what has come is kept."
    )
    retry_seconds: Seconds = Field(
        1, description="Seconds before the second try, twice as many before each further one."
    )


class Voice(Section):
    """Which voices speak, and how."""

    name: str = Field(
        EMBEDDED_VOICE,
        min_length=1,
        description="The voice of requests that name none: the one in the box or one in "
        "`voice.folder`.",
    )
    others: Strings = Field((), description="Further voices that requests may name.")
    load: Literal["start", "first_use"] = Field(
        "start",
        description="When the others are loaded: at the `start`, or at their `first_use`, while "
        "the request waits. The default voice is loaded at the start and stays.",
    )
    max_loaded_bytes: ByteSize | None = Field(
        None,
        description="Memory that the voices of one process may take, about; the longest unused "
        "makes room for another. null for as much as they take.",
    )
    unused_seconds: Seconds | None = Field(
        None,
        description="Seconds without use after which another voice than the default one is "
        "dropped, to be loaded again when it is asked for; null for never.",
    )
    folder: Path = Field(
        Path("voices"),
        description="Where voices live: NAME.onnx beside NAME.onnx.json, as Piper has them.",
    )
    pieces_folder: Path | None = Field(
        None,
        description="Where voices are kept as they are cut for streaming; it can be made anew. "
        "null is `vits-tts/pieces` in the user's cache folder.",
    )
    threads: Count | Literal["auto"] = Field(
        "auto",
        description="Inference threads of one process, each of which takes one core; `auto` "
        "shares the cores among the workers.",
    )
    length_scale: LengthScale | None = Field(
        None, description="Base of all speeds; null takes the voice's own."
    )
    noise_scale: Scale | None = Field(
        None,
        description="Variation of the sound; null takes the voice's own, 0 is the same always.",
    )
    noise_w: Scale | None = Field(
        None, description="Variation of the rhythm; null takes the voice's own."
    )
    volume: float = Field(
        1.0,
        gt=0,
        le=10,
        allow_inf_nan=False,
        description="Gain; samples are clipped at full scale.",
    )
    sentence_pause: float = Field(
        0.25, ge=0, le=10, allow_inf_nan=False, description="Seconds of silence between sentences."
    )
    paragraph_pause: float = Field(
        0.6, ge=0, le=10, allow_inf_nan=False, description="Seconds of silence between paragraphs."
    )
    speeds: Speeds = Field(Speeds(), description="What the named speeds mean.")
    catalogue: Catalogue = Field(
        Catalogue(), description="Where `vits-tts voices` installs voices from."
    )


class MemoryCacheSettings(Section):
    """The cache of sentences in each process."""

    max_bytes: ByteSize = Field(
        ByteSize(128 * 1024 * 1024),
        description="Bytes of speech kept, least recently used out first; 0 keeps none.",
    )
    ttl_seconds: Seconds = Field(86_400, description="Seconds after which a sentence is dropped.")


def _masked(url: SecretStr | None) -> str | None:
    """Show a URL without its password."""
    return _without_password(url.get_secret_value()) if url else None


def _redis_url(url: SecretStr) -> SecretStr:
    """Accept the addresses that the Redis tier can open."""
    if not re.match(r"(rediss?(\+sentinel|\+cluster)?|unix)://.", url.get_secret_value()):
        msg = (
            "should begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
        )
        raise ValueError(msg)
    return url


RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


class RedisCacheSettings(Section):
    """The cache that all processes and machines share."""

    url: Annotated[RedisUrl | None, PlainSerializer(_masked)] = Field(
        None,
        description="redis://host:6379/0, rediss:// (TLS), unix:///path/to/socket, "
        "redis+sentinel://host1:26379,host2:26379/name-of-master, "
        "redis+cluster://host1:6379,host2:6379 (both with rediss+ too); null for none.",
    )
    username: str | None = Field(None, description="User, if not in the URL.")
    password: SecretStr | None = Field(
        None, description="Password, if not in the URL; best given by the environment."
    )
    prefix: str = Field(
        "vits-tts", pattern=r"^[A-Za-z0-9_.-]+$", description="What all our keys begin with."
    )
    ttl_seconds: Seconds = Field(
        7 * 86_400, description="Seconds without use after which a sentence is dropped."
    )
    connect_timeout: Seconds = Field(0.25, description="Seconds that connecting may take.")
    command_timeout: Seconds = Field(
        0.2,
        description="Seconds that a command may take, and the most that one request waits for "
        "Redis in all.",
    )
    max_value_bytes: ByteSize = Field(
        ByteSize(4 * 1024 * 1024), description="Longer sentences (stored size) stay out."
    )
    lock_seconds: Seconds = Field(
        10,
        description="Seconds after which another process may take over a sentence that one has "
        "begun; longer than a sentence takes.",
    )


class Cache(Section):
    """What is kept so that nothing is synthesised twice."""

    memory: MemoryCacheSettings = Field(
        MemoryCacheSettings(), description="The cache in each process."
    )
    redis: RedisCacheSettings = Field(
        RedisCacheSettings(), description="The cache that all processes and machines share."
    )


class Audio(Section):
    """The files that `/tts` makes."""

    folder: Path = Field(Path("audio"), description="Where they are kept.")
    max_bytes: ByteSize = Field(
        ByteSize(1024 * 1024 * 1024),
        ge=1024 * 1024,
        description="Bytes of files kept, least recently used out first.",
    )
    max_age_seconds: Seconds = Field(
        7 * 86_400, description="Seconds without use after which a file is dropped."
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


class Tracing(Section):
    """Traces of requests, by OpenTelemetry; needs the extra `opentelemetry`."""

    enabled: bool = Field(False, description="Send a span for each stage of each request.")
    endpoint: str | None = Field(
        None,
        description="Where a collector takes OTLP over HTTP, such as `http://host:4318/v1/traces`; "
        "null for what `OTEL_EXPORTER_OTLP_ENDPOINT` says.",
    )


class Config(BaseSettings):
    """Every setting there is."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        env_parse_none_str="null",
    )

    server: Server = Field(Server(), description="Where the server listens, and for whom.")
    access: Access = Field(Access(), description="Who may call, and how much.")
    limits: Limits = Field(Limits(), description="What one process takes on at once.")
    text: Text = Field(Text(), description="How written Vietnamese is read.")
    voice: Voice = Field(Voice(), description="Which voices speak, and how.")
    cache: Cache = Field(Cache(), description="What is kept so that nothing is made twice.")
    audio: Audio = Field(Audio(), description="The files that `/tts` makes.")
    openai: OpenAI = Field(OpenAI(), description="Names on OpenAI's paths, `/v1`.")
    logging: Logging = Field(Logging(), description="What is logged, and how.")
    tracing: Tracing = Field(Tracing(), description="Traces of requests, for OpenTelemetry.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment before what the file said (which ``load`` passes in)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def inference_threads(self) -> int:
        """How many sentences one process synthesises at the same time."""
        if self.voice.threads != "auto":
            return self.voice.threads
        return max(1, available_cores() // self.server.worker_count)


def settings(section: type[BaseModel] = Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(name, field)`` of every setting and section, sections before their settings."""
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}", field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{prefix}{name}.")


def environment_name(setting: str) -> str:
    """Return the environment variable that overrides ``setting`` (``server.port``)."""
    return ENVIRONMENT_PREFIX + setting.replace(".", "__").upper()


def nearest(name: str, known: list[str]) -> str:
    """Return ``; did you mean …?`` for the known name most like ``name``, or nothing."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def load(path: Path | None = None) -> Config:
    """Read settings from ``path`` and the environment.

    Without a path that is ``config.yaml`` in the current folder, or the defaults where there is
    none. Relative folders in the result are made absolute against the file's own folder.

    Raises:
        ConfigError: one line that names the key, its source and what was expected.

    """
    if path is None and not DEFAULT_FILE.is_file():
        return _validated({}, None)
    path = path or DEFAULT_FILE
    return _validated(_read(path), path)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a safe one
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data or {}, dict):
        raise ConfigError(
            f"{path}: should hold sections such as `server:`, not {type(data).__name__}"
        )
    for name, value in (data or {}).items():
        if name in Config.model_fields and not isinstance(value, dict | None):
            kind = type(value).__name__
            raise ConfigError(f"{path}: {name}: should hold settings such as `name: …`, not {kind}")
    return {str(key): value for key, value in (data or {}).items()}


class _Loader(yaml.SafeLoader):
    """YAML without duplicate keys, of which one would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands there twice."""
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key}: stands there twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def _validated(data: dict[str, Any], path: Path | None) -> Config:
    _check_environment()
    try:
        config = Config(**data)
    except ValidationError as error:
        raise ConfigError(_explain(error.errors(), path)) from None
    except SettingsError as error:  # a whole section in one variable that is no JSON
        raise ConfigError(f"environment: {error}") from None
    _check_together(config, path)
    return _anchored(config, (path or DEFAULT_FILE).absolute().parent)


def _check_together(config: Config, path: Path | None) -> None:
    """Refuse settings that each make sense but not with one another."""
    server, most = config.server, config.access.characters_per_minute
    if most and most < server.max_text_chars:
        raise ConfigError(
            f"{_source('access.characters_per_minute', path)}: access.characters_per_minute: "
            f"should be no less than server.max_text_chars ({server.max_text_chars}), not {most}"
        )
    served = {config.voice.name, *config.voice.others}
    for name, voice in config.openai.voices.items():
        if voice.partition("/")[0] not in served:
            raise ConfigError(
                f"{_source('openai.voices', path)}: openai.voices: {name}: should be one of "
                f"{', '.join(sorted(served))}, not {voice!r:.60}"
            )
    if server.tls_key and not server.tls_certificate:
        raise ConfigError(
            f"{_source('server.tls_key', path)}: server.tls_key: needs server.tls_certificate too"
        )


def _check_environment() -> None:
    known = [environment_name(name) for name, _ in settings()]
    for variable in os.environ:
        if variable.upper().startswith(ENVIRONMENT_PREFIX) and variable.upper() not in known:
            hint = nearest(variable.upper(), known)
            raise ConfigError(f"environment: {variable}: unknown setting{hint}")


def _explain(errors: list[ErrorDetails], path: Path | None) -> str:
    """Tell the first problem in one line, and how many others there are."""
    known = [name for name, _ in settings()]
    error = errors[0]
    parts = [str(part) for part in error["loc"]]
    while parts and ".".join(parts) not in known and error["type"] != "extra_forbidden":
        parts.pop()  # what pydantic adds for a member of a union or a list
    name = ".".join(parts)
    if error["type"] == "extra_forbidden":
        problem = f"unknown setting{nearest(name, known)}"
    else:
        message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
        problem = f"{message}, not {error['input']!r:.60}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 and not _one_union(errors) else ""
    return f"{_source(name, path)}: {name}: {problem}{more}"


def _one_union(errors: list[ErrorDetails]) -> bool:
    """Whether all errors are the members of one union complaining about one value."""
    return len({tuple(error["loc"][:-1]) for error in errors}) == 1


def _source(name: str, path: Path | None) -> str:
    variables = {variable.upper(): variable for variable in os.environ}
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if variable := variables.get(environment_name(".".join(parts[:end]))):
            return f"environment {variable}"
    return str(path or DEFAULT_FILE)


def _anchored(config: Config, base: Path) -> Config:
    """Make relative files and folders absolute, so that they mean the same from everywhere."""
    return config.model_copy(
        update={
            "server": _at(base, config.server, "tls_certificate", "tls_key"),
            "access": _at(base, config.access, "keys_file"),
            "text": config.text.model_copy(
                update={"lexicon": tuple(base / path for path in config.text.lexicon)}
            ),
            "voice": _at(base, _with_catalogue(base, config.voice), "folder", "pieces_folder"),
            "audio": _at(base, config.audio, "folder"),
            "logging": _at(base, config.logging, "file"),
        }
    )


def _with_catalogue(base: Path, voice: Voice) -> Voice:
    """Make the catalogues' plain folders absolute."""
    urls = tuple(url if "://" in url else str(base / url) for url in voice.catalogue.urls)
    return voice.model_copy(update={"catalogue": voice.catalogue.model_copy(update={"urls": urls})})


def _at(base: Path, section: Section, *names: str) -> Section:
    paths = {name: getattr(section, name) for name in names}
    return section.model_copy(update={name: path and base / path for name, path in paths.items()})
