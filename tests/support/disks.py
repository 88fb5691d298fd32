"""A disk that can be made to hang: a separate file system that `fsfreeze` freezes.

While it is frozen, every write waits in the kernel, where no signal reaches it. Reads continue.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.server import until

_BYTES = 64 * 1024 * 1024
_TOOLS = ("mkfs.ext4", "mount", "umount", "fsfreeze")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Disk:
    """A file system that is mounted at ``folder``."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder."""
        self.folder = folder
        self._hangs = False

    def hang(self) -> None:
        """Freeze the file system, so that every write waits."""
        _as_root("fsfreeze", "--freeze", str(self.folder))
        self._hangs = True

    def recover(self) -> None:
        """Let writes continue; do nothing if the file system is not frozen."""
        if self._hangs:
            _as_root("fsfreeze", "--unfreeze", str(self.folder))
            self._hangs = False


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """Mount a small disk at ``folder``; skip the test where this is not possible."""
    missing = [tool for tool in _TOOLS if not shutil.which(tool, path=_PATH)]
    if missing:
        pytest.skip(f"there is no {missing[0]} to make a disk hang with")
    folder.mkdir(parents=True)
    image = folder.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(_BYTES)
    _as_root("mkfs.ext4", "-q", "-F", str(image))
    try:
        _as_root("mount", "-o", "loop", str(image), str(folder))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file system can be mounted here: {error.stderr.strip()}")
    mounted = Disk(folder)
    try:
        _as_root("chown", f"{os.geteuid()}:{os.getegid()}", str(folder))
        yield mounted
    finally:
        mounted.recover()
        until(lambda: _unmounted(folder), f"nobody at {folder} any more")


def _unmounted(folder: Path) -> bool:
    """Try to unmount a disk; return false while a process that used it is still ending."""
    with contextlib.suppress(subprocess.CalledProcessError):
        _as_root("umount", str(folder))
        return True
    return False


def _as_root(*command: str) -> None:
    """Run a command as root; skip the test if this is not allowed.

    Raises:
        CalledProcessError: it failed.
    """
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if sudo and (
        not shutil.which("sudo") or subprocess.run([*sudo, "true"], check=False).returncode
    ):
        pytest.skip("only root can make a disk hang")
    subprocess.run(
        [*sudo, *command],
        env={**os.environ, "PATH": _PATH},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
