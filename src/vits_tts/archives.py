"""Reading of ZIP and tar archives that are not trusted.

Nothing is unpacked to a path that an archive names: a caller gets the content of one member as
blocks, of exactly its stated size. An archive is refused if a name in it leads out of the archive,
if it has too many members, or if they are far larger than the archive itself (a decompression
bomb).
"""

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final, TypeAlias, cast

_MEMBERS_AT_MOST: Final = 20_000
_EXPANSION_AT_MOST: Final = 40
_EXPANSION_ALWAYS_ALLOWED: Final = 64 * 1024**2
_BLOCK: Final = 64 * 1024
_READ_AT_MOST: Final = 1024**2
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_LINK: Final = 0o12
_ENCRYPTED: Final = 1

_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_END_DIRECTORY_SIZE: Final = 12
_LOCATOR_64: Final = b"PK\x06\x07"
_LOCATOR_64_BYTES: Final = 20
_COMMENT_AT_MOST: Final = 65_535
_DIRECTORY_AT_MOST: Final = 8 * 1024**2

_DAMAGE: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,  # zipfile: an unknown method of compression
    RuntimeError,  # zipfile: an encrypted member
    OSError,  # gzip, bz2: not their format
)


_Zip: TypeAlias = tuple[zipfile.ZipFile, Mapping[str, zipfile.ZipInfo]]


class BadArchive(Exception):
    """The archive is broken or unsafe; the message completes one of the form "FILE: …"."""


