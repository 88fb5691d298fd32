"""Promises of files, made by real processes that are killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

from vits_tts.audio.promises import Promises, new_id

HASH = "0" * 40
MAKER = """
import sys
from pathlib import Path
from vits_tts.audio.promises import Promises
promise = Promises(Path(sys.argv[1])).make(sys.argv[2], "mp3", sys.argv[3], b"content")
print("made", flush=True)
sys.stdin.read()
promise.keep()
"""


def made(folder: Path, promise_id: str) -> "subprocess.Popen[bytes]":
    """Start a process that makes a promise, and keeps it when its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(folder), HASH, promise_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"made\n"
    return process


def test_a_promise_is_broken_when_its_process_is_killed(tmp_path: Path) -> None:
    """The promise of a living process is not; the content of a broken one is done once."""
    promises, promise_id = Promises(tmp_path), new_id()
    with made(tmp_path, promise_id) as process:
        assert promises.is_broken(HASH, "mp3", promise_id) is False
        assert promises.take_broken() is None
        process.kill()
        process.wait()
        assert promises.is_broken(HASH, "mp3", promise_id)
        assert promises.is_broken(HASH, "wav", promise_id) is None
        for _ in range(2):
            taken = promises.take_broken()
            assert taken
            assert (taken.audio_hash, taken.format, taken.content) == (HASH, "mp3", b"content")
            assert taken.promise_id == promise_id
            assert promises.take_broken() is None
            assert promises.is_broken(HASH, "mp3", promise_id)
            taken.leave()
        last = promises.take_broken()
        assert last
        last.finish()
        assert promises.take_broken() is None
        assert promises.is_broken(HASH, "mp3", promise_id)  # the caller may still ask


TAKER = """
import sys
from pathlib import Path
from vits_tts.audio.promises import Promises
taken = Promises(Path(sys.argv[1])).take_broken()
print("taken", flush=True)
sys.stdin.read()
"""


def test_the_process_that_has_taken_a_promise_is_killed(tmp_path: Path) -> None:
    """Then the next one takes it: its content may not have been done."""
    promises, promise_id = Promises(tmp_path), new_id()
    with made(tmp_path, promise_id) as process:
        process.kill()
    command = [sys.executable, "-c", TAKER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as taker:
        assert taker.stdout
        assert taker.stdout.readline() == b"taken\n"
        assert promises.take_broken() is None
        assert promises.is_broken(HASH, "mp3", promise_id)
        taker.kill()
    taken = promises.take_broken()
    assert taken
    assert taken.content == b"content"
    taken.leave()


def test_a_kept_promise_leaves_nothing(tmp_path: Path) -> None:
    """It is not broken afterwards, though its process has ended."""
    promises, promise_id = Promises(tmp_path), new_id()
    with made(tmp_path, promise_id) as process:
        process.communicate()
        assert process.returncode == 0
    assert not promises.is_broken(HASH, "mp3", promise_id)
    assert list(tmp_path.iterdir()) == []


def test_old_promises_are_removed(tmp_path: Path) -> None:
    """A broken promise is removed after an hour; other files are not."""
    promises, promise_id = Promises(tmp_path), new_id()
    with made(tmp_path, promise_id) as process:
        process.kill()
    (path,) = tmp_path.iterdir()
    (tmp_path / "other").write_bytes(b"")
    taken = promises.take_broken()
    assert taken
    taken.finish()
    os.utime(path, (0, time.time() - 3700))
    assert promises.take_broken() is None
    assert [left.name for left in tmp_path.iterdir()] == ["other"]


def test_what_is_no_promise(tmp_path: Path) -> None:
    """A link, a folder and an empty file are not broken promises; a missing folder has none."""
    promises = Promises(tmp_path / "none")
    assert promises.take_broken() is None
    promises = Promises(tmp_path)
    ids = [new_id() for _ in range(3)]
    paths = [tmp_path / f"{HASH}.mp3.{promise_id}" for promise_id in ids]
    paths[0].symlink_to(__file__)
    paths[1].mkdir()
    paths[2].touch()
    assert promises.take_broken() is None
    assert not any(promises.is_broken(HASH, "mp3", promise_id) for promise_id in ids)
