"""Values that another program put into Redis count as a miss, and are removed."""

import hashlib
import io
import json
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server, serving, until
from tests.support.voices import install_pair
from vits_tts.cache.serialization import VERSION, Damaged, unpack

if TYPE_CHECKING:
    from pathlib import Path

HASH = "ab" * 20
RECIPE: dict[str, Any] = {
    "voice": "pair",
    "prosody": {"length_scale": 1.0, "noise_scale": 0.0, "noise_w": 0.0, "speaker_id": 0},
    "sentences": [["xin chao", 0.0]],
    "encoding": ["wav", 8000, None],
}


def flac(samples: int, rate: int = 8000, channels: int = 1, kind: str = "FLAC") -> bytes:
    """Return silence as FLAC."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros((samples, channels), np.int16), rate, "PCM_16", format=kind)
    return file.getvalue()


def value(
    sound: bytes,
    rate: int = 8000,
    count: int = 100,
    words: bytes = b"",
    phonemes: bytes = b"",
    names: bytes = b"",
) -> bytes:
    """Return a stored sentence with a valid checksum and any content."""
    known = 1 if words else 0
    sizes = len(words) // 16, len(phonemes) // 12, len(names)
    head = struct.pack("<3sBIIBHHI", b"VTS", VERSION, rate, count, known, *sizes)
    body = words + phonemes + names + sound
    return head + hashlib.blake2b(head + body, digest_size=8).digest() + body


def silence(samples: int, count: int) -> bytes:
    """Return a stored sentence of ``samples`` that says that it has ``count``."""
    return value(flac(samples), count=count)


def spoken(*phoneme: int, names: bytes = b"a") -> bytes:
    """Return a stored sentence of one word with one phoneme."""
    word = struct.pack("<4i", 0, 3, 0, 50)
    return value(flac(100), words=word, phonemes=struct.pack("<3i", *phoneme), names=names)


@pytest.mark.parametrize(
    "data",
    [
        value(flac(100), 2000),
        value(flac(100), 0),
        value(flac(100), 2**31),
        value(flac(100), 8001),
        value(flac(100), count=2**32 - 1),
        partial(silence, 40_000_000, count=40_000_000),
        partial(silence, 2_000_000, count=100),
        value(flac(100, channels=2)),
        value(flac(100, kind="WAV")),
        value(flac(100), words=struct.pack("<4i", -1, 3, 0, 5)),
        value(flac(100), words=struct.pack("<4i", 5, 3, 0, 5)),
        value(flac(100), words=struct.pack("<4i", 0, 3, 9, 5)),
        value(flac(100), words=struct.pack("<4i", 0, 1, 0, 1) * 65_535),
        value(flac(100), words=bytes(16), phonemes=bytes(12) * 65_535, names=b"a"),
        spoken(0, -1, 5),
        spoken(0, 5, 3),
        spoken(1, 0, 5),
        spoken(0, 0, 5, names=b""),
        spoken(0, 0, 5, names=b"a\na"),
        spoken(0, 0, 5, names=b"\xff"),
    ],
)
def test_what_no_sentence_is(data: bytes | Callable[[], bytes]) -> None:
    """Values with a valid checksum and impossible rates, counts, sounds or times are refused."""
    assert len(unpack(value(flac(100))).samples) == 100
    assert len(unpack(spoken(0, 0, 5)).samples) == 100
    with pytest.raises(Damaged):
        unpack(data if isinstance(data, bytes) else data())  # long ones are made only here


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Run one Redis."""
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def served(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that uses it."""
    folder: Path = tmp_path_factory.mktemp("server")
    install_pair(folder / "voices")
    shared = {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}
    with serving(folder, {"voice": {"name": "pair"}, "cache": {"redis": shared}}) as server:
        yield server


def damaged(server: Server) -> float:
    """Return how many values were damaged."""
    (line,) = (
        line
        for line in server.metrics().splitlines()
        if line.startswith("vits_tts_cache_redis_damaged_total ")
    )
    return float(line.split()[1])


@pytest.mark.parametrize(
    "data",
    [
        "[" * 100_000,
        json.dumps({**RECIPE, "sentences": [["a " * 15_000, 0.0]]}),
        json.dumps({**RECIPE, "sentences": [["xin chao", 0.25]] * 20_000}),
        json.dumps({**RECIPE, "sentences": []}),
        json.dumps({**RECIPE, "sentences": [["xin\x1b", 0.0]]}),
        json.dumps({**RECIPE, "sentences": [["xin chao", 1e9], ["a", 0.0]]}),
        json.dumps({**RECIPE, "sentences": [["xin chao", float("nan")]]}),
        json.dumps({**RECIPE, "prosody": {**RECIPE["prosody"], "length_scale": 1e6}}),
        json.dumps({**RECIPE, "prosody": {**RECIPE["prosody"], "noise_w": float("inf")}}),
        json.dumps({**RECIPE, "prosody": {**RECIPE["prosody"], "speaker_id": 7}}),
        json.dumps({**RECIPE, "encoding": ["wav", 0, None]}),
        json.dumps({**RECIPE, "encoding": ["mp3", 8000, 2**31]}),
        json.dumps({**RECIPE, "encoding": ["wav", 2**31, None]}),
        json.dumps({**RECIPE, "sentences": [["xin", 0]], "x": "y" * 2_000_000}),
    ],
)
def test_recipes_that_no_request_has(served: Server, redis: RedisServer, data: str) -> None:
    """Recipes with impossible content are no files, count as damaged and are removed."""
    before = damaged(served)
    with redis.client() as client:
        client.set(f"vits-tts:r1:{HASH}", data)
    assert httpx.get(f"{served.url}/audio/{HASH}.wav", timeout=10).status_code == 404
    assert damaged(served) == before + 1
    until(lambda: not redis.keys(f"vits-tts:r1:{HASH}"), "its removal", served.explain)


def replaced(redis: RedisServer, name: bytes, data: bytes) -> bool:
    """Return whether a name has another value, or none."""
    with redis.client() as client:
        return bool(client.get(name) != data)


def test_damaged_sentences_are_removed(served: Server, redis: RedisServer) -> None:
    """A value that is too large, or a decompression bomb, is synthesised again and removed."""
    query = {"text": "xin chao cac ban"}
    sound = httpx.get(f"{served.url}/tts/stream", params=query).content
    until(lambda: redis.keys("vits-tts:s*"), "stored")
    (name,) = redis.keys("vits-tts:s*")
    for data in (b"x" * 5_000_000, value(flac(30_000_000), count=30_000_000)):
        before = damaged(served)
        with redis.client() as client:
            client.set(name, data)
            client.incr("vits-tts:epoch")
            until(lambda: "vits_tts_cache_memory_bytes 0.0" in served.metrics(), "memory cleared")
        assert httpx.get(f"{served.url}/tts/stream", params=query).content == sound
        assert damaged(served) > before
        until(partial(replaced, redis, name, data), "its removal")
