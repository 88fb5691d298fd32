"""Places outside the catalogue that have voices: the files at an address, and how to read them.

An address is a URL or a path of a model, of a folder or of an archive, or a repository of a model
hub. Nothing at a place is trusted: names that lead elsewhere are refused or skipped, and sizes and
counts are bounded.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

from vits_tts import archives
from vits_tts.archives import Archive, BadArchive
from vits_tts.catalogue import download
from vits_tts.catalogue.download import Tries
from vits_tts.catalogue.install import Progress
from vits_tts.catalogue.partial_file import Wanted
from vits_tts.catalogue.sources import Answer, Failed, Folder, Source, Web, parsed
from vits_tts.errors import ConfigError, VoiceError

MODEL: Final = ".onnx"
JSON: Final = ".onnx.json"
ARCHIVES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_ARCHIVE_BYTES_AT_MOST: Final = 4 * 1024**3
_PAGE_BYTES_AT_MOST: Final = 1024**2
_FILES_AT_MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class KnownFile:
    """The size in bytes and the SHA-256 of a file, as far as its place states them."""

    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The files at an address, by their paths below ``source``.

    ``complete`` is False if the place does not list its files, so that there may be more. ``local``
    is True if reading a file costs no transfer.
    """

    title: str
    source: Source
    files: Mapping[str, KnownFile]
    complete: bool = True
    local: bool = False
    archive_digest: str | None = None

    def models(self) -> list[str]:
        """Return the paths of the models that have a manifest."""
        return [
            path for path in self.files if path.endswith(MODEL) and f"{path}.json" in self.files
        ]


class ArchiveSource:
    """A source of files in an archive on this machine."""

    def __init__(self, archive: Archive, title: str) -> None:
        """Read files of ``archive``; messages call it ``title``."""
        self._archive = archive
        self.address = f"{title}: "

    @contextmanager
    def open(self, path: str, start: int = 0, validator: str | None = None) -> Iterator[Answer]:
        """Yield a member from its beginning; see :class:`Source`."""
        del start, validator  # a member is never downloaded in parts
        try:
            with self._archive.open(path) as blocks:
                yield Answer(0, None, _telling(blocks), self._archive.members[path])
        except BadArchive as error:
            raise Failed(str(error), lasting=True) from None


def is_address(name: str) -> bool:
    """Return whether an argument is an address, not the name of a voice of the catalogue."""
    return bool(re.search(r"[/\\:]", name)) or name.endswith((MODEL, *ARCHIVES)) or _exists(name)


def local_path(address: str) -> Path | None:
    """Return the path of an address on this machine; None for a web address.

    Raises:
        ConfigError: the address is of another kind.

    """
    parts = parsed(address)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return None
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return Path(url2pathname(parts.path))
    if "://" in address:
        raise ConfigError(
            f"{address!r:.100}: should begin with https://, http://, file:// or hf:, or be a path"
        )
    return Path(address)


def on_disk(path: Path, title: str) -> Place:
    """Return the place of a model, a folder or an archive on this machine.

    Raises:
        VoiceError: there is nothing of the kind, or it is unsafe.

    """
    if path.is_dir():
        return Place(title, Folder(path), dict(_below(path, title)), local=True)
    if not path.is_file():
        raise VoiceError(f"{title}: there is no such file or folder")
    if path.name.endswith(MODEL):
        beside = {found.name: KnownFile(found.stat().st_size) for found in _beside(path)}
        return Place(title, Folder(path.parent), beside, local=True)
    return in_archive(path, title)


