"""Attacks by write access to Redis: values that are damaged, forged, too large or mistyped."""

import asyncio
import functools
import io
import json
import math
import signal
import struct
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import numpy as np
import soundfile
from redis import Redis
from redis.exceptions import RedisError

from tests.adversary import wire
from tests.adversary.attack import Attack, Facts, Target, address, message
from tests.adversary.wire import Answer, Script
from vits_tts.cache import key as keys
from vits_tts.cache import serialization
from vits_tts.types import Level, Prosody
from vits_tts.voice import manifest

_PREFIX = "vits-tts"
_LEVEL = Level(loudness=-19.0)
"""That of the default settings."""
_FORGOTTEN_SECONDS = 1.5
"""The time after which all workers have seen a new epoch, and have cleared their memory."""
_BOMB_SAMPLES = 120_000_000
_HEAD = struct.Struct("<3sBIIBHHI")


def family(chance: Random, facts: Facts) -> Attack:
    """Write invalid values to Redis, and have them read."""
    kind = chance.choice(_KINDS)
    return kind(chance, facts)


# --- sentences -----------------------------------------------------------------------------------


def _damaged(chance: Random, facts: Facts) -> Attack:
    """Damage many values of all kinds, for other clients to find."""
    del facts
    ways = [chance.choice(["cut", "flip", "longer", "empty", "list", "hash", "gone"])] * 3
    seed = chance.random()

    async def run(target: Target) -> list[Answer]:
        await asyncio.to_thread(_damage, target, Random(seed), ways)  # noqa: S311
        return []

    return Attack("redis values", "damaged", f"{ways} with {seed}", run)


