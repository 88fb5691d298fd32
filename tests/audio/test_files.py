"""Files: complete or absent, limited in size, least recently used dropped first."""

import contextlib
import errno
import json
import os
import resource
import subprocess
import sys
import time
from glob import glob
from pathlib import Path
from typing import Any

import pytest

from vits_tts.audio.files import AudioFiles, IndexOutdated, NoRoom
from vits_tts.audio.new_file import NewFile
from vits_tts.audio.whole_file import WholeFile, write_whole
from vits_tts.config import Audio
from vits_tts.errors import AudioNotFound

MIB = 1024 * 1024


def name(number: int) -> str:
    """Return a hash."""
    return f"{number:040x}"


def save(files: AudioFiles, audio_hash: str, parts: list[bytes]) -> int:
    """Save a file as a request does, with a sweep before it and after it."""
    files.sweep()
    with begun(files, audio_hash, sum(map(len, parts))) as file:
        for part in parts:
            file.write(part)
        size = file.finish()
    files.sweep()
    return size


def begun(files: AudioFiles, audio_hash: str, nbytes: int = 0) -> NewFile:
    """Begin a file; sweep first if the files to be dropped for it are not known."""
    try:
        return files.begin(audio_hash, nbytes=nbytes)
    except IndexOutdated:
        files.sweep()
        return files.begin(audio_hash, nbytes=nbytes)


def used(folder: Path, number: int, seconds_ago: float) -> None:
    """Set the time at which a file was last used."""
    moment = time.time() - seconds_ago
    os.utime(folder / f"{name(number)}.wav", (moment, moment))


def present(folder: Path) -> list[int]:
    """Return the numbers of the files that exist."""
    return sorted(int(path.stem, 16) for path in folder.glob("*.wav"))


def test_saved_is_read(tmp_path: Path) -> None:
    """A saved file has its size, supports partial reads, and has its hash as ETag."""
    files = AudioFiles(Audio(folder=tmp_path / "deep" / "audio"))
    assert files.size(name(1)) is None
    assert save(files, name(1), [b"abc", b"def"]) == 6
    assert files.size(name(1)) == 6
    audio = files.open(name(1))
    assert (audio.size, audio.read(1, 3), audio.read(4, 100)) == (6, b"bcd", b"ef")
    assert audio.etag == f'"{name(1)}"'
    audio.close()


def test_longest_unused_goes_first(tmp_path: Path) -> None:
    """The bytes stay under the limit; reading a file protects it from being dropped."""
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
    """A file that was unused for the maximum age is dropped and counts as missing."""
    files = AudioFiles(Audio(folder=tmp_path, max_age_seconds=50))
    for number in (1, 2):
        save(files, name(number), [b"x"])
    used(tmp_path, 1, 60)
    assert files.size(name(1)) is None
    save(files, name(3), [b"x"])
    assert present(tmp_path) == [2, 3]


def test_only_our_files_are_touched(tmp_path: Path) -> None:
    """Other files in the folder stay; unfinished files of dead processes are removed."""
    files = AudioFiles(Audio(folder=tmp_path, max_age_seconds=50))
    (tmp_path / "notes.txt").write_text("mine")
    stale, fresh = tmp_path / ".a.part", tmp_path / ".b.part"
    for part in (stale, fresh):
        part.write_text("half")
    os.utime(stale, (0, 0))
    os.utime(tmp_path / "notes.txt", (0, 0))
    save(files, name(1), [b"x"])
    left = {path.name for path in tmp_path.iterdir()} - {".ledger"}
    assert left == {"notes.txt", ".b.part", f"{name(1)}.wav"}


def test_readable_while_dropped(tmp_path: Path) -> None:
    """A file that is being read is read to its end, even if it is dropped."""
    files = AudioFiles(Audio(folder=tmp_path))
    save(files, name(1), [b"abc"])
    audio = files.open(name(1))
    (tmp_path / f"{name(1)}.wav").unlink()
    assert audio.read(0, 10) == b"abc"
    audio.close()


