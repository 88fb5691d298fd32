"""Addresses of Redis: TCP, socket, Sentinel, cluster, users and secrets."""

import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.certificates import make_certificate
from tests.support.redis import RedisServer, TlsDoor, redis_server
from tests.support.server import until
from vits_tts.cache import administration, redis_address
from vits_tts.cache.redis_client import RedisClient
from vits_tts.cache.redis_sentences import Lock, RedisSentences
from vits_tts.config import Config, RedisCacheSettings, load, reference
from vits_tts.errors import ConfigError
from vits_tts.types import Pcm

PCM = Pcm(np.arange(2000, dtype=np.int16), 16000)


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Make Python report a connection that was not closed here, not in some later test."""
    yield
    gc.collect()


async def round_trip(settings: RedisCacheSettings) -> None:
    """Lock, store, read and clear one sentence."""
    tier = RedisSentences(RedisClient(settings))
    lock = await tier.lock("voice", "key", tier.client.patience())
    assert isinstance(lock, Lock)
    tier.store_later("voice", "key", PCM, lock)
    await tier.client.stored()
    back = await tier.get("voice", "key", tier.client.patience())
    assert back
    assert np.array_equal(back.samples, PCM.samples)
    assert (await administration.sizes(tier.client)).voices["voice"][0] == 1
    assert await administration.drop(tier.client, "other") == 0
    assert await administration.drop(tier.client, "voice") == 1
    assert await tier.get("voice", "key", tier.client.patience()) is None
    await tier.client.finish()


def settings(url: str, **more: object) -> RedisCacheSettings:
    """Return settings with more time than a busy machine needs."""
    times = {"command_timeout": 5, "connect_timeout": 5}
    return RedisCacheSettings.model_validate({"url": url, **times, **more})


async def test_socket(tmp_path: Path) -> None:
    """Redis can be reached by a Unix socket."""
    path = tmp_path / "redis.sock"
    with redis_server(tmp_path, "--unixsocket", str(path)):
        await round_trip(settings(f"unix://{path}"))


@pytest.mark.parametrize("in_url", [True, False])
async def test_password(tmp_path: Path, *, in_url: bool) -> None:
    """User and password may be part of the URL or separate settings."""
    with redis_server(tmp_path) as redis:
        with redis.client() as client:
            client.acl_setuser(
                "lan", enabled=True, passwords=["+s3cr3t"], keys="*", commands=["+@all"]
            )
        if in_url:
            url = redis.url.replace("//", "//lan:s3cr3t@")
            await round_trip(settings(url))
        else:
            who = {"username": "lan", "password": "s3cr3t"}
            await round_trip(settings(redis.url, **who))


async def test_sentinel(tmp_path: Path) -> None:
    """The master's address comes from a sentinel."""
    with redis_server(tmp_path / "master") as master:
        config = tmp_path / "sentinel.conf"
        config.write_text(f"sentinel monitor main 127.0.0.1 {master.port} 1\n")
        with redis_server(tmp_path / "sentinel", str(config), "--sentinel") as sentinel:
            url = f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
            await round_trip(settings(url))


async def test_cluster(tmp_path: Path) -> None:
    """A cluster works, here of one node with all slots."""
    with redis_server(tmp_path, "--cluster-enabled", "yes") as redis:
        _own_all_slots(redis)
        await round_trip(settings(f"redis+cluster://127.0.0.1:{redis.port}"))


def _own_all_slots(redis: RedisServer) -> None:
    with redis.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        until(lambda: b"cluster_state:ok" in _info(client), "the cluster")


def _info(client: object) -> bytes:
    answer = client.execute_command("CLUSTER", "INFO")  # type: ignore[attr-defined]
    if isinstance(answer, dict):
        return b"cluster_state:ok" if answer.get("cluster_state") == "ok" else b""
    return bytes(answer)


@pytest.fixture
def door(tmp_path: Path) -> TlsDoor:
    """Return a TLS port whose certificate is signed by no known authority."""
    return TlsDoor(*make_certificate(tmp_path, "redis"))


@pytest.fixture
def trusting(door: TlsDoor) -> str:
    """Return the part of an address that makes a client trust the proxy."""
    return f"?ssl_ca_certs={door.certificate}"


