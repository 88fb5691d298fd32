"""Records of files that could not be created."""

import os
import time
from pathlib import Path

import pytest

from vits_tts.audio import failure_records
from vits_tts.audio.files import AudioFiles
from vits_tts.config import Audio

MIB = 1024 * 1024
HASH = "0" * 40


def written(folder: Path) -> list[str]:
    """Return the names of the records."""
    return sorted(path.name for path in folder.glob(".*.failed"))


def test_a_record_is_seen_by_others(tmp_path: Path) -> None:
    """Another process sees a record, for its format alone, until the file is tried again."""
    folder = tmp_path / "audio"
    one, two = (AudioFiles(Audio(folder=folder)).failures for _ in range(2))
    assert not two.has(HASH, "wav")
    two.discard(HASH, "wav")
    one.add(HASH, "wav")
    assert two.has(HASH, "wav")
    assert not two.has(HASH, "mp3")
    two.discard(HASH, "wav")
    assert not one.has(HASH, "wav")
    assert written(folder) == []


def test_old_records_go(tmp_path: Path) -> None:
    """A record counts for an hour; then a sweep removes it, of any process, and takes no room."""
    files = AudioFiles(Audio(folder=tmp_path, max_bytes=MIB))
    files.failures.add(HASH, "mp3")
    old = tmp_path / f".{HASH}.wav.failed"
    old.touch()
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    assert not files.failures.has(HASH, "wav")
    files.sweep()
    assert written(tmp_path) == [f".{HASH}.mp3.failed"]
    assert files.failures.has(HASH, "mp3")
    files.begin(HASH, nbytes=MIB).leave()


def test_records_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process removes its oldest record when it has too many; one that is repeated is new."""
    monkeypatch.setattr(failure_records, "_MOST", 2)
    records = AudioFiles(Audio(folder=tmp_path)).failures
    for name in ("wav", "mp3", "wav", "flac"):
        records.add(HASH, name)
    assert written(tmp_path) == [f".{HASH}.flac.failed", f".{HASH}.wav.failed"]


def test_only_ordinary_files_are_records(tmp_path: Path) -> None:
    """A folder of the name of a record is none, and a sweep leaves it alone."""
    files = AudioFiles(Audio(folder=tmp_path))
    place = tmp_path / f".{HASH}.wav.failed"
    place.mkdir()
    os.utime(place, (0, 0))
    assert not files.failures.has(HASH, "wav")
    files.sweep()
    assert place.is_dir()
