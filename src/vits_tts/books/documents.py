"""Reading of books in all their formats: EPUB, DOCX, Markdown and plain text."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from vits_tts.books import docx, epub, markdown, texts
from vits_tts.books.book import BadBook, Block, Book, by_headings
from vits_tts.books.headings import HEADING
from vits_tts.errors import ConfigError

_EMPTY_LINE: Final = re.compile(r"\n[^\S\n]*\n\s*")


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


def _plain(path: Path) -> Book:
    """Return the book of a plain text; its paragraphs are separated by empty lines, else lines."""
    text = texts.read(path)
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


READERS: Final[Mapping[str, Callable[[Path], Book]]] = {
    ".epub": epub.read,
    ".docx": docx.read,
    ".md": markdown.read,
    ".txt": _plain,
}
"""The reader of each format, by its suffix."""
