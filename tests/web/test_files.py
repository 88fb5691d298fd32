"""The files of speech: access, and content."""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import pytest

from tests.support.redis import redis_server
from tests.support.server import Server, Settings, serving, until
from tests.support.sound import decode
from tests.support.voices import install_pair
from vits_tts.cache.key import encoded_hash, file_hash, sentence_key, speech_hash
from vits_tts.types import Level
from vits_tts.voice import manifest
from vits_tts.web.auth.api_keys import make_key

LEVEL = Level(loudness=-19.0)
"""That of the default settings."""
TEXT = "mot hai ba bon nam"


@contextmanager
def speaking(
    folder: Path,
    audio: dict[str, Any] | None = None,
    workers: int = 1,
    **more: Any,
) -> Iterator[Server]:
    """Run a server with a fast voice."""
    if not (folder / "voices").exists():
        install_pair(folder / "voices")
    settings: Settings = {
        "server": {"workers": workers},
        "voice": {"name": "pair"},
        "audio": audio or {},
        **more,
    }
    with serving(folder, settings) as server:
        yield server


@pytest.fixture(scope="module")
def simple(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with the default settings of files; tests that share it use words of their own.

    Its files are in the folder ``audio`` beside its settings.
    """
    with speaking(tmp_path_factory.mktemp("simple")) as server:
        yield server


def said(server: Server, text: str = TEXT, **headers: str) -> str:
    """Return the hash of a text's file."""
    answer = httpx.post(f"{server.url}/tts", json={"text": text}, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["hash"])


def fetched(server: Server, audio_hash: str, **headers: str) -> httpx.Response:
    """Request a file."""
    return httpx.get(f"{server.url}/audio/{audio_hash}.wav", headers=headers, timeout=60)


# --- access --------------------------------------------------------------------------------------


def test_nobody_can_work_out_a_hash(simple: Server) -> None:
    """A hash cannot be computed from the text, the voice and the program."""
    voice = manifest.read(simple.folder / "voices" / "pair.onnx")
    query = {"text": TEXT}
    sentence = httpx.get(f"{simple.url}/normalize", params=query).json()["sentences"][0]
    key = sentence_key(voice.digest, sentence["text"], voice.prosody(), LEVEL)
    guess = speech_hash([(key, sentence["pause"])], voice.sample_rate)
    assert said(simple) != guess
    assert fetched(simple, guess).status_code == 404
    assert len(said(simple)) == 40


def test_a_hash_stays(tmp_path: Path) -> None:
    """The same words have the same hash after a restart; only the owner can read the secret."""
    hashes = []
    for _ in range(2):
        with speaking(tmp_path / "server", workers=2) as server:
            hashes += [said(server) for _ in range(4)]
    assert len(set(hashes)) == 1
    secret = tmp_path / "server" / "audio" / ".secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    with speaking(tmp_path / "other") as server:
        assert said(server) not in hashes


def test_replicas_may_be_given_a_secret(tmp_path: Path) -> None:
    """Servers with the same secret have equal hashes without sharing anything else."""
    hashes = {}
    for name, secret in (("one", "a" * 16), ("two", "a" * 16), ("three", "b" * 16)):
        with speaking(tmp_path / name, {"secret": secret}) as server:
            hashes[name] = said(server)
        assert not (tmp_path / name / "audio" / ".secret").exists()
    assert hashes["one"] == hashes["two"] != hashes["three"]


def test_replicas_agree_through_redis(tmp_path: Path) -> None:
    """Servers that share a Redis have equal hashes, even if it was emptied or cannot be reached."""
    with redis_server(tmp_path / "redis") as redis:
        cache = {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}}
        with (
            speaking(tmp_path / "one", cache=cache) as one,
            speaking(tmp_path / "two", cache=cache) as two,
        ):
            expected = said(one)
            until(lambda: redis.keys("vits-tts:r*"), "the recipe")
            assert fetched(two, expected).status_code == 200  # which has made no file itself
            assert said(two) == expected
            with redis.client() as client:
                client.flushall()
            with speaking(tmp_path / "one", cache=cache) as again:
                assert said(again) == expected
            with speaking(tmp_path / "three", cache=cache) as three:
                assert said(three) == expected
        redis.stop()
        with speaking(tmp_path / "two", cache=cache) as alone:
            assert said(alone) == expected


