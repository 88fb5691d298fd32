"""Connections to Redis, at any of the addresses that ``cache.redis.url`` takes."""

from typing import Any, Final

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from vits_tts.config import RedisCacheSettings

TROUBLE: Final = (RedisError, RedisClusterException, TimeoutError, OSError)
"""What a command raises when Redis, or the way to it, is not well."""


def client(settings: RedisCacheSettings) -> Any:
    """Return a client for any of the addresses that ``cache.redis.url`` takes."""
    if settings.url is None:
        msg = "cache.redis.url is not set"
        raise ValueError(msg)
    url = settings.url.get_secret_value()
    options: dict[str, Any] = {
        "socket_timeout": settings.command_timeout,
        "socket_connect_timeout": settings.connect_timeout,
        "retry": Retry(NoBackoff(), 0),
        "client_name": "vits-tts",
    }
    if settings.username:
        options["username"] = settings.username
    if settings.password:
        options["password"] = settings.password.get_secret_value()
    scheme, _, rest = url.partition("://")
    if "+" not in scheme:
        return Redis.from_url(url, **options)
    options["ssl"] = scheme.startswith("rediss")
    credentials, _, rest = rest.rpartition("@")
    if credentials:
        user, _, options["password"] = credentials.rpartition(":")
        options |= {"username": user} if user else {}
    places, _, name = rest.partition("/")
    hosts = [_host_and_port(place, scheme) for place in places.split(",")]
    if scheme.endswith("sentinel"):
        name, _, database = name.partition("/")
        return Sentinel(  # type: ignore[no-untyped-call]
            hosts, sentinel_kwargs=_sentinel_options(options), **options
        ).master_for(name or "mymaster", db=int(database or 0))
    nodes = [ClusterNode(host, port) for host, port in hosts]
    return RedisCluster(startup_nodes=nodes, **options)


async def close_client(connected: Any) -> None:
    """Close a client and, which redis-py leaves open, the sentinels that it asked."""
    await connected.aclose()
    pool = getattr(connected, "connection_pool", None)
    for sentinel in getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()):
        await sentinel.aclose()


def _host_and_port(place: str, scheme: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":") if ":" in place else (place, "", "")
    default = 26379 if scheme.endswith("sentinel") else 6379
    return host.strip("[]"), int(port or default)


def _sentinel_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return what the sentinels themselves need; they have no user of ours."""
    return {key: value for key, value in options.items() if key not in {"username", "password"}}
