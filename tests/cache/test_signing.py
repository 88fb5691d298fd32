"""Signed values in Redis: values of programs without the secret are not used."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cache.test_hostile import HASH, RECIPE, flac, replaced, value
from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server, Settings, serving, until
from tests.support.voices import install_pair
from vits_tts.cache.signing import SignatureInvalid, Signer
from vits_tts.config import RedisCacheSettings

OLD, NEW = "an old secret of nobody", "a new secret of nobody"


def signer(**secrets: Any) -> Signer:
    """Return a signer with some secrets."""
    return Signer(RedisCacheSettings(**secrets))


def test_signatures() -> None:
    """A signed value is valid under its own name, with the current and the previous secret."""
    stored = signer(secret=OLD).sign("name", b"value")
    for good in (signer(secret=OLD), signer(secret=NEW, previous_secret=OLD)):
        assert good.verified("name", stored) == b"value"
    for secrets in ({"secret": NEW}, {"secret": NEW, "previous_secret": NEW}):
        with pytest.raises(SignatureInvalid):
            signer(**secrets).verified("name", stored)
    with pytest.raises(SignatureInvalid):
        signer(secret=OLD).verified("other", stored)
    for place in range(len(stored)):
        changed = bytearray(stored)
        changed[place] ^= 1
        with pytest.raises(SignatureInvalid):
            signer(secret=OLD).verified("name", bytes(changed))
    for cut in (b"", b"value", stored[:20], stored[:-1]):
        with pytest.raises(SignatureInvalid):
            signer(secret=OLD).verified("name", cut)


def test_without_a_secret() -> None:
    """Without a secret, values are stored and read unchanged."""
    assert signer().sign("name", b"value") == b"value"
    assert signer().verified("name", b"value") == b"value"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Run a Redis for one test."""
    with redis_server(tmp_path / "redis") as running:
        yield running


def settings(folder: Path, redis: RedisServer, **secrets: str) -> Settings:
    """Return settings of a fast server that signs."""
    install_pair(folder / "voices")
    limits = {"url": redis.url, "command_timeout": 5, "connect_timeout": 5}
    return {"voice": {"name": "pair"}, "cache": {"redis": {**limits, **secrets}}}


def unsigned(server: Server) -> float:
    """Return how many values had no valid signature."""
    (line,) = (
        line
        for line in server.metrics().splitlines()
        if line.startswith("vits_tts_cache_redis_unsigned_total ")
    )
    return float(line.split()[1])


def said(server: Server, text: str) -> bytes:
    """Return the sound of a text."""
    return httpx.get(f"{server.url}/tts/stream", params={"text": text}, timeout=30).content


def test_sentences_of_others_are_not_heard(redis: RedisServer, tmp_path: Path) -> None:
    """A sentence that another program stored or moved is made again, and replaced."""
    with serving(tmp_path / "a", settings(tmp_path / "a", redis, secret=NEW)) as server:
        first = said(server, "mot hai ba")
        until(lambda: redis.keys("vits-tts:s*"), "stored")
        (name,) = redis.keys("vits-tts:s*")
        said(server, "bon nam sau bay tam")
        until(lambda: len(redis.keys("vits-tts:s*")) == 2, "both stored")
        (other,) = set(redis.keys("vits-tts:s*")) - {name}
        with redis.client() as client:
            moved = client.get(other)
            for count, planted in enumerate((value(flac(5000), count=5000), moved)):
                client.set(name, planted)
                client.incr("vits-tts:epoch")
                until(lambda: "vits_tts_cache_memory_bytes 0.0" in server.metrics(), "cleared")
                assert said(server, "mot hai ba") == first
                assert unsigned(server) == count + 1
                until(partial(replaced, redis, name, planted), "its removal")
        assert len(server.lines("unsigned value in the cache, made again")) == 2


def test_recipes_of_others_are_no_files(redis: RedisServer, tmp_path: Path) -> None:
    """A recipe without a valid signature is no file and is removed; a replica's recipe works."""
    secrets = {"secret": NEW}
    with (
        serving(tmp_path / "a", settings(tmp_path / "a", redis, **secrets)) as server,
        serving(tmp_path / "b", settings(tmp_path / "b", redis, **secrets)) as replica,
        redis.client() as client,
    ):
        client.set(f"vits-tts:r1:{HASH}", json.dumps(RECIPE))
        assert httpx.get(f"{server.url}/audio/{HASH}.wav").status_code == 404
        assert unsigned(server) == 1
        until(lambda: not redis.keys(f"vits-tts:r1:{HASH}"), "its removal")
        made = httpx.get(f"{server.url}/tts", params={"text": "xin chao"}).json()
        until(lambda: redis.keys(f"vits-tts:r1:{made['hash']}"), "the recipe")
        assert httpx.get(f"{replica.url}/audio/{made['hash']}.wav").status_code == 200
        assert unsigned(replica) == 0


def test_changing_the_secret(redis: RedisServer, tmp_path: Path) -> None:
    """While both secrets are set, values signed with the old one are used."""
    with serving(tmp_path / "a", settings(tmp_path / "a", redis, secret=OLD)) as server:
        sound = said(server, "xin chao")
        until(lambda: redis.keys("vits-tts:s*"), "stored")
    both = {"secret": NEW, "previous_secret": OLD}
    with serving(tmp_path / "b", settings(tmp_path / "b", redis, **both)) as server:
        assert said(server, "xin chao") == sound
        assert unsigned(server) == 0
        assert 'lookups_total{outcome="hit",tier="redis"} 1.0' in server.metrics()
    with serving(tmp_path / "c", settings(tmp_path / "c", redis, secret=NEW)) as server:
        assert said(server, "xin chao") == sound
        assert unsigned(server) == 1