def test_a_key_may_be_part_of_the_hash(tmp_path: Path) -> None:
    """With `audio.hash_per_key` clients share no file, and another replica makes the same one."""
    keys = {owner: make_key(owner) for owner in ("an", "binh")}
    access = {"keys": [line for _, line in keys.values()]}
    with redis_server(tmp_path / "redis") as redis:
        more: dict[str, Any] = {
            "access": access,
            "cache": {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}},
        }
        audio = {"hash_per_key": True}
        with (
            speaking(tmp_path / "one", audio, **more) as one,
            speaking(tmp_path / "two", audio, **more) as two,
        ):
            headers = {owner: {"X-API-Key": key} for owner, (key, _) in keys.items()}
            hashes = {owner: said(one, **headers[owner]) for owner in keys}
            assert hashes["an"] != hashes["binh"]
            until(lambda: len(redis.keys("vits-tts:r*")) == 2, "the recipes")
            for owner, audio_hash in hashes.items():
                assert fetched(two, audio_hash, **headers[owner]).status_code == 200
                assert said(two, **headers[owner]) == audio_hash


def test_guessing_is_limited(tmp_path: Path) -> None:
    """A client that requests many unknown files has to wait, and other clients do not."""
    with speaking(tmp_path / "server", {"misses_per_minute": 5}) as server:
        known = said(server)
        guesser, other = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
        answers = [fetched(server, f"{number:040x}", **guesser) for number in range(12)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:5] == [404] * 5
        assert set(statuses[6:]) <= {404, 429}  # the next minute may have begun
        assert 429 in statuses
        refused = answers[statuses.index(429)]
        assert refused.json()["error"]["code"] == "rate_limited"
        assert 1 <= int(refused.headers["Retry-After"]) <= 120
        assert fetched(server, known, **guesser).status_code == 429  # a hit would reveal as much
        assert fetched(server, known, **other).status_code == 200
        assert said(server, **guesser) == known
        assert server.counted('vits_tts_rate_limited_total{limit="misses"}')


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    """No other user of the machine may read the files.

    Open permissions of files from older versions are corrected.
    """
    folder = tmp_path / "server" / "audio"
    before = os.umask(0)
    try:
        with speaking(tmp_path / "server") as server:
            first = folder / f"{said(server)}.wav"
            modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert modes == {0o600}
            first.chmod(0o644)
        with speaking(tmp_path / "server") as server:
            server.wait_until(lambda: stat.S_IMODE(first.stat().st_mode) == 0o640, "closed")
    finally:
        os.umask(before)


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "folder"])
def test_only_ordinary_files_are_sent(simple: Server, tmp_path: Path, kind: str) -> None:
    """A link, a pipe or a folder in place of a file is refused; nothing hangs or leaks."""
    folder = simple.folder / "audio"
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"not for everybody")
    text = f"thay cho {kind}"
    path = folder / f"{said(simple, text)}.wav"
    path.unlink()
    if kind == "link":
        path.symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        path.mkdir()
    assert fetched(simple, path.stem).status_code == 404
    again = httpx.post(f"{simple.url}/tts", json={"text": text}, timeout=60)
    if kind == "folder":
        assert (again.status_code, again.json()["error"]["code"]) == (507, "storage_failed")
    else:  # which a rename replaces
        assert again.status_code == 200
        decode(fetched(simple, path.stem).content)
    assert outside.read_bytes() == b"not for everybody"
    assert said(simple, f"sau bay tam {kind}")
    assert not list(folder.glob(".*.part"))


# --- content -------------------------------------------------------------------------------------

HEADERLESS: list[dict[str, Any]] = [
    {"format": name, **rate}
    for name in ("pcm", "mulaw", "alaw")
    for rate in ({}, {"sample_rate": 16000}, {"sample_rate": 48000})
]


def audio_url(server: Server, asked: dict[str, Any]) -> str:
    """Return the path of a file in a format."""
    answer = httpx.post(f"{server.url}/tts", json={"text": TEXT, **asked}, timeout=60).json()
    return str(httpx.URL(answer["audio_url"]).path)


def content_types(server: Server, path: str) -> set[str]:
    """Return the content types of a file, of a part of it, and of a HEAD request."""
    url = f"{server.url}{path}"
    answers = [
        httpx.get(url),
        httpx.get(url, headers={"Range": "bytes=0-9"}),
        httpx.head(url),
    ]
    assert [answer.status_code for answer in answers] == [200, 206, 200]
    return {answer.headers["Content-Type"] for answer in answers}


