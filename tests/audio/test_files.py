"""Files: whole or not at all, bounded, the longest unused out first."""

import os
import resource
import time
from pathlib import Path

import pytest

from vits_tts.audio.files import AudioFiles, WholeFile, write_whole
from vits_tts.config import Audio
from vits_tts.errors import AudioNotFound

MIB = 1024 * 1024


def name(number: int) -> str:
    """Return a hash."""
    return f"{number:040x}"


def save(files: AudioFiles, audio_hash: str, parts: list[bytes]) -> int:
    """Make a file as a request does."""
    with files.begin(audio_hash) as file:
        for part in parts:
            file.write(part)
        size = file.finish()
    files.sweep(audio_hash)
    return size


def used(folder: Path, number: int, seconds_ago: float) -> None:
    """Set when a file was last used."""
    moment = time.time() - seconds_ago
    os.utime(folder / f"{name(number)}.wav", (moment, moment))


def present(folder: Path) -> list[int]:
    """Return which files there are."""
    return sorted(int(path.stem, 16) for path in folder.glob("*.wav"))


def test_saved_is_read(tmp_path: Path) -> None:
    """What is saved can be sized and read in parts; its ETag is its hash, on every machine."""
    files = AudioFiles(Audio(folder=tmp_path / "deep" / "audio"))
    assert files.size(name(1)) is None
    assert save(files, name(1), [b"abc", b"def"]) == 6
    assert files.size(name(1)) == 6
    audio = files.open(name(1))
    assert (audio.size, audio.read(1, 3), audio.read(4, 100)) == (6, b"bcd", b"ef")
    assert audio.etag == f'"{name(1)}"'
    audio.close()


def test_longest_unused_goes_first(tmp_path: Path) -> None:
    """The bytes stay under the limit; reading a file saves it from being dropped."""
    files = AudioFiles(Audio(folder=tmp_path, max_bytes=MIB))
    for number in range(4):
        save(files, name(number), [b"x" * (MIB // 4)])
        used(tmp_path, number, 100 - number)
    files.open(name(0)).close()
    save(files, name(9), [b"x" * (MIB // 4)])
    assert present(tmp_path) == [0, 2, 3, 9]
    save(files, name(10), [b"x" * MIB])
    assert present(tmp_path) == [10]


def test_old_files_are_dropped(tmp_path: Path) -> None:
    """A file that nobody used for its age is dropped and no longer counts as there."""
    files = AudioFiles(Audio(folder=tmp_path, max_age_seconds=50))
    for number in (1, 2):
        save(files, name(number), [b"x"])
    used(tmp_path, 1, 60)
    assert files.size(name(1)) is None
    save(files, name(3), [b"x"])
    assert present(tmp_path) == [2, 3]


def test_only_our_files_are_touched(tmp_path: Path) -> None:
    """What else lies in the folder stays; unfinished files of dead processes do not."""
    files = AudioFiles(Audio(folder=tmp_path, max_age_seconds=50))
    (tmp_path / "notes.txt").write_text("mine")
    stale, fresh = tmp_path / ".a.part", tmp_path / ".b.part"
    for part in (stale, fresh):
        part.write_text("half")
    os.utime(stale, (0, 0))
    os.utime(tmp_path / "notes.txt", (0, 0))
    save(files, name(1), [b"x"])
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", ".b.part", f"{name(1)}.wav"}


def test_readable_while_dropped(tmp_path: Path) -> None:
    """Who is reading a file reads it to its end, dropped or not."""
    files = AudioFiles(Audio(folder=tmp_path))
    save(files, name(1), [b"abc"])
    audio = files.open(name(1))
    (tmp_path / f"{name(1)}.wav").unlink()
    assert audio.read(0, 10) == b"abc"
    audio.close()


@pytest.mark.parametrize("wrong", ["", "x", "../../etc/passwd", "A" * 40, "0" * 39, "0" * 41])
def test_only_hashes_are_names(tmp_path: Path, wrong: str) -> None:
    """No path is built from what is no hash."""
    with pytest.raises(AudioNotFound):
        AudioFiles(Audio(folder=tmp_path)).open(wrong)


def test_never_half_a_file(tmp_path: Path) -> None:
    """When writing breaks in the middle, what was there before still is, and nothing else."""
    target = tmp_path / "x"
    write_whole(target, [b"old"])

    def broken() -> object:
        yield b"new"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(target, broken())  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_errors_name_the_file(tmp_path: Path) -> None:
    """What cannot be written is blamed on the file that was asked for, not on its working name."""
    path = tmp_path / "speech.wav"
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    with WholeFile(path) as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most))  # as if the disk were full
        try:
            with pytest.raises(OSError, match="too large") as raised:
                file.write(bytes(100_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert raised.value.filename == str(path)
    with pytest.raises(FileNotFoundError) as raised:
        WholeFile(tmp_path / "no" / "speech.wav")
    assert raised.value.filename == str(tmp_path / "no" / "speech.wav")
    assert list(tmp_path.iterdir()) == []


def test_a_head_may_be_put_right(tmp_path: Path) -> None:
    """What is known only at the end is written over the beginning."""
    files = AudioFiles(Audio(folder=tmp_path))
    with files.begin(name(1)) as file:
        file.write(b"head")
        file.write(b"body")
        file.write(b"HEAD", 0)
        file.write(b"tail")
        assert file.finish() == 12
    audio = files.open(name(1))
    assert audio.read(0, 99) == b"HEADbodytail"
    audio.close()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """A folder that cannot be made is an error of its own."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|directory"):
        save(AudioFiles(Audio(folder=tmp_path / "file")), name(1), [b"x"])