class Archive(ABC):
    """An archive on this machine: its regular files, by their names."""

    def __init__(self, path: Path) -> None:
        """Read the list of members of the archive at ``path``.

        Raises:
            BadArchive: it is broken or unsafe.
            OSError: the file cannot be opened.

        """
        self.path = path
        self._limit = max(_EXPANSION_ALWAYS_ALLOWED, _EXPANSION_AT_MOST * path.stat().st_size)
        # Closed here: the error of a broken archive would keep the generator, and so the file.
        with _damage_told(), closing(self._listed()) as listed:
            self.members: Mapping[str, int] = self._checked(listed)

    @contextmanager
    def open(self, name: str) -> Iterator[Iterator[bytes]]:
        """Yield the blocks of a member; together they have the size that ``members`` states.

        Raises:
            BadArchive: the member is broken, encrypted or not there.

        """
        if name not in self.members:
            raise BadArchive(f"there is no {name!r:.100} in it")
        with self._opened(name) as file:
            yield _blocks(file, self.members[name])

    def read(self, name: str, most: int) -> bytes:
        """Return the content of a member of at most ``most`` bytes.

        Raises:
            BadArchive: it is larger, broken, encrypted or not there.

        """
        if self.members.get(name, 0) > most:
            raise BadArchive(f"{name}: larger than {most} bytes")
        with self.open(name) as blocks:
            return b"".join(blocks)

    @abstractmethod
    def _listed(self) -> Generator[tuple[str, int], None, None]:
        """Yield the name and size of each regular file."""

    @abstractmethod
    def _opened(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a member whose name is as ``_inside`` returned it."""

    def _checked(self, listed: Iterable[tuple[str, int]]) -> dict[str, int]:
        members: dict[str, int] = {}
        total = 0
        for count, (name, size) in enumerate(listed, 1):
            total += size
            if count > _MEMBERS_AT_MOST:
                raise BadArchive(f"it has more than {_MEMBERS_AT_MOST} files")
            if total > self._limit:
                raise BadArchive(f"it would unpack to {total} bytes or more, far beyond its size")
            members.setdefault(_inside(name), size)
        return members


class ZipArchive(Archive):
    """A ZIP archive, such as an EPUB or a DOCX."""

    _held: _Zip | None = None

    def _listed(self) -> Generator[tuple[str, int], None, None]:
        self._check_directory()
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                # The upper half of the attributes is the mode of Unix, whose top is the type.
                if not info.is_dir() and info.external_attr >> 28 != _LINK:
                    yield info.filename, info.file_size

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Keep the archive open during a block, so that its list of files is read only once.

        Raises:
            BadArchive: the list is broken.
            OSError: the file cannot be opened.

        """
        with self._archive() as opened:
            self._held = opened
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        with self._archive() as (archive, members):
            info = members.get(name)
            if info is None:
                raise BadArchive(f"there is no {name!r:.100} in it any more")
            if info.flag_bits & _ENCRYPTED:
                raise BadArchive(f"{name}: encrypted")
            with _damage_told():
                file = archive.open(info)
            with file:
                yield file

    @contextmanager
    def _archive(self) -> Iterator[_Zip]:
        """Yield the open archive, and its members by their names as ``_inside`` returns them."""
        if self._held:
            yield self._held
            return
        with _damage_told():
            archive = zipfile.ZipFile(self.path)
        with archive:
            members: dict[str, zipfile.ZipInfo] = {}
            for info in archive.infolist():
                members.setdefault(_inside(info.filename), info)
            yield archive, members

    def _check_directory(self) -> None:
        """Refuse an archive whose list of files is too large to be read into memory.

        Raises: BadArchive: the list is too large or missing.

        """
        most = _LOCATOR_64_BYTES + _END_BYTES + _COMMENT_AT_MOST
        with self.path.open("rb") as file:
            file.seek(-min(self.path.stat().st_size, most), io.SEEK_END)
            tail = file.read()
        at = tail.rfind(_END)
        if at < 0:
            raise BadArchive("it has no list of files; was it received whole?")
        (size,) = struct.unpack_from("<L", tail, at + _END_DIRECTORY_SIZE)
        before = tail[max(at - _LOCATOR_64_BYTES, 0) : at]
        if size > _DIRECTORY_AT_MOST or before.startswith(_LOCATOR_64):
            raise BadArchive("its list of files is too large")


class TarArchive(Archive):
    """A tar archive: plain, or compressed with gzip, bzip2 or xz."""

    def _listed(self) -> Generator[tuple[str, int], None, None]:
        with self._tar() as archive:
            for member in _members(archive):
                if member.isreg() and not member.issparse():
                    yield member.name, member.size

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        with self._tar() as archive:
            with _damage_told():
                files = (one for one in _members(archive) if one.isreg())
                found = next((one for one in files if _inside(one.name) == name), None)
                file = archive.extractfile(found) if found else None
            if file is None:
                raise BadArchive(f"there is no {name!r:.100} in it any more")
            yield file

    @contextmanager
    def _tar(self) -> Iterator[tarfile.TarFile]:
        with self._decompressed() as content:
            bounded = cast("IO[bytes]", _BoundedReader(content, 2 * self._limit))
            with _damage_told():
                archive = tarfile.TarFile(fileobj=bounded)
            with archive:
                yield archive

    def _decompressed(self) -> IO[bytes]:
        with self.path.open("rb") as file:
            start = file.read(6)
        if start.startswith(b"\x1f\x8b"):
            return cast("IO[bytes]", gzip.open(self.path))
        if start.startswith(b"BZh"):
            return bz2.open(self.path)
        if start.startswith(b"\xfd7zXZ\x00"):
            return lzma.open(self.path)
        return self.path.open("rb")


class _BoundedReader:
    """A file for tarfile that refuses large headers and content beyond a limit.

    tarfile reads the whole header of a long name into memory, even if its stated size is huge.
    """

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes."""
        if size > _READ_AT_MOST:
            raise BadArchive(f"it has a header of {size} bytes")
        return self._file.read(size)

    def seek(self, position: int) -> int:
        """Move to a position; content before it is decompressed."""
        if position > self._limit:
            raise BadArchive(f"it would unpack to {position} bytes or more, far beyond its size")
        return self._file.seek(position)


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members of a tar, of any kind.

    Raises:
        BadArchive: there are too many.

    """
    for count, member in enumerate(archive, 1):
        if count > _MEMBERS_AT_MOST:
            raise BadArchive(f"it has more than {_MEMBERS_AT_MOST} files")
        yield member


def opened(path: Path) -> Archive:
    """Return the archive at ``path``, a ZIP or a tar by its first bytes.

    Raises:
        BadArchive: it is neither of these, or it is broken or unsafe.
        OSError: the file cannot be opened.

    """
    with path.open("rb") as file:
        start = file.read(4)
    return ZipArchive(path) if start in {b"PK\x03\x04", _END} else TarArchive(path)


def _inside(name: str) -> str:
    """Return a member's name without ``./``.

    Raises:
        BadArchive: the name is absolute or leads out of the archive.

    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or _DRIVE.match(str(path)):
        raise BadArchive(f"the name {name!r:.100} leads out of it")
    return str(path)


def _blocks(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield blocks until the end of ``file``.

    Raises:
        BadArchive: it does not have ``size`` bytes.

    """
    left = size
    with _damage_told():
        for block in iter(partial(file.read, _BLOCK), b""):
            left -= len(block)
            if left < 0:
                break
            yield block
    if left:
        raise BadArchive(f"a file in it does not have its stated size of {size} bytes")


@contextmanager
def _damage_told() -> Iterator[None]:
    """Turn the errors of libraries into BadArchive."""
    try:
        yield
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120] or "it ends too early"
        raise BadArchive(f"a broken archive: {reason}") from None
