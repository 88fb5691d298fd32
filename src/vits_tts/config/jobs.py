"""Settings of the section ``jobs``: work that continues after its request was answered."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, ByteSize, Field, PlainSerializer, SecretStr

from vits_tts.config.types import Count, HttpUrl, Seconds, Section, without_password
from vits_tts.errors import ConfigError

_OBJECTS: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*/?")
_LONGEST_LINK_SECONDS: Final = 7 * 24 * 3600
"""S3 refuses links that are valid for longer."""
_POSTGRES: Final = re.compile(r"postgres(ql)?://.+")


def _postgres_url(url: SecretStr) -> SecretStr:
    """Accept ``postgresql://…``.

    Raises:
        ValueError: It has another scheme.

    """
    if not _POSTGRES.fullmatch(url.get_secret_value()):
        raise ValueError("should begin with postgresql://")
    return url


def _objects_url(url: str) -> str:
    """Accept ``s3://bucket`` and ``s3://bucket/prefix``.

    Raises:
        ValueError: It is something else.

    """
    if not _OBJECTS.fullmatch(url):
        raise ValueError("should be s3://bucket or s3://bucket/prefix")
    return url.rstrip("/")


def _masked(url: SecretStr | None) -> str | None:
    """Return a URL with its password masked."""
    return without_password(url.get_secret_value()) if url else None


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]


class Jobs(Section):
    """Settings of `/v1/jobs`."""

    enabled: bool | None = Field(
        None,
        description="Whether `/v1/jobs` is served; null: if `server.host` is a loopback address, "
        "or `jobs.url` is set.",
    )
    folder: Path = Field(
        Path("jobs"),
        description="Folder of the queue and of the results, on a local disk. It is created with "
        "the first job.",
    )
    url: Annotated[PostgresUrl | None, PlainSerializer(_masked)] = Field(
        None,
        description="postgresql://user@host/database: the queue that the workers of all machines "
        "share; best set by the environment variable. null keeps the queue in `jobs.folder`.",
    )
    queue_timeout_seconds: Seconds = Field(
        15,
        description="Time limit for one call of the queue, in seconds; after that callers get 503, "
        "and `/readyz` says `degraded: job_queue` until the queue answers. Opening a queue in "
        "`jobs.folder` may take a minute.",
    )
    storage: Annotated[str, AfterValidator(_objects_url)] | None = Field(
        None,
        description="s3://bucket/prefix: object storage that keeps the results in place of "
        "`jobs.folder`. Credentials and region come from AWS's environment variables, such as "
        "`AWS_ACCESS_KEY_ID`. Needs the extra `s3`.",
    )
    storage_endpoint: HttpUrl | None = Field(
        None,
        description="Address of an object storage that is not Amazon's, such as "
        "http://minio:9000. Callers download results from it, so they must be able to reach "
        "it too.",
    )
    storage_timeout_seconds: Seconds = Field(
        30,
        description="Time limit for one request to `jobs.storage`, in seconds; failed requests are "
        "repeated.",
    )
    keep_hours: Annotated[float, Field(gt=0)] = Field(
        168, description="Hours for which a job and its results are kept after its end."
    )
    max_bytes: ByteSize = Field(
        ByteSize(10 * 1024 * 1024 * 1024),
        ge=1024 * 1024,
        description="Maximum bytes of all results; the least recently used is removed first.",
    )
    max_waiting: Count = Field(
        100_000,
        description="Maximum items of unfinished jobs for one API key, or of all callers if there "
        "are no keys. A job that exceeds it is answered 429.",
    )
    max_listeners: Count = Field(
        100,
        description="Maximum listeners of `/v1/jobs/{id}/events` in one process; one caller may "
        "have a quarter of them.",
    )
    max_upload_bytes: ByteSize = Field(
        ByteSize(16 * 1024 * 1024),
        ge=1024,
        description="Largest body of `POST /v1/jobs`, such as a book in base64; "
        "`server.max_body_bytes` if that is larger. At most four bodies larger than "
        "`server.max_body_bytes` are received at the same time.",
    )
    max_chars: Count = Field(
        2_000_000,
        description="Longest text, subtitles or book of one job, in characters; a list of items is "
        "limited by `server.max_body_bytes`.",
    )
    callback_attempts: Annotated[Count, Field(le=12)] = Field(
        10,
        description="Maximum attempts to post the end of a job to its `callback_url`, with pauses "
        "of 1, 4, 16, 64, ... seconds between them, a day in all.",
    )


def check_storage(jobs: Jobs, link_seconds: float) -> None:
    """Check that results can be kept in object storage, if the settings say so.

    Args:
        jobs: The settings.
        link_seconds: How long links to results are valid.

    Raises:
        ConfigError: The extra is not installed, or links would be valid for too long.

    """
    if jobs.storage is None:
        return
    if not find_spec("obstore"):
        raise ConfigError("jobs.storage: needs an extra; install vits-tts-vietnamese[s3]")
    if link_seconds > _LONGEST_LINK_SECONDS:
        raise ConfigError(
            f"audio.link_seconds: links into jobs.storage are good for {_LONGEST_LINK_SECONDS} "
            "seconds at most"
        )