def in_archive(path: Path, title: str) -> Place:
    """Return the place of an archive on this machine.

    Raises:
        VoiceError: it is broken or unsafe.

    """
    try:
        archive = archives.opened(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except BadArchive as error:
        raise VoiceError(f"{title}: {error}") from None
    except OSError as error:
        raise VoiceError(f"{title}: {error.strerror}") from None
    files = {name: KnownFile(size) for name, size in archive.members.items()}
    return Place(title, ArchiveSource(archive, title), files, local=True, archive_digest=digest)


def model_on_web(address: str, stall_seconds: float) -> Place:
    """Return the place of a model on the web, whose other files lie beside it."""
    parts = urlsplit(address)
    base, _, name = parts.path.rpartition("/")
    source = Web(parts._replace(path=f"{base}/", query="").geturl(), stall_seconds, parts.query)
    name = unquote(name)
    files = {name: KnownFile(), f"{name}.json": KnownFile()}
    return Place(f"{source.address}{name}", source, files, complete=False)


def folder_on_web(address: str, stall_seconds: float, tries: Tries) -> Place:
    """Return the place of a folder on the web, from the links of the page that lists it.

    Raises:
        VoiceError: it has no such page.

    """
    source = Web(address if address.endswith("/") else f"{address}/", stall_seconds)
    try:
        page = download.read(source, "", _PAGE_BYTES_AT_MOST, tries)
    except Failed as error:
        raise VoiceError(f"{source.address}: {error}") from None
    links = _Links(source.address)
    links.feed(page.decode("utf-8", "replace"))
    return Place(source.address, source, dict.fromkeys(links.names, KnownFile()))


def fetch_archive(
    address: str,
    stall_seconds: float,
    tries: Tries,
    folder: Path,
    sha256: str | None,
    progress: Progress,
) -> Place:
    """Download an archive into ``folder``, or continue its download, and return its place.

    Raises:
        VoiceError: it cannot be downloaded, broken or unsafe. Received data stays, so that
            the next call resumes it.
        OSError: it cannot be written.

    """
    parts = urlsplit(address)
    base, _, name = parts.path.rpartition("/")
    source = Web(parts._replace(path=f"{base}/", query="").geturl(), stall_seconds, parts.query)
    name = unquote(name)
    size = stated_size(source, name, tries)
    known = _ARCHIVE_BYTES_AT_MOST if size is None else size
    if known > _ARCHIVE_BYTES_AT_MOST:
        raise VoiceError(f"{source.address}{name}: larger than {_ARCHIVE_BYTES_AT_MOST} bytes")
    wanted = Wanted(name, known, "sha256" if sha256 else None, sha256, exact=size is not None)
    place = folder / "archive"
    with progress(name, size or 0) as report:
        download.fetch([source], wanted, place, tries, report)
    try:
        return in_archive(place, f"{source.address}{name}")
    except VoiceError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def stated_size(source: Source, path: str, tries: Tries) -> int | None:
    """Return the size in bytes that a source states for a file; None if it does not state it.

    Raises:
        VoiceError: the file cannot be read.

    """

    def ask() -> int | None:
        with source.open(path) as answer:
            return answer.size

    try:
        return tries.until_done(ask)
    except Failed as error:
        raise VoiceError(f"{source.address}{path}: {error}") from None


class _Links(HTMLParser):
    """The names of files that a page links directly below its own address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self._address = address

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the target of a link."""
        for key, value in attrs:
            if tag == "a" and key == "href" and value and len(self.names) < _FILES_AT_MOST:
                with suppress(ValueError):  # a link to no address
                    self._note(value)

    def _note(self, link: str) -> None:
        target = urlsplit(urljoin(self._address, link))._replace(query="", fragment="")
        below = target.geturl().removeprefix(self._address)
        if below != target.geturl() and below and "/" not in unquote(below):
            self.names.append(unquote(below))


def _telling(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks of a member.

    Raises:
        Failed: the member is broken.

    """
    try:
        yield from blocks
    except BadArchive as error:
        raise Failed(str(error), lasting=True) from None


def _below(folder: Path, title: str) -> Iterator[tuple[str, KnownFile]]:
    """Yield the files below a folder, by their paths relative to it.

    Raises:
        VoiceError: there are too many, or a voice's file is a link that leads out of the folder.

    """
    count = 0
    for top, _, names in os.walk(folder):
        for name in sorted(names):
            count += 1
            if count > _FILES_AT_MOST:
                raise VoiceError(f"{title}: it has more than {_FILES_AT_MOST} files")
            path = Path(top, name)
            if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
                if name.endswith((MODEL, JSON)):
                    raise VoiceError(f"{title}: {name} is a link that leads out of it")
                continue
            if path.is_file():
                found = PurePosixPath(path.relative_to(folder)).as_posix()
                yield found, KnownFile(path.stat().st_size)


def _beside(model: Path) -> Iterator[Path]:
    """Yield a model and those files beside it that may belong to it."""
    stem = model.name.removesuffix(MODEL)
    for name in (model.name, f"{stem}{JSON}", f"{stem}.MODEL_CARD", "MODEL_CARD", "README.md"):
        path = model.with_name(name)
        if path.is_file():
            yield path


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False
