"""Archives that are not trusted."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from vits_tts.archives import BadArchive, opened

_BOMB = bytes(90_000_000)


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", _BOMB)


def _tar(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("a")
        member.size = len(_BOMB)
        archive.addfile(member, io.BytesIO(_BOMB))


def _is_open(path: Path) -> bool:
    """Return whether this process has a file open."""
    links = Path("/proc/self/fd")
    return any(os.path.realpath(link) == str(path) for link in links.iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files cannot be listed")
@pytest.mark.parametrize("write", [_zip, _tar])
def test_a_refused_archive_is_closed(tmp_path: Path, write: Callable[[Path], None]) -> None:
    """Its file is closed at once, and not when the error is collected as garbage."""
    path = tmp_path / "archive"
    write(path)
    with pytest.raises(BadArchive, match="far beyond its size") as caught:
        opened(path)
    assert not _is_open(path), caught
