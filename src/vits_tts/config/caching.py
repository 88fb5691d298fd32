"""Settings of the cache."""

import re
from typing import Annotated

from pydantic import AfterValidator, ByteSize, Field, PlainSerializer, SecretStr

from vits_tts.config.values import (
    Seconds,
    Section,
    without_password,
)


def _masked(url: SecretStr | None) -> str | None:
    """Show a URL without its password."""
    return without_password(url.get_secret_value()) if url else None


def _redis_url(url: SecretStr) -> SecretStr:
    """Accept the addresses that the Redis tier can open."""
    if not re.match(r"(rediss?(\+sentinel|\+cluster)?|unix)://.", url.get_secret_value()):
        msg = (
            "should begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
        )
        raise ValueError(msg)
    return url


RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


class MemoryCacheSettings(Section):
    """The cache of sentences in each process."""

    max_bytes: ByteSize = Field(
        ByteSize(128 * 1024 * 1024),
        description="Bytes of speech kept, least recently used out first; 0 keeps none.",
    )
    ttl_seconds: Seconds = Field(86_400, description="Seconds after which a sentence is dropped.")


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
