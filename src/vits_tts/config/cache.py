"""Settings of the section ``cache``."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, ByteSize, Field, PlainSerializer, SecretStr

from vits_tts.config.types import Seconds, Section, without_password

_PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:[0-9]*)?")
"""A host with an optional port."""


def _masked(url: SecretStr | None) -> str | None:
    """Return a URL with its password masked, or all of it but the scheme if it is not valid."""
    if not url:
        return None
    shown = without_password(url.get_secret_value())
    scheme, _, rest = shown.partition("://")
    places = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].split(",")
    if scheme == "unix" or all(map(_PLACE.fullmatch, places)):
        return shown
    return f"{scheme}://**********"


def _redis_url(url: SecretStr) -> SecretStr:
    """Return the URL if the Redis tier supports its scheme.

    Raises:
        ValueError: It does not.

    """
    if not re.match(r"(rediss?(\+sentinel|\+cluster)?|unix)://.", url.get_secret_value()):
        msg = (
            "should begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
        )
        raise ValueError(msg)
    return url


RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


class MemoryCacheSettings(Section):
    """Settings of the memory cache of each process."""

    max_bytes: ByteSize = Field(
        ByteSize(128 * 1024 * 1024),
        description="Maximum bytes of speech in memory; the least recently used is dropped first. "
        "0 switches the memory cache off.",
    )
    ttl_seconds: Seconds = Field(86_400, description="Seconds after which a sentence is dropped.")


class RedisCacheSettings(Section):
    """Settings of the Redis cache, which all processes and machines share."""

    url: Annotated[RedisUrl | None, PlainSerializer(_masked)] = Field(
        None,
        description="redis://host:6379/0, rediss:// (TLS), unix:///path/to/socket, "
        "redis+sentinel://host1:26379,host2:26379/name-of-master, "
        "redis+cluster://host1:6379,host2:6379 (the last two also with rediss+ for TLS); null for "
        "no Redis.",
    )
    username: str | None = Field(None, description="User name, if it is not in the URL.")
    password: SecretStr | None = Field(
        None,
        description="Password, if it is not in the URL; best set by the environment variable.",
    )
    secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="Secret that signs sentences and recipes, at least 16 characters, the same on "
        "all servers; best set by the environment variable. A value without a valid signature "
        "counts as missing. Null: nothing is signed or checked.",
    )
    previous_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="A second secret whose signatures are accepted too, while secrets are changed.",
    )
    prefix: str = Field(
        "vits-tts", pattern=r"^[A-Za-z0-9_.-]+$", description="Prefix of all keys in Redis."
    )
    ttl_seconds: Seconds = Field(
        7 * 86_400, description="Seconds without use after which a sentence is dropped."
    )
    connect_timeout: Seconds = Field(0.25, description="Time limit for connecting, in seconds.")
    command_timeout: Seconds = Field(
        0.2,
        description="Time limit for one command, in seconds; also for all the time that one "
        "request waits for Redis.",
    )
    max_value_bytes: ByteSize = Field(
        ByteSize(4 * 1024 * 1024),
        description="Largest sentence that is stored, in bytes after compression.",
    )
    lock_seconds: Seconds = Field(
        10,
        description="Seconds after which another process may synthesise a sentence that one has "
        "begun and not finished. Choose more than the synthesis of a sentence takes.",
    )


class Cache(Section):
    """Settings of the cache of synthesised sentences."""

    memory: MemoryCacheSettings = Field(
        MemoryCacheSettings(), description="The cache in the memory of each process."
    )
    redis: RedisCacheSettings = Field(
        RedisCacheSettings(), description="The cache in Redis, shared by processes and machines."
    )
