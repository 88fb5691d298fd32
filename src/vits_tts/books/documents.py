"""Reading of books in all their formats: EPUB, DOCX, Markdown and plain text."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from vits_tts.archives import BadArchive, ZipArchive
from vits_tts.books import epub, markup
from vits_tts.books.book import BadBook, Block, Book, by_headings
from vits_tts.books.headings import HEADING
from vits_tts.errors import ConfigError

_TEXT_BYTES: Final = 64 * 1024**2
_DOCUMENT_BYTES: Final = 128 * 1024**2
_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_EMPTY_LINE: Final = re.compile(r"\n[^\S\n]*\n\s*")
_STYLE: Final = re.compile(r"(?i)(title|heading ([1-6]))")


def read(path: Path) -> Book:
    """Return the book in a file; the suffix of its name says which format it has.

    Raises:
        ConfigError: the suffix is not that of a book, or the book is broken or empty.
        OSError: the file cannot be read.

    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path}: should end with {', '.join(READERS)}")
    try:
        book = reader(path)
    except BadBook as error:
        raise ConfigError(f"{path}: {error}") from None
    if not any(chapter.blocks for chapter in book.chapters):
        raise ConfigError(f"{path}: it has no text")
    return book


def _text(path: Path) -> str:
    if path.stat().st_size > _TEXT_BYTES:
        raise BadBook(f"larger than {_TEXT_BYTES} bytes")
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return re.sub(r"\r\n?", "\n", content.decode(encoding))
    except UnicodeDecodeError:
        raise BadBook("not UTF-8") from None


def _plain(path: Path) -> Book:
    """Return the book of a plain text; its paragraphs are separated by empty lines, else lines."""
    text = _text(path)
    cut = _EMPTY_LINE if _EMPTY_LINE.search(text.strip()) else re.compile(r"\n")
    blocks: list[Block] = []
    for part in cut.split(text):
        lines = part.strip()
        if lines and HEADING.match(lines):
            heading, _, rest = lines.partition("\n")
            blocks.append(Block(heading.strip().lstrip("# "), 1))
            lines = rest.strip()
        if lines:
            blocks.append(Block(" ".join(lines.split())))
    title, chapters = by_headings(blocks, path.stem)
    return Book(title, tuple(chapters))


def _markdown(path: Path) -> Book:
    from markdown_it import MarkdownIt  # noqa: PLC0415  # an optional dependency

    html = MarkdownIt("commonmark").enable("table").render(_text(path))
    title, chapters = by_headings(markup.blocks(html.encode()), path.stem)
    return Book(title, tuple(chapters))


def _docx(path: Path) -> Book:
    """Return the book of a DOCX, whose paragraphs of the styles "Heading …" begin chapters."""
    try:
        archive = ZipArchive(path)
        document = markup.xml(archive.read("word/document.xml", _DOCUMENT_BYTES), "document.xml")
        styles = _styles(archive)
        facts = _core(archive)
    except BadArchive as error:
        raise BadBook(str(error)) from None
    blocks: list[Block] = []
    for paragraph in document.iter("p"):
        style = next((e.get(f"{_W}val", "") for e in paragraph.iter("pStyle")), "")
        pieces = [
            (e.text or "") if e.tag == "t" else " "
            for e in paragraph.iter()
            if e.tag in {"t", "br", "tab", "cr"}
        ]
        text = " ".join("".join(pieces).split())
        if text:
            blocks.append(Block(text, styles.get(style, 0)))
    title, chapters = by_headings(blocks, facts.get("title") or path.stem)
    return Book(title, tuple(chapters), author=facts.get("creator", ""))


def _styles(archive: ZipArchive) -> dict[str, int]:
    """Return the level of each style of a heading, by its id; a title has level 1."""
    if "word/styles.xml" not in archive.members:
        return {}
    levels = {}
    for style in markup.xml(archive.read("word/styles.xml", _DOCUMENT_BYTES), "styles.xml").iter(
        "style"
    ):
        name = next((e.get(f"{_W}val", "") for e in style.iter("name")), "")
        if found := _STYLE.fullmatch(name):
            levels[style.get(f"{_W}styleId", "")] = int(found[2]) + 1 if found[2] else 1
    return levels


def _core(archive: ZipArchive) -> dict[str, str]:
    if "docProps/core.xml" not in archive.members:
        return {}
    root = markup.xml(archive.read("docProps/core.xml", _DOCUMENT_BYTES), "core.xml")
    return {str(e.tag): " ".join((e.text or "").split()) for e in root}


READERS: Final[Mapping[str, Callable[[Path], Book]]] = {
    ".epub": epub.read,
    ".docx": _docx,
    ".md": _markdown,
    ".txt": _plain,
}
"""The reader of each format, by its suffix."""
