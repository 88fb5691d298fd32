"""Reading of EPUB 2 and 3: the spine's pages, divided into chapters by the table of contents."""

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from vits_tts.archives import BadArchive, ZipArchive
from vits_tts.books import markup
from vits_tts.books.book import PICTURES, BadBook, Block, Book, Chapter, is_front, titled

_PAGE_BYTES: Final = 16 * 1024**2
_COVER_BYTES: Final = 16 * 1024**2
_COVERS: Final = 4
"""Files that are tried as a cover: a book should name one, and may name it twice."""
_BOOK_BYTES: Final = 256 * 1024**2
_PAGES: Final = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_FRONT: Final = frozenset(
    "cover frontmatter titlepage halftitlepage toc copyright-page dedication epigraph foreword "
    "preface acknowledgments title-page".split()
)
_OCF: Final = "META-INF/container.xml"
_ENCRYPTION: Final = "META-INF/encryption.xml"


def read(path: Path, most: int = _BOOK_BYTES) -> Book:
    """Return the book of an EPUB, whose pages together have at most ``most`` bytes.

    Raises:
        BadBook: it is broken, encrypted, or too large.

    """
    try:
        archive = ZipArchive(path)
        with archive.held_open():
            return _Epub(archive).book(most)
    except BadArchive as error:
        raise BadBook(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the table of contents: where it leads, and its title."""

    page: str
    fragment: str
    title: str


class _Epub:
    def __init__(self, archive: ZipArchive) -> None:
        self._archive = archive
        if "META-INF/rights.xml" in archive.members:
            raise BadBook("it is protected by DRM")
        self._encrypted = frozenset(self._encrypted_files())
        container = self._xml(_OCF)
        path = next((e.get("full-path", "") for e in container.iter("rootfile")), "")
        self._package = self._xml(path)
        self._folder = posixpath.dirname(path)
        self._items = {item.get("id", ""): item for item in self._package.iter("item")}

    def book(self, most: int) -> Book:
        """Return the book, whose pages together have at most ``most`` bytes.

        Raises:
            BadBook: it is larger, or has no text.

        """
        pages: dict[str, list[Block]] = {}
        total = 0
        for path in dict.fromkeys(self._spine()):
            content = self._read(path)
            total += len(content)
            if total > most:
                raise BadBook(f"its pages have more than {most} bytes")
            pages[path] = markup.blocks(content)
        fronts = set(self._front_pages())
        chapters = tuple(_chapters(pages, list(self._contents()), fronts))
        if not chapters:
            raise BadBook("it has no text")
        return Book(
            title=self._said("title") or self._archive.path.stem,
            chapters=chapters,
            author=", ".join(filter(None, (e.text for e in self._package.iter("creator")))),
            language=self._said("language") or "vi",
            cover=self._cover(),
        )

    def _said(self, name: str) -> str:
        return next((" ".join((e.text or "").split()) for e in self._package.iter(name)), "")

    def _encrypted_files(self) -> Iterator[str]:
        """Yield the files whose content cannot be read; these may be fonts alone."""
        if _ENCRYPTION in self._archive.members:
            content = self._archive.read(_ENCRYPTION, _PAGE_BYTES)
            for reference in markup.xml(content, _ENCRYPTION).iter("CipherReference"):
                yield posixpath.normpath(unquote(reference.get("URI", "")).lstrip("/"))

    def _read(self, name: str) -> bytes:
        """Return the content of a page or of a file that describes the book.

        Raises:
            BadArchive: it is broken, too large or not there.
            BadBook: it is encrypted.

        """
        if name in self._encrypted:
            raise BadBook(f"{name!r:.100} is encrypted")
        return self._archive.read(name, _PAGE_BYTES)

    def _xml(self, name: str) -> Element:
        return markup.xml(self._read(name), name)

    def _path(self, href: str, base: str | None = None) -> str:
        """Return the name in the archive of a file that a page or the package links to."""
        folder = self._folder if base is None else posixpath.dirname(base)
        return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))

    def _spine(self) -> Iterator[str]:
        """Yield the pages in the order of reading; the page of contents is not spoken."""
        for reference in self._package.iter("itemref"):
            item = self._items.get(reference.get("idref", ""))
            if item is None or reference.get("linear") == "no":
                continue
            is_nav = "nav" in (item.get("properties") or "").split()
            if item.get("media-type") in _PAGES and not is_nav:
                path = self._path(item.get("href", ""))
                if path not in self._archive.members:
                    raise BadBook(f"its page {path!r:.100} is missing")
                yield path

    def _contents(self) -> Iterator[_Entry]:
        """Yield the entries of the table of contents, of EPUB 3 or else of EPUB 2.

        There are none if it is broken or not there: the pages can be read without it.
        """
        path, links = self._navigation()
        if path:
            for link in links:
                if not link.part or "toc" in link.part.split():
                    yield self._entry(link.target, link.text, path)
            return
        for item in self._items.values():
            if item.get("media-type") == "application/x-dtbncx+xml":
                path = self._path(item.get("href", ""))
                with suppress(BadArchive, BadBook):
                    for point in self._xml(path).iter("navPoint"):
                        label, content = point.find("navLabel/text"), point.find("content")
                        if content is not None:
                            title = (label.text if label is not None else "") or ""
                            yield self._entry(content.get("src", ""), title, path)
                return

    def _navigation(self) -> tuple[str, list[markup.Link]]:
        """Return the path of the page of contents of EPUB 3, and its links; "" without one."""
        for item in self._items.values():
            if "nav" in (item.get("properties") or "").split():
                path = self._path(item.get("href", ""))
                with suppress(BadArchive, BadBook):
                    return path, markup.links(self._read(path))
        return "", []

    def _entry(self, href: str, title: str, base: str) -> _Entry:
        return _Entry(self._path(href, base), unquote(href.partition("#")[2]), titled(title))

    def _front_pages(self) -> Iterator[str]:
        """Yield the pages that the guide or the landmarks call front matter."""
        for reference in self._package.iter("reference"):
            if reference.get("type", "") in _FRONT:
                yield self._path(reference.get("href", ""))
        path, links = self._navigation()
        for link in links:
            if not _FRONT.isdisjoint(link.kind.split()):
                yield self._path(link.target, path)

    def _cover(self) -> bytes | None:
        """Return the picture of the cover, if it is a JPEG or PNG."""
        named = {
            e.get("content", "") for e in self._package.iter("meta") if e.get("name") == "cover"
        }
        paths = {
            self._path(item.get("href", "")): None
            for key, item in self._items.items()
            if key in named or "cover-image" in (item.get("properties") or "").split()
        }
        for path in islice((path for path in paths if self._is_readable(path)), _COVERS):
            content = self._archive.read(path, _COVER_BYTES)
            if content.startswith(PICTURES):
                return content
        return None

    def _is_readable(self, path: str) -> bool:
        return path in self._archive.members and path not in self._encrypted


def _chapters(
    pages: Mapping[str, list[Block]], contents: list[_Entry], fronts: set[str]
) -> Iterator[Chapter]:
    """Yield the chapters: each begins at an entry of the table of contents.

    Without a usable table of contents, each page is a chapter.
    """
    starts: dict[tuple[str, int], str] = {}
    positions = {
        page: _positions(pages[page]) for page in {entry.page for entry in contents} & pages.keys()
    }
    for entry in contents:
        if entry.page in positions:
            position = positions[entry.page].get(entry.fragment, 0)
            starts.setdefault((entry.page, position), entry.title)
    name, front = "", False
    part: list[Block] = []
    for page, blocks in pages.items():
        for position, block in enumerate(blocks):
            title = starts.get((page, position))
            if position == 0 and (not starts or page in fronts or not part):
                title = title or titled(block.text)
            if title is not None:
                if part:
                    yield Chapter(name, tuple(part), front)
                name, front, part = title, is_front(title) or page in fronts, []
            part.append(block)
    if part:
        yield Chapter(name, tuple(part), front)


def _positions(blocks: list[Block]) -> dict[str, int]:
    """Return the index of the first block of each id."""
    found: dict[str, int] = {}
    for index, block in enumerate(blocks):
        for each in block.ids:
            found.setdefault(each, index)
    return found
