"""The secret of hashes: the same for all processes, readable only by its owner."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vits_tts.audio.files import AudioFiles
from vits_tts.audio.secret import keep_secret, kept_secret, new_secret
from vits_tts.config import Audio

_ASK = """
import sys
from pathlib import Path
from vits_tts.audio.secret import kept_secret
print(kept_secret(Path(sys.argv[1])))
"""


def mode(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_processes_that_ask_at_once_agree(tmp_path: Path) -> None:
    """Processes that start at once agree on one secret, which only the owner can read."""
    folder = tmp_path / "deep" / "audio"
    command = [sys.executable, "-c", _ASK, str(folder)]
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    told = {process.communicate()[0] for process in asking}
    assert [process.returncode for process in asking] == [0] * 6
    assert told == {f"{kept_secret(folder)}\n"}
    assert [path.name for path in folder.iterdir()] == [".secret"]
    assert (mode(folder), mode(folder / ".secret")) == (0o700, 0o600)


def test_what_is_proposed(tmp_path: Path) -> None:
    """A proposed secret is used if none exists; a secret that must be kept replaces the old one."""
    proposed, other = new_secret(), new_secret()
    assert kept_secret(tmp_path, proposed) == proposed
    assert kept_secret(tmp_path, other) == proposed
    keep_secret(tmp_path, other)
    assert kept_secret(tmp_path) == other
    assert mode(tmp_path / ".secret") == 0o600


@pytest.mark.parametrize("damage", [b"", b"short\n", b"\xff" * 5])
def test_a_damaged_one_is_replaced(tmp_path: Path, damage: bytes) -> None:
    """A damaged secret, which could be guessed, is replaced."""
    (tmp_path / ".secret").write_bytes(damage)
    secret = kept_secret(tmp_path)
    assert len(secret) == 64
    assert kept_secret(tmp_path) == secret


def test_one_that_others_could_read(tmp_path: Path) -> None:
    """A secret that other users can read is kept, and its permissions are corrected."""
    secret = kept_secret(tmp_path)
    (tmp_path / ".secret").chmod(0o644)
    assert kept_secret(tmp_path) == secret
    assert mode(tmp_path / ".secret") == 0o600


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link is not followed, so another user cannot choose the secret."""
    outside = tmp_path / "outside"
    outside.write_text("known to somebody else")
    folder = tmp_path / "audio"
    folder.mkdir()
    (folder / ".secret").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic"):
        kept_secret(folder)


def test_a_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SMB and FAT have none; the secret is kept there too."""

    def none(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", none)
    secret = kept_secret(tmp_path)
    assert kept_secret(tmp_path) == secret
    assert [path.name for path in tmp_path.iterdir()] == [".secret"]


@pytest.mark.parametrize(
    "work", ["kept_secret(folder)", "AudioFiles(Audio(folder=folder)).probe()"]
)
def test_killed_while_writing(tmp_path: Path, work: str) -> None:
    """A process that is killed at a write leaves a file that a later sweep deletes."""
    program = f"""
import resource, signal
from pathlib import Path
from vits_tts.audio.files import AudioFiles
from vits_tts.audio.secret import kept_secret
from vits_tts.config import Audio
folder = Path({str(tmp_path)!r})
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
{work}
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -signal.SIGXFSZ
    (left,) = tmp_path.iterdir()
    files = AudioFiles(Audio(folder=tmp_path))
    files.sweep()
    assert left.exists()  # as long as it may be in use
    os.utime(left, (0, 0))
    files.sweep()
    assert [path.name for path in tmp_path.iterdir()] == [".ledger"]