def _damage(target: Target, chance: Random, ways: list[str]) -> None:
    with target.redis.client() as client, suppress(RedisError):
        names = sorted(client.keys(f"{_PREFIX}:*"))
        for name in chance.sample(names, min(20, len(names))):
            way = chance.choice(ways)
            with suppress(RedisError):
                value = client.get(name) or b""
                if way in {"list", "hash"}:
                    client.delete(name)
                    client.rpush(name, "x") if way == "list" else client.hset(name, "x", "y")
                elif way == "gone":
                    client.delete(name)
                else:
                    flipped = bytearray(value or b"x")
                    flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
                    changed = {"cut": value[: len(value) // 2], "flip": bytes(flipped)}
                    client.set(name, changed.get(way, value + b"x" if way == "longer" else b""))


def _forged(chance: Random, facts: Facts) -> Attack:
    """Replace a sentence by a well-formed value with foreign content."""
    name, make = chance.choice(list(_FORGERIES.items()))
    words = f"mot cau rieng so {chance.randrange(1 << 40)}"
    voice = facts.voices[-1]
    path = f"/tts/stream?text={words.replace(' ', '+')}&voice={voice}"
    end = chance.choice(["", "&timestamps=true", "&format=mp3", "&timestamps=vtt"])
    script = Script(
        (message(facts, "GET", path + end),), source=address(chance), answered_within=20, hold=25
    )

    async def run(target: Target) -> list[Answer]:
        answers = [await wire.play(script, target.address)]
        await asyncio.to_thread(_forge, target, make)
        await asyncio.sleep(_FORGOTTEN_SECONDS)
        return [*answers, await wire.play(script, target.address)]

    exact = f"{script.exact()}\nafter all sentences but those of others were replaced: {name}"
    return Attack("redis values", f"forged: {name}", exact, run, alone=True)


def _forge(target: Target, make: Callable[[], bytes]) -> None:
    with target.redis.client() as client, suppress(RedisError):
        value = make()
        for name in client.keys(f"{_PREFIX}:s*:*:*"):
            if name.decode().split(":")[2] not in target.honest_voices:
                client.set(name, value)
        client.incr(f"{_PREFIX}:epoch")


def _sealed(head: bytes, body: bytes) -> bytes:
    return head + serialization._digest(head, body) + body


def _value(
    samples: int = 8000,
    rate: int = 8000,
    *,
    count: int | None = None,
    flac: bytes | None = None,
    words: list[list[int]] | None = None,
    known: int = 1,
    said_words: int | None = None,
) -> bytes:
    """Return a value with a valid checksum, and any head and sound."""
    body = np.array(words or [], "<i4").tobytes() + (flac or _flac(samples, 8000))
    number = len(words or []) if said_words is None else said_words
    length = samples if count is None else count
    version = serialization.VERSION
    return _sealed(_HEAD.pack(b"VTS", version, rate, length, known, number, 0, 0), body)


@functools.lru_cache(maxsize=4)
def _flac(samples: int, rate: int, channels: int = 1) -> bytes:
    data = io.BytesIO()
    with soundfile.SoundFile(data, "w", rate, channels, "PCM_16", format="FLAC") as file:
        block = np.zeros((1 << 20, channels), np.int16)
        for start in range(0, samples, len(block)):
            file.write(block[: min(len(block), samples - start)])
    return data.getvalue()


_FORGERIES: dict[str, Callable[[], bytes]] = {
    "a sample rate of 0": lambda: _value(rate=0),
    "a sample rate of 2^31": lambda: _value(rate=1 << 31),
    "another sample rate than the voice's": lambda: _sealed(
        _HEAD.pack(b"VTS", serialization.VERSION, 192_000, 8000, 0, 0, 0, 0), _flac(8000, 192_000)
    ),
    "no samples at all": lambda: _value(count=0, samples=0),
    "2^32 - 1 samples": lambda: _value(count=(1 << 32) - 1),
    "hours of silence in a few bytes": lambda: _value(samples=_BOMB_SAMPLES),
    "two channels": lambda: _value(flac=_flac(8000, 8000, 2)),
    "a sound that is no FLAC": lambda: _value(flac=b"RIFF" + bytes(2000)),
    "a sound that breaks off": lambda: _value(flac=_flac(8000, 8000)[:60]),
    "times before the beginning": lambda: _value(words=[[-5, -1, -100, -1]]),
    "times after the end": lambda: _value(words=[[0, 1 << 30, 0, (1 << 31) - 1]]),
    "times in disorder": lambda: _value(words=[[3, 1, 900, 3], [0, 2, 5, 0]] * 9),
    "more times than there are": lambda: _value(said_words=65_535),
    "65,535 times": lambda: _value(words=[[0, 1, 0, 1]] * 65_535),
    "a kind of times that there is not": lambda: _value(known=255),
    "16 MiB of nothing": lambda: bytes(16 << 20),
}


# --- recipes -------------------------------------------------------------------------------------


def _recipe(chance: Random, facts: Facts) -> Attack:
    """Store an impossible recipe of a file, and request the file."""
    name, change = chance.choice(list(_RECIPES.items()))
    wrapped = chance.random() < 0.2
    spread = f"{chance.randrange(1 << 40)}"
    source = address(chance)

    async def run(target: Target) -> list[Answer]:
        recipe: dict[str, Any] = {
            "voice": facts.voices[-1],
            "prosody": {"length_scale": 1.0, "noise_scale": 0.0, "noise_w": 0.0, "speaker_id": 0},
            "sentences": [[f"mot hai ba {spread}", 0.0]],
            "encoding": ["wav", 8000, None],
        }
        change(recipe)
        file = await asyncio.to_thread(_leave, target, recipe, wrapped)
        get = message(facts, "GET", f"/audio/{file}")
        script = Script((get,), source=source, hold=25, answered_within=25)
        return [await wire.play(script, target.address)]

    return Attack("redis values", f"recipe: {name}", f"{name}, {wrapped}, {spread}", run)


def _leave(target: Target, recipe: dict[str, Any], wrapped: bool) -> str:
    """Store a recipe under the hash that its file would have, and return the file's name."""
    voice = manifest.read(target.folder / "voices" / f"{recipe['voice']}.onnx")
    try:
        prosody = Prosody(**recipe["prosody"])
        parts = [
            (keys.sentence_key(voice.digest, str(text), prosody, _LEVEL), float(pause))
            for text, pause in recipe["sentences"]
        ]
        name = keys.speech_hash(parts, voice.sample_rate)
        if tuple(recipe["encoding"]) != ("wav", voice.sample_rate, None):
            name = keys.encoded_hash(name, *recipe["encoding"])
    except (TypeError, ValueError, KeyError, OverflowError):  # it has no hash: any name will do
        name = "0" * 40
    data = json.dumps(recipe)
    with target.redis.client() as client, suppress(RedisError):
        client.set(f"{_PREFIX}:r1:{name}", f"[{data}]" if wrapped else data)
    kind = str(recipe.get("encoding", ["wav"])[0])
    return f"{name}.{kind if kind.isalnum() else 'wav'}"


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a function that sets one value in a recipe."""

    def change(recipe: dict[str, Any]) -> None:
        place: Any = recipe
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


_TEXT = ("sentences", 0, 0)
_RECIPES: dict[str, Callable[[dict[str, Any]], None]] = {
    "one sentence of 30,000 characters": _set(*_TEXT, value="mot hai ba " * 2727),
    "100,000 sentences": _set("sentences", value=[["a", 0.0]] * 100_000),
    "no sentence": _set("sentences", value=[]),
    "an empty sentence": _set(*_TEXT, value=""),
    "a sentence that is no text": _set(*_TEXT, value={"a": 1}),
    "control characters": _set(*_TEXT, value="\u0000\u001b[2J" * 50),
    "half a surrogate pair": _set(*_TEXT, value="a\ud800"),
    "a pause of a billion seconds": _set("sentences", 0, 1, value=1e9),
    "a pause of 10,000 seconds": _set("sentences", 0, 1, value=1e4),
    "an endless pause": _set("sentences", 0, 1, value=math.inf),
    "a pause that is no number": _set("sentences", 0, 1, value=math.nan),
    "a negative pause": _set("sentences", 0, 1, value=-1.0),
    "very slow": _set("prosody", "length_scale", value=1e6),
    "very fast": _set("prosody", "length_scale", value=1e-9),
    "a negative length": _set("prosody", "length_scale", value=-1.0),
    "no length": _set("prosody", "length_scale", value=0.0),
    "an endless length": _set("prosody", "length_scale", value=math.inf),
    "a length that is no number": _set("prosody", "length_scale", value=math.nan),
    "a length that is a text": _set("prosody", "length_scale", value="1"),
    "endless noise": _set("prosody", "noise_scale", value=1e300),
    "a speaker that there is not": _set("prosody", "speaker_id", value=2**31),
    "a speaker that is a list": _set("prosody", "speaker_id", value=[1]),
    "a negative speaker": _set("prosody", "speaker_id", value=-1),
    "an unknown part": _set("prosody", "extra", value=1),
    "a rate of 0": _set("encoding", value=["wav", 0, None]),
    "a rate of 2^31": _set("encoding", value=["flac", 2**31, None]),
    "a rate that is no number": _set("encoding", value=["wav", "x", None]),
    "an endless rate": _set("encoding", value=["wav", 1e400, None]),
    "a bit rate of 1": _set("encoding", value=["mp3", 24000, 1]),
    "bits for a format without": _set("encoding", value=["wav", 8000, 64000]),
    "an unknown format": _set("encoding", value=["exe", 8000, None]),
    "a format that is a list": _set("encoding", value=[["wav"], 8000, None]),
    "a sentence without parts": _set("sentences", value=[[]]),
}


# --- Redis as a whole ----------------------------------------------------------------------------


def _odd_keys(chance: Random, facts: Facts) -> Attack:
    """Put odd values in the place of locks, the epoch and limits."""
    del facts
    what = chance.choice(["epoch", "epoch list", "locks for ever", "locks of a list", "limits"])

    async def run(target: Target) -> list[Answer]:
        await asyncio.to_thread(_put_odd, target, what)
        return []

    return Attack("redis values", f"odd: {what}", what, run)


def _put_odd(target: Target, what: str) -> None:
    with target.redis.client() as client, suppress(RedisError):
        if what == "epoch":
            client.set(f"{_PREFIX}:epoch", "9" * 5000)
        elif what == "epoch list":
            client.delete(f"{_PREFIX}:epoch")
            client.rpush(f"{_PREFIX}:epoch", 1)
        elif what == "limits":
            for name in client.keys(f"{_PREFIX}:limits*"):
                client.delete(name)
                client.hset(name, "a", "b")
        else:
            for name in client.keys(f"{_PREFIX}:s*:*:*"):
                lock = ":".join([_PREFIX, "lock", *name.decode().split(":")[2:]])
                client.delete(lock)
                client.set(lock, "nobody") if what == "locks for ever" else client.rpush(lock, 1)


def _trouble(chance: Random, facts: Facts) -> Attack:
    """Damage Redis as a whole for a moment, and repair it."""
    del facts
    what = chance.choice(["held", "full", "flushed", "read-only", "connections cut", "password"])
    seconds = chance.choice([0.1, 1, 4])

    async def run(target: Target) -> list[Answer]:
        try:
            await asyncio.to_thread(_make_trouble, target, what)
            await asyncio.sleep(seconds)
        finally:
            await asyncio.shield(asyncio.to_thread(_put_right, target, what))
        return []

    return Attack("redis values", f"trouble: {what}", f"{what} for {seconds} s", run, alone=True)


def _make_trouble(target: Target, what: str) -> None:
    if what == "held":
        target.redis.signal(signal.SIGSTOP)
        return
    with target.redis.client() as client, suppress(RedisError):
        if what == "full":
            client.config_set("maxmemory", 1)
        elif what == "flushed":
            client.flushall()
        elif what == "read-only":
            client.replicaof("127.0.0.1", "1")
        elif what == "password":
            client.config_set("requirepass", "another")
        if what in {"connections cut", "password"}:
            client.client_kill_filter(_type="normal", skipme=True)


def _put_right(target: Target, what: str) -> None:
    target.redis.signal(signal.SIGCONT)
    password = "another" if what == "password" else None
    with target.redis.client(password) as client, suppress(RedisError):
        _right(client)


def _right(client: Redis) -> None:
    client.config_set("requirepass", "")
    client.config_set("maxmemory", 0)
    client.replicaof("NO", "ONE")


_KINDS: list[Callable[[Random, Facts], Attack]] = [
    _damaged,
    _forged,
    _forged,
    _recipe,
    _recipe,
    _odd_keys,
    _trouble,
]