async def test_tls(tmp_path: Path, door: TlsDoor, trusting: str) -> None:
    """Redis over TLS works, and its certificate is checked, including its host name."""

    async def asked(url: str) -> None:
        tier = RedisSentences(RedisClient(settings(url)))
        assert await tier.lock("voice", "key", tier.client.patience()) is None
        await tier.client.finish()

    with redis_server(tmp_path) as redis:
        door.target = redis.port
        await round_trip(settings(f"rediss://127.0.0.1:{door.port}/0{trusting}"))
        assert door.encrypted == 1
        await asked(f"rediss://127.0.0.1:{door.port}/0")
        await asked(f"rediss://localhost:{door.port}/0{trusting}")
        assert door.encrypted == 1


async def test_sentinel_by_tls(tmp_path: Path, door: TlsDoor, trusting: str) -> None:
    """Sentinel and master both use TLS; the user is the master's, and its password is quoted."""
    with redis_server(tmp_path / "master") as master:
        door.target = master.port
        with master.client() as client:
            client.acl_setuser(
                "lan", enabled=True, passwords=["+s3/cr@t"], keys="*", commands=["+@all"]
            )
        config = tmp_path / "sentinel.conf"
        config.write_text(f"sentinel monitor main 127.0.0.1 {door.port} 1\n")
        with redis_server(tmp_path / "sentinel", str(config), "--sentinel") as sentinel:
            asked = TlsDoor(door.certificate, door.key)
            asked.target = sentinel.port
            place = f"lan:s3%2Fcr%40t@127.0.0.1:{asked.port}/main"
            await round_trip(settings(f"rediss+sentinel://{place}{trusting}"))
            assert asked.encrypted
            assert door.encrypted


async def test_cluster_by_tls(tmp_path: Path, door: TlsDoor, trusting: str) -> None:
    """A cluster over TLS works."""
    announced = ("--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", str(door.port))
    with redis_server(tmp_path, "--cluster-enabled", "yes", *announced) as redis:
        door.target = redis.port
        _own_all_slots(redis)
        await round_trip(settings(f"rediss+cluster://127.0.0.1:{door.port}{trusting}"))
        assert door.encrypted


async def test_values_that_are_too_large_stay_out(tmp_path: Path) -> None:
    """A sentence over the limit is not stored, and its lock is released."""

    async def story(url: str) -> None:
        tier = RedisSentences(RedisClient(settings(url, max_value_bytes=100)))
        lock = await tier.lock("voice", "key", tier.client.patience())
        assert isinstance(lock, Lock)
        tier.store_later("voice", "key", PCM, lock)
        await tier.client.stored()
        assert await tier.get("voice", "key", tier.client.patience()) is None
        assert isinstance(await tier.lock("voice", "key", tier.client.patience()), Lock)
        await tier.client.finish()

    with redis_server(tmp_path) as redis:
        await story(redis.url)


def test_secrets_are_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the effective settings nor their representation in a debugger show a password."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITS_TTS__CACHE__REDIS__PASSWORD", "s3cr3t")
    monkeypatch.setenv("VITS_TTS__CACHE__REDIS__URL", "rediss://lan:t0ps3cr3t@redis.example:6379/0")
    config: Config = load()
    assert config.cache.redis.password
    assert config.cache.redis.password.get_secret_value() == "s3cr3t"
    shown = reference.effective(config)
    assert "s3cr3t" not in shown + repr(config)
    assert "rediss://lan:**********@redis.example:6379/0" in shown


def test_addresses_that_cannot_be(tmp_path: Path) -> None:
    """Another kind of address is refused at the start."""
    (tmp_path / "config.yaml").write_text("cache: {redis: {url: 'http://x'}}")
    with pytest.raises(ConfigError, match=r"cache\.redis\.url: should begin with redis://"):
        load(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:port/0",
        "redis://lan:s3cr3t/@127.0.0.1/0",
        "redis://127.0.0.1/0?socket_timeot=3",
        "rediss+sentinel://127.0.0.1/main/first",
        "rediss+sentinel://127.0.0.1/main?ssl_ca=x",
        "redis+cluster://127.0.0.1:6379?nodes=3",
    ],
)
def test_addresses_that_cannot_be_opened(url: str) -> None:
    """A wrong port or an unknown option is reported at the start, without secrets."""
    with pytest.raises(ConfigError, match=r"cache\.redis\.url: has a port or") as refused:
        redis_address.check(RedisCacheSettings.model_validate({"url": url}))
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("form", ["redis", "rediss+sentinel", "rediss+cluster"])
def test_addresses_that_can_be_opened(form: str) -> None:
    """The check makes no connection: an unreachable Redis does not prevent the start."""
    url = (
        f"{form}://lan:s3cr3t@127.0.0.1:1,127.0.0.1:2/" if "+" in form else f"{form}://127.0.0.1:1"
    )
    redis_address.check(RedisCacheSettings.model_validate({"url": url}))
