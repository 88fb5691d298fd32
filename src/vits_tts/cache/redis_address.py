"""Connections to Redis, at any of the addresses that ``cache.redis.url`` takes."""

from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from vits_tts.config import RedisCacheSettings
from vits_tts.errors import ConfigError

TROUBLE: Final = (RedisError, RedisClusterException, TimeoutError, OSError)
"""The exceptions of commands when Redis fails or cannot be reached."""


def connect(settings: RedisCacheSettings, *, timed: bool = True) -> Any:
    """Return a client for ``cache.redis.url``: of one server, a cluster or a sentinel's master.

    Args:
        settings: The address, the credentials and the time limits.
        timed: Whether redis-py limits each command to ``command_timeout``, for which it needs a
            task and two timers. False is for callers that limit each command themselves.

    Raises:
        ValueError: the address has an invalid port or database.
        TypeError: the address has an unknown option.

    """
    if settings.url is None:
        msg = "cache.redis.url is not set"
        raise ValueError(msg)
    url = settings.url.get_secret_value()
    options: dict[str, Any] = {
        "socket_timeout": settings.command_timeout if timed else None,
        "socket_connect_timeout": settings.connect_timeout,
        "retry": Retry(NoBackoff(), 0),
        "client_name": "vits-tts",
    }
    if settings.username:
        options["username"] = settings.username
    if settings.password:
        options["password"] = settings.password.get_secret_value()
    parts = urlsplit(url)
    if "+" not in parts.scheme:
        return Redis.from_url(url, **options)
    credentials, _, places = parts.netloc.rpartition("@")
    # redis-py has no address of several hosts. Its parser reads the credentials and the query.
    options |= parse_url(f"redis://{credentials}@/?{parts.query}")
    options["ssl"] = parts.scheme.startswith("rediss")
    hosts = [_host_and_port(place, parts.scheme) for place in places.split(",")]
    if parts.scheme.endswith("sentinel"):
        name, _, database = parts.path.strip("/").partition("/")
        return Sentinel(  # type: ignore[no-untyped-call]
            hosts, sentinel_kwargs=_sentinel_options(options), **options
        ).master_for(name or "mymaster", db=int(database or 0))
    nodes = [ClusterNode(host, port) for host, port in hosts]
    return RedisCluster(startup_nodes=nodes, **options)


def check(settings: RedisCacheSettings) -> None:
    """Check that ``cache.redis.url`` is valid, without connecting.

    Raises:
        ConfigError: the port or database is not a number, or an option is unknown.

    """
    if settings.url is None:
        return
    try:
        pool = getattr(connect(settings), "connection_pool", None)
        if pool is not None:
            pool.make_connection()
    except (TypeError, ValueError):  # their messages may contain a part of a password
        msg = "cache.redis.url: has a port or a database that is not a number, or an unknown option"
        raise ConfigError(msg) from None


async def close_client(connected: Any) -> None:
    """Close a client, and its connections to sentinels, which redis-py leaves open."""
    await connected.aclose()
    pool = getattr(connected, "connection_pool", None)
    for sentinel in getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()):
        await sentinel.aclose()


def _host_and_port(place: str, scheme: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":") if ":" in place else (place, "", "")
    default = 26379 if scheme.endswith("sentinel") else 6379
    return host.strip("[]"), int(port or default)


def _sentinel_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of connections to sentinels: without the credentials of Redis itself."""
    return {key: value for key, value in options.items() if key not in {"username", "password"}}