def test_samples_without_a_header_have_a_rate(tmp_path: Path) -> None:
    """Raw samples have the Content-Type of a stream.

    This also holds after a restart and from another replica.
    """
    with redis_server(tmp_path / "redis") as redis:
        cache = {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}}
        expected: dict[str, str] = {}
        with speaking(tmp_path / "one", cache=cache) as server:
            for asked in HEADERLESS:
                query = {"text": TEXT, **asked}
                stream = httpx.post(f"{server.url}/tts/stream", json=query, timeout=60)
                path = audio_url(server, asked)
                expected[path] = stream.headers["Content-Type"]
                assert content_types(server, path) == {expected[path]}
            until(lambda: len(redis.keys("vits-tts:r*")) == len(HEADERLESS), "the recipes")
        assert len(set(expected.values())) == len(expected) == len(HEADERLESS)
        assert {"audio/pcm; rate=16000", "audio/PCMU; rate=48000"} <= set(expected.values())
        with speaking(tmp_path / "two", cache=cache) as other:  # which makes them from recipes
            assert {path: content_types(other, path) for path in expected} == {
                path: {media_type} for path, media_type in expected.items()
            }
    with speaking(tmp_path / "one") as again:
        for path, media_type in expected.items():
            assert content_types(again, path) == {media_type}


def test_older_samples_without_a_header(tmp_path: Path) -> None:
    """Files of raw samples from older versions get their rate from Redis.

    If Redis does not know it, they are sent without a rate.
    """
    asked = {"format": "mulaw", "sample_rate": 16000}
    with redis_server(tmp_path / "redis") as redis:
        cache = {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}}
        with speaking(tmp_path / "one", cache=cache) as server:
            path = PurePosixPath(audio_url(server, asked))
            (recipe_key,) = until(lambda: redis.keys("vits-tts:r*"), "the recipe")
            folder = tmp_path / "one" / "audio"
            voice = manifest.read(tmp_path / "one" / "voices" / "pair.onnx")
            query = {"text": TEXT}
            (sentence,) = httpx.get(f"{server.url}/normalize", params=query).json()["sentences"]
            key = sentence_key(voice.digest, sentence["text"], voice.prosody(), LEVEL)
            plain = speech_hash([(key, sentence["pause"])], voice.sample_rate)
            secret = (folder / ".secret").read_text().strip()
            old = file_hash(secret, encoded_hash(plain, "mulaw", 16000, None))
            assert old[:30] == path.stem[:30]
            (folder / path.name).rename(folder / f"{old}.mulaw")
            with redis.client() as client:
                client.rename(recipe_key, recipe_key.decode().replace(path.stem, old))
            assert content_types(server, f"/audio/{old}.mulaw") == {"audio/PCMU; rate=16000"}
            (folder / f"{old}.mulaw").unlink()  # made again, from the recipe
            assert content_types(server, f"/audio/{old}.mulaw") == {"audio/PCMU; rate=16000"}
    with speaking(tmp_path / "one") as alone:
        assert content_types(alone, f"/audio/{old}.mulaw") == {"audio/PCMU"}
        assert content_types(alone, audio_url(alone, asked)) == {"audio/PCMU; rate=16000"}


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "aac"])
def test_a_damaged_file_is_made_again(simple: Server, name: str) -> None:
    """A damaged file is replaced by the next request for its text."""
    query = {"text": "mot tep hong", "format": name}
    first = httpx.post(f"{simple.url}/tts", json=query, timeout=60).json()
    path = simple.folder / "audio" / f"{first['hash']}.{name}"
    whole = path.read_bytes()
    for damage in (b"", b"RIFF", b"no sound " * 500 if name != "wav" else b""):
        path.write_bytes(damage)
        again = httpx.post(f"{simple.url}/tts", json=query, timeout=60)
        assert (again.status_code, again.json()) == (200, first)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["wav", "flac", "aac"])
def test_a_file_that_is_deleted_at_once(simple: Server, name: str) -> None:
    """Another process may delete a new file for one of its own: its request succeeds all the same.

    Its length must not depend on the file still being there.
    """
    folder = simple.folder / "audio"
    said(simple)
    others = {path.name for path in folder.iterdir()}
    deleted, enough = set[str](), threading.Event()

    def delete() -> None:
        while not enough.is_set():
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(name) and entry.name not in others:
                        Path(entry.path).unlink()
                        deleted.add(entry.name)

    deleting = threading.Thread(target=delete)
    deleting.start()
    try:
        for number in range(40):
            query = {"text": f"so {number}", "format": name}
            answer = httpx.post(f"{simple.url}/tts", json=query, timeout=60)
            assert answer.status_code == 200, answer.text
            assert 0.1 < answer.json()["seconds"] < 60
        until(lambda: len(deleted) >= 40, "the last file to be deleted")
    finally:
        enough.set()
        deleting.join()