@pytest.mark.parametrize("wrong", ["", "x", "../../etc/passwd", "A" * 40, "0" * 39, "0" * 41])
def test_only_hashes_are_names(tmp_path: Path, wrong: str) -> None:
    """A name that is not a hash never becomes a path."""
    with pytest.raises(AudioNotFound):
        AudioFiles(Audio(folder=tmp_path)).open(wrong)


def test_never_half_a_file(tmp_path: Path) -> None:
    """A failure in the middle of writing leaves the earlier file and no other."""
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
    """Errors of writing name the requested file, not its temporary name."""
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
    """The head of a file can be overwritten with values that are known only at the end."""
    files = AudioFiles(Audio(folder=tmp_path))
    with begun(files, name(1)) as file:
        file.write(b"head")
        file.write(b"body")
        file.write(b"HEAD", 0)
        file.write(b"tail")
        assert file.finish() == 12
    audio = files.open(name(1))
    assert audio.read(0, 99) == b"HEADbodytail"
    audio.close()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """A folder that cannot be created raises its own error."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|directory"):
        save(AudioFiles(Audio(folder=tmp_path / "file")), name(1), [b"x"])


# --- the limit -----------------------------------------------------------------------------------


def account(folder: Path) -> dict[str, Any]:
    """Return the bytes that the ledger counts."""
    found: dict[str, Any] = json.loads((folder / ".ledger").read_text())
    return found


def test_what_is_under_way_counts(tmp_path: Path) -> None:
    """Space that one process reserved is not available to others until it is released."""
    one, other = (AudioFiles(Audio(folder=tmp_path, max_bytes=MIB)) for _ in range(2))
    first = begun(one, name(1), 700_000)
    with pytest.raises(NoRoom):
        begun(other, name(2), 400_000)
    begun(other, name(2), 300_000).leave()
    first.leave()
    with begun(other, name(2), 400_000) as second:
        second.write(bytes(400_000))
        assert second.finish() == 400_000
    assert account(tmp_path)["files"] == 400_000
    assert account(tmp_path)["reserved"] == {}


def test_a_file_longer_than_expected(tmp_path: Path) -> None:
    """A file that grows reserves more space, and others are dropped before it is written."""
    files = AudioFiles(Audio(folder=tmp_path, max_bytes=MIB))
    for number in (1, 2):
        save(files, name(number), [bytes(400_000)])
        used(tmp_path, number, 100 - number)
    files.sweep()
    with begun(files, name(3), 1000) as file:
        for _ in range(9):
            file.write(bytes(100_000))
            present_bytes = sum(path.stat().st_size for path in tmp_path.glob("*.wav"))
            assert present_bytes + sum(account(tmp_path)["reserved"].values()) <= MIB
        assert present(tmp_path) == []
        file.write(bytes(MIB - 900_000))  # the rest of the limit
        with pytest.raises(NoRoom):
            file.write(b"x")
        assert file.finish() == MIB
    assert present(tmp_path) == [3]


_WRITER = """
import sys, random
from pathlib import Path
from vits_tts.audio.files import AudioFiles, IndexOutdated, NoRoom
from vits_tts.config import Audio
files = AudioFiles(Audio(folder=Path(sys.argv[1]), max_bytes=1024 * 1024))
chance = random.Random(int(sys.argv[2]))
made = 0
while made < 150:
    size, name = chance.randrange(1000, 200_000), f"{chance.getrandbits(160):040x}"
    try:
        file = files.begin(name, nbytes=size // 2)
    except (IndexOutdated, NoRoom):
        files.sweep()
        continue
    with file:
        for _ in range(4):
            try:
                file.write(bytes(size // 4))
            except (IndexOutdated, NoRoom):
                files.sweep()
                break
        else:
            made += chance.random() < 0.9 and bool(file.finish())
"""


def test_processes_share_the_limit(tmp_path: Path) -> None:
    """Several processes that write as fast as they can never exceed the limit."""
    folder = tmp_path / "audio"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(folder), str(number)])
        for number in range(4)
    ]
    most = 0
    while any(writer.poll() is None for writer in writers):
        size = 0
        for path in folder.glob("*.wav"):
            with contextlib.suppress(FileNotFoundError):
                size += path.stat().st_size
        most = max(most, size)
        time.sleep(0.001)  # the writers need the processors
    assert [writer.wait() for writer in writers] == [0] * 4
    assert MIB / 2 < most <= MIB
    assert account(folder)["files"] == sum(path.stat().st_size for path in folder.glob("*.wav"))
    assert account(folder)["reserved"] == {}
    assert not list(folder.glob(".*.part"))


def test_room_is_made_without_a_look_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two sweeps a new file needs no scan of the folder, however full it is."""
    files = AudioFiles(Audio(folder=tmp_path, max_bytes=MIB))
    for number in range(16):
        save(files, name(number), [bytes(MIB // 16)])
    looks: list[object] = []
    scandir = os.scandir

    def counted(path: str) -> object:
        looks.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    for number in range(16, 24):
        with files.begin(name(number), nbytes=MIB // 16) as file:
            file.write(bytes(MIB // 16))
            file.finish()
    assert looks == []
    assert present(tmp_path) == list(range(8, 24))


def test_files_that_cannot_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If they fill the folder that is an error of the disk: no sweep can make room."""
    files = AudioFiles(Audio(folder=tmp_path, max_bytes=MIB))
    for number in range(4):
        save(files, name(number), [bytes(MIB // 4)])
        used(tmp_path, number, 100 - number)
    files.sweep()
    unlink = os.unlink

    def refuse(path: Path, **more: Any) -> None:
        if path.name in {f"{name(number)}.wav" for number in (0, 1, 2)}:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(path, **more)

    monkeypatch.setattr(os, "unlink", refuse)
    with files.begin(name(8), nbytes=MIB // 4):
        assert present(tmp_path) == [0, 1, 2]  # instead of another one
    files.sweep()
    with pytest.raises(PermissionError):
        files.begin(name(9), nbytes=MIB // 2)
    assert account(tmp_path)["reserved"] == {}


def test_what_was_used_since_the_sweep_stays(tmp_path: Path) -> None:
    """The least recently used file is not dropped if it was used after the sweep."""
    files = AudioFiles(Audio(folder=tmp_path, max_bytes=MIB))
    for number in range(4):
        save(files, name(number), [bytes(MIB // 4)])
        used(tmp_path, number, 100 - number)
    files.sweep()
    files.open(name(0)).close()
    with files.begin(name(9), nbytes=MIB // 4) as file:
        file.write(bytes(MIB // 4))
        file.finish()
    assert present(tmp_path) == [0, 2, 3, 9]


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"[]", b'{"files": -1}', b'{"files": 5, "more": 1}', bytes(5000), None),
        *(b'{"files": ""}', b'{"files": []}', b'{"files": 0.0}', b'{"turnover": true}'),
        pytest.param(b"[" * 900_000, id="deep"),
        pytest.param(b'{"reserved": {"x": 1%s}}' % (b"0" * 400), id="huge"),
    ],
)
def test_a_ledger_that_is_lost(tmp_path: Path, damage: bytes | None) -> None:
    """After the loss of the ledger, files are counted before a new one is made."""
    files = AudioFiles(Audio(folder=tmp_path, max_bytes=MIB))
    save(files, name(1), [bytes(900_000)])
    ledger = tmp_path / ".ledger"
    if damage is None:
        ledger.unlink()
    else:
        ledger.write_bytes(damage)
    with pytest.raises(IndexOutdated):
        files.begin(name(2), nbytes=500_000)
    save(files, name(2), [bytes(500_000)])
    assert present(tmp_path) == [2]
    assert account(tmp_path)["files"] == 500_000


def test_reservations_survive_a_lost_ledger(tmp_path: Path) -> None:
    """Bytes that were reserved before the ledger was lost are not given to others after it."""
    one, other = (AudioFiles(Audio(folder=tmp_path, max_bytes=MIB)) for _ in range(2))
    first = begun(one, name(1), 700_000)
    first.write(bytes(500_000))
    (tmp_path / ".ledger").unlink()
    other.sweep()  # which sees what is written
    with pytest.raises(NoRoom):
        other.begin(name(2), nbytes=600_000)
    one.sweep()  # which knows what will be written
    assert list(account(tmp_path)["reserved"].values()) == [700_000]
    with pytest.raises(NoRoom):
        other.begin(name(2), nbytes=400_000)
    first.write(bytes(300_000))
    assert list(account(tmp_path)["reserved"].values()) == [700_000 + 262_144]
    assert first.finish() == 800_000
    assert account(tmp_path)["reserved"] == {}
    assert account(tmp_path)["files"] == 800_000


def test_what_others_do_by_hand_is_noticed(tmp_path: Path) -> None:
    """Files that a person deletes or adds are counted after the next sweep."""
    files = AudioFiles(Audio(folder=tmp_path, max_bytes=MIB))
    for number in (1, 2):
        save(files, name(number), [bytes(300_000)])
    (tmp_path / f"{name(1)}.wav").unlink()
    (tmp_path / f"{name(3)}.mp3").write_bytes(bytes(50_000))
    assert account(tmp_path)["files"] == 600_000
    files.sweep()
    assert account(tmp_path)["files"] == 350_000


def test_the_same_file_again_counts_once(tmp_path: Path) -> None:
    """A file that replaces another of its name also replaces it in the ledger."""
    files = AudioFiles(Audio(folder=tmp_path))
    for size in (1000, 3000, 2000):
        with begun(files, name(1), size) as file:
            file.write(bytes(size))
            file.finish()
        assert account(tmp_path)["files"] == size


# --- unfinished files ----------------------------------------------------------------------------

_BEGIN = """
import sys
from pathlib import Path
from vits_tts.audio.files import AudioFiles, IndexOutdated
from vits_tts.config import Audio
files = AudioFiles(Audio(folder=Path(sys.argv[1])))
try:
    files.begin("0" * 40)
except IndexOutdated:
    files.sweep()
file = files.begin("0" * 40, nbytes=123456)
file.write(b"half")
print("begun", flush=True)
sys.stdin.read()
"""


def test_only_the_dead_leave_their_files(tmp_path: Path) -> None:
    """Unfinished files of a living process stay, however old; those of a dead one are removed."""
    tmp_path.mkdir(exist_ok=True)
    files = AudioFiles(Audio(folder=tmp_path))
    command = [sys.executable, "-c", _BEGIN, str(tmp_path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
        (part,) = tmp_path.glob(".*.part")
        os.utime(part, (0, 0))
        files.sweep()
        assert part.exists()
        assert account(tmp_path)["reserved"] == {part.name: 123456}
        writer.kill()
    files.sweep()
    assert not part.exists()
    assert account(tmp_path)["reserved"] == {}


def test_left_while_a_thread_is_at_work(tmp_path: Path) -> None:
    """Abandoning a file does not wait for the thread that writes it; the thread removes it."""
    files = AudioFiles(Audio(folder=tmp_path))
    file = begun(files, name(1), 1000)
    with file._at_work():
        file.leave()
        assert list(tmp_path.glob(".*.part"))
    assert not list(tmp_path.glob(".*.part"))
    assert account(tmp_path)["reserved"] == {}
    with pytest.raises(OSError, match="cancel"):
        file.write(b"more")
    file.leave()
    assert present(tmp_path) == []


def test_a_folder_in_the_files_place(tmp_path: Path) -> None:
    """A file that cannot get its name is an error, and is not counted."""
    files = AudioFiles(Audio(folder=tmp_path))
    (tmp_path / f"{name(1)}.wav").mkdir()
    with begun(files, name(1), 10) as file:
        file.write(b"abc")
        with pytest.raises(OSError, match="directory"):
            file.finish()
    assert account(tmp_path) | {"turnover": 0} == {"files": 0, "reserved": {}, "turnover": 0}
    assert not list(tmp_path.glob(".*.part"))


# --- links and permissions -----------------------------------------------------------------------


def test_links_and_pipes_are_not_ours(tmp_path: Path) -> None:
    """Links and pipes are neither sent nor counted nor dropped, and nothing waits for them."""
    folder, outside = tmp_path / "audio", tmp_path / "outside"
    outside.write_bytes(b"secret")
    files = AudioFiles(Audio(folder=folder, max_age_seconds=50))
    save(files, name(9), [b"x"])
    (folder / f"{name(1)}.wav").symlink_to(outside)
    os.mkfifo(folder / f"{name(2)}.wav")
    (folder / f"{name(3)}.wav").mkdir()
    (folder / f".{name(4)}.wav.{16 * 'a'}.part").symlink_to(outside)
    os.mkfifo(folder / f".{name(5)}.wav.{16 * 'a'}.part")
    for number in (1, 2, 3):
        assert files.size(name(number)) is None
        with pytest.raises(AudioNotFound):
            files.open(name(number))
    os.utime(outside, (0, 0))
    before = set(folder.iterdir())
    files.sweep()
    assert set(folder.iterdir()) == before
    assert account(folder)["files"] == 1
    assert outside.read_bytes() == b"secret"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_of_another(tmp_path: Path) -> None:
    """Without permission to read, files are missing; without permission to write, saving fails."""
    folder = tmp_path / "audio"
    files = AudioFiles(Audio(folder=folder))
    save(files, name(1), [b"x"])
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    program = f"""
import os
from pathlib import Path
from vits_tts.audio.files import AudioFiles
from vits_tts.config import Audio
from vits_tts.errors import AudioNotFound
files = AudioFiles(Audio(folder=Path({str(folder)!r})))
os.setgid(65534)
os.setuid(65534)
for work in (files.sweep, lambda: files.begin("0" * 40), lambda: files.open("{name(1)}")):
    try:
        work()
    except (PermissionError, AudioNotFound) as error:
        print(type(error).__name__)
print(files.size("{name(1)}"))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.split() == ["PermissionError", "PermissionError", "AudioNotFound", "None"]


# --- clocks --------------------------------------------------------------------------------------


def test_times_in_the_future_are_put_right(tmp_path: Path) -> None:
    """A file with a time in the future is not kept until then."""
    files = AudioFiles(Audio(folder=tmp_path, max_age_seconds=50))
    for number in (1, 2, 3):
        save(files, name(number), [b"x"])
    path = {number: tmp_path / f"{name(number)}.wav" for number in (1, 2, 3)}
    now, year = time.time(), 365 * 86400
    os.utime(path[1], (now + year, now + year))
    os.utime(path[2], (now - 100, now + year))
    os.utime(path[3], (now, now + year))
    assert files.size(name(2)) is None  # too old
    files.sweep()
    assert present(tmp_path) == [1, 3]
    assert max(path[1].stat().st_atime, path[1].stat().st_mtime) < now + 60
    used(tmp_path, 1, 60)
    files.sweep()
    assert present(tmp_path) == [3]


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    """Files are not dropped when the clock jumps forward, since it may be set back."""
    libraries = glob("/usr/lib/*/faketime/libfaketimeMT.so.1")  # noqa: PTH207
    if not libraries:
        pytest.skip("there is no libfaketime (Debian: libfaketime) to make a clock jump with")
    clock, folder = tmp_path / "clock", tmp_path / "audio"
    clock.write_text("+0")
    save(AudioFiles(Audio(folder=folder)), name(1), [b"x"])
    program = f"""
from pathlib import Path
from vits_tts.audio.files import AudioFiles
from vits_tts.config import Audio
folder, clock = Path({str(folder)!r}), Path({str(clock)!r})
files = AudioFiles(Audio(folder=folder))
for jump in ("+0", "+3650d", "+3650d", "-3650d", "+0"):
    clock.write_text(jump)
    files.sweep()
    print(len(list(folder.glob("*.wav"))))
AudioFiles(Audio(folder=folder)).sweep()
clock.write_text("+3650d")
AudioFiles(Audio(folder=folder)).sweep()
print(len(list(folder.glob("*.wav"))))
"""
    environment = {
        "LD_PRELOAD": libraries[0],
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.split() == ["1", "1", "1", "1", "1", "0"]
